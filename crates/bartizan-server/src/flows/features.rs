//! `GET /features`: the columns of a flow; 503 without a model, as clients of this kind expect.

use super::{MountState, no_model};
use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    routes::features::{Answer, of},
};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_domains::flows::suspect;
use bartizan_pipeline::LifeCycle as _;
use std::sync::Arc;

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("The features and what they mean"))
}

async fn handler(State(state): State<Arc<MountState>>) -> Result<Json<Answer>, Refusal> {
    state.instance.active().ok_or_else(no_model)?;
    let mut answer = of(state.instance.schema());
    for (index, detail) in answer.details.iter_mut().enumerate() {
        detail.suspect = suspect(index);
    }
    Ok(Json(answer))
}
