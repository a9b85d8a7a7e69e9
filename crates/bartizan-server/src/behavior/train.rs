//! `POST /train` of a behavior detector: learns from labelled sessions in the body, or from generated ones.

use super::{Here, predict::Described as Session};
use crate::{
    http::{body, refusal::Refusal},
    input::{
        content::object,
        fault::{Fault, note},
        fields::Fields,
    },
    routes::train::{self, Answer, Asked, Params, asked, check, document, to_its_end},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::{Seed, Timestamp};
use bartizan_domains::behavior::{SessionEvent, body::parse_logs, generator::training_set};
use bartizan_pipeline::{Labelled, LifeCycle};
use schemars::JsonSchema;
use serde_json::Value;
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
    let life = Arc::clone(&here.mount.detector.life);
    let (asked, room) = body.parse(move |bytes| read(bytes, now, life.as_ref())).await;
    let (Asked { request: asked, ignored }, sessions) = asked?;
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
    Ok(Json(Answer::of(report.await?, ignored, "sessions")))
}

fn read(bytes: &[u8], now: Timestamp, life: &dyn LifeCycle) -> Result<(Asked, Option<Vec<SessionEvent>>), Refusal> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let [version, labels, params] = train::NAMES;
    let object = object(bytes, &[version, labels, params, "logs"])?;
    let mut faults = Vec::new();
    let wants_logs = object.some("logs").is_some();
    let asked = asked(&mut Fields::of_body(object, &mut faults), life);
    let sessions = match wants_logs.then(|| parse_logs(bytes, now)).transpose() {
        Ok(sessions) => sessions,
        Err(found) => {
            found.into_iter().for_each(|fault| note(&mut faults, fault.into()));
            None
        }
    };
    for (position, session) in sessions.iter().flatten().enumerate() {
        if session.attack.is_none() && faults.len() < MOST_FAULTS {
            let loc = vec!["body".into(), "logs".into(), position.into(), "label".into()];
            faults.push(Fault::missing(loc, Value::Null));
        }
    }
    if faults.is_empty() { Ok((asked, sessions)) } else { Err(Refusal::Invalid(faults)) }
}

/// Most faults that one answer lists.
const MOST_FAULTS: usize = 100;
