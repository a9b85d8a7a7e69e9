//! `POST /train` of a flows detector: learns from flows in the body, as JSON or as a table, or from the stored history.

use super::{Here, model_info::performance};
use crate::{
    here::invalid,
    http::{body, refusal::Refusal},
    input::fields::Fields,
    routes::{
        retrain::named,
        train::{self, Answer, Params, check, document, to_its_end},
    },
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
};
use bartizan_core::Timestamp;
use bartizan_domains::{
    flows::{
        FlowEvent, Flows,
        body::{BodyError, mended, parse_training},
    },
    records::{FromFiles, Record},
};
use bartizan_pipeline::{Labelled, LifeCycle as _, TrainRequest};
use bytes::Bytes;
use hyper::StatusCode;
use schemars::JsonSchema;
use serde_json::{Map, Value, value::RawValue};
use std::{collections::BTreeMap, io::Cursor, ops::ControlFlow, sync::Arc};

#[derive(JsonSchema)]
#[schemars(rename = "FlowsTrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct Described {
    /// Name of the new version; the next minor version if left out.
    model_version: Option<String>,
    /// Learn from what people said; true if left out.
    use_corrected_labels: Option<bool>,
    training_params: Option<Params>,
    /// Flows to learn from, each with a `Label` where it is known.
    flows: Option<Vec<BTreeMap<String, Value>>>,
    /// Labels of the flows, in their order.
    labels: Option<Vec<Value>>,
    /// A table of flows, header and rows; a `text/csv` body is the same.
    csv: Option<String>,
}

/// The parts of a body, not yet read.
type Given<'a> = BTreeMap<String, &'a RawValue>;

/// The parts that are no flows.
const SETTINGS: [&str; 3] = ["model_version", "use_corrected_labels", "training_params"];

type Flow = Labelled<FlowEvent>;

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, |op| document(op).input::<Json<Described>>())
}

async fn handler(State(here): State<Arc<Here>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let is_table = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/csv")
    });
    let shared = &here.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let now = shared.clock.now();
    let parse = move |bytes: &Bytes| if is_table { table(bytes, now).map(|flows| (usual(), Some(flows))) } else { read(bytes, now) };
    let (asked, room) = body.parse(parse).await;
    let (asked, flows) = asked?;
    let kind = here.mount.life().kind();
    let asked = TrainRequest { version: named(kind, asked.version.clone())?, ..asked };
    check(&asked)?;
    let trained = Arc::clone(&here);
    let report = to_its_end(async move {
        let _room = room;
        let Some(flows) = flows else { return trained.instance.train(asked).await.map_err(Refusal::from) };
        // Trained on first: what cannot be learned from is not kept either.
        let report = trained.instance.train_on(flows.clone(), asked).await?;
        trained.instance.import(flows).await?;
        Ok(report)
    });
    let mut answer = Answer::of(report.await?, "flows");
    if let Some(model) = here.instance.active() {
        answer.more = performance(&model).into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
    Ok(Json(answer))
}

fn usual() -> TrainRequest {
    TrainRequest { use_labels: true, ..TrainRequest::default() }
}

/// Reads a JSON body; none, or an empty one, asks for the stored history.
fn read(bytes: &Bytes, now: Timestamp) -> Result<(TrainRequest, Option<Vec<Flow>>), Refusal> {
    if bytes.trim_ascii().is_empty() {
        return Ok((usual(), None));
    }
    let text = mended(bytes);
    // What is no object is refused by the reader of flows, which says where it breaks.
    let given: Given<'_> = serde_json::from_slice(&text).unwrap_or_else(|_| Given::from([("flows".to_owned(), RawValue::TRUE)]));
    let rest = settings(&given);
    let mut faults = Vec::new();
    let mut fields = Fields::of_body(&rest, &mut faults);
    let version = fields.string_if_any("model_version");
    let request = train::request(&mut fields, version);
    match flows_of(&given, bytes, now) {
        Err(Refusal::Invalid(more)) => Err(Refusal::Invalid(more.into_iter().chain(faults).collect())),
        _ if !faults.is_empty() => Err(Refusal::Invalid(faults)),
        Err(other) => Err(other),
        Ok(flows) => Ok((request, flows)),
    }
}

/// The flows of a body: listed, or as a table; none asks for the stored history.
fn flows_of(given: &Given<'_>, bytes: &[u8], now: Timestamp) -> Result<Option<Vec<Flow>>, Refusal> {
    let part = |name: &str| given.get(name).filter(|raw| raw.get() != "null");
    match (part("flows"), part("csv")) {
        (Some(_), _) => parse_training(bytes, now).map(|flows| Some(records(flows))).map_err(refused),
        (None, Some(text)) => table(&line_of(text)?, now).map(Some),
        (None, None) => Ok(None),
    }
}

fn line_of(csv: &RawValue) -> Result<Vec<u8>, Refusal> {
    let text: Result<String, _> = serde_json::from_str(csv.get());
    text.map(String::into_bytes).map_err(|_| Refusal::text(StatusCode::BAD_REQUEST, "'csv' field must be a string: header and rows"))
}

fn settings(given: &Given<'_>) -> Map<String, Value> {
    let part = |name: &str| Some((name.to_owned(), serde_json::from_str(given.get(name)?.get()).ok()?));
    SETTINGS.into_iter().filter_map(part).collect()
}

fn refused(error: BodyError) -> Refusal {
    match error {
        BodyError::Faults(faults) => invalid(faults),
        BodyError::Duplicate(_) => Refusal::text(StatusCode::BAD_REQUEST, format!("Training failed: {error}")),
    }
}

fn records(records: Vec<Record<FlowEvent>>) -> Vec<Flow> {
    records.into_iter().map(|record| Labelled { event: record.event, label: record.label }).collect()
}

fn table(bytes: &[u8], now: Timestamp) -> Result<Vec<Flow>, Refusal> {
    let wrong = |what: String| Refusal::text(StatusCode::BAD_REQUEST, format!("Training failed: {what}"));
    let (mut flows, mut first) = (Vec::new(), None);
    let summary = Flows::read(Box::new(Cursor::new(bytes)), "cicflow".into(), now, &mut |record| {
        match record {
            Ok(record) => flows.push(Labelled { event: record.event, label: record.label }),
            Err(bad) => first = first.take().or(Some(bad)),
        }
        ControlFlow::Continue(())
    });
    summary.map_err(|error| wrong(error.to_string()))?;
    match first {
        Some(bad) => Err(wrong(format!("line {}: {}", bad.line, bad.reason))),
        None => Ok(flows),
    }
}
