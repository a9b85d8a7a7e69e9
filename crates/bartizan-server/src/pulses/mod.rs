//! Detectors of kind `pulses`, which only tests build: heart-beats in, verdicts out.

use crate::{
    config::Scope,
    docs,
    http::{body, refusal::Refusal},
    input::params::Params,
    mount_state::{AnalyzeQuery, ReasonSchema, both, invalid, wants_reasons},
    mounts::Wire,
    routes::at,
};
use aide::axum::{
    ApiRouter,
    routing::{ApiMethodRouter, post_with},
};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_domains::pulses::{Pulses, body::parse_pulse};
use bartizan_pipeline::Reason;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

type MountState = crate::mount_state::MountState<Pulses>;

#[derive(JsonSchema)]
#[schemars(rename = "PulseBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct PulseBody {
    host: String,
    service: String,
    interval_secs: f64,
    missed: Option<u16>,
    timestamp: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PulseVerdict")]
struct Verdict {
    is_anomaly: bool,
    confidence: f64,
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<ReasonSchema>>")]
    reasons: Option<Vec<Reason>>,
}

impl Wire for Pulses {
    fn routes(prefix: &str) -> ApiRouter<Arc<MountState>> {
        ApiRouter::new().api_route(&at(prefix, "/judge"), judge_route())
    }
}

fn judge_route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(judge, |op| {
        let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<AnalyzeQuery>>();
        op.summary("Judge one heart-beat").input::<Json<PulseBody>>()
    })
}

async fn judge(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<Verdict>, Refusal> {
    let shared = &state.mount.shared;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    let now = shared.clock.now();
    let (event, _reservation) = body.parse(move |bytes| parse_pulse(bytes, now)).await;
    let (explain, event) = both(explain, event.map_err(invalid))?;
    let judgement = state.instance.judge(event, explain).await?;
    let is_anomaly = judgement.verdict.is_anomalous();
    let reasons = judgement.explained.then_some(judgement.reasons);
    Ok(Json(Verdict { is_anomaly, confidence: judgement.confidence, id: judgement.id, reasons }))
}
