//! `POST /analyze`: one request in, a verdict out. The hot path of the product: it does not pass the router.

use crate::{
    config::Scope,
    docs,
    http::{
        body,
        guard::ok_json,
        refusal::Refusal,
        request_body::RequestBody,
        table::{Direct, Reply},
    },
    input::{described, fault::in_body, params::Params},
    mount_state,
    requests::MountState,
};
use aide::{
    axum::routing::{ApiMethodRouter, post_with},
    transform::TransformOperation,
};
use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use bartizan_core::Timestamp;
use bartizan_domains::{
    faults::Fault,
    requests::{RequestEvent, body::parse_event},
};
use bartizan_pipeline::{Judgement, Reason};
use bytes::Bytes;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) const PATH: &str = "/analyze";

/// An API request as a gateway saw it.
#[derive(JsonSchema)]
#[schemars(rename = "ApiRequest")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; the domain parses it")]
pub(crate) struct ApiRequest {
    /// The sender's name for it; repeats are allowed.
    request_id: String,
    /// The client: an address, with or without port, or a list as in X-Forwarded-For. Of a list, it is the last entry that is no
    /// trusted proxy (`server.trusted_proxies`); where none is trusted, the first.
    ip_address: String,
    endpoint: String,
    http_method: String,
    headers: BTreeMap<String, String>,
    /// The body of the request, if any.
    payload: Option<Value>,
    /// When it came, RFC 3339 or seconds or milliseconds since 1970; now if left out. One that is too far ahead of the clock
    /// (`events.max_ahead_secs`) counts as now.
    #[schemars(schema_with = "described::time_or_null", default)]
    timestamp: Option<String>,
    /// Text; anything else is passed over.
    query_string: Option<Value>,
    /// Text; anything else is passed over.
    content_type: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
pub(crate) struct Answer<'a> {
    request_id: &'a str,
    #[serde(rename = "isAnomaly")]
    is_anomaly: bool,
    /// How sure the service is of this verdict, 0 to 1.
    confidence: f64,
    model_version: &'a str,
    #[schemars(with = "String")]
    analyzed_at: Time,
    /// The row id, to label it by; null when it was only counted.
    id: Option<i64>,
    /// How unusual it is, 0 to 1; above 0.5 is anomalous.
    grade: f64,
    /// Why, worst first; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<mount_state::ReasonSchema>>")]
    reasons: Option<&'a [Reason]>,
}

/// A time that serialises without an allocation.
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| document(op).summary("Judge one API request").input::<Params<mount_state::AnalyzeQuery>>())
}

pub(crate) fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Judge)));
    op.input::<Json<ApiRequest>>().response::<200, Json<Answer<'static>>>()
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Response {
    let explain = mount_state::wants_reasons(request.uri().query());
    respond(judge(&state, explain, request).await)
}

/// An answer for the router.
pub(crate) fn respond(answer: Result<Bytes, Refusal>) -> Response {
    answer.map_or_else(IntoResponse::into_response, |bytes| ([(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response())
}

impl Direct for MountState {
    fn answer(&self, request: hyper::Request<RequestBody>) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let explain = mount_state::wants_reasons(request.uri().query());
            judge(self, explain, request).await.map_or_else(Refusal::answer_bytes, ok_json)
        })
    }
}

/// Reads, judges, answers. The time limit is around the caller.
pub(crate) async fn judge<B>(state: &MountState, explain: Result<bool, Vec<Fault>>, request: hyper::Request<B>) -> Result<Bytes, Refusal>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let shared = &state.mount.shared;
    let body = body::receive_all(request, &shared.limits).await?;
    let now = shared.clock.now();
    let (parsed, _reservation) = body.parse(move |bytes| parse(bytes, now)).await;
    let (event, explain) = match (parsed, explain) {
        (Ok(event), Ok(explain)) => (event, explain),
        (Ok(_), Err(faults)) | (Err(faults), Ok(_)) => return Err(Refusal::Invalid(faults)),
        (Err(of_body), Err(of_query)) => return Err(Refusal::Invalid(of_query.into_iter().chain(of_body).collect())),
    };
    let request_id = event.request_id.clone();
    let judgement = state.instance.judge(event, explain).await?;
    written(&request_id, &judgement, explain)
}

fn parse(bytes: &[u8], now: Timestamp) -> Result<RequestEvent, Vec<Fault>> {
    parse_event(bytes, now).map_err(in_body)
}

fn written(request_id: &str, judgement: &Judgement, explain: bool) -> Result<Bytes, Refusal> {
    let answer = Answer {
        request_id,
        is_anomaly: judgement.verdict.is_anomalous(),
        confidence: judgement.confidence,
        model_version: &judgement.model_version,
        analyzed_at: Time(judgement.analyzed_at),
        id: judgement.id,
        grade: judgement.grade,
        reasons: explain.then_some(&judgement.reasons),
    };
    let mut bytes = Vec::with_capacity(256 + request_id.len());
    serde_json::to_writer(&mut bytes, &answer).map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(bytes.into())
}
