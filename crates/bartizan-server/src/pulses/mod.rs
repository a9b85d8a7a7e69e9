//! Detectors of kind `pulses`, which only tests build: heart-beats in, verdicts out.

use crate::{
    config::Scope,
    docs,
    here::{Asked, Why, both, invalid, wants_reasons},
    http::{body, refusal::Refusal},
    input::params::Params,
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

type Here = crate::here::Here<Pulses>;

#[derive(JsonSchema)]
#[schemars(rename = "PulseBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
struct Described {
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
    #[schemars(with = "Option<Vec<Why>>")]
    reasons: Option<Vec<Reason>>,
}

impl Wire for Pulses {
    fn routes(prefix: &str) -> ApiRouter<Arc<Here>> {
        ApiRouter::new().api_route(&at(prefix, "/judge"), judge_route())
    }
}

fn judge_route() -> ApiMethodRouter<Arc<Here>> {
    post_with(judge, |op| {
        let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge))).input::<Params<Asked>>();
        op.summary("Judge one heart-beat").input::<Json<Described>>()
    })
}

async fn judge(State(here): State<Arc<Here>>, request: Request) -> Result<Json<Verdict>, Refusal> {
    let shared = &here.mount.shared;
    let explain = wants_reasons(request.uri().query());
    let body = body::receive(request, &shared.limits).await?;
    let now = shared.clock.now();
    let (event, _room) = body.parse(move |bytes| parse_pulse(bytes, now)).await;
    let (explain, event) = both(explain, event.map_err(invalid))?;
    let judgement = here.instance.judge(event, explain).await?;
    let is_anomaly = judgement.verdict.is_anomalous();
    let reasons = judgement.explained.then_some(judgement.reasons);
    Ok(Json(Verdict { is_anomaly, confidence: judgement.confidence, id: judgement.id, reasons }))
}
