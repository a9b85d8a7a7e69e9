//! `GET /health` of the server.

use crate::{mount::Shared, routes::health};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServerHealth")]
struct Answer {
    /// `healthy`, or `unhealthy` when a detector is.
    status: &'static str,
    timestamp: String,
    detectors: BTreeMap<String, health::Answer>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Shared>> {
    get_with(handler, |op| op.summary("Whether the service and its detectors are well"))
}

async fn handler(State(shared): State<Arc<Shared>>) -> Json<Answer> {
    let now = shared.clock.now();
    let each = shared.detectors.iter().map(async |detector| (detector.name().to_owned(), health::of(detector.as_ref(), now).await));
    let detectors: BTreeMap<_, _> = futures::future::join_all(each).await.into_iter().collect();
    let all_well = detectors.values().all(|health| health.status == health::HEALTHY);
    let status = if all_well { health::HEALTHY } else { health::UNHEALTHY };
    Json(Answer { status, timestamp: now.to_string(), detectors })
}
