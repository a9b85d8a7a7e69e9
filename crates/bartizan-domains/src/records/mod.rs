//! Events from files, whatever their kind: bad records are counted and skipped, memory stays bounded.
//!
//! No more than one record is held at a time, and no record is longer than [`MAX_JSON`] or [`MAX_ROW`]. What is longer is passed over,
//! counted, and named by its line. Reading ends with an error when [`MAX_UNREAD`] bytes have come without a record in them.

mod array;
mod encoding;
mod input;
mod journal;
mod label;
mod lines;
mod mend;
mod rows;
pub(crate) mod syslog;
mod wrapped;
mod written;

pub(crate) use array::{are_objects, array, array_or_objects, array_within};
pub(crate) use encoding::{decode, text_of};
use input::HEAD;
pub use input::{PACKING_BYTES, Packing, packing};
pub(crate) use input::{Unread, open};
pub(crate) use label::{LabelField, label_of, lacking, refuse_named};
pub(crate) use lines::{Line, head_lines, lines, log_lines, skip_line, unwrapped};
pub(crate) use mend::mended;
pub(crate) use rows::{Next, Rows};
pub(crate) use wrapped::{Unwrapped, Unwrapper, trimmed};
pub(crate) use written::csv_line;

use bartizan_core::{Chosen, Format, Label, ParseError, Record, Rejected, Sink, Summary, Timestamp, head};
use std::collections::BTreeMap;
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
/// The same after the first record. What was read before counts: what clients chose must not put an end to it.
pub const MAX_UNREAD_LATER: u64 = 4 * MAX_UNREAD;
/// Most bytes of the reason why a record was rejected; a longer one is cut.
const MAX_REASON: usize = 500;
/// Different repairs that are told apart; what is more is counted together.
const MAX_REPAIRS: usize = 1_000;
/// Kinds of faults that are told apart, and records that are named of each.
const MAX_FAULTS: usize = 50;
const FIRST: usize = 3;
/// Different labels that are counted apart, and characters of each.
const MAX_LABELS: usize = 100;
const MAX_LABEL: usize = 64;
/// What is counted together beyond a limit.
const OTHERS: &str = "others";

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
                self.labelled(&record);
                Ok(record)
            }
            Err(Rejected { line, mut reason }) => {
                self.summary.rejected += 1;
                self.unread.reject();
                if reason.len() > MAX_REASON {
                    let end = (0..=MAX_REASON).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
                    reason = format!("{}...", &reason[..end]);
                }
                self.fault(line, &reason);
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
        count(&mut self.summary.repairs, what, times, MAX_REPAIRS);
    }

    /// Notes the format that the whole is taken for, one of the table's, and the share of the records looked at that it can read.
    pub(crate) fn chosen(&mut self, formats: &[&'static [Format]], name: &str, sure: f64) {
        let format = formats.iter().copied().flatten().find(|format| format.name == name);
        self.summary.format = format.map(|format| Chosen { name: format.name, sure });
    }

    /// Notes the format that records were read as, and what they were wrapped in, if in anything.
    pub(crate) fn read_as(&mut self, format: &str, wrapper: &str, times: u64) {
        let name = if wrapper.is_empty() { format.to_owned() } else { format!("{format} in {wrapper}") };
        *self.summary.formats.entry(name).or_default() += times;
    }

    /// Notes columns or fields that the file does not have.
    pub(crate) fn missing(&mut self, names: impl IntoIterator<Item = &'static str>) {
        self.summary.missing.extend(names.into_iter().map(str::to_owned));
    }

    fn labelled(&mut self, record: &Record<E>) {
        self.summary.attacks += u64::from(record.label == Some(Label::Anomalous));
        let name = match (record.label_name.as_deref(), record.label) {
            (Some(name), _) => head(name, MAX_LABEL),
            (None, Some(Label::Anomalous)) => "anomalous",
            (None, Some(Label::Legitimate)) => "legitimate",
            (None, None) => return,
        };
        count(&mut self.summary.labels, name, 1, MAX_LABELS);
    }

    fn fault(&mut self, line: u64, reason: &str) {
        let kind = kind_of(reason);
        let faults = &mut self.summary.faults;
        let kind = if faults.len() < MAX_FAULTS || faults.contains_key(&kind) { kind } else { OTHERS.to_owned() };
        let fault = faults.entry(kind).or_default();
        fault.count += 1;
        if fault.first.len() < FIRST {
            fault.first.push(Rejected { line, reason: reason.to_owned() });
        }
    }

    pub(crate) fn finish(mut self) -> Summary {
        if self.unread.nuls() > 0 {
            self.repaired("NULs passed over, as a log has them that was truncated while it was written", self.unread.nuls());
        }
        if self.unread.gave_up() {
            let most = MAX_UNREAD_LATER >> 20;
            self.summary.rejected += 1;
            self.fault(0, &format!("{most} MiB without a record that can be read: what follows is not read"));
        }
        self.summary
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: &str, times: u64, most: usize) {
    if let Some(count) = counts.get_mut(what) {
        *count += times;
    } else {
        let what = if counts.len() < most { what } else { OTHERS };
        *counts.entry(what.to_owned()).or_default() += times;
    }
}

/// A reason without what differs from record to record: texts in quotes, and numbers.
fn kind_of(reason: &str) -> String {
    let (mut kind, mut quoted, mut digits) = (String::with_capacity(reason.len()), false, false);
    for character in reason.chars() {
        let digit = character.is_ascii_digit();
        match character {
            '"' => {
                kind.push_str(if quoted { "…\"" } else { "\"" });
                quoted = !quoted;
            }
            _ if quoted => {}
            _ if digit && digits => {}
            _ if digit => kind.push('N'),
            _ => kind.push(character),
        }
        digits = digit && !quoted;
    }
    kind
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

/// What people write for "belongs" in label columns, by its letters and digits.
const USUAL: &[&str] = &[
    "norm",
    "normal",
    "normaltraffic",
    "benign",
    "benigntraffic",
    "legitimate",
    "legitimatetraffic",
    "legit",
    "background",
    "ok",
    "good",
    "clean",
    "safe",
    "allow",
    "allowed",
    "pass",
    "passed",
    "human",
    "ham",
    "no",
    "false",
    "0",
    "00",
    "000",
    "none",
    "",
];
/// Longest name that is compared with those.
const MAX_USUAL: usize = 32;

/// What a name in a label column says.
pub(crate) fn label_from_name(name: &str) -> Label {
    let letters = |name: &str| name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect::<Vec<u8>>();
    let foreign = name.len() > MAX_USUAL || !name.is_ascii() || name.trim().starts_with('-') && name.trim().len() > 1;
    let usual = !foreign && USUAL.iter().any(|usual| usual.as_bytes() == letters(name));
    // `0.00` is, `0.5` is not.
    let number = name.trim().parse::<f64>().ok();
    if usual && number.is_none_or(|number| number == 0.0) { Label::Legitimate } else { Label::Anomalous }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod counted_tests {
    use super::{Counted, FIRST, MAX_FAULTS, MAX_REASON, MAX_REPAIRS, Record, Rejected, Unread, label_from_name};
    use bartizan_core::{Label, Timestamp};
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
    fn faults_are_counted_by_kind_and_the_first_of_each_are_named() {
        let mut sink = |_: Result<Record<()>, Rejected>| ControlFlow::Continue(());
        let mut counted = Counted::new(&mut sink, Timestamp::from_secs(0), Unread::default());
        for (line, reason) in (1..).zip(["12 fields, expected 80", "\"a\" is no time", "7 fields, expected 80", "\"b 1\" is no time"]) {
            let _ = counted.pass(Err(Rejected { line, reason: reason.to_owned() }));
        }
        for line in 0..1_000 {
            let reason = format!("{}{}", "x".repeat(line), "no");
            let _ = counted.pass(Err(Rejected { line: 5, reason }));
        }
        let faults = counted.finish().faults;
        assert_eq!((faults["N fields, expected N"].count, faults["\"…\" is no time"].count), (2, 2));
        assert_eq!(faults["N fields, expected N"].first[1], Rejected { line: 3, reason: "7 fields, expected 80".to_owned() });
        assert_eq!(
            (faults.len(), faults["others"].count, faults["others"].first.len()),
            (MAX_FAULTS + 1, 1_002 - MAX_FAULTS as u64, FIRST)
        );
    }

    #[test]
    fn labels_and_formats_are_counted() {
        let mut sink = |_: Result<Record<()>, Rejected>| ControlFlow::Continue(());
        let mut counted = Counted::new(&mut sink, Timestamp::from_secs(0), Unread::default());
        let record = |label, name: Option<&str>| Record { event: (), label, label_name: name.map(str::to_owned), line: 1 };
        for (label, name) in [(None, None), (Some(Label::Anomalous), None), (Some(Label::Anomalous), Some("DDoS")), (None, Some("DDoS"))] {
            counted.read_as("combined", if name.is_some() { "syslog" } else { "" }, 1);
            let _ = counted.pass(Ok(record(label, name)));
        }
        let summary = counted.finish();
        assert_eq!(summary.labels, [("DDoS".to_owned(), 2), ("anomalous".to_owned(), 1)].into());
        assert_eq!(summary.attacks, 2);
        assert_eq!(summary.formats, [("combined".to_owned(), 2), ("combined in syslog".to_owned(), 2)].into());
    }

    #[test]
    fn labels_are_read_as_people_write_them() {
        for usual in [
            "norm",
            "Normal",
            "BENIGN",
            "BenignTraffic",
            "Normal Traffic",
            "ok",
            "good",
            "clean",
            "no",
            "-",
            "",
            "0",
            "0.0",
            "none",
            "False",
        ] {
            assert_eq!(label_from_name(usual), Label::Legitimate, "{usual}");
        }
        for attack in
            ["anom", "1", "1.0", "0.5", "-1", "true", "yes", "DDoS", "abnormal", "not normal", "normal and then some more words", "攻撃"]
        {
            assert_eq!(label_from_name(attack), Label::Anomalous, "{attack}");
        }
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
