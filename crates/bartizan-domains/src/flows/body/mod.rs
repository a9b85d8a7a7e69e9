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
use crate::faults::{self, Fault, MAX_FAULTS};
use crate::raw::{Raw, RawObject};
use bartizan_core::{Record, Reservoir, Seed, Timestamp};
pub use mend::mended;
use serde_json::Value;
use std::borrow::Cow;
use thiserror::Error;

/// Stands in JSON for a number that is not finite; a text that nobody sends.
const NOT_FINITE: &str = "\u{7f}";

/// Why a body gives no flow.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BodyError {
    /// The first faults, as the wire contract lists them (without the leading `body`).
    #[error("the body has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Two names are one when the blanks around them are taken away.
    #[error("the column {0:?} is there twice")]
    Duplicate(String),
    /// More flows than one request may have; the rest of the body has not been looked at.
    #[error("the body has more than {0} flows")]
    TooMany(usize),
}

impl BodyError {
    /// With as many faults as one answer lists.
    fn cut(mut self) -> Self {
        if let Self::Faults(faults) = &mut self {
            faults.truncate(MAX_FAULTS);
        }
        self
    }
}

/// Flows to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// All flows of the body, or a random sample of them, in the order of the body.
    pub records: Vec<Record<FlowEvent>>,
    /// How many flows the body has.
    pub met: u64,
}

/// Takes the flows of a list as they are read.
trait Take {
    /// One more flow.
    fn take(&mut self, record: Record<FlowEvent>) -> Result<(), BodyError>;
}

/// All flows, unless they are too many.
struct All {
    records: Vec<Record<FlowEvent>>,
    most: usize,
}

impl Take for All {
    fn take(&mut self, record: Record<FlowEvent>) -> Result<(), BodyError> {
        if self.records.len() == self.most {
            return Err(BodyError::TooMany(self.most));
        }
        self.records.push(record);
        Ok(())
    }
}

impl Take for Reservoir<Record<FlowEvent>> {
    fn take(&mut self, record: Record<FlowEvent>) -> Result<(), BodyError> {
        self.push(record);
        Ok(())
    }
}

/// Reads `{"data": {name: number}}`; `now` stands in for a missing time.
///
/// # Errors
/// When the body does not hold a flow.
pub fn parse_data(bytes: &[u8], now: Timestamp) -> Result<FlowEvent, BodyError> {
    read(bytes, |bytes| fast::data(bytes, now).map(Ok), |body| slow::data(body, now))
}

/// Reads `{"flows": [{name: number}, ...]}`, at least one and at most `most`, with the labels that they may carry; `now` stands in for
/// missing times. A record's `line` is its position, from 1.
///
/// # Errors
/// When the body does not hold flows, or too many.
pub fn parse_batch(bytes: &[u8], now: Timestamp, most: usize) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    flows(bytes, now, || All { records: Vec::new(), most }).map(|all| all.records)
}

/// Reads a `/train` body, `{"flows": [{name: number, "Label"?: text}, ...], "labels"?: [...]}`. A label of the list goes before the one in
/// its flow. All flows are checked; of more than `most`, a random sample of that size is kept.
///
/// # Errors
/// When the body does not hold flows, or another number of labels.
pub fn parse_training(bytes: &[u8], now: Timestamp, most: usize, seed: Seed) -> Result<Lesson, BodyError> {
    let read = flows(bytes, now, || Reservoir::new(most, seed)).map(|drawn| {
        let (met, mut records) = (drawn.met(), drawn.into_drawn());
        records.sort_by_key(|record| record.line);
        Lesson { records, met }
    });
    let text = mended(bytes);
    let body = Raw::parse(&text).ok().and_then(|body| RawObject::read(body, &["labels"]));
    let Some(labels) = body.as_ref().and_then(|body| body.some("labels")) else { return read };
    match read {
        Ok(mut lesson) => match slow::label(&mut lesson.records, Some(lesson.met), labels) {
            Ok(()) => Ok(lesson),
            Err(faults) => Err(BodyError::Faults(faults).cut()),
        },
        Err(BodyError::Faults(mut faults)) => {
            faults.extend(slow::label(&mut [], None, labels).err().unwrap_or_default());
            Err(BodyError::Faults(faults).cut())
        }
        Err(other) => Err(other),
    }
}

/// Refuses `labels` of a `/train` body without flows, which they would belong to.
///
/// # Errors
/// When there are labels, or what is no list.
pub fn check_no_labels(body: &RawObject<'_>) -> Result<(), BodyError> {
    let labels = body.some("labels").map_or(Ok(()), |labels| slow::label(&mut [], Some(0), labels));
    labels.map_err(|faults| BodyError::Faults(faults).cut())
}

/// Reads one flow of a file: `{"data": {..}}`, or the names and numbers alone.
pub(super) fn parse_record(bytes: &[u8], line: u64, now: Timestamp) -> Result<Record<FlowEvent>, BodyError> {
    read(bytes, |bytes| fast::record(bytes, line, now).map(Ok), |body| slow::record(body, line, now))
}

/// Reads the list of flows into what `empty` makes: anew for each try.
fn flows<T: Take>(bytes: &[u8], now: Timestamp, empty: impl Fn() -> T) -> Result<T, BodyError> {
    let fast = |bytes: &[u8]| {
        let mut taken = empty();
        fast::batch(bytes, now, &mut taken).map(|done| done.map(|()| taken))
    };
    let slow = |body: Raw<'_>| {
        let mut taken = empty();
        slow::batch(body, now, &mut taken).map(|()| taken)
    };
    read(bytes, fast, slow)
}

fn read<T>(
    bytes: &[u8],
    fast: impl Fn(&[u8]) -> Option<Result<T, BodyError>>,
    slow: impl FnOnce(Raw<'_>) -> Result<T, BodyError>,
) -> Result<T, BodyError> {
    if let Some(read) = fast(bytes) {
        return read;
    }
    let mended = mended(bytes);
    if matches!(mended, Cow::Owned(_))
        && let Some(read) = fast(&mended)
    {
        return read;
    }
    let whole = match Raw::parse(&mended) {
        Ok(body) => slow(body),
        Err(_) if bytes.trim_ascii().is_empty() => Err(BodyError::Faults(vec![faults::missing(Vec::new(), Value::Null)])),
        Err(error) => Err(BodyError::Faults(vec![faults::not_json(&mended, &error)])),
    };
    whole.map_err(BodyError::cut)
}

#[cfg(test)]
mod tests;
