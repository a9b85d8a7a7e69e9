//! `POST /train` of a behavior detector: learns from labelled sessions in the body, or from generated ones.

use super::{Here, predict::Described as Session};
use crate::{
    here::invalid,
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
use bartizan_domains::behavior::{SessionEvent, body::parse_logs, generator::training_set};
use bartizan_pipeline::{Labelled, TrainRequest};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
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
    let now = shared.clock.now();
    let (asked, room) = body.parse(move |bytes| read(bytes, now)).await;
    let (asked, sessions) = asked?;
    check(&asked)?;
    let report = to_its_end(async move {
        let _room = room;
        let labelled = |events: Vec<SessionEvent>| events.into_iter().map(|event| Labelled { event, label: None }).collect::<Vec<_>>();
        match sessions {
            None => Ok(here.instance.train_on(labelled(training_set(Seed(0))), asked).await?),
            Some(sessions) => {
                let sessions = labelled(sessions);
                // Trained on first: what cannot be learned from is not kept either.
                let report = here.instance.train_on(sessions.clone(), asked).await?;
                here.instance.import(sessions).await?;
                Ok(report)
            }
        }
    });
    Ok(Json(Answer::of(report.await?, "sessions")))
}

/// What the body holds besides the sessions, which may be many and are read one by one.
#[derive(Default, Deserialize)]
struct Given<'a> {
    #[serde(borrow, default)]
    logs: Option<&'a RawValue>,
    model_version: Option<Value>,
    use_corrected_labels: Option<Value>,
    training_params: Option<Value>,
}

fn read(bytes: &Bytes, now: Timestamp) -> Result<(TrainRequest, Option<Vec<SessionEvent>>), Refusal> {
    let given = if bytes.trim_ascii().is_empty() { Ok(Given::default()) } else { serde_json::from_slice::<Given<'_>>(bytes) };
    // What is no object is said to be none as if there were sessions in it.
    let wants_logs = given.as_ref().map_or(true, |given| given.logs.is_some_and(|raw| raw.get() != "null"));
    let whole = given.map(settings).unwrap_or_default();
    let mut faults = Vec::new();
    let sessions = if wants_logs { Some(parse_logs(bytes, now).map_err(invalid)?) } else { None };
    for (position, session) in sessions.iter().flatten().enumerate() {
        if session.attack.is_none() && faults.len() < MOST_FAULTS {
            let loc = vec!["body".into(), "logs".into(), position.into(), "label".into()];
            faults.push(Fault::missing(loc, Value::Null));
        }
    }
    let mut fields = Fields::of_body(&whole, &mut faults);
    let version = fields.string_if_any("model_version");
    let request = train::request(&mut fields, version);
    if faults.is_empty() { Ok((request, sessions)) } else { Err(Refusal::Invalid(faults)) }
}

/// Most faults that one answer lists.
const MOST_FAULTS: usize = 100;

fn settings(given: Given<'_>) -> Map<String, Value> {
    let named = [
        ("model_version", given.model_version),
        ("use_corrected_labels", given.use_corrected_labels),
        ("training_params", given.training_params),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
