//! `POST /load-model`: reads the active model from the store again.

use crate::{config::Scope, docs, http::refusal::Refusal, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ModelLoaded")]
struct Answer {
    status: &'static str,
    message: &'static str,
    model_version: Option<String>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    post_with(handler, |op| {
        let op = docs::needs(op, Scope::Manage).summary("Read the active model from the store again");
        let op = docs::refuses::<404>(op, "Nothing is stored");
        docs::refuses::<500>(op, "The stored model is damaged; says which check failed")
    })
}

async fn handler(State(mount): State<Arc<Mount>>) -> Result<Json<Answer>, Refusal> {
    mount.life().reload().await?;
    let model_version = mount.life().active().map(|model| model.version);
    Ok(Json(Answer { status: "success", message: "Model loaded successfully", model_version }))
}
