//! `POST /analyze`: one entry of the stream, judged and counted into the windows.

use super::{
    MountState, not_judged,
    score::{anomaly_score, entry_schema, severity},
};
use crate::{
    config::Scope,
    docs,
    http::{body, refusal::Refusal},
    input::{fault::in_body, params::Params},
    mount_state::{AnalyzeQuery, ReasonSchema, both, wants_reasons},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_domains::logs::body::parse_entry;
use bartizan_pipeline::Reason;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use std::sync::Arc;

/// One entry.
struct Entry;

impl JsonSchema for Entry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LogEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        entry_schema().try_into().unwrap_or_default()
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogVerdict")]
struct Answer {
    is_anomaly: bool,
    /// From -1 to below 0; lower is worse, -0.5 is the boundary.
    anomaly_score: f64,
    /// `high` below -0.8, `medium` below -0.65, else `low`.
    severity: &'static str,
    /// Calibrated probability that the verdict is right, 0 to 1.
    confidence: f64,
    /// The row id, to label it by; null when it was only counted.
    id: Option<i64>,
    model_version: Arc<str>,
    /// Why, worst first; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ReasonSchema>>")]
    reasons: Option<Vec<Reason>>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| {
        let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<AnalyzeQuery>>();
        let op = op.summary("Judge one log entry of the stream, which counts in the sliding windows").input::<Json<Entry>>();
        docs::refuses::<400>(op, "There is no model; the entry was kept as history")
    })
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Answer>, Refusal> {
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &state.mount.shared.limits).await?;
    let (parsed, _reservation) = body.parse(|bytes| parse_entry(bytes)).await;
    let (explain, event) = both(explain, parsed.map_err(|faults| Refusal::Invalid(in_body(faults))))?;
    let judgement = state.instance.judge(event, explain).await.map_err(not_judged)?;
    let anomaly_score = anomaly_score(judgement.grade);
    Ok(Json(Answer {
        is_anomaly: judgement.verdict.is_anomalous(),
        anomaly_score,
        severity: severity(anomaly_score),
        confidence: judgement.confidence,
        id: judgement.id,
        model_version: judgement.model_version,
        reasons: explain.then_some(judgement.reasons),
    }))
}
