//! `POST /predict` and `/predict-batch`: sessions in, attack types and risks out.

use super::{MountState, not_judged};
use crate::{
    config::Scope,
    docs,
    http::{body, refusal::Refusal},
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
use bartizan_domains::behavior::{
    Assessment,
    body::{LogsError, parse_logs, parse_session},
};
use bartizan_pipeline::{Judgement, Reason};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Risks from here on are high.
const HIGH_RISK: u8 = 7;

/// A session's counters.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
pub(super) struct Counters {
    #[schemars(schema_with = "described::whole::<0, 150>")]
    failed_logins: u16,
    /// A second.
    #[schemars(schema_with = "described::whole::<1, 600>")]
    request_rate: u16,
    #[schemars(schema_with = "described::whole::<0, 20>")]
    commands_count: u16,
    #[schemars(schema_with = "described::whole::<0, 1>")]
    sql_payload: u16,
    #[schemars(schema_with = "described::whole::<0, 1>")]
    honeytoken_access: u16,
    /// Seconds.
    #[schemars(schema_with = "described::whole::<10, 600>")]
    session_time: u16,
    /// Who, as text; anything else is passed over.
    client: Option<Value>,
    /// When it began, RFC 3339; now if left out or anything else.
    timestamp: Option<Value>,
    /// The sender's name for it, as text; anything else is passed over.
    session_id: Option<Value>,
}

/// A session's counters, and what may be known of it.
#[derive(JsonSchema)]
#[schemars(rename = "SessionBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct SessionBody {
    #[schemars(flatten)]
    counters: Counters,
    /// One of the five attack types, where it is known; anything else is passed over.
    label: Option<Value>,
}

#[derive(JsonSchema)]
#[schemars(rename = "SessionsBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct SessionsBody {
    /// At most as many as `server.max_batch_events` says: 65,536 if it is not set. More are refused with 413.
    logs: Vec<SessionBody>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionVerdict")]
struct Verdict {
    /// `Normal`, `BruteForce`, `Injection`, `DataExfil` or `Recon`.
    attack_type: &'static str,
    /// 1 to 10.
    risk_score: u8,
    /// Share of the forest's votes for that type, 0 to 1.
    confidence: f64,
    /// Minus the isolation forest's score: the lower, the more unusual.
    anomaly_score: f64,
    is_anomaly: bool,
    /// The row id, to label it by; null when it was only counted.
    id: Option<i64>,
    model_version: Arc<str>,
    /// Why, worst first; only when asked for, and of at most 1,000 sessions of a batch: the anomalous ones first, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ReasonSchema>>")]
    reasons: Option<Vec<Reason>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionVerdicts")]
struct Verdicts {
    /// In the order of the sessions.
    results: Vec<Verdict>,
    total_processed: usize,
    /// With a risk of 7 or more.
    high_risk_count: usize,
    /// How many have reasons; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_count: Option<usize>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(one, |op| document(op).summary("Judge one session").input::<Json<SessionBody>>())
}

pub(crate) fn batch_route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(batch, |op| {
        let op = document(op).summary("Judge many sessions").input::<Json<SessionsBody>>();
        docs::refuses::<413>(op, "The body is too large, as sent or decoded, or has too many sessions")
    })
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<AnalyzeQuery>>();
    docs::refuses::<500>(op, "No model is loaded")
}

async fn one(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Verdict>, Refusal> {
    let shared = &state.mount.shared;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    let now = shared.clock.now();
    let (event, _reservation) = body.parse(move |bytes| parse_session(bytes, now)).await;
    let (explain, event) = both(explain, event.map_err(invalid))?;
    let judged = state.instance.judge(event, explain).await;
    let judgement = judged.map_err(|error| not_judged(error, "ML models not loaded. Please check server logs."))?;
    Ok(Json(verdict(judgement)))
}

async fn batch(State(state): State<Arc<MountState>>, request: Request) -> Result<Written<Verdicts>, Refusal> {
    let shared = &state.mount.shared;
    let most = shared.max_batch_events;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    let now = shared.clock.now();
    let (events, reservation) = body.parse(move |bytes| parse_logs(bytes, now, most)).await;
    let (explain, events) = both(explain, events.map_err(refused))?;
    let _reservation = reservation.grow_to(&shared.limits, events.len() * EVENT_MEMORY)?;
    let judgements = state.instance.judge_many(events, explain).await.map_err(|error| not_judged(error, "ML models not loaded"))?;
    let total = judgements.len();
    let answer = move || {
        let explained_count = explain.then(|| judgements.iter().filter(|judgement| judgement.explained).count());
        let results: Vec<Verdict> = judgements.into_iter().map(verdict).collect();
        let high_risk_count = results.iter().filter(|verdict| verdict.risk_score >= HIGH_RISK).count();
        Verdicts { total_processed: results.len(), high_risk_count, explained_count, results }
    };
    Ok(Written::of(total, answer).await)
}

/// Why sessions are not judged.
fn refused(error: LogsError) -> Refusal {
    match error {
        LogsError::Faults(faults) => invalid(faults),
        LogsError::TooMany(most) => too_many("sessions", most),
    }
}

fn verdict(judgement: Judgement) -> Verdict {
    let class = judgement.class.map(|class| (class.index, class.probability));
    let assessment = Assessment::new(class, judgement.score, judgement.grade);
    Verdict {
        attack_type: assessment.attack.name(),
        risk_score: assessment.risk,
        confidence: assessment.confidence,
        anomaly_score: assessment.anomaly_score,
        is_anomaly: judgement.verdict.is_anomalous(),
        id: judgement.id,
        model_version: judgement.model_version,
        reasons: judgement.explained.then_some(judgement.reasons),
    }
}
