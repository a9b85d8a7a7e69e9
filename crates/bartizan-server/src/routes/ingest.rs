//! `POST /ingest`: events from shippers, stored before they are answered and judged in the background.

use crate::{
    config::Scope,
    docs,
    http::{
        body,
        refusal::{Refusal, json},
    },
    mount_state::MountState,
    routes::at,
};
use aide::{
    OperationOutput,
    axum::{ApiRouter, routing::post_with},
    generate::GenContext,
    openapi::{self, Operation},
    transform::TransformOperation,
};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bartizan_core::{AUTO, How, ParseError, Rejected, Timestamp, head};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, TooMuch};
use bartizan_storage::NewPart;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{io::Cursor, ops::ControlFlow, sync::Arc};

/// The header with the sender's key.
const KEY: &str = "idempotency-key";
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// Rejected records that are named in the answer.
const MAX_ERRORS: usize = 10;
/// Longest reason of one, in bytes: answers are kept with their keys.
const MAX_REASON: usize = 200;
/// Bytes that a byte of the body may become, as the events are stored; half of what is reserved for it.
const EVENT_BYTES_FOR_A_BYTE: usize = 4;
/// Bytes that the events of any body may take.
const ALWAYS: usize = 16 << 20;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ingested")]
struct Answer {
    /// Events that are stored, and will be judged.
    accepted: u64,
    /// Records that cannot be read, and are passed over.
    rejected: u64,
    /// The first ten of them.
    errors: Vec<Unreadable>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UnreadableRecord")]
struct Unreadable {
    /// Its line, or its position in an array, from 1; 0 where it is not known.
    line: u64,
    /// Why.
    msg: String,
}

/// The route of a detector of kind `K`.
pub(crate) fn routes<K: Kind>(prefix: &str) -> ApiRouter<Arc<MountState<K>>> {
    ApiRouter::new().api_route(&at(prefix, "/ingest"), post_with(handler::<K>, document))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::needs(op, Scope::Judge).summary("Have events judged in the background").description(
        "The events are stored when this answers, and are judged once, in the order in which they were accepted; those of one request in order of \
         their time. A record that cannot be read is passed over and counted: 202 also where that is all of them, since sending them again would \
         not help.",
    );
    let op = docs::takes_text(
        op,
        &["application/x-ndjson", "application/json", "text/plain"],
        "One JSON object a line, a JSON array, or the lines of a log in any format that is read from files; gzip or zstd is told from \
         Content-Encoding or from the first bytes. The media type does not matter.",
    );
    let op = docs::takes_header(
        op,
        "Idempotency-Key",
        MAX_KEY,
        "The sender's name for this request. What is sent again under it within a day counts once, and is answered as the first time.",
    );
    let op = docs::refuses::<400>(op, "The body is damaged, or the Idempotency-Key is empty or too long");
    let op = docs::refuses::<409>(op, "The Idempotency-Key was sent with another body before");
    let op = docs::refuses::<415>(op, "The body is compressed with something else than gzip or zstd, or twice");
    docs::refuses::<429>(op, "As much as may wait to be judged does: see Retry-After")
}

async fn handler<K: Kind>(State(state): State<Arc<MountState<K>>>, request: Request) -> Result<Accepted, Refusal> {
    let key = key(request.headers())?;
    let shared = &state.mount.shared;
    let body = body::receive_packed(request, &shared.limits).await?;
    let (instance, now) = (Arc::clone(&state.instance), shared.clock.now());
    let is_named = key.is_some();
    let parse = move |bytes: &Bytes| (read(&instance, bytes, now), is_named.then(|| Sha256::digest(bytes)));
    let ((read, digest), reservation) = body.parse(parse).await;
    let Read { parts, answer } = read?;
    let size = parts.iter().map(|part| part.blob.len()).sum();
    let _reservation = reservation.grow_to(&shared.limits, size)?;
    let rejected = answer.rejected;
    // What is remembered of a body begins with what it was.
    let answer = digest.iter().flatten().copied().chain(json(&answer)).collect();
    let mut said = state.instance.accept(parts, rejected, key.as_deref(), answer).await?;
    if let Some(digest) = digest
        && !said.starts_with(&digest)
    {
        let text = "The Idempotency-Key was sent with another body before, and this one was not taken. Send it under a key of its own.";
        return Err(Refusal::text(StatusCode::CONFLICT, text));
    }
    Ok(Accepted(said.split_off(digest.map_or(0, |digest| digest.len())).into()))
}

/// The sender's key.
fn key(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Refusal> {
    let mut values = headers.get_all(KEY).iter();
    match (values.next().map(|value| value.as_bytes().trim_ascii()), values.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_vec())),
        _ => Err(Refusal::text(StatusCode::BAD_REQUEST, format!("Idempotency-Key must be there once, with 1 to {MAX_KEY} characters"))),
    }
}

