//! `GET /detections/{id}`: one verdict with everything that led to it.

use crate::{config::Scope, docs, http::refusal::Refusal, input::path::Segment, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_core::Label;
use bartizan_pipeline::{LifeCycle, Reason};
use bartizan_storage::{Detection, DetectionKey};
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the path in the OpenAPI document")]
struct Id {
    /// The row id.
    id: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Detection")]
struct Answer {
    id: i64,
    request_id: String,
    /// The event as it was understood.
    event: Value,
    /// Features by name; null where missing. Empty for what came while there was no model.
    sample: Map<String, Value>,
    /// The detector's own score.
    score: Option<f64>,
    /// Scores strictly above it are anomalous.
    threshold: Option<f64>,
    grade: Option<f64>,
    confidence: Option<f64>,
    is_anomaly: Option<bool>,
    model_version: Option<String>,
    /// For detectors that tell classes apart.
    class: Option<String>,
    /// Probability that the event has this class, 0 to 1.
    class_probability: Option<f64>,
    user_label: Option<bool>,
    timestamp: String,
    analyzed_at: String,
    /// Why, worst first, by the model that is active now.
    #[schemars(with = "Vec<Value>")]
    reasons: Vec<Reason>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| {
        docs::refuses::<404>(docs::needs(op, Scope::Read), "No such detection").summary("One verdict and what led to it")
    })
}

async fn handler(State(mount): State<Arc<Mount>>, id: Segment<Id>) -> Result<Json<Answer>, Refusal> {
    let absent = || Refusal::text(StatusCode::NOT_FOUND, "Detection not found");
    let id = id.text.parse().map_err(|_| absent())?;
    let found = mount.life().find(&DetectionKey::Id(id)).await?.ok_or_else(absent)?;
    Ok(Json(answer(mount.life(), found)))
}

fn answer(life: &dyn LifeCycle, Detection { id, detection }: Detection) -> Answer {
    let event = life.stored_event(&detection.event);
    let explanation = life.explain_stored(&detection.event, &detection.sample);
    let names = life.schema().names();
    let judged = detection.judged;
    let class = judged.as_ref().and_then(|judged| judged.class.clone());
    Answer {
        class_probability: class.as_ref().map(|class| class.probability),
        class: class.map(|class| class.name.into_owned()),
        id,
        request_id: detection.event_id,
        event: event.unwrap_or_default(),
        sample: names.zip(&detection.sample).map(|(name, value)| (name.to_owned(), Value::from(f64::from(*value)))).collect(),
        score: judged.as_ref().map(|judged| judged.score),
        threshold: judged.as_ref().map(|judged| judged.threshold),
        grade: judged.as_ref().map(|judged| judged.grade),
        confidence: judged.as_ref().map(|judged| judged.confidence),
        is_anomaly: judged.as_ref().map(|judged| judged.verdict.is_anomalous()),
        model_version: judged.map(|judged| judged.model_version.as_ref().to_owned()),
        user_label: detection.label.map(Label::is_anomalous),
        timestamp: detection.event_time.to_string(),
        analyzed_at: detection.analyzed_at.to_string(),
        reasons: explanation.map(|explanation| explanation.reasons).unwrap_or_default(),
    }
}
