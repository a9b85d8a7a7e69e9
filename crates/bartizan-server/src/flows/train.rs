//! `POST /train` of a flows detector: learns from flows in the body, as JSON or as a table, or from the stored history.

use super::{MountState, model_info::performance, predict::flow_schema};
use crate::{
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, described, fields::Fields},
    mount_state::{Draw, invalid},
    routes::train::{self, Answer, Naming, Params, TrainBody, check, default_true, document, read_train_body},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
};
use bartizan_core::{Parse as _, Record, Reservoir, Timestamp};
use bartizan_domains::{
    faults::MAX_FAULTS,
    flows::{
        FlowEvent, Flows,
        body::{BodyError, Lesson as Drawn, check_no_labels, mended, parse_training},
    },
    raw::RawObject,
};
use bartizan_pipeline::{Lesson, LifeCycle, TrainRequest};
use bytes::Bytes;
use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::{collections::BTreeMap, io::Cursor, ops::ControlFlow, sync::Arc};

#[derive(JsonSchema)]
#[schemars(rename = "FlowsTrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct FlowsTrainBody {
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
    /// Flows to learn from, each with a `Label` where it is known, at least as many as `min_training_samples` (100 unless set otherwise).
    #[schemars(schema_with = "flows_or_null", default)]
    flows: Option<Vec<BTreeMap<String, Value>>>,
    /// Labels of the flows, one for each, in their order; none without flows.
    #[schemars(schema_with = "labels_or_null", default)]
    labels: Option<Vec<Value>>,
    /// A table of flows, header and rows; a `text/csv` body is the same.
    #[schemars(default)]
    csv: Option<String>,
}

fn flows_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "null"], "minItems": 100, "items": flow_schema() })
}

fn labels_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "null"], "items": { "type": ["string", "number", "boolean", "null"] } })
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| docs::body_is_optional(document(op).input::<Json<FlowsTrainBody>>()))
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let is_table = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/csv")
    });
    let shared = &state.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let (now, draw) = (shared.clock.now(), state.draw());
    let life = Arc::clone(&state.mount.detector);
    let parse = move |bytes: &Bytes| {
        if is_table { table(bytes, now, draw).map(|lesson| (usual(), Some(lesson))) } else { read(bytes, now, draw, life.as_ref()) }
    };
    let (parsed, reservation) = body.parse(parse).await;
    let (TrainBody { request, ignored }, lesson) = parsed?;
    check(&request)?;
    let sampled = lesson.as_ref().map(|lesson| (lesson.met, lesson.records.len()));
    let labelled = |record: Record<FlowEvent>| record;
    let given = |drawn: Drawn| Lesson::Given(drawn.records.into_iter().map(labelled).collect());
    let report = state.instance.learn(lesson.map_or(Lesson::History, given), request, reservation).await?;
    let mut answer = Answer::of(report, ignored, "flows").sampled(sampled);
    if let Some(model) = state.instance.active() {
        answer.more = performance(&model).into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
    Ok(Json(answer))
}

fn usual() -> TrainBody {
    TrainBody { request: TrainRequest { use_labels: true, ..TrainRequest::default() }, ignored: Vec::new() }
}

/// Reads a JSON body; none, or an empty one, asks for the stored history.
fn read(bytes: &[u8], now: Timestamp, draw: Draw, life: &dyn LifeCycle) -> Result<(TrainBody, Option<Drawn>), Refusal> {
    if bytes.trim_ascii().is_empty() {
        return Ok((usual(), None));
    }
    let text = mended(bytes);
    let [version, labels, params, force] = train::NAMES;
    let object = object(&text, &[version, labels, params, force, "flows", "labels", "csv"])?;
    let mut faults = Vec::new();
    let body = read_train_body(&mut Fields::of_body(object.clone(), &mut faults), Naming::Service, life);
    match lesson(&object, bytes, now, draw) {
        Err(Refusal::Invalid(more)) => Err(Refusal::Invalid(more.into_iter().chain(faults).take(MAX_FAULTS).collect())),
        _ if !faults.is_empty() => Err(Refusal::Invalid(faults)),
        Err(other) => Err(other),
        Ok(lesson) => Ok((body, lesson)),
    }
}

/// The flows of a body: listed, or as a table; none asks for the stored history.
fn lesson(given: &RawObject<'_>, bytes: &[u8], now: Timestamp, draw: Draw) -> Result<Option<Drawn>, Refusal> {
    if given.some("flows").is_some() {
        return parse_training(bytes, now, draw.most, draw.seed).map(Some).map_err(refused);
    }
    check_no_labels(given).map_err(refused)?;
    match given.some("csv") {
        Some(csv) => {
            let wrong = || Refusal::text(StatusCode::BAD_REQUEST, "'csv' field must be a string: header and rows");
            table(csv.text().ok_or_else(wrong)?.as_bytes(), now, draw).map(Some)
        }
        None => Ok(None),
    }
}

fn refused(error: BodyError) -> Refusal {
    match error {
        BodyError::Faults(faults) => invalid(faults),
        BodyError::Duplicate(_) | BodyError::TooMany(_) => wrong(&error.to_string()),
    }
}

fn wrong(what: &str) -> Refusal {
    Refusal::text(StatusCode::BAD_REQUEST, format!("Training failed: {what}"))
}

/// How a compressed file begins, which the reader of files would unpack.
const GZIP: &[u8] = b"\x1f\x8b";

/// Flows of a table: all rows are read, and as many kept as a training takes.
fn table(bytes: &[u8], now: Timestamp, draw: Draw) -> Result<Drawn, Refusal> {
    if bytes.starts_with(GZIP) {
        return Err(wrong("the table is compressed; say so with Content-Encoding: gzip"));
    }
    let (mut drawn, mut bad) = (Reservoir::new(draw.most, draw.seed), None);
    let summary = Flows::parse(Box::new(Cursor::new(bytes)), "cicflow".into(), now, &mut |record| match record {
        Ok(record) => {
            drawn.push(record);
            ControlFlow::Continue(())
        }
        Err(first) => {
            bad = Some(first);
            ControlFlow::Break(())
        }
    });
    summary.map_err(|error| wrong(&error.to_string()))?;
    if let Some(bad) = bad {
        return Err(wrong(&format!("line {}: {}", bad.line, bad.reason)));
    }
    let met = drawn.met();
    let mut records: Vec<Record<FlowEvent>> = drawn.into_drawn();
    records.sort_by_key(|record| record.line);
    Ok(Drawn { records, met })
}
