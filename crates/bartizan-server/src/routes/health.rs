//! `GET /health` of a mount: 200 as long as the process answers; the body has the state of the detector.

use crate::mount::Mount;
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_core::Timestamp;
use bartizan_pipeline::LifeCycle;
use schemars::JsonSchema;
use serde::Serialize;
use std::{sync::Arc, time::Duration};

pub(crate) const HEALTHY: &str = "healthy";
pub(crate) const UNHEALTHY: &str = "unhealthy";
/// Longest wait for the store to report whether it can be written to; behind another process's lock it reports nothing.
const LONGEST_PING: Duration = Duration::from_secs(1);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(crate) struct Answer {
    /// `healthy`, or `unhealthy` while nothing can be written to the database.
    pub(crate) status: &'static str,
    pub(crate) timestamp: String,
    pub(crate) model_loaded: bool,
    pub(crate) model_version: Option<String>,
    /// `connected` or `unavailable`.
    pub(crate) database: &'static str,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| op.summary("Whether the detector is well"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    Json(of(mount.life(), mount.shared.clock.now()).await)
}

pub(crate) async fn of(life: &dyn LifeCycle, now: Timestamp) -> Answer {
    let writable = matches!(tokio::time::timeout(LONGEST_PING, life.ping()).await, Ok(Ok(())));
    let model_version = life.active().map(|model| model.version);
    Answer {
        status: if writable { HEALTHY } else { UNHEALTHY },
        timestamp: now.to_string(),
        model_loaded: model_version.is_some(),
        model_version,
        database: if writable { "connected" } else { "unavailable" },
    }
}
