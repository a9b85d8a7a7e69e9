//! `GET /health` of a behavior detector: 200 as long as the process answers; the body has the state of the detector.

use super::MountState;
use crate::routes::health::{self, HEALTHY, UNHEALTHY};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BehaviorHealth")]
struct Answer {
    /// `healthy`, or `unhealthy` without a model or while nothing can be written to the database.
    status: &'static str,
    model_loaded: bool,
    version: &'static str,
    model_version: Option<String>,
    timestamp: String,
    /// `connected` or `unavailable`.
    database: &'static str,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    get_with(handler, |op| op.summary("Whether the detector is well"))
}

async fn handler(State(state): State<Arc<MountState>>) -> Json<Answer> {
    let shared = &state.mount.shared;
    let usual = health::of(state.mount.life(), shared.clock.now()).await;
    let well = usual.status == HEALTHY && usual.model_loaded;
    Json(Answer {
        status: if well { HEALTHY } else { UNHEALTHY },
        model_loaded: usual.model_loaded,
        version: shared.version,
        model_version: usual.model_version,
        timestamp: usual.timestamp,
        database: usual.database,
    })
}
