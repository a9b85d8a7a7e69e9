//! `POST /explain`: `POST /analyze?explain=true` under a name of its own.

use crate::requests::{
    MountState,
    analyze::{document, judge, respond},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    extract::{Request, State},
    response::Response,
};
use std::sync::Arc;

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| document(op).summary("Judge one API request and say why"))
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Response {
    respond(judge(&state, Ok(true), request).await)
}
