//! Events from files, whatever their kind: bad records are counted and skipped, memory stays bounded.
//!
//! No more than one record is held at a time, and no record is longer than [`MAX_JSON`] or [`MAX_ROW`]. What is longer is passed over,
//! counted, and named by its line. Reading ends with an error when [`MAX_UNREAD`] bytes have come without a record in them.

mod array;
mod input;
mod label;
mod lines;
mod rows;
mod written;

pub(crate) use array::array;
pub(crate) use input::{Unread, open};
pub(crate) use label::{LabelField, label_of, lacking, refuse_named};
pub(crate) use lines::{lines, skip_line};
pub(crate) use rows::{Next, Rows};
pub(crate) use written::csv_line;

use bartizan_core::{Domain, Label, Timestamp};
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use thiserror::Error;

/// Longest record of JSON, in bytes: a body in a line, or an element of an array.
pub const MAX_JSON: usize = 16 << 20;
/// Longest line of a log and longest row of a table, in bytes.
pub const MAX_ROW: usize = 1 << 20;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 4_096;
/// Most bytes, unpacked, that are read without one record among them that can be read. Rejected records count for a little more than
/// they are long.
pub const MAX_UNREAD: u64 = 64 << 20;
/// Most bytes of the reason why a record was rejected; a longer one is cut.
const MAX_REASON: usize = 500;
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
    /// Name of the column of a table, or of the field of JSON records, that holds the label; `None` for those that usually do.
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
    /// Packed in a way that is not unpacked here.
    #[error("it is packed with {0}: unpack it first; only gzip is unpacked while reading")]
    Packed(&'static str),
    /// A header without an end.
    #[error("the table's header has more than {MAX_COLUMNS} columns or more than {MAX_ROW} bytes")]
    Header,
    /// The table lacks a column.
    #[error("the table has no column {0}")]
    Column(String),
    /// Neither a column nor a field has the name under which labels are to be found.
    #[error("there is no column or field {name:?} to read labels from; there are {has}")]
    NoLabelColumn {
        /// The name.
        name: String,
        /// What is there.
        has: String,
    },
    /// A column of labels was named, and the format has them in a place of its own, or none.
    #[error("no column of labels can be named for the format {0}: it has them in a place of its own, or none")]
    FixedLabels(String),
}

/// Where records go; `Break` stops reading.
pub type Sink<'a, E> = &'a mut dyn FnMut(Result<Record<E>, Rejected>) -> ControlFlow<()>;

/// Counts what passes on its way to the sink.
pub(crate) struct Counted<'a, E> {
    sink: Sink<'a, E>,
    summary: Summary,
    unread: Unread,
    /// Stands in for missing times.
    pub(crate) now: Timestamp,
}

impl<'a, E> Counted<'a, E> {
    pub(crate) fn new(sink: Sink<'a, E>, now: Timestamp, unread: Unread) -> Self {
        Self { sink, summary: Summary::default(), unread, now }
    }

    pub(crate) fn pass(&mut self, record: Result<Record<E>, Rejected>) -> ControlFlow<()> {
        let record = match record {
            Ok(record) => {
                self.summary.accepted += 1;
                self.unread.clear();
                Ok(record)
            }
            Err(Rejected { line, mut reason }) => {
                self.summary.rejected += 1;
                self.unread.reject();
                if reason.len() > MAX_REASON {
                    let end = (0..=MAX_REASON).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
                    reason = format!("{}...", &reason[..end]);
                }
                Err(Rejected { line, reason })
            }
        };
        (self.sink)(record)
    }

    /// Notes that a record was read and passed over, because it is of another kind.
    pub(crate) fn passed_over(&mut self, what: &str) {
        self.unread.clear();
        self.repaired(what, 1);
    }

    /// Who counts what was read since the last record.
    pub(crate) fn unread(&self) -> Unread {
        self.unread.clone()
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

/// The beginning of a file, without consuming it.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn peek<'a>(reader: &'a mut Box<dyn BufRead + '_>) -> Result<&'a [u8], ReadError> {
    reader.fill_buf().map_err(|source| ReadError::Io { line: 0, source })
}

/// Why a record of more than `most` bytes is rejected.
pub(crate) fn too_long(most: usize) -> String {
    format!("longer than {} MiB", most >> 20)
}

/// What people write for "belongs" in label columns.
pub(crate) fn label_from_name(name: &str) -> Label {
    let usual = ["norm", "normal", "benign", "legitimate", "false", "0", "none", ""];
    if usual.iter().any(|u| name.trim().eq_ignore_ascii_case(u)) { Label::Legitimate } else { Label::Anomalous }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod counted_tests {
    use super::{Counted, MAX_REASON, MAX_REPAIRS, Record, Rejected, Unread};
    use bartizan_core::Timestamp;
    use std::ops::ControlFlow;

    #[test]
    fn repairs_are_counted_by_what_was_mended_and_never_without_limit() {
        let mut sink = |_: Result<Record<()>, Rejected>| ControlFlow::Continue(());
        let mut counted = Counted::new(&mut sink, Timestamp::from_secs(0), Unread::default());
        counted.repaired("a: NaN", 2);
        counted.repaired("a: NaN", 1);
        (0..2 * MAX_REPAIRS).for_each(|i| counted.repaired(&format!("column {i}"), 1));
        let repairs = counted.finish().repairs;
        assert_eq!((repairs["a: NaN"], repairs["others"]), (3, MAX_REPAIRS as u64 + 1));
        assert_eq!(repairs.len(), MAX_REPAIRS + 1);
    }

    #[test]
    fn long_reasons_are_cut() {
        let mut reasons = Vec::new();
        let mut sink = |record: Result<Record<()>, Rejected>| {
            reasons.extend(record.err().map(|bad| bad.reason));
            ControlFlow::Continue(())
        };
        let mut counted = Counted::new(&mut sink, Timestamp::from_secs(0), Unread::default());
        let _ = counted.pass(Err(Rejected { line: 1, reason: "ä".repeat(1 << 20) }));
        assert_eq!((reasons[0].len(), reasons[0].ends_with("ä...")), (MAX_REASON + 3, true));
    }
}
