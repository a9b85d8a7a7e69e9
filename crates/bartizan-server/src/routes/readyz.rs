//! `GET /readyz` of the server: 200 while verdicts can be recorded, 503 with the reason while not.

use crate::{mount::Shared, routes::health};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Readiness")]
struct Answer {
    /// `ready`, or `unavailable`.
    status: &'static str,
    /// Why not; null when ready.
    reason: Option<String>,
    timestamp: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Shared>> {
    get_with(handler, |op| {
        op.summary("Whether verdicts can be recorded, for load balancers")
            .response_with::<200, Json<Answer>, _>(|res| res)
            .response_with::<503, Json<Answer>, _>(|res| res.description("Nothing can be written to the database"))
    })
}

async fn handler(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Answer>) {
    let now = shared.clock.now();
    let each = shared.detectors.iter().map(|detector| health::of(detector.as_ref(), now));
    let all = futures::future::join_all(each).await;
    let failing: Vec<&str> = shared
        .detectors
        .iter()
        .zip(&all)
        .filter(|(_, health)| health.status != health::HEALTHY)
        .map(|(detector, _)| detector.name())
        .collect();
    let reason =
        (!failing.is_empty()).then(|| format!("nothing can be written to the database of {}; the log says why", failing.join(", ")));
    let (code, status) = if reason.is_none() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    (code, Json(Answer { status, reason, timestamp: now.to_string() }))
}
