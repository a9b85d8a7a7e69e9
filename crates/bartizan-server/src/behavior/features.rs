//! `GET /features`: the six counters and their ranges.

use super::Here;
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
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BehaviorFeatures")]
struct Answer {
    feature_order: [&'static str; NAMES.len()],
    total_features: usize,
    feature_ranges: BTreeMap<&'static str, Range>,
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

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The features, their order and their ranges"))
}

async fn handler(State(here): State<Arc<Here>>) -> Json<Answer> {
    let ranges = NAMES.into_iter().zip(RANGES).map(|(name, (min, max))| (name, Range { min, max }));
    let usual = of(here.instance.schema());
    Json(Answer { feature_order: NAMES, total_features: NAMES.len(), feature_ranges: ranges.collect(), usual })
}
