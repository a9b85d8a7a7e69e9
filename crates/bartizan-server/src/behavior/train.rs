//! `POST /train` of a behavior detector: learns from labelled sessions in the body, or from generated ones.

use super::{Here, predict::Described as Session};
use crate::{
    here::{Draw, invalid},
    http::{body, refusal::Refusal},
    input::{fault::Fault, fields::Fields},
    routes::train::{self, Answer, Params, check, document, to_its_end},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::{Seed, Timestamp};
use bartizan_domains::{
    behavior::{
        SessionEvent,
        body::{Lesson, LogsError, parse_training},
        generator::training_set,
    },
    faults::{MAX_FAULTS, object_of},
    raw::RawObject,
};
use bartizan_pipeline::{Labelled, TrainRequest};
use bytes::Bytes;
use hyper::StatusCode;
use schemars::JsonSchema;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "BehaviorTrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct Described {
    /// Name of the new version; the next minor version if left out.
    model_version: Option<String>,
    /// Learn from what people said; true if left out.
    use_corrected_labels: Option<bool>,
    training_params: Option<Params>,
    /// Sessions to learn from, each with a `label`; generated ones if left out.
    logs: Option<Vec<Session>>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, |op| document(op).input::<Json<Described>>())
}

async fn handler(State(here): State<Arc<Here>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let shared = &here.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let (now, draw) = (shared.clock.now(), here.draw());
    let (asked, room) = body.parse(move |bytes| read(bytes, now, draw)).await;
    let (asked, lesson) = asked?;
    check(&asked)?;
    let met = lesson.as_ref().map_or(0, |lesson| lesson.met);
    let report = to_its_end(async move {
        let _room = room;
        let labelled = |events: Vec<SessionEvent>| events.into_iter().map(|event| Labelled { event, label: None }).collect::<Vec<_>>();
        match lesson {
            None => Ok(here.instance.train_on(labelled(training_set(Seed(0))), asked).await?),
            Some(lesson) => {
                let sessions = labelled(lesson.events);
                // Trained on first: what cannot be learned from is not kept either.
                let report = here.instance.train_on(sessions.clone(), asked).await?;
                here.instance.import(sessions).await?;
                Ok(report)
            }
        }
    });
    Ok(Json(Answer::of(report.await?, "sessions").sampled_from(met)))
}

/// The parts of a body that are no sessions.
const SETTINGS: [&str; 3] = ["model_version", "use_corrected_labels", "training_params"];

/// Reads a body: what to train, and the sessions to learn from, which may be many and are read one by one. None asks for generated ones.
fn read(bytes: &Bytes, now: Timestamp, draw: Draw) -> Result<(TrainRequest, Option<Lesson>), Refusal> {
    let bytes: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let given = object_of(bytes, &["logs", SETTINGS[0], SETTINGS[1], SETTINGS[2]]).map_err(|fault| invalid(vec![fault]))?;
    let rest = settings(&given);
    let mut faults = Vec::new();
    let mut fields = Fields::of_body(&rest, &mut faults);
    let version = fields.string_if_any("model_version");
    let request = train::request(&mut fields, version);
    let lesson = given.some("logs").map(|_| parse_training(bytes, now, draw.most, draw.seed)).transpose();
    match lesson {
        Err(LogsError::Faults(first)) => {
            let all = first.into_iter().map(Fault::from).chain(faults);
            Err(Refusal::Invalid(all.take(MAX_FAULTS).collect()))
        }
        _ if !faults.is_empty() => Err(Refusal::Invalid(faults)),
        Err(error) => Err(Refusal::text(StatusCode::BAD_REQUEST, format!("Training failed: {error}"))),
        Ok(lesson) => Ok((request, lesson)),
    }
}

fn settings(given: &RawObject<'_>) -> Map<String, Value> {
    let part = |name: &str| Some((name.to_owned(), serde_json::from_str(given.get(name)?.json()).ok()?));
    SETTINGS.into_iter().filter_map(part).collect()
}
