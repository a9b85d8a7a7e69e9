//! `GET /features`: the six counters and their ranges.

use super::MountState;
use crate::{
    config::Scope,
    docs,
    routes::features::{self, of},
};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_domains::behavior::{NAMES, RANGES};
use bartizan_pipeline::LifeCycle as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BehaviorFeatures")]
struct Answer {
    feature_order: [&'static str; NAMES.len()],
    total_features: usize,
    /// In the order of the features.
    #[schemars(with = "BTreeMap<String, Range>")]
    feature_ranges: Map<String, Value>,
    #[serde(flatten)]
    usual: features::Answer,
}

/// Bounds, both included.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeatureRange")]
struct Range {
    min: u16,
    max: u16,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The features, their order and their ranges"))
}

async fn handler(State(state): State<Arc<MountState>>) -> Json<Answer> {
    let range = |(min, max)| serde_json::to_value(Range { min, max }).unwrap_or_default();
    let ranges = NAMES.into_iter().zip(RANGES).map(|(name, bounds)| (name.to_owned(), range(bounds)));
    let usual = of(state.instance.schema());
    Json(Answer { feature_order: NAMES, total_features: NAMES.len(), feature_ranges: ranges.collect(), usual })
}
