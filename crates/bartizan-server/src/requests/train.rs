//! `POST /train`: learns from the stored history, and from records in the body if there are any.

use crate::{
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, described, fields::Fields},
    requests::{MountState, analyze::ApiRequest, records},
    routes::train::{self, Answer, Naming, Params, TrainBody, check, default_true, document, read_train_body},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::{Record, Timestamp};
use bartizan_domains::requests::RequestEvent;
use bartizan_pipeline::{Lesson, LifeCycle};
use schemars::JsonSchema;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "TrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; what is read of it is in `TrainBody`")]
struct Body {
    /// Name of the new version; one that exists is replaced.
    #[schemars(schema_with = "described::version")]
    model_version: String,
    /// Learn from what people said; true if left out.
    #[schemars(schema_with = "described::truth", default = "default_true")]
    use_corrected_labels: bool,
    /// Activate the model also where it would let pass what was flagged and nobody cleared, or judges labelled events worse.
    #[serde(default)]
    force: bool,
    training_params: Option<Params>,
    /// Records to take into the history first.
    requests: Option<Vec<ApiRequest>>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| document(op).input::<Json<Body>>())
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, move |op| docs::alias(document(op).input::<Json<Body>>(), of))
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let shared = &state.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let (now, life) = (shared.clock.now(), Arc::clone(&state.mount.detector));
    let (read, reservation) = body.parse(move |bytes| read(bytes, now, life.as_ref())).await;
    let (TrainBody { request, ignored }, events) = read?;
    let lesson = events.map_or(Lesson::History, Lesson::WithHistory);
    let report = state.instance.learn(lesson, request, reservation).await?;
    Ok(Json(Answer::of(report, ignored, "requests")))
}

/// What to train, and the records to add to the history first.
type Read = (TrainBody, Option<Vec<Record<RequestEvent>>>);

fn read(bytes: &[u8], now: Timestamp, life: &dyn LifeCycle) -> Result<Read, Refusal> {
    let [version, labels, params, force] = train::NAMES;
    let object = object(bytes, &[version, labels, params, force, records::FIELD])?;
    let mut faults = Vec::new();
    let mut fields = Fields::of_body(object, &mut faults);
    let body = read_train_body(&mut fields, Naming::Client, life);
    let events = fields.raw(records::FIELD).map(|raw| records::parse(raw, now, &mut fields));
    if !faults.is_empty() {
        return Err(Refusal::Invalid(faults));
    }
    check(&body.request)?;
    Ok((body, events))
}
