//! Detectors of kind `behavior`: a session's counters, its type of attack and a risk from 1 to 10.

mod features;
mod health;
mod predict;
mod train;

use crate::{http::refusal::Refusal, mounts::Wire, routes::at};
use aide::axum::ApiRouter;
use bartizan_domains::behavior::Behavior;
use bartizan_pipeline::JudgeError;
use hyper::StatusCode;
use std::sync::Arc;

/// The state of these routes: a mount with its instance.
pub(crate) type MountState = crate::mount_state::MountState<Behavior>;

impl Wire for Behavior {
    const OWN: &'static [&'static str] = &["/health", "/features"];

    fn routes(prefix: &str) -> ApiRouter<Arc<MountState>> {
        let at = |path| at(prefix, path);
        ApiRouter::new()
            .api_route(&at("/health"), health::route())
            .api_route(&at("/features"), features::route())
            .api_route(&at("/predict"), predict::route())
            .api_route(&at("/predict-batch"), predict::batch_route())
            .api_route(&at("/train"), train::route())
    }
}

/// Converts an error of judging; without a model, clients of this kind expect another status than usual.
fn not_judged(error: JudgeError, text: &'static str) -> Refusal {
    match error {
        JudgeError::NoModel => Refusal::text(StatusCode::INTERNAL_SERVER_ERROR, text),
        other => other.into(),
    }
}
