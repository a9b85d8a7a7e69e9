//! `POST /retrain`: learns again, from corrected labels.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{
        content::{Content, FromBody},
        fields::Fields,
    },
    requests::{Here, train::to_its_end},
    routes::activate::NONE,
};
use aide::{
    axum::routing::{ApiMethodRouter, post_with},
    transform::TransformOperation,
};
use axum::{Json, extract::State};
use bartizan_pipeline::{LifeCycle, TrainReport};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "RetrainBody")]
struct Asked {
    /// Name of the new version; one that exists is replaced.
    model_version: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Retrained")]
struct Answer {
    success: bool,
    /// `none` when there was none.
    old_model_version: String,
    new_model_version: String,
    training_samples: usize,
    corrected_labels_used: usize,
    /// New accuracy less old, on labelled rows; null when one of them is not known.
    accuracy_improvement: Option<f64>,
    message: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, document)
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, move |op| docs::alias(document(op), of))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::checks_input(docs::needs(op, Scope::Manage)).summary("Train again, from corrected labels");
    docs::refuses::<400>(op, "Too few labels")
}

async fn handler(State(here): State<Arc<Here>>, Content { read, .. }: Content<Asked>) -> Result<Json<Answer>, Refusal> {
    let report = to_its_end(async move { here.instance.retrain(Some(read.model_version)).await.map_err(Refusal::from) });
    Ok(Json(report.await?.into()))
}

impl FromBody for Asked {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { model_version: fields.string("model_version")? })
    }
}

impl From<TrainReport> for Answer {
    fn from(report: TrainReport) -> Self {
        let message = format!("Model {} was trained on {} requests, {} of them labelled", report.version, report.samples, report.labels);
        Self {
            success: true,
            old_model_version: report.old_version.unwrap_or_else(|| NONE.to_owned()),
            new_model_version: report.version,
            training_samples: report.samples,
            corrected_labels_used: report.labels,
            accuracy_improvement: report.accuracy.zip(report.old_accuracy).map(|(new, old)| new - old),
            message,
        }
    }
}
