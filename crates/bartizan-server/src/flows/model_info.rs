//! `GET /model/info` of a flows detector: the active model, with the figures of a one-class SVM.

use super::{MountState, no_model};
use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    routes::model_info::{self, title},
};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_pipeline::{LifeCycle as _, ModelInfo, ParamValue};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What is said of a model in few words. What another algorithm than a one-class SVM does not have is null.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowsModel")]
pub(super) struct Model {
    model_type: String,
    kernel: Option<Value>,
    nu: Option<Value>,
    gamma: Option<Value>,
    n_features: u32,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowsModelInfo")]
struct Answer {
    #[serde(flatten)]
    model: Model,
    /// Whether the solver leaves out rows that no longer matter while it works.
    shrinking: bool,
    /// Megabytes for rows of the kernel while it works.
    cache_size: Option<Value>,
    max_iter: Option<Value>,
    /// Training rows that the boundary rests on.
    n_support: Option<Value>,
    /// On held-back rows, once there were labels of both kinds.
    performance_metrics: Map<String, Value>,
    /// What every detector says of its model.
    #[serde(flatten)]
    usual: Map<String, Value>,
}

impl Model {
    pub(super) fn of(model: &ModelInfo) -> Self {
        let is_svm = model.algorithm == "one_class_svm";
        Self {
            model_type: if is_svm { "One-Class SVM".to_owned() } else { title(&model.algorithm) },
            kernel: parameter(model, "kernel"),
            nu: parameter(model, "nu"),
            gamma: parameter(model, "gamma"),
            n_features: model.n_features,
        }
    }
}

fn parameter(model: &ModelInfo, name: &str) -> Option<Value> {
    let value = model.parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value)?;
    Some(match value {
        // Counts are whole numbers on the wire.
        ParamValue::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::from(*number as i64),
        ParamValue::Number(number) => Value::from(*number),
        ParamValue::Text(text) => Value::from(text.as_str()),
    })
}

/// Accuracy, precision, recall and F1 on rows that no detector had seen.
pub(super) fn performance(model: &ModelInfo) -> Map<String, Value> {
    let names =
        [("Accuracy", "unseen_accuracy"), ("Precision", "unseen_precision"), ("Recall", "unseen_recall"), ("F1_score", "unseen_f1")];
    let known = |(shown, name): (&str, &str)| {
        let (_, value) = model.metrics.iter().find(|(given, _)| given == name)?;
        Some((shown.to_owned(), Value::from(*value)))
    };
    names.into_iter().filter_map(known).collect()
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The active model"))
}

async fn handler(State(state): State<Arc<MountState>>) -> Result<Json<Answer>, Refusal> {
    let model = state.instance.active().ok_or_else(no_model)?;
    let mut answer = Answer {
        model: Model::of(&model),
        shrinking: model.algorithm == "one_class_svm",
        cache_size: parameter(&model, "cache_mb"),
        max_iter: parameter(&model, "max_iter"),
        n_support: model.metrics.iter().find(|(name, _)| name == "n_support").map(|(_, count)| Value::from(*count as u64)),
        performance_metrics: performance(&model),
        usual: Map::new(),
    };
    if let Ok(Value::Object(mut usual)) = serde_json::to_value(model_info::of(state.instance.schema(), model)) {
        ["model_type", "n_features", "performance_metrics"].iter().for_each(|name| drop(usual.remove(*name)));
        answer.usual = usual;
    }
    Ok(Json(answer))
}
