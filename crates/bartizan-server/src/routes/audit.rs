//! `GET /audit`: the verdicts given, newest first.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{
        described,
        params::{FromQuery, Params},
        query::Query,
    },
    mount::Mount,
};
use aide::{
    axum::routing::{ApiMethodRouter, get_with},
    transform::TransformOperation,
};
use axum::{Json, extract::State};
use bartizan_core::Label;
use bartizan_domains::scalar::Bounds;
use bartizan_storage::{AuditFilter, Detection};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the query in the OpenAPI document; what is read of it is in `AuditQuery`")]
struct AuditQuerySchema {
    /// From 1.
    #[schemars(schema_with = "page_number", default = "first_page")]
    page: i64,
    #[schemars(range(min = 1, max = 100), default = "usual_size")]
    page_size: i64,
    /// Exactly this entity (client, user, service), in any spelling that an event may have it in; empty for any.
    #[schemars(skip_serializing_if = "is_left_out", default)]
    entity: String,
    /// Another name of `entity`; where both are given, `entity` holds.
    #[schemars(skip_serializing_if = "is_left_out", default)]
    ip_address: String,
    #[schemars(schema_with = "described::truth", skip_serializing_if = "is_left_out", default)]
    is_anomaly: bool,
    #[schemars(range(min = 0.0, max = 1.0), skip_serializing_if = "is_left_out", default)]
    min_confidence: f64,
    #[schemars(range(min = 0.0, max = 1.0), skip_serializing_if = "is_left_out", default)]
    max_confidence: f64,
    /// Analysed at or after this time, RFC 3339.
    #[schemars(schema_with = "described::time", skip_serializing_if = "is_left_out", default)]
    date_from: String,
    /// Analysed at or before this time, RFC 3339.
    #[schemars(schema_with = "described::time", skip_serializing_if = "is_left_out", default)]
    date_to: String,
    #[schemars(schema_with = "described::truth", skip_serializing_if = "is_left_out", default)]
    has_user_label: bool,
    /// Exactly this class, for detectors that tell classes apart; empty for any.
    #[schemars(skip_serializing_if = "is_left_out", default)]
    class: String,
    /// List what came while there was no model, too.
    #[schemars(schema_with = "described::truth", default)]
    include_unjudged: bool,
}

/// Parameters that filter only where they are given have no default.
fn is_left_out<T>(_: &T) -> bool {
    true
}

/// From 1; what is beyond 64 bits is past the end like any other.
fn page_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1 })
}

fn first_page() -> i64 {
    1
}

fn usual_size() -> i64 {
    20
}

/// A page asked for.
pub(crate) struct AuditQuery {
    page: i64,
    page_size: i64,
    filter: AuditFilter,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Audit")]
pub(crate) struct Answer {
    total_records: u64,
    page: i64,
    page_size: i64,
    /// 0 when nothing matches.
    total_pages: u64,
    data: Vec<Row>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditRow")]
struct Row {
    id: i64,
    /// The sender's name for the event; empty when it has none.
    event_id: String,
    /// Who: the client's address, the user, the service.
    entity: String,
    /// On what: the endpoint, the destination.
    resource: String,
    /// Doing what: the method, the protocol.
    action: String,
    /// `event_id`, `entity`, `resource` and `action` under the names that deployed clients know.
    request_id: String,
    ip_address: String,
    endpoint: String,
    http_method: String,
    /// Null for what came while there was no model.
    is_anomaly: Option<bool>,
    confidence: Option<f64>,
    grade: Option<f64>,
    model_version: Option<String>,
    /// For detectors that tell classes apart.
    class: Option<String>,
    /// Probability that the event has this class, 0 to 1.
    class_probability: Option<f64>,
    /// What a person said: true for an attack.
    user_label: Option<bool>,
    timestamp: String,
    analyzed_at: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, document)
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, move |op| docs::alias(document(op), of))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    docs::checks_input(docs::needs(op, Scope::Read)).summary("The verdicts given, newest first").input::<Params<AuditQuerySchema>>()
}

async fn handler(State(mount): State<Arc<Mount>>, Params(query): Params<AuditQuery>) -> Result<Json<Answer>, Refusal> {
    let AuditQuery { page, page_size, filter } = query;
    let size = page_size.unsigned_abs();
    // Stores count in 64 bits with a sign.
    let offset = (page.unsigned_abs() - 1).saturating_mul(size).min(i64::MAX as u64);
    let found = mount.life().audit(&filter, offset, size).await?;
    let data = found.rows.into_iter().map(Row::from).collect();
    Ok(Json(Answer { total_records: found.total, page, page_size, total_pages: found.total.div_ceil(size), data }))
}

impl FromQuery for AuditQuery {
    fn from_query(query: &mut Query<'_>) -> Self {
        let share = Bounds { ge: Some(0.0), le: Some(1.0) };
        let page = query.int("page", Bounds { ge: Some(1), le: None }).unwrap_or_else(first_page);
        let page_size = query.int("page_size", Bounds { ge: Some(1), le: Some(100) }).unwrap_or_else(usual_size);
        let by_address = query.text("ip_address");
        let filter = AuditFilter {
            entity: query.text("entity").or(by_address),
            is_anomaly: query.boolean("is_anomaly"),
            min_confidence: query.float("min_confidence", share),
            max_confidence: query.float("max_confidence", share),
            from: query.time("date_from"),
            to: query.time("date_to"),
            has_label: query.boolean("has_user_label"),
            class: query.text("class"),
            include_unjudged: query.boolean("include_unjudged").unwrap_or(false),
        };
        Self { page, page_size, filter }
    }
}

impl aide::OperationInput for Params<AuditQuery> {}

impl From<Detection> for Row {
    fn from(Detection { id, detection }: Detection) -> Self {
        let judged = detection.judged;
        let class = judged.as_ref().and_then(|judged| judged.class.as_ref());
        Self {
            class: class.map(|class| class.name.clone().into_owned()),
            class_probability: class.map(|class| class.probability),
            id,
            request_id: detection.event_id.clone(),
            ip_address: detection.entity.clone(),
            endpoint: detection.resource.clone(),
            http_method: detection.action.clone(),
            event_id: detection.event_id,
            entity: detection.entity,
            resource: detection.resource,
            action: detection.action,
            is_anomaly: judged.as_ref().map(|judged| judged.verdict.is_anomalous()),
            confidence: judged.as_ref().map(|judged| judged.confidence),
            grade: judged.as_ref().map(|judged| judged.grade),
            model_version: judged.map(|judged| judged.model_version.as_ref().to_owned()),
            user_label: detection.label.map(Label::is_anomalous),
            timestamp: detection.event_time.to_string(),
            analyzed_at: detection.analyzed_at.to_string(),
        }
    }
}
