//! Events from files, whatever their kind: bad records are counted and skipped, memory stays bounded.

mod array;
mod lines;

pub(crate) use array::array;
pub(crate) use lines::lines;

use bartizan_core::{Domain, Label, Timestamp};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use thiserror::Error;

/// Different repairs that are told apart; what is more is counted together.
const MAX_REPAIRS: usize = 1_000;

/// A kind of telemetry that can be read from files.
pub trait FromFiles: Domain {
    /// Names of the formats; the first is `auto`, which tells the others from the content.
    const FORMATS: &'static [&'static str];

    /// Reads a file to its end, plain or gzip; `now` stands in for what a file does not say of time.
    ///
    /// # Errors
    /// When the file as a whole cannot be read; single records go to the sink as rejected.
    fn read(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, Self::Event>) -> Result<Summary, ReadError>;
}

/// How a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct How<'a> {
    /// One of [`FORMATS`](FromFiles::FORMATS).
    pub format: &'a str,
    /// Name of the column that holds the label, in tables; `None` for those that usually do.
    pub label_column: Option<&'a str>,
}

impl<'a> From<&'a str> for How<'a> {
    fn from(format: &'a str) -> Self {
        Self { format, label_column: None }
    }
}

/// One event of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<E> {
    /// The event.
    pub event: E,
    /// What the file says of it.
    pub label: Option<Label>,
    /// The kind of attack or of normal traffic, where the file names it.
    pub label_name: Option<String>,
    /// Its line, or its position in an array; from 1.
    pub line: u64,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its line, or its position in an array; from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub accepted: u64,
    /// Records that could not be.
    pub rejected: u64,
    /// Faults in accepted records that were mended, and how often: `Flow Bytes/s: Infinity`.
    pub repairs: BTreeMap<String, u64>,
}

/// The file as a whole cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Reading failed, or the compressed data is damaged or cut off.
    #[error("reading failed after {line} lines: {source}")]
    Io {
        /// Lines read before.
        line: u64,
        /// What happened.
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Nothing below the header.
    #[error("the table ends after its header")]
    NoRows,
    /// No known format.
    #[error("the file's format is not known: {0}; name its format if it is one of these")]
    Unknown(&'static str),
    /// The table lacks a column.
    #[error("the table has no column {0}")]
    Column(String),
}

/// Where records go; `Break` stops reading.
pub type Sink<'a, E> = &'a mut dyn FnMut(Result<Record<E>, Rejected>) -> ControlFlow<()>;

/// Counts what passes on its way to the sink.
pub(crate) struct Counted<'a, E> {
    sink: Sink<'a, E>,
    summary: Summary,
    /// Stands in for missing times.
    pub(crate) now: Timestamp,
}

impl<'a, E> Counted<'a, E> {
    pub(crate) fn new(sink: Sink<'a, E>, now: Timestamp) -> Self {
        Self { sink, summary: Summary::default(), now }
    }

    pub(crate) fn pass(&mut self, record: Result<Record<E>, Rejected>) -> ControlFlow<()> {
        match &record {
            Ok(_) => self.summary.accepted += 1,
            Err(_) => self.summary.rejected += 1,
        }
        (self.sink)(record)
    }

    /// Notes that something in an accepted record was mended.
    pub(crate) fn repaired(&mut self, what: &str, times: u64) {
        if let Some(count) = self.summary.repairs.get_mut(what) {
            *count += times;
        } else {
            let what = if self.summary.repairs.len() < MAX_REPAIRS { what } else { "others" };
            *self.summary.repairs.entry(what.to_owned()).or_default() += times;
        }
    }

    pub(crate) fn finish(self) -> Summary {
        self.summary
    }
}

/// Unpacks what is gzip, told from its first bytes.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn open<'a>(reader: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>, ReadError> {
    let mut reader: Box<dyn BufRead + 'a> = Box::new(BufReader::with_capacity(1 << 17, reader));
    if peek(&mut reader)?.starts_with(&[0x1f, 0x8b]) {
        reader = Box::new(BufReader::with_capacity(1 << 17, MultiGzDecoder::new(reader)));
    }
    Ok(reader)
}

/// The beginning of a file, without consuming it.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn peek<'a>(reader: &'a mut Box<dyn BufRead + '_>) -> Result<&'a [u8], ReadError> {
    reader.fill_buf().map_err(|source| ReadError::Io { line: 0, source })
}

/// What people write for "belongs" in label columns.
pub(crate) fn label_from_name(name: &str) -> Label {
    let usual = ["norm", "normal", "benign", "legitimate", "false", "0", "none", ""];
    if usual.iter().any(|u| name.trim().eq_ignore_ascii_case(u)) { Label::Legitimate } else { Label::Anomalous }
}

#[cfg(test)]
mod tests {
    use super::{Counted, MAX_REPAIRS, Record, Rejected};
    use bartizan_core::Timestamp;
    use std::ops::ControlFlow;

    #[test]
    fn repairs_are_counted_by_what_was_mended_and_never_without_limit() {
        let mut sink = |_: Result<Record<()>, Rejected>| ControlFlow::Continue(());
        let mut counted = Counted::new(&mut sink, Timestamp::from_secs(0));
        counted.repaired("a: NaN", 2);
        counted.repaired("a: NaN", 1);
        (0..2 * MAX_REPAIRS).for_each(|i| counted.repaired(&format!("column {i}"), 1));
        let repairs = counted.finish().repairs;
        assert_eq!((repairs["a: NaN"], repairs["others"]), (3, MAX_REPAIRS as u64 + 1));
        assert_eq!(repairs.len(), MAX_REPAIRS + 1);
    }
}
