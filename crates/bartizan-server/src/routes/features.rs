//! `GET /features`: the columns that are looked at, with or without a model.

use crate::{config::Scope, docs, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Features")]
struct Answer {
    feature_count: usize,
    features: Vec<String>,
    details: Vec<Detail>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeatureDetail")]
struct Detail {
    name: String,
    unit: String,
    description: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The features and what they mean"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    let schema = mount.life().schema();
    let details = schema.features().iter().map(|feature| Detail {
        name: feature.name.to_string(),
        unit: feature.unit.to_string(),
        description: feature.description.to_string(),
    });
    Json(Answer { feature_count: schema.width(), features: schema.names().map(str::to_owned).collect(), details: details.collect() })
}
