//! `POST /detect`: a batch of entries in, the anomalous ones out. It leaves no trace in the windows.

use super::{
    MountState, not_judged,
    score::{anomaly_score, entry_schema, grade_above, severity},
};
use crate::{
    config::Scope,
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, params::Params},
    mount_state::{AnalyzeQuery, ReasonSchema, Written, both, invalid, too_many, wants_reasons},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::Timestamp;
use bartizan_domains::{
    faults::{Fault, MAX_FAULTS},
    logs::{
        LogEvent,
        body::{Batch, BodyError, parse_batch},
    },
    raw::Raw,
    scalar,
};
use bartizan_pipeline::{Apart, Judgement, LifeCycle as _, Reason};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Entries below this score are listed, where a body does not say otherwise.
const THRESHOLD: f64 = -0.5;
/// Memory that is counted for an entry, what the windows say of it, its verdict and the answer about it.
const ENTRY_MEMORY: usize = 2 << 10;

#[derive(JsonSchema)]
#[schemars(rename = "LogsBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct LogsBody {
    /// At most as many as `server.max_batch_events` says: 65,536 if it is not set. More are refused with 413.
    #[schemars(schema_with = "entries")]
    logs: Vec<LogEvent>,
    /// Entries with a score below this are listed; -0.5, the learned boundary, if left out. 0 lists all.
    #[schemars(schema_with = "threshold", default)]
    threshold: Option<f64>,
}

pub(super) fn entries(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": entry_schema() })
}

fn threshold(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "string", "boolean", "null"], "default": THRESHOLD })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogAnomaly")]
struct Anomaly {
    /// Its place in the list, from 0.
    log_index: usize,
    timestamp: String,
    user_id: String,
    endpoint: String,
    method: String,
    status_code: Option<i64>,
    /// Seconds.
    response_time: Option<f64>,
    /// From -1 to below 0; lower is worse, -0.5 is the learned boundary.
    anomaly_score: f64,
    /// `high` below -0.8, `medium` below -0.65, else `low`.
    severity: &'static str,
    /// Calibrated probability that the verdict on it is right, 0 to 1.
    confidence: f64,
    /// The row id, to label it by; null when it was only counted.
    id: Option<i64>,
    /// Why, worst first; only when asked for, and of the first 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ReasonSchema>>")]
    reasons: Option<Vec<Reason>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogAnomalies")]
struct Answer {
    /// Entries with a score below the threshold, in the order of the list.
    anomalies: Vec<Anomaly>,
    total_logs: usize,
    anomaly_count: usize,
    /// 0 to 1.
    anomaly_rate: f64,
    /// Mean probability that a verdict on these entries is right, 0 to 1.
    model_confidence: f64,
    model_version: Option<Arc<str>>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| {
        let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<AnalyzeQuery>>();
        let op = op.summary("Judge a batch of log entries, which leaves no trace in the sliding windows").input::<Json<LogsBody>>();
        let op = docs::refuses::<400>(op, "There is no model");
        docs::refuses::<413>(op, "The body is too large, as sent or decoded, or has too many entries")
    })
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Written<Answer>, Refusal> {
    let shared = &state.mount.shared;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    let most = shared.max_batch_events;
    let (read, reservation) = body.parse(move |bytes| read(bytes, most)).await;
    let (explain, (events, threshold)) = both(explain, read)?;
    let _reservation = reservation.grow_to(&shared.limits, events.len() * ENTRY_MEMORY)?;
    // As they were sent: one that is dated too far ahead is judged as if it came now.
    let times: Vec<Timestamp> = events.iter().map(|event| event.timestamp).collect();
    let asked = Apart { explain, listed_above: grade_above(threshold) };
    let model_version = state.instance.active().map(|model| Arc::from(model.version.as_str()));
    let (events, judgements) = state.instance.judge_apart(events, asked).await.map_err(not_judged)?;
    let total = events.len();
    Ok(Written::of(total, move || answer(events, &times, judgements, asked, model_version)).await)
}

/// The entries of a body, and the threshold; the faults of both.
fn read(bytes: &[u8], most: usize) -> Result<(Vec<LogEvent>, f64), Refusal> {
    match parse_batch(bytes, most) {
        Err(BodyError::TooMany(most)) => Err(too_many("log entries", most)),
        Err(BodyError::Faults(mut found)) => {
            // What is no object has been said already; a list or an object stands for any, as in a batch.
            let shown = |raw: Raw<'_>| raw.scalar().unwrap_or_else(|| Value::Array(Vec::new()));
            let threshold = object(bytes, &["threshold"]).ok().and_then(|object| object.some("threshold").map(shown));
            found.extend(threshold.and_then(|value| read_threshold(Some(value)).err()).into_iter().flatten());
            found.truncate(MAX_FAULTS);
            Err(invalid(found))
        }
        Ok(Batch { events, threshold }) => match read_threshold(threshold) {
            Ok(threshold) => Ok((events, threshold)),
            Err(faults) => Err(invalid(faults)),
        },
    }
}

fn read_threshold(given: Option<Value>) -> Result<f64, Vec<Fault>> {
    let Some(value) = given else { return Ok(THRESHOLD) };
    scalar::float(&value).map_err(|wrong| vec![scalar::fault(wrong, vec!["threshold".into()], value)])
}

fn answer(events: Vec<LogEvent>, times: &[Timestamp], judgements: Vec<Judgement>, asked: Apart, model_version: Option<Arc<str>>) -> Answer {
    let total = events.len();
    let sure: f64 = judgements.iter().map(|judgement| judgement.confidence).sum();
    let listed = events.into_iter().zip(judgements).enumerate().filter(|(_, (_, judgement))| judgement.grade > asked.listed_above);
    let anomalies: Vec<Anomaly> = listed
        .map(|(log_index, (event, judgement))| {
            let anomaly_score = anomaly_score(judgement.grade);
            Anomaly {
                log_index,
                timestamp: times[log_index].to_string(),
                user_id: event.user_id,
                endpoint: event.endpoint,
                method: event.method,
                status_code: event.status_code,
                response_time: event.response_time,
                anomaly_score,
                severity: severity(anomaly_score),
                confidence: judgement.confidence,
                id: judgement.id,
                reasons: judgement.explained.then_some(judgement.reasons),
            }
        })
        .collect();
    let of_total = |sum: f64| if total == 0 { 0.0 } else { sum / total as f64 };
    Answer {
        total_logs: total,
        anomaly_count: anomalies.len(),
        anomaly_rate: of_total(anomalies.len() as f64),
        model_confidence: of_total(sure),
        model_version,
        anomalies,
    }
}
