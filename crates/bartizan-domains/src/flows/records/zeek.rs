//! Zeek's `conn.log`, as tab-separated values or as JSON, with the labels of IoT-23.

use super::super::event::Draft;
use super::super::features::F;
use super::super::labels::judge;
use super::super::names::Column;
use super::connection::Connection;
use super::fields::{self, Named};
use super::payload::payload;
use super::reader::{Lines, Next};
use crate::flows::FlowEvent;
use crate::records::{Counted, MAX_COLUMNS, MAX_ROW, decode, too_long};
use bartizan_core::{Label, ParseError, Record, Rejected, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::BufRead;

/// The features that it gives besides those of every connection log.
pub(super) const GIVEN: &[F] = &[F::FwdHeader, F::BwdHeader, F::FwdHeader1, F::Fin, F::Syn, F::Rst, F::Ack];

/// Columns without which a log does not describe connections.
const NEEDED: [&str; 3] = ["id.orig_h", "id.resp_p", "duration"];
/// Longest name of another log that is reported.
const MAX_NAME: usize = 32;

/// What a line turned out to be.
enum Row {
    Flow(Box<Record<FlowEvent>>),
    /// A record of another log.
    Other(String),
}

/// Reads a log to its end; records of other logs are counted and passed over.
pub(super) fn read(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, FlowEvent>,
    label_column: Option<&str>,
) -> Result<(), ParseError> {
    let mut lines = Lines::new(reader);
    let mut layout = Layout::new(Named::new(label_column));
    let ended = loop {
        let next = lines.next()?;
        let (raw, line) = (lines.text(), lines.line());
        let text = payload(raw);
        let row = match next {
            Next::End => break false,
            Next::TooLong => Err(too_long(MAX_ROW)),
            Next::Text if text.trim_ascii().is_empty() => continue,
            Next::Text if text.starts_with(b"#") => {
                layout.read(&text)?;
                continue;
            }
            Next::Text if text.starts_with(b"{") => layout.object(&text, line, counted.now),
            Next::Text => layout.row(&text, line, counted.now),
        };
        let record = match row {
            Ok(Row::Other(path)) => {
                counted.passed_over(&format!("skipped path {path}"));
                continue;
            }
            Ok(Row::Flow(record)) => Ok(*record),
            Err(reason) => Err(Rejected { line, reason }),
        };
        if counted.pass(record).is_break() {
            break true;
        }
    };
    if ended { Ok(()) } else { layout.finish() }
}

/// The layout of the lines, from the log's own header.
struct Layout<'n> {
    separator: u8,
    /// What stands for no value, and for an empty one.
    unset: String,
    empty: String,
    path: String,
    fields: Vec<String>,
    /// The header is another log's.
    other: bool,
    /// A column that another log's header lacks, until a log of connections is met.
    lacks: Option<&'static str>,
    met: bool,
    label: Option<Named<'n>>,
    /// Where the rows have the label that somebody named.
    label_at: Option<usize>,
}

impl<'n> Layout<'n> {
    fn new(label: Option<Named<'n>>) -> Self {
        Self {
            separator: b'\t',
            unset: "-".to_owned(),
            empty: "(empty)".to_owned(),
            path: String::new(),
            fields: Vec::new(),
            other: false,
            lacks: None,
            met: false,
            label,
            label_at: None,
        }
    }

    /// Reads a line of the header; logs put together have several.
    fn read(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let (text, _) = decode(text);
        if let Some(rest) = text.strip_prefix("#separator") {
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            let hex = rest.trim().strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            self.separator = hex.or_else(|| rest.bytes().next()).unwrap_or(b'\t');
            return Ok(());
        }
        let separator = char::from(self.separator);
        let value = |name: &str| text.strip_prefix(name)?.strip_prefix(separator).map(|value| value.trim_end_matches('\r'));
        if let Some(unset) = value("#unset_field") {
            unset.clone_into(&mut self.unset);
        } else if let Some(empty) = value("#empty_field") {
            empty.clone_into(&mut self.empty);
        } else if let Some(path) = value("#path") {
            self.path = path.trim().chars().take(MAX_NAME).collect();
        } else if let Some(names) = text.strip_prefix("#fields") {
            let names = names.trim_start_matches(separator).split(separator);
            // IoT-23 has blanks between the last names.
            self.fields = names.flat_map(str::split_whitespace).take(MAX_COLUMNS).map(str::to_owned).collect();
            let lacks = NEEDED.into_iter().find(|needed| !self.fields.iter().any(|field| field == needed));
            self.other = lacks.is_some();
            self.lacks = self.lacks.or(lacks);
            self.met |= !self.other;
            if let Some(label) = self.label.as_mut().filter(|_| lacks.is_none()) {
                self.label_at = label.of_header(&self.fields)?;
            }
        }
        Ok(())
    }

