//! The bodies of `/predict`, `/predict/batch` and `/predict/csv`.
//!
//! What arrives in normal operation is read in one pass, without a tree of values; anything that needs a closer look is read once
//! more, slowly, to say what is wrong with it.

mod csv;
mod fast;
mod mend;
mod slow;

pub use csv::{CsvError, parse_csv};

use super::FlowEvent;
use crate::faults::Fault;
use crate::records::Record;
use bartizan_core::Timestamp;
pub use mend::mended;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use thiserror::Error;

/// Most flows of one batch: memory is bounded even when they are all `{}`.
pub const MAX_FLOWS: usize = 200_000;

/// Stands in JSON for a number that is not finite; a text that nobody sends.
const NOT_FINITE: &str = "\u{7f}";

/// Why a body gives no flow.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BodyError {
    /// Every fault, as the wire contract lists them (without the leading `body`).
    #[error("the body has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Two names are one when the blanks around them are taken away.
    #[error("the column {0:?} is there twice")]
    Duplicate(String),
}

/// Reads `{"data": {name: number}}`; `now` stands in for a missing time.
///
/// # Errors
/// When the body does not hold a flow.
pub fn parse_data(bytes: &[u8], now: Timestamp) -> Result<FlowEvent, BodyError> {
    read(bytes, |bytes| fast::data(bytes, now), |value| slow::data(value, now))
}

/// Reads `{"flows": [{name: number}, ...]}`, at least one, with the labels that they may carry; `now` stands in for missing times.
/// A record's `line` is its position, from 1.
///
/// # Errors
/// When the body does not hold flows.
pub fn parse_batch(bytes: &[u8], now: Timestamp) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    read(bytes, |bytes| fast::batch(bytes, now), |value| slow::batch(value, now))
}

/// Reads a `/train` body, `{"flows": [{name: number, "Label"?: text}, ...], "labels"?: [...]}`. A label of the list goes before the one in
/// its flow.
///
/// # Errors
/// When the body does not hold flows, or another number of labels.
pub fn parse_training(bytes: &[u8], now: Timestamp) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    let records = parse_batch(bytes, now);
    match serde_json::from_slice(&mended(bytes)).unwrap_or_default() {
        Labels { labels: Some(labels) } if !labels.is_null() => slow::labelled(records, &labels),
        _ => records,
    }
}

#[derive(Default, Deserialize)]
struct Labels {
    #[serde(default)]
    labels: Option<Value>,
}

/// Reads one flow of a file: `{"data": {..}}`, or the names and numbers alone.
pub(super) fn parse_record(bytes: &[u8], line: u64, now: Timestamp) -> Result<Record<FlowEvent>, BodyError> {
    read(bytes, |bytes| fast::record(bytes, line, now), |value| slow::record(value, line, now))
}

fn read<T>(
    bytes: &[u8],
    fast: impl Fn(&[u8]) -> Option<T>,
    slow: impl FnOnce(&Map<String, Value>) -> Result<T, BodyError>,
) -> Result<T, BodyError> {
    if let Some(read) = fast(bytes) {
        return Ok(read);
    }
    let mended = mended(bytes);
    if matches!(mended, Cow::Owned(_))
        && let Some(read) = fast(&mended)
    {
        return Ok(read);
    }
    if bytes.trim_ascii().is_empty() {
        return Err(slow::missing(&[], Value::Null));
    }
    match crate::requests::body::parse_value(&mended).map_err(BodyError::Faults)? {
        Value::Object(object) => slow(&object),
        Value::Null => Err(slow::missing(&[], Value::Null)),
        other => Err(slow::not_an_object(&other)),
    }
}

#[cfg(test)]
mod tests;
