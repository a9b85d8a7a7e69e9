//! `/exclusions`: what is kept out of training.

use crate::{
    config::Scope,
    docs,
    http::refusal::{Refusal, exclusion_fault, json, wrong_value},
    input::{
        content::{Content, FromBody},
        described,
        fields::Fields,
        path::Segment,
    },
    mount::Mount,
};
use aide::{
    OperationInput, OperationOutput,
    axum::routing::{ApiMethodRouter, delete_with, get_with},
    generate::GenContext,
    openapi::{self, Operation},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bartizan_pipeline::{Exclude, ExclusionFault, MAX_NOTE_CHARS};
use bartizan_storage::Exclusion;
use hyper::{StatusCode, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the path in the OpenAPI document")]
struct Id {
    /// The exclusion's number.
    id: i64,
}

/// At least one of `entity`, `from` and `to` is given. What is left out does not restrict.
#[derive(JsonSchema)]
#[schemars(rename = "ExclusionBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; what is read of it is in `Wanted`")]
struct Body {
    /// Exactly this entity (client, user, service), in any spelling that an event may have it in.
    #[schemars(default)]
    entity: Option<String>,
    /// Events that happened at or after this time, RFC 3339.
    #[schemars(schema_with = "described::text_time_or_null", default)]
    from: Option<String>,
    /// Events that happened before this time, RFC 3339; later than `from`.
    #[schemars(schema_with = "described::text_time_or_null", default)]
    to: Option<String>,
    /// Why.
    #[schemars(length(max = MAX_NOTE_CHARS), default)]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Exclusion")]
struct Answer {
    id: i64,
    /// As stored events have it; null for any.
    entity: Option<String>,
    /// The earliest event time; null for no bound.
    #[schemars(schema_with = "described::text_time_or_null")]
    from: Option<String>,
    /// The event time from which on it no longer holds; null for no bound.
    #[schemars(schema_with = "described::text_time_or_null")]
    to: Option<String>,
    note: String,
    #[schemars(schema_with = "described::time")]
    created_at: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Exclusions")]
struct Listed {
    /// Oldest first.
    exclusions: Vec<Answer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExclusionRemoved")]
struct Removed {
    success: bool,
    message: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    let described = get_with(list_handler, |op| docs::needs(op, Scope::Read).summary("What is kept out of training, oldest first"));
    described.post_with(add_handler, |op| {
        let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Manage)));
        let op = op.summary("Keep an entity, a range of time, or both together out of training").input::<Json<Body>>();
        docs::refuses::<409>(op, "There are as many as there may be: remove some first")
    })
}

/// The routes of a single one.
pub(crate) fn one() -> ApiMethodRouter<Arc<Mount>> {
    delete_with(remove_handler, |op| {
        let op = docs::needs(op, Scope::Manage)
            .summary("Remove an exclusion: the next training learns from its events again, unless another one names them");
        docs::refuses::<404>(op, "No such exclusion")
    })
}

async fn list_handler(State(mount): State<Arc<Mount>>) -> Result<Json<Listed>, Refusal> {
    let exclusions = mount.life().exclusions().await?;
    Ok(Json(Listed { exclusions: exclusions.into_iter().map(Answer::from).collect() }))
}

async fn add_handler(
    State(mount): State<Arc<Mount>>,
    Content { read, reservation: _reservation }: Content<Wanted>,
) -> Result<Created, Refusal> {
    Ok(Created(mount.life().exclude(read.0).await?.into()))
}

async fn remove_handler(State(mount): State<Arc<Mount>>, id: Segment<Id>) -> Result<Json<Removed>, Refusal> {
    let absent = || Refusal::text(StatusCode::NOT_FOUND, "Exclusion not found");
    let id: i64 = id.text.parse().map_err(|_| absent())?;
    if !mount.life().remove_exclusion(id).await? {
        return Err(absent());
    }
    Ok(Json(Removed { success: true, message: format!("Exclusion {id} is removed; the next training learns from its events again") }))
}

/// What the body asks for.
struct Wanted(Exclude);

impl OperationInput for Content<Wanted> {}

impl FromBody for Wanted {
    const NAMES: &'static [&'static str] = &["entity", "from", "to", "note"];

    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let exclude = Exclude {
            entity: fields.string_if_any("entity"),
            from: fields.time_if_any("from"),
            to: fields.time_if_any("to"),
            note: fields.string_if_any("note").unwrap_or_default(),
        };
        // What is there and cannot be read has its own fault.
        let is_there = ["entity", "from", "to"].into_iter().any(|name| fields.raw(name).is_some());
        let faults = exclude.faults().into_iter().filter(|fault| !(is_there && *fault == ExclusionFault::NamesNothing));
        faults.for_each(|fault| fields.fault(exclusion_fault(&fault)));
        // A name that is misspelt would leave a bound away, and exclude more than was meant.
        if let Some(name) = fields.unknown(Self::NAMES) {
            fields.fault(wrong_value(&["body"], &format!("there is no field {name:?}, only {}", Self::NAMES.join(", "))));
        }
        Some(Self(exclude))
    }
}

/// 201 with what was stored.
struct Created(Answer);

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(CONTENT_TYPE, "application/json")], json(&self.0)).into_response()
    }
}

impl OperationOutput for Created {
    type Inner = Answer;

    fn operation_response(context: &mut GenContext, operation: &mut Operation) -> Option<openapi::Response> {
        Json::<Answer>::operation_response(context, operation)
    }

    fn inferred_responses(context: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, openapi::Response)> {
        let response = Self::operation_response(context, operation);
        response.into_iter().map(|response| (Some(201), response)).collect()
    }
}

impl From<Exclusion> for Answer {
    fn from(Exclusion { id, exclusion }: Exclusion) -> Self {
        Self {
            id,
            entity: exclusion.entity,
            from: exclusion.from.map(|time| time.to_string()),
            to: exclusion.to.map(|time| time.to_string()),
            note: exclusion.note,
            created_at: exclusion.created_at.to_string(),
        }
    }
}
