//! `GET /metrics`: the whole server for Prometheus.

use crate::{docs, mount::Shared};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};
use std::sync::Arc;

pub(crate) fn route() -> ApiMethodRouter<Arc<Shared>> {
    get_with(handler, |op| docs::answers_text(op.summary("Counters as Prometheus text"), "text/plain", "Metrics"))
}

async fn handler(State(shared): State<Arc<Shared>>) -> impl aide::axum::IntoApiResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics_text()).into_response()
}
