//! `GET /detections/{id}`: one verdict with everything that led to it.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{described, path::Segment},
    mount_state::{MountState, ReasonSchema},
    routes::at,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::{Json, extract::State};
use bartizan_core::Label;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, LifeCycle as _, Reason};
use bartizan_storage::{Detection, DetectionKey};
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

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
    /// The sender's name for the event; empty when it has none.
    event_id: String,
    /// Another name of `event_id`.
    request_id: String,
    /// Who: the client's address, the user, the service.
    entity: String,
    /// On what: the endpoint, the destination.
    resource: String,
    /// Doing what: the method, the protocol.
    action: String,
    /// The event as it was understood, its times in RFC 3339; null when it cannot be read any more.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    event: Option<Value>,
    /// Features by name; null where missing. Empty for what came while there was no model.
    #[schemars(with = "BTreeMap<String, Option<f64>>")]
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
    /// What a person said: true for an attack.
    user_label: Option<bool>,
    /// When it happened, RFC 3339.
    #[schemars(schema_with = "described::time")]
    timestamp: String,
    /// When it was judged, or brought in, RFC 3339.
    #[schemars(schema_with = "described::time")]
    analyzed_at: String,
    /// Why, worst first, by the model that is active now.
    #[schemars(with = "Vec<ReasonSchema>")]
    reasons: Vec<Reason>,
}

/// The route of a detector of kind `K`.
pub(crate) fn routes<K: Kind>(prefix: &str) -> ApiRouter<Arc<MountState<K>>> {
    let route = get_with(handler::<K>, |op| {
        docs::refuses::<404>(docs::needs(op, Scope::Read), "No such detection").summary("One verdict and what led to it")
    });
    ApiRouter::new().api_route(&at(prefix, "/detections/{id}"), route)
}

async fn handler<K: Kind>(State(state): State<Arc<MountState<K>>>, id: Segment<Id>) -> Result<Json<Answer>, Refusal> {
    let absent = || Refusal::text(StatusCode::NOT_FOUND, "Detection not found");
    let id = id.text.parse().map_err(|_| absent())?;
    let found = state.instance.find(&DetectionKey::Id(id)).await?.ok_or_else(absent)?;
    let workers = Arc::clone(state.instance.workers());
    // An event may be large, and explaining it takes longer than reading a row.
    Ok(Json(workers.judge(move || answer(&state.instance, found)).await?))
}

fn answer<K: Kind>(instance: &Instance<K>, Detection { id, detection }: Detection) -> Answer {
    let event = instance.stored_event(&detection).map(|event| K::document(&event));
    let reasons = instance.explain_stored(&detection).map(|explanation| explanation.reasons).unwrap_or_default();
    // What is not an event of this kind has other features.
    let sample = if event.is_some() { &detection.sample[..] } else { &[] };
    let sample = instance.schema().names().zip(sample).map(|(name, value)| (name.to_owned(), Value::from(f64::from(*value)))).collect();
    let judged = detection.judged;
    let class = judged.as_ref().and_then(|judged| judged.class.clone());
    Answer {
        id,
        request_id: detection.event_id.clone(),
        event_id: detection.event_id,
        entity: detection.entity,
        resource: detection.resource,
        action: detection.action,
        event,
        sample,
        score: judged.as_ref().map(|judged| judged.score),
        threshold: judged.as_ref().map(|judged| judged.threshold),
        grade: judged.as_ref().map(|judged| judged.grade),
        confidence: judged.as_ref().map(|judged| judged.confidence),
        is_anomaly: judged.as_ref().map(|judged| judged.verdict.is_anomalous()),
        model_version: judged.map(|judged| judged.model_version.as_ref().to_owned()),
        class_probability: class.as_ref().map(|class| class.probability),
        class: class.map(|class| class.name.into_owned()),
        user_label: detection.label.map(Label::is_anomalous),
        timestamp: detection.event_time.to_string(),
        analyzed_at: detection.analyzed_at.to_string(),
        reasons,
    }
}
