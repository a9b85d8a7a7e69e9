//! `POST /models/{version}/activate`: makes a stored version the active one.

use crate::{config::Scope, docs, http::refusal::Refusal, input::path::Segment, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the path in the OpenAPI document")]
struct Version {
    /// A stored version, such as `v1.0`.
    version: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Activated")]
struct Answer {
    success: bool,
    /// `none` when there was none.
    old_model_version: String,
    new_model_version: String,
    message: String,
}

/// The version that is reported when there is no model.
pub(crate) const NONE: &str = "none";

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    post_with(handler, |op| {
        let op = docs::needs(op, Scope::Manage).summary("Make a stored model the active one");
        docs::refuses::<409>(docs::refuses::<404>(op, "No such version"), "The model was made for other features")
    })
}

async fn handler(State(mount): State<Arc<Mount>>, version: Segment<Version>) -> Result<Json<Answer>, Refusal> {
    let new = version.text;
    let old = mount.life().activate(&new).await?.unwrap_or_else(|| NONE.to_owned());
    let message = format!("Model {new} is active");
    Ok(Json(Answer { success: true, old_model_version: old, new_model_version: new, message }))
}
