//! Detectors of kind `behavior`: a session's counters, its type of attack and a risk from 1 to 10.

mod features;
mod health;
mod predict;
mod train;

use crate::{http::refusal::Refusal, mount::Mount, mounts::Attached, routes::at};
use aide::axum::ApiRouter;
use bartizan_domains::behavior::Behavior;
use bartizan_pipeline::{Instance, JudgeError};
use hyper::StatusCode;
use std::sync::Arc;

/// Name of the kind.
pub(crate) const KIND: &str = "behavior";

/// Paths of every detector that this kind answers in its own way.
pub(crate) const OWN: &[&str] = &["/health", "/features"];

/// One mounted instance, as these routes see it.
pub(crate) type Here = crate::here::Here<Behavior>;

/// The routes of an instance under its mount.
pub(crate) fn attach(mount: Arc<Mount>, instance: Arc<Instance<Behavior>>) -> Attached {
    let prefix = mount.prefix.clone();
    Attached { routes: routes(&prefix).with_state(Arc::new(Here { mount, instance })), shortcuts: Vec::new() }
}

/// The routes that only this kind has, or has in its own way.
pub(crate) fn routes(prefix: &str) -> ApiRouter<Arc<Here>> {
    let at = |path| at(prefix, path);
    ApiRouter::new()
        .api_route(&at("/health"), health::route())
        .api_route(&at("/features"), features::route())
        .api_route(&at("/predict"), predict::route())
        .api_route(&at("/predict-batch"), predict::batch_route())
        .api_route(&at("/train"), train::route())
}

/// What clients of this kind are told without a model.
fn not_judged(error: JudgeError, text: &'static str) -> Refusal {
    match error {
        JudgeError::NoModel => Refusal::text(StatusCode::INTERNAL_SERVER_ERROR, text),
        other => other.into(),
    }
}
