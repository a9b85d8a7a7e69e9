//! The state of the routes of one kind: a mount with its instance.

use crate::{
    http::{
        body::Limits,
        refusal::{Refusal, json},
    },
    input::{described, fault::in_body, query::Query},
    mount::Mount,
};
use aide::{
    OperationOutput,
    generate::GenContext,
    openapi::{self, Operation},
};
use axum::{
    Json,
    extract::FromRef,
    response::{IntoResponse, Response},
};
use bartizan_core::{Domain, Seed};
use bartizan_domains::faults::Fault;
use bartizan_pipeline::Instance;
use bytes::Bytes;
use hyper::{StatusCode, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;
use std::{marker::PhantomData, sync::Arc};

/// A mount with its instance.
pub(crate) struct MountState<D: Domain> {
    pub(crate) mount: Arc<Mount>,
    pub(crate) instance: Arc<Instance<D>>,
}

impl<D: Domain> FromRef<Arc<MountState<D>>> for Limits {
    fn from_ref(state: &Arc<MountState<D>>) -> Self {
        state.mount.shared.limits.clone()
    }
}

/// How records to learn from are drawn from a body that has more than a training takes.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    pub(crate) most: usize,
    pub(crate) seed: Seed,
}

impl<D: Domain> MountState<D> {
    pub(crate) fn draw(&self) -> Draw {
        let settings = self.instance.settings();
        Draw { most: settings.max_training_samples, seed: settings.seed }
    }
}

/// Faults of a body as the answer lists them.
pub(crate) fn invalid(faults: Vec<Fault>) -> Refusal {
    Refusal::Invalid(in_body(faults))
}

/// More events than one request may have; `most` of them are allowed.
pub(crate) fn too_many(events: &str, most: usize) -> Refusal {
    let text = format!("Too many {events} in one request: at most {most} are allowed (server.max_batch_events). Send them in several.");
    Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// Memory that is counted for an event of a batch, its verdict and the answer about it: `{}` is a flow of 78 numbers.
pub(crate) const EVENT_MEMORY: usize = 1 << 10;

/// The query of a judging route.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "describes the query in the OpenAPI document")]
pub(crate) struct AnalyzeQuery {
    /// Say why, too: of a batch, the first 1,000 anomalous events are explained, and as many of the others as there is room for up to
    /// that number.
    #[schemars(schema_with = "described::truth", default)]
    explain: bool,
}

/// One reason, as [`Reason`] serialises.
#[derive(JsonSchema)]
#[schemars(rename = "Reason")]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct ReasonSchema {
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

/// Judgements of which the answer is written where the request is.
const FEW: usize = 256;

/// A JSON answer, already written: a large one away from the threads that answer.
pub(crate) struct Written<T>(Bytes, PhantomData<fn() -> T>);

impl<T: Serialize + 'static> Written<T> {
    /// Makes and writes the answer about so many events.
    pub(crate) async fn of(events: usize, make: impl FnOnce() -> T + Send + 'static) -> Self {
        let write = move || Self(json(&make()), PhantomData);
        if events > FEW { run_blocking(write).await } else { write() }
    }
}

impl<T> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Written<T> {
    type Inner = T;

    fn operation_response(context: &mut GenContext, operation: &mut Operation) -> Option<openapi::Response> {
        Json::<T>::operation_response(context, operation)
    }

    fn inferred_responses(context: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, openapi::Response)> {
        Json::<T>::inferred_responses(context, operation)
    }
}

/// Runs long work on a blocking thread. A panic in it is resumed in the caller.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
