//! `POST /predict`, `/predict/batch` and `/predict/csv`: flows in, verdicts out.

use super::{MountState, not_judged};
use crate::{
    config::Scope,
    docs,
    http::{
        body::{self, Body},
        refusal::Refusal,
    },
    input::{described, params::Params},
    mount_state::{AnalyzeQuery, EVENT_MEMORY, ReasonSchema, Written, both, invalid, too_many, wants_reasons},
};
use aide::{
    axum::routing::{ApiMethodRouter, post_with},
    transform::TransformOperation,
};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::Timestamp;
use bartizan_domains::{
    faults::Fault,
    flows::{
        FlowEvent,
        body::{BodyError, parse_batch, parse_csv, parse_data},
    },
};
use bartizan_pipeline::{Judgement, Reason};
use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// One flow: numbers under the names of CICFlowMeter, in either dialect.
#[derive(JsonSchema)]
#[schemars(rename = "FlowBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct FlowBody {
    /// Names that are not known are ignored, missing ones are 0. Snake-case names are in seconds, the others in microseconds.
    #[schemars(schema_with = "some_flow")]
    data: BTreeMap<String, f64>,
}

#[derive(JsonSchema)]
#[schemars(rename = "FlowsBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct FlowsBody {
    /// At least one, and at most as many as `server.max_batch_events` says: 65,536 if it is not set. More are refused with 413.
    #[schemars(schema_with = "flows")]
    flows: Vec<BTreeMap<String, f64>>,
}

#[derive(JsonSchema)]
#[schemars(rename = "FlowLine")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct FlowLine {
    /// 80 or 82 fields in the order of the contract, as text or as a list.
    #[schemars(schema_with = "line")]
    csv: String,
}

/// Columns that hold text: who, when, and what it is.
const TEXTS: [&str; 7] = ["Flow ID", "Source IP", "Source Port", "Destination IP", "Protocol", "Timestamp", "Label"];

/// One flow as it may come.
pub(super) fn flow_schema() -> Value {
    let text = json!({ "type": ["string", "number", "boolean", "null"] });
    let texts: Map<String, Value> = TEXTS.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
    json!({ "type": "object", "properties": texts, "additionalProperties": described::number() })
}

fn some_flow(_: &mut SchemaGenerator) -> Schema {
    let mut flow = flow_schema();
    flow["minProperties"] = json!(1);
    flow.try_into().unwrap_or_default()
}

fn flows(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "items": flow_schema() })
}

fn line(_: &mut SchemaGenerator) -> Schema {
    let fields = |count: usize| json!({ "type": "array", "minItems": count, "maxItems": count });
    let text = json!({ "type": "string", "pattern": "^[^,]*(,[^,]*){79}((,[^,]*){2})?$" });
    json_schema!({ "anyOf": [text, fields(80), fields(82)] })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowVerdict")]
struct Verdict {
    /// `BENIGN` or `ATTACK`.
    prediction: &'static str,
    /// How far inside (positive, benign) or outside (negative, attack) of what is normal the flow lies.
    confidence: f64,
    is_anomaly: bool,
    /// The row id, to label it by; null when it was only counted.
    id: Option<i64>,
    /// How unusual it is, 0 to 1; above 0.5 is anomalous.
    grade: f64,
    /// Calibrated probability that the verdict is right, 0 to 1.
    certainty: f64,
    model_version: Arc<str>,
    /// Why, worst first; only when asked for, and of at most 1,000 flows of a batch: the attacks first, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ReasonSchema>>")]
    reasons: Option<Vec<Reason>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FlowVerdicts")]
struct Verdicts {
    /// In the order of the flows.
    predictions: Vec<Verdict>,
    total_flows: usize,
    benign_count: usize,
    attack_count: usize,
    /// How many have reasons; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_count: Option<usize>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(one, |op| document(op).summary("Judge one flow").input::<Json<FlowBody>>())
}

pub(crate) fn batch_route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(batch, |op| {
        let op = document(op).summary("Judge many flows").input::<Json<FlowsBody>>();
        docs::refuses::<413>(op, "The body is too large, as sent or decoded, or has too many flows")
    })
}

pub(crate) fn csv_route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(csv, |op| document(op).summary("Judge one flow, given as a line of a table").input::<Json<FlowLine>>())
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<AnalyzeQuery>>();
    docs::refuses::<400>(op, "The flow cannot be made sense of")
}

