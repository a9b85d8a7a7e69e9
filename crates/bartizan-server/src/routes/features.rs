//! `GET /features`: the columns of the samples, with or without a model.

use crate::{config::Scope, docs, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_core::FeatureSchema;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Features")]
pub(crate) struct Answer {
    feature_count: usize,
    features: Vec<String>,
    pub(crate) details: Vec<Detail>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeatureDetail")]
pub(crate) struct Detail {
    name: String,
    unit: String,
    description: String,
    /// Why the number is not to be trusted, where tools are known to compute it wrongly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suspect: Option<&'static str>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The features and what they mean"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    Json(of(mount.life().schema()))
}

/// Describes a schema.
pub(crate) fn of(schema: &FeatureSchema) -> Answer {
    let details = schema.features().iter().map(|feature| Detail {
        name: feature.name.to_string(),
        unit: feature.unit.to_string(),
        description: feature.description.to_string(),
        suspect: None,
    });
    Answer { feature_count: schema.width(), features: schema.names().map(str::to_owned).collect(), details: details.collect() }
}
