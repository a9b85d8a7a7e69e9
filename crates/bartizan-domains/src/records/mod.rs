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

use bartizan_core::{Label, ParseError, Record, Rejected, Sink, Summary, Timestamp};
use std::io::BufRead;
use std::ops::ControlFlow;

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
pub(crate) fn peek<'a>(reader: &'a mut Box<dyn BufRead + '_>) -> Result<&'a [u8], ParseError> {
    reader.fill_buf().map_err(|source| ParseError::Io { line: 0, source })
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
