//! Detectors of kind `flows`: network flows, benign or attack.

mod features;
mod health;
mod model_info;
mod predict;
mod train;

use crate::{http::refusal::Refusal, mounts::Wire, routes::at};
use aide::axum::ApiRouter;
use bartizan_domains::flows::Flows;
use bartizan_pipeline::JudgeError;
use hyper::StatusCode;
use std::sync::Arc;

/// The state of these routes: a mount with its instance.
pub(crate) type MountState = crate::mount_state::MountState<Flows>;

impl Wire for Flows {
    const OWN: &'static [&'static str] = &["/health", "/features", "/model/info"];

    fn routes(prefix: &str) -> ApiRouter<Arc<MountState>> {
        let at = |path| at(prefix, path);
        ApiRouter::new()
            .api_route(&at("/health"), health::route())
            .api_route(&at("/features"), features::route())
            .api_route(&at("/model/info"), model_info::route())
            .api_route(&at("/predict"), predict::route())
            .api_route(&at("/predict/batch"), predict::batch_route())
            .api_route(&at("/predict/csv"), predict::csv_route())
            .api_route(&at("/train"), train::route())
    }
}

/// Converts an error of judging; without a model, clients of this kind expect another status than usual.
fn no_model() -> Refusal {
    Refusal::text(StatusCode::SERVICE_UNAVAILABLE, "Model not loaded")
}

fn not_judged(error: JudgeError) -> Refusal {
    match error {
        JudgeError::NoModel => no_model(),
        other => other.into(),
    }
}
