//! One mounted instance, as the routes of its kind see it.

use crate::{
    http::{body::Limits, refusal::Refusal},
    input::fault::Fault,
    mount::Mount,
};
use axum::extract::FromRef;
use bartizan_core::Domain;
use bartizan_domains::faults;
use bartizan_pipeline::Instance;
use std::sync::Arc;

/// A mount with its instance.
pub(crate) struct Here<D: Domain> {
    pub(crate) mount: Arc<Mount>,
    pub(crate) instance: Arc<Instance<D>>,
}

impl<D: Domain> FromRef<Arc<Here<D>>> for Limits {
    fn from_ref(here: &Arc<Here<D>>) -> Self {
        here.mount.shared.limits.clone()
    }
}

/// Faults of a body as the answer lists them.
pub(crate) fn invalid(faults: Vec<faults::Fault>) -> Refusal {
    Refusal::Invalid(faults.into_iter().map(Fault::from).collect())
}

/// Bodies above this many bytes are parsed away from the threads that answer.
const LARGE: usize = 128 << 10;

/// Parses a body, a large one away from the threads that answer.
pub(crate) async fn parse<T: Send + 'static>(length: usize, parse: impl FnOnce() -> T + Send + 'static) -> T {
    if length > LARGE { aside(parse).await } else { parse() }
}

/// Runs long work away from the threads that answer; a panic goes on here.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
