//! `GET /health` of a flows detector: 200 as long as the process answers; the body has the state of the detector.

use super::{MountState, model_info::Model};
use crate::routes::health::{self, HEALTHY};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_pipeline::LifeCycle as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowsHealth")]
struct Answer {
    /// `healthy`, or `degraded` without a model or while nothing can be written to the database.
    status: &'static str,
    model_loaded: bool,
    model_info: Option<Model>,
    model_version: Option<String>,
    timestamp: String,
    /// `connected` or `unavailable`.
    database: &'static str,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    get_with(handler, |op| op.summary("Whether the detector is well"))
}

async fn handler(State(state): State<Arc<MountState>>) -> Json<Answer> {
    let usual = health::of(state.mount.life(), state.mount.shared.clock.now()).await;
    let well = usual.status == HEALTHY && usual.model_loaded;
    Json(Answer {
        status: if well { HEALTHY } else { "degraded" },
        model_loaded: usual.model_loaded,
        model_info: state.instance.active().map(|model| Model::of(&model)),
        model_version: usual.model_version,
        timestamp: usual.timestamp,
        database: usual.database,
    })
}
