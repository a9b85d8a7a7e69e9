//! `DELETE /train`: ends the trainings that are under way.

use crate::{config::Scope, docs, http::refusal::Refusal, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, delete_with};
use axum::{Json, extract::State};
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TrainingCancelled")]
struct Answer {
    success: bool,
    message: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    delete_with(handler, |op| {
        let op = docs::needs(op, Scope::Manage).summary("Cancel the trainings that are under way");
        docs::refuses::<404>(op, "No training is under way")
    })
}

async fn handler(State(mount): State<Arc<Mount>>) -> Result<Json<Answer>, Refusal> {
    let message = match mount.life().cancel_trainings() {
        0 => return Err(Refusal::text(StatusCode::NOT_FOUND, "No training is under way")),
        1 => "The training was cancelled".to_owned(),
        count => format!("{count} trainings were cancelled"),
    };
    Ok(Json(Answer { success: true, message }))
}