    fn row(&self, text: &[u8], line: u64, now: Timestamp) -> Result<Row, String> {
        if self.other {
            return Ok(Row::Other(if self.path.is_empty() { "unnamed".to_owned() } else { self.path.clone() }));
        }
        if self.fields.is_empty() {
            return Err("a line before the header's #fields".to_owned());
        }
        let (text, _) = decode(text);
        let mut cells: Vec<&str> = text.split(char::from(self.separator)).take(MAX_COLUMNS + 1).collect();
        // As the names, so the last values.
        if cells.len() < self.fields.len()
            && let Some(last) = cells.pop()
        {
            cells.extend(last.split_whitespace().take(MAX_COLUMNS));
        }
        if cells.len() != self.fields.len() {
            return Err(format!("{} fields, expected {}", cells.len(), self.fields.len()));
        }
        let given = |at: usize| cells.get(at).filter(|cell| **cell != self.unset && **cell != self.empty).map(|cell| Cow::Borrowed(*cell));
        let get = |name: &str| given(self.fields.iter().position(|field| field == name)?);
        let labelled = self.label.as_ref().map(|_| self.label_at.and_then(given));
        flow(get, labelled, line, now).map(|record| Row::Flow(Box::new(record)))
    }

    fn object(&mut self, text: &[u8], line: u64, now: Timestamp) -> Result<Row, String> {
        let whole: Map<String, Value> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        // Some shippers put the name of the log around its record.
        let object = if whole.len() == 1 { whole.get("conn").and_then(Value::as_object).unwrap_or(&whole) } else { &whole };
        match object.get("_path").and_then(Value::as_str) {
            Some(path) if path != "conn" => return Ok(Row::Other(path.chars().take(MAX_NAME).collect())),
            _ => {}
        }
        self.met = true;
        let labelled = self.label.as_mut().map(|label| label.of_object(object));
        flow(|name| fields::text(object, name), labelled, line, now).map(|record| Row::Flow(Box::new(record)))
    }

    fn finish(self) -> Result<(), ParseError> {
        match self.lacks {
            Some(lacks) if !self.met => Err(ParseError::Column(format!("{lacks:?}; of Zeek's logs only conn.log describes flows"))),
            _ => self.label.map_or(Ok(()), Named::finish),
        }
    }
}

/// A connection by its fields; `labelled` is what the column has that somebody named.
fn flow<'a>(
    get: impl Fn(&str) -> Option<Cow<'a, str>>,
    labelled: Option<Option<Cow<'a, str>>>,
    line: u64,
    now: Timestamp,
) -> Result<Record<FlowEvent>, String> {
    let number = |name: &str| get(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
    if get("id.orig_h").is_none() || get("id.resp_p").is_none() {
        return Err("no id.orig_h or no id.resp_p: only records of conn.log describe flows".to_owned());
    }
    let mut draft = Draft::new();
    for (column, name) in [
        (Column::FlowId, "uid"),
        (Column::SourceIp, "id.orig_h"),
        (Column::DestinationIp, "id.resp_h"),
        (Column::Protocol, "proto"),
        (Column::Time, "ts"),
    ] {
        if let Some(text) = get(name) {
            draft.identify(column, &text);
        }
    }
    let usual = labelled.is_none();
    if let Some(text) = labelled.unwrap_or_else(|| get("label")) {
        draft.identify(Column::Label, &text);
    }
    let packets = [number("orig_pkts"), number("resp_pkts")];
    // Without a payload Zeek often leaves the bytes unset.
    let payload = |name: &str, packets: f64| Some(number(name)).filter(|n| n.is_finite()).unwrap_or(packets * 0.0);
    let bytes = [payload("orig_bytes", packets[0]), payload("resp_bytes", packets[1])];
    Connection { port: number("id.resp_p"), seconds: number("duration"), packets, bytes, whole: None }.fill(&mut draft);
    draft.set(F::FwdHeader as usize, (number("orig_ip_bytes") - bytes[0]).max(0.0));
    draft.set(F::BwdHeader as usize, (number("resp_ip_bytes") - bytes[1]).max(0.0));
    // A letter for each kind of packet seen; capitals are the opener's, and many packets of a kind give few letters.
    if let Some(history) = get("history") {
        let count = |letters: &[u8]| history.bytes().filter(|b| letters.contains(b)).count() as f64;
        for (feature, letters) in [(F::Syn, b"SsHh".as_slice()), (F::Fin, b"Ff"), (F::Rst, b"Rr"), (F::Ack, b"AaHh")] {
            draft.set(feature as usize, count(letters));
        }
    }
    let (event, label, label_name) = draft.finish(now);
    let mut record = Record { event, label, label_name, line };
    // IoT-23 names the kind of attack beside.
    if usual && record.label != Some(Label::Legitimate) {
        let detailed = get("detailed-label").or_else(|| get("detailed_label"));
        if let Some((name, label)) = detailed.and_then(|name| judge(&name).map(|label| (name, label))) {
            record.label = record.label.or(Some(label));
            record.label_name = Some(name.chars().take(MAX_NAME).collect());
        }
    }
    Ok(record)
}
