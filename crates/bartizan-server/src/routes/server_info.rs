//! `GET /` of the server: what is mounted where.

use crate::mount::Shared;
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServerInfo")]
struct Answer {
    service: &'static str,
    status: &'static str,
    version: &'static str,
    documentation: &'static str,
    /// The detectors and where they are.
    mounts: Vec<MountInfo>,
}

#[derive(Serialize, JsonSchema)]
struct MountInfo {
    name: String,
    kind: &'static str,
    path: String,
    /// Whether it has a model and judges.
    is_trained: bool,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Shared>> {
    get_with(handler, |op| op.summary("The service and its detectors"))
}

async fn handler(State(shared): State<Arc<Shared>>) -> Json<Answer> {
    let mounts = shared.detectors.iter().map(|detector| MountInfo {
        name: detector.name().to_owned(),
        kind: detector.kind(),
        path: format!("/{}", detector.name()),
        is_trained: detector.active().is_some(),
    });
    Json(Answer { service: "Bartizan", status: "running", version: shared.version, documentation: "/docs", mounts: mounts.collect() })
}
