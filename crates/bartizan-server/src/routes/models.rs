//! `GET /models`: all stored models, newest first.

use crate::{config::Scope, docs, http::refusal::Refusal, mount::Mount, routes::model_info::metrics};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_pipeline::ModelInfo;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Models")]
struct Answer {
    models: Vec<Model>,
}

#[derive(Serialize, JsonSchema)]
struct Model {
    model_version: String,
    algorithm: String,
    is_active: bool,
    training_date: String,
    training_samples: u64,
    n_features: u32,
    size_bytes: u64,
    sha256: String,
    performance_metrics: Map<String, Value>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("All stored models, newest first"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Result<Json<Answer>, Refusal> {
    let models = mount.life().models().await?;
    Ok(Json(Answer { models: models.into_iter().map(Model::from).collect() }))
}

impl From<ModelInfo> for Model {
    fn from(model: ModelInfo) -> Self {
        Self {
            performance_metrics: metrics(&model),
            model_version: model.version,
            algorithm: model.algorithm,
            is_active: model.is_active,
            training_date: model.trained_at.to_string(),
            training_samples: model.training_samples,
            n_features: model.n_features,
            size_bytes: model.size_bytes,
            sha256: model.sha256,
        }
    }
}
