//! `GET /model/info`: the active model.

use crate::{config::Scope, docs, http::refusal::Refusal, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_core::FeatureSchema;
use bartizan_pipeline::{ModelInfo, ParamValue};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ModelInfo")]
pub(crate) struct Answer {
    model_type: String,
    model_version: String,
    algorithm: String,
    n_features: u32,
    /// The first ten, then `...` if there are more.
    features: Vec<String>,
    parameters: Map<String, Value>,
    training_date: String,
    training_samples: u64,
    performance_metrics: Map<String, Value>,
}

const SHOWN: usize = 10;

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The active model"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Result<Json<Answer>, Refusal> {
    let model = mount.life().active().ok_or_else(Refusal::no_model)?;
    Ok(Json(of(mount.life().schema(), model)))
}

/// Describes a model.
pub(crate) fn of(schema: &FeatureSchema, model: ModelInfo) -> Answer {
    let names = schema.names();
    let more = (names.len() > SHOWN).then(|| "...".to_owned());
    Answer {
        model_type: title(&model.algorithm),
        n_features: model.n_features,
        features: names.take(SHOWN).map(str::to_owned).chain(more).collect(),
        parameters: parameters(&model.parameters),
        training_date: model.trained_at.to_string(),
        training_samples: model.training_samples,
        performance_metrics: metrics(&model),
        model_version: model.version,
        algorithm: model.algorithm,
    }
}

/// `isolation_forest` → `Isolation Forest`.
pub(crate) fn title(algorithm: &str) -> String {
    let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    algorithm.split(['_', '-']).map(capital).collect::<Vec<_>>().join(" ")
}

fn parameters(pairs: &[(String, ParamValue)]) -> Map<String, Value> {
    let value = |value: &ParamValue| match value {
        ParamValue::Number(number) => Value::from(*number),
        ParamValue::Text(text) => Value::from(text.as_str()),
    };
    pairs.iter().map(|(name, given)| (name.clone(), value(given))).collect()
}

fn numbers(pairs: &[(String, f64)]) -> Map<String, Value> {
    pairs.iter().map(|(name, number)| (name.clone(), Value::from(*number))).collect()
}

/// Returns the known measures of a model.
pub(crate) fn metrics(model: &ModelInfo) -> Map<String, Value> {
    let mut metrics = numbers(&model.metrics);
    if let Some(accuracy) = model.accuracy {
        metrics.entry("accuracy").or_insert(accuracy.into());
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn algorithms_have_titles() {
        assert_eq!(title("isolation_forest"), "Isolation Forest");
        assert_eq!(title("ensemble"), "Ensemble");
    }
}