/// What was read of a body.
struct Read {
    parts: Vec<NewPart>,
    answer: Answer,
}

/// Reads all records of a body. It is not compressed any more: nothing is unpacked here.
fn read<K: Kind>(instance: &Instance<K>, bytes: &Bytes, now: Timestamp) -> Result<Read, Refusal> {
    let settings = instance.settings();
    let how = How {
        format: AUTO,
        label_column: None,
        own: settings.log_format.as_deref(),
        user: settings.user_field.as_deref(),
        proxies: Some(&settings.trusted_proxies),
    };
    let mut incoming = instance.incoming(bytes.len().saturating_mul(EVENT_BYTES_FOR_A_BYTE).max(ALWAYS));
    let mut answer = Answer { accepted: 0, rejected: 0, errors: Vec::new() };
    let mut failed = None;
    let parsed = K::parse(Box::new(Cursor::new(bytes)), how, now, &mut |record| match record {
        Ok(record) => incoming.push(record.event).map_or_else(
            |error| {
                failed = Some(error);
                ControlFlow::Break(())
            },
            ControlFlow::Continue,
        ),
        Err(bad) => {
            answer.reject(1, bad);
            ControlFlow::Continue(())
        }
    });
    if let Some(failed) = failed {
        return Err(failed.into());
    }
    answer.accepted = incoming.len() as u64;
    match parsed {
        Ok(_) | Err(ParseError::Empty | ParseError::NoRows) => {}
        Err(error) => {
            let is_whole = answer.accepted == 0 && answer.rejected == 0;
            let line = if let ParseError::Io { line, .. } = &error { line + 1 } else { 1 };
            answer.reject(if is_whole { lines(bytes) } else { 1 }, Rejected { line, reason: error.to_string() });
        }
    }
    Ok(Read { parts: incoming.into_parts(), answer })
}

/// Lines that are not blank, at least one.
fn lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count().max(1) as u64
}

impl Answer {
    fn reject(&mut self, records: u64, Rejected { line, reason }: Rejected) {
        self.rejected += records;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(Unreadable { line, msg: head(&reason, MAX_REASON).to_owned() });
        }
    }
}

impl From<TooMuch> for Refusal {
    fn from(error: TooMuch) -> Self {
        match error {
            TooMuch::Bytes { most } => {
                let text = format!("Too many events in one request: they take more than {most} bytes of memory. Send them in several.");
                Self::text(StatusCode::PAYLOAD_TOO_LARGE, text)
            }
            TooMuch::Store(error) => error.into(),
        }
    }
}

/// 202 with what is answered, written before.
struct Accepted(Bytes);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl OperationOutput for Accepted {
    type Inner = Answer;

    fn operation_response(context: &mut GenContext, operation: &mut Operation) -> Option<openapi::Response> {
        Json::<Answer>::operation_response(context, operation)
    }

    fn inferred_responses(context: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, openapi::Response)> {
        let response = Self::operation_response(context, operation);
        response.into_iter().map(|response| (Some(202), response)).collect()
    }
}
