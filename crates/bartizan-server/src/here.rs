//! One mounted instance, as the routes of its kind see it.

use crate::{
    http::{body::Limits, refusal::Refusal},
    input::{described, fault::Fault, query::Query},
    mount::Mount,
};
use axum::extract::FromRef;
use bartizan_core::Domain;
use bartizan_domains::faults;
use bartizan_pipeline::Instance;
use schemars::JsonSchema;
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

/// The query of a judging route.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the query in the OpenAPI document")]
pub(crate) struct Asked {
    /// Say why, too.
    #[schemars(schema_with = "described::truth", default)]
    explain: bool,
}

/// One reason, as [`Reason`] serialises.
#[derive(JsonSchema)]
#[schemars(rename = "Reason")]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct Why {
    feature: String,
    value: Option<f64>,
    /// Its share of the score.
    share: f64,
    /// A sentence for a person.
    text: String,
}

/// Reads `explain`; its faults are listed with those of the body.
pub(crate) fn wants_reasons(query: Option<&str>) -> Result<bool, Vec<Fault>> {
    let Some(text) = query else { return Ok(false) };
    let mut query = Query::new(Some(text));
    let explain = query.boolean("explain").unwrap_or(false);
    if query.faults.is_empty() { Ok(explain) } else { Err(query.faults) }
}

/// The query's wish and the body's event, or the faults of both.
pub(crate) fn both<E>(explain: Result<bool, Vec<Fault>>, event: Result<E, Refusal>) -> Result<(bool, E), Refusal> {
    match (explain, event) {
        (Ok(explain), Ok(event)) => Ok((explain, event)),
        (Err(faults), Err(Refusal::Invalid(more))) => Err(Refusal::Invalid(faults.into_iter().chain(more).collect())),
        (Err(faults), _) => Err(Refusal::Invalid(faults)),
        (Ok(_), Err(refusal)) => Err(refusal),
    }
}

/// Runs long work away from the threads that answer; a panic goes on here.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