/// A prediction request, its body received.
struct PredictRequest {
    body: Body,
    /// The time to give flows that have none.
    now: Timestamp,
    explain: Result<bool, Vec<Fault>>,
}

async fn receive(state: &MountState, request: Request) -> Result<PredictRequest, Refusal> {
    let shared = &state.mount.shared;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    Ok(PredictRequest { body, now: shared.clock.now(), explain })
}

fn refused(error: BodyError) -> Refusal {
    match error {
        BodyError::Faults(faults) => invalid(faults),
        BodyError::TooMany(most) => too_many("flows", most),
        BodyError::Duplicate(_) => Refusal::text(StatusCode::BAD_REQUEST, format!("Prediction failed: {error}")),
    }
}

async fn one(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Verdict>, Refusal> {
    let PredictRequest { body, now, explain } = receive(&state, request).await?;
    let (event, _reservation) = body.parse(move |bytes| parse_data(bytes, now)).await;
    judge(&state, both(explain, event.map_err(refused))?, ["BENIGN", "ATTACK"]).await
}

async fn csv(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Verdict>, Refusal> {
    let PredictRequest { body, now, explain } = receive(&state, request).await?;
    let (parsed, _reservation) = body.parse(move |bytes| parse_csv(bytes, now)).await;
    let event = parsed.map_err(|error| Refusal::text(StatusCode::BAD_REQUEST, error.to_string()));
    judge(&state, both(explain, event)?, ["benign", "attack"]).await
}

async fn judge(state: &MountState, (explain, event): (bool, FlowEvent), words: [&'static str; 2]) -> Result<Json<Verdict>, Refusal> {
    let judgement = state.instance.judge(event, explain).await.map_err(not_judged)?;
    Ok(Json(verdict(judgement, words)))
}

async fn batch(State(state): State<Arc<MountState>>, request: Request) -> Result<Written<Verdicts>, Refusal> {
    let most = state.mount.shared.max_batch_events;
    let PredictRequest { body, now, explain } = receive(&state, request).await?;
    let (flows, reservation) = body.parse(move |bytes| parse_batch(bytes, now, most)).await;
    let (explain, flows) = both(explain, flows.map_err(refused))?;
    let _reservation = reservation.grow_to(&state.mount.shared.limits, flows.len() * EVENT_MEMORY)?;
    let events = flows.into_iter().map(|record| record.event).collect();
    let judgements = state.instance.judge_many(events, explain).await.map_err(not_judged)?;
    let total = judgements.len();
    let attacks = judgements.iter().filter(|judgement| judgement.verdict.is_anomalous()).count();
    let answer = move || Verdicts {
        total_flows: judgements.len(),
        benign_count: judgements.len() - attacks,
        attack_count: attacks,
        explained_count: explain.then(|| judgements.iter().filter(|judgement| judgement.explained).count()),
        predictions: judgements.into_iter().map(|judgement| verdict(judgement, ["BENIGN", "ATTACK"])).collect(),
    };
    Ok(Written::of(total, answer).await)
}

fn verdict(judgement: Judgement, [benign, attack]: [&'static str; 2]) -> Verdict {
    let is_anomaly = judgement.verdict.is_anomalous();
    Verdict {
        prediction: if is_anomaly { attack } else { benign },
        confidence: judgement.margin.unwrap_or_default(),
        is_anomaly,
        id: judgement.id,
        grade: judgement.grade,
        certainty: judgement.confidence,
        model_version: judgement.model_version,
        reasons: judgement.explained.then_some(judgement.reasons),
    }
}
