//! `POST /train`: learns from the stored history, and from records in the body if there are any.

use crate::{
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, described, fields::Fields},
    requests::{Here, analyze::Described, records},
    routes::train::{self, Answer, Asked, Naming, Params, asked, check, document, yes},
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
#[expect(dead_code, reason = "describes the body in the OpenAPI document; what is read of it is in `Asked`")]
struct Body {
    /// Name of the new version; one that exists is replaced.
    #[schemars(schema_with = "described::version")]
    model_version: String,
    /// Learn from what people said; true if left out.
    #[schemars(schema_with = "described::truth", default = "yes")]
    use_corrected_labels: bool,
    training_params: Option<Params>,
    /// Records to take into the history first.
    requests: Option<Vec<Described>>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, |op| document(op).input::<Json<Body>>())
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, move |op| docs::alias(document(op).input::<Json<Body>>(), of))
}

async fn handler(State(here): State<Arc<Here>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let shared = &here.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let (now, life) = (shared.clock.now(), Arc::clone(&here.mount.detector));
    let (read, room) = body.parse(move |bytes| read(bytes, now, life.as_ref())).await;
    let (Asked { request, ignored }, events) = read?;
    let lesson = events.map_or(Lesson::History, Lesson::WithHistory);
    let report = here.instance.learn(lesson, request, room).await?;
    Ok(Json(Answer::of(report, ignored, "requests")))
}

/// What is asked for, and the records to take in.
type Read = (Asked, Option<Vec<Record<RequestEvent>>>);

fn read(bytes: &[u8], now: Timestamp, life: &dyn LifeCycle) -> Result<Read, Refusal> {
    let [version, labels, params] = train::NAMES;
    let object = object(bytes, &[version, labels, params, records::FIELD])?;
    let mut faults = Vec::new();
    let mut fields = Fields::of_body(object, &mut faults);
    let asked = asked(&mut fields, Naming::Client, life);
    let events = fields.raw(records::FIELD).map(|raw| records::parse(raw, now, &mut fields));
    if !faults.is_empty() {
        return Err(Refusal::Invalid(faults));
    }
    check(&asked.request)?;
    Ok((asked, events))
}
