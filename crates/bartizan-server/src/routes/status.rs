//! `GET /status`: whether it judges, in short.

use crate::{config::Scope, docs, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
struct Answer {
    is_trained: bool,
    training_date: Option<String>,
    model_accuracy: Option<f64>,
    /// 0 without a model.
    feature_count: u32,
    model_version: Option<String>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("Whether there is a model, and which"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    let model = mount.life().active();
    Json(Answer {
        is_trained: model.is_some(),
        training_date: model.as_ref().map(|model| model.trained_at.to_string()),
        model_accuracy: model.as_ref().and_then(|model| model.accuracy),
        feature_count: model.as_ref().map_or(0, |model| model.n_features),
        model_version: model.map(|model| model.version),
    })
}
