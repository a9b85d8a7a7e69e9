//! `POST /train` of a behavior detector: learns from labelled sessions in the body, or from generated ones.

use super::{MountState, predict::Counters};
use crate::{
    docs,
    http::{body, refusal::Refusal},
    input::{
        content::object,
        described,
        fault::{in_body, note},
        fields::Fields,
    },
    mount_state::Draw,
    routes::train::{self, Answer, Naming, Params, TrainBody, check, default_true, document, read_train_body},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::{Record, Seed, Timestamp};
use bartizan_domains::behavior::{
    AttackType, SessionEvent,
    body::{Lesson as Drawn, LogsError, parse_training},
    generator::training_set,
};
use bartizan_pipeline::{Lesson, LifeCycle};
use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "BehaviorTrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct BehaviorTrainBody {
    /// Name of the new version; the next minor version if left out.
    #[schemars(schema_with = "described::version_or_null", default)]
    model_version: Option<String>,
    /// Learn from what people said; true if left out.
    #[schemars(schema_with = "described::truth", default = "default_true")]
    use_corrected_labels: bool,
    /// Activate the model also where it would let pass what was flagged and nobody cleared, or judges labelled events worse.
    #[serde(default)]
    force: bool,
    training_params: Option<Params>,
    /// Sessions to learn from, at least as many as `min_training_samples` (100 unless set otherwise); generated ones if left out.
    #[schemars(length(min = 100), default)]
    logs: Option<Vec<Session>>,
}

/// A session's counters and what it is.
#[derive(JsonSchema)]
#[schemars(rename = "LabelledSession")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct Session {
    #[schemars(flatten)]
    counters: Counters,
    #[schemars(schema_with = "label")]
    label: String,
}

fn label(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": AttackType::ALL.map(AttackType::name) })
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| docs::body_is_optional(document(op).input::<Json<BehaviorTrainBody>>()))
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let shared = &state.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let (now, draw) = (shared.clock.now(), state.draw());
    let life = Arc::clone(&state.mount.detector);
    let (parsed, reservation) = body.parse(move |bytes| read(bytes, now, draw, life.as_ref())).await;
    let (TrainBody { request, ignored }, lesson) = parsed?;
    check(&request)?;
    let sampled = lesson.as_ref().map(|lesson| (lesson.met, lesson.events.len()));
    let labelled = |events: Vec<SessionEvent>| events.into_iter().map(|event| Record::new(event, None)).collect();
    let lesson = match lesson {
        None => Lesson::BuiltIn(labelled(training_set(Seed(0)))),
        Some(drawn) => Lesson::Given(labelled(drawn.events)),
    };
    let report = state.instance.learn(lesson, request, reservation).await?;
    Ok(Json(Answer::of(report, ignored, "sessions").sampled(sampled)))
}

/// Reads what to train, and the sessions to learn from, which may be many and are read one by one.
fn read(bytes: &[u8], now: Timestamp, draw: Draw, life: &dyn LifeCycle) -> Result<(TrainBody, Option<Drawn>), Refusal> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let [version, labels, params, force] = train::NAMES;
    let object = object(bytes, &[version, labels, params, force, "logs"])?;
    let mut faults = Vec::new();
    let wants_logs = object.some("logs").is_some();
    let body = read_train_body(&mut Fields::of_body(object, &mut faults), Naming::Service, life);
    let lesson = match wants_logs.then(|| parse_training(bytes, now, draw.most, draw.seed)).transpose() {
        Ok(lesson) => lesson,
        Err(LogsError::Faults(found)) => {
            in_body(found).into_iter().for_each(|fault| note(&mut faults, fault));
            None
        }
        Err(error) => return Err(Refusal::text(StatusCode::BAD_REQUEST, format!("Training failed: {error}"))),
    };
    if faults.is_empty() { Ok((body, lesson)) } else { Err(Refusal::Invalid(faults)) }
}
