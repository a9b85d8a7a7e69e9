//! Detectors of kind `logs`: a batch of API log entries.

mod analyze;
mod detect;
mod score;
mod train;

use crate::{http::refusal::Refusal, mounts::Wire, routes::at};
use aide::axum::ApiRouter;
use bartizan_domains::logs::Logs;
use bartizan_pipeline::JudgeError;
use hyper::StatusCode;
use std::sync::Arc;

/// The state of these routes: a mount with its instance.
pub(crate) type MountState = crate::mount_state::MountState<Logs>;

impl Wire for Logs {
    fn routes(prefix: &str) -> ApiRouter<Arc<MountState>> {
        let at = |path| at(prefix, path);
        ApiRouter::new()
            .api_route(&at("/analyze"), analyze::route())
            .api_route(&at("/detect"), detect::route())
            .api_route(&at("/train"), train::route())
    }
}

/// Converts an error of judging; without a model, clients of this kind expect another answer than usual.
fn not_judged(error: JudgeError) -> Refusal {
    match error {
        JudgeError::NoModel => Refusal::text(StatusCode::BAD_REQUEST, "Model not trained. Please train the model first."),
        other => other.into(),
    }
}
