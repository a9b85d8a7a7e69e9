//! `PUT /label/{id}`: labels a verdict.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{
        content::{Content, FromBody},
        described,
        fields::Fields,
        path::Segment,
    },
    mount::Mount,
};
use aide::{
    axum::routing::{ApiMethodRouter, put_with},
    transform::TransformOperation,
};
use axum::{Json, extract::State};
use bartizan_core::{Label, Verdict};
use bartizan_domains::faults::{Fault, shown_text};
use bartizan_pipeline::LifeCycle;
use bartizan_storage::{DetectionKey, LabelChange, LabelOutcome, StoreError};
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the path in the OpenAPI document")]
struct Id {
    /// The row id, or the request id that the sender gave (its newest row).
    id: String,
}

#[derive(JsonSchema)]
#[schemars(rename = "LabelBody")]
struct LabelBody {
    /// True for an attack, false for legitimate traffic.
    #[schemars(schema_with = "described::truth")]
    user_label: bool,
    /// Who says so.
    #[schemars(length(max = LONGEST_NAME))]
    changed_by: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Labelled")]
struct Answer {
    success: bool,
    /// The row id.
    request_id: i64,
    /// The model's verdict; null when there was no model.
    old_label: Option<bool>,
    new_label: bool,
    /// The label before this one, if any.
    previous_label: Option<bool>,
    message: String,
}

const LONGEST_NAME: usize = 256;

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    put_with(handler, document)
}

/// Returns the same route under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Mount>> {
    put_with(handler, move |op| docs::alias(document(op), of))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Manage))).summary("Correct or confirm a verdict");
    docs::refuses::<404>(op, "No such request")
}

async fn handler(
    State(mount): State<Arc<Mount>>,
    id: Segment<Id>,
    Content { read, reservation: _reservation }: Content<LabelBody>,
) -> Result<Json<Answer>, Refusal> {
    let change = LabelChange {
        label: if read.user_label { Label::Anomalous } else { Label::Legitimate },
        changed_by: read.changed_by,
        changed_at: mount.shared.clock.now(),
    };
    let outcome = label(mount.life(), id.text, change).await?;
    let outcome = outcome.ok_or_else(|| Refusal::text(StatusCode::NOT_FOUND, "Request not found"))?;
    let word = if read.user_label { "an attack" } else { "legitimate" };
    Ok(Json(Answer {
        success: true,
        request_id: outcome.id,
        old_label: outcome.verdict.map(Verdict::is_anomalous),
        new_label: read.user_label,
        previous_label: outcome.previous.map(Label::is_anomalous),
        message: format!("Request {} is labelled {word}", outcome.id),
    }))
}

/// Digits are tried as a row id first, then as the sender's id like any other text.
async fn label(life: &dyn LifeCycle, id: String, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError> {
    if let Ok(row) = id.parse::<i64>() {
        let outcome = life.label(&DetectionKey::Id(row), change.clone()).await?;
        if outcome.is_some() {
            return Ok(outcome);
        }
    }
    life.label(&DetectionKey::EventId(id), change).await
}

impl FromBody for LabelBody {
    const NAMES: &'static [&'static str] = &["user_label", "changed_by"];

    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let (user_label, changed_by) = (fields.boolean("user_label"), fields.string("changed_by"));
        if let Some(name) = changed_by.as_ref().filter(|name| name.chars().count() > LONGEST_NAME) {
            let text = format!("String should have at most {LONGEST_NAME} characters");
            fields.fault(Fault::new("string_too_long", vec!["body".into(), "changed_by".into()], text, shown_text(name)));
        }
        Some(Self { user_label: user_label?, changed_by: changed_by? })
    }
}
