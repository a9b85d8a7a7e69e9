//! `POST /retrain`: learns again, from corrected labels.

use crate::{
    config::Scope,
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, described, fields::Fields},
    mount::Mount,
    routes::{
        activate::NONE,
        train::{self, Naming},
    },
};
use aide::{
    axum::routing::{ApiMethodRouter, post_with},
    transform::TransformOperation,
};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_pipeline::TrainReport;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "RetrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct RetrainBody {
    /// Name of the new version; one that exists is replaced. The next minor version if left out.
    #[schemars(schema_with = "described::version_or_null", default)]
    model_version: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename = "RetrainNamedBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct RetrainNamedBody {
    /// Name of the new version; one that exists is replaced.
    #[schemars(schema_with = "described::version")]
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
    /// Events that would have been looked at and that exclusions keep out, labelled or not: see `/exclusions`.
    excluded: usize,
    /// New accuracy less old, on the same labelled rows, as rows that neither has seen where there are some; null when one of them is
    /// not known.
    accuracy_improvement: Option<f64>,
    /// False where the model was stored and not activated; the message says why.
    activated: bool,
    message: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    post_with(unnamed_handler, |op| document(op).input::<Json<RetrainBody>>())
}

/// The same for kinds whose clients name the version.
pub(crate) fn named() -> ApiMethodRouter<Arc<Mount>> {
    post_with(named_handler, |op| document(op).input::<Json<RetrainNamedBody>>())
}

/// [`named`] under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Mount>> {
    post_with(named_handler, move |op| docs::alias(document(op).input::<Json<RetrainNamedBody>>(), of))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Manage)));
    docs::refuses::<400>(op.summary("Train again, from corrected labels"), "Too few labels")
}

async fn unnamed_handler(State(mount): State<Arc<Mount>>, request: Request) -> Result<Json<Answer>, Refusal> {
    retrain(mount, request, Naming::Service).await
}

async fn named_handler(State(mount): State<Arc<Mount>>, request: Request) -> Result<Json<Answer>, Refusal> {
    retrain(mount, request, Naming::Client).await
}

async fn retrain(mount: Arc<Mount>, request: Request, naming: Naming) -> Result<Json<Answer>, Refusal> {
    let body = body::receive(request, &mount.shared.limits).await?;
    let (version, _reservation) = body.parse(move |bytes| read(bytes, naming)).await;
    let version = version?;
    Ok(Json(mount.life().retrain(version).await?.into()))
}

fn read(bytes: &[u8], naming: Naming) -> Result<Option<String>, Refusal> {
    let mut faults = Vec::new();
    let version = train::version(&mut Fields::of_body(object(bytes, &train::NAMES)?, &mut faults), naming);
    if faults.is_empty() { Ok(version) } else { Err(Refusal::Invalid(faults)) }
}

impl From<TrainReport> for Answer {
    fn from(report: TrainReport) -> Self {
        let mut message = format!("Model {} was trained on {} events, {} of them labelled", report.version, report.samples, report.labels);
        if let Some(why) = &report.refused {
            message += &format!(", and is not active: {why}. The one before stays at work");
        }
        if report.excluded > 0 {
            message += &format!("; {} are excluded from training", report.excluded);
        }
        Self {
            success: true,
            old_model_version: report.old_version.unwrap_or_else(|| NONE.to_owned()),
            new_model_version: report.version,
            training_samples: report.samples,
            corrected_labels_used: report.labels,
            excluded: report.excluded,
            accuracy_improvement: report.improvement,
            activated: report.refused.is_none(),
            message,
        }
    }
}
