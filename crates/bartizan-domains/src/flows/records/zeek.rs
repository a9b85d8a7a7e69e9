//! Zeek's `conn.log`, as tab-separated values or as JSON.

use super::super::event::Draft;
use super::super::features::F;
use super::super::names::Column;
use super::connection::Connection;
use super::reader::{Lines, Next};
use crate::flows::FlowEvent;
use crate::records::{Counted, MAX_ROW, decode, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::BufRead;

/// The features that it gives besides those of every connection log.
pub(super) const GIVEN: &[F] = &[F::FwdHeader, F::BwdHeader, F::FwdHeader1, F::Fin, F::Syn, F::Rst, F::Ack];

/// The layout of the lines, from the log's own header.
struct Layout {
    separator: u8,
    fields: Vec<String>,
}

/// Reads a log to its end.
pub(super) fn read(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, FlowEvent>) -> Result<(), ParseError> {
    let mut lines = Lines::new(reader);
    let mut layout = Layout { separator: b'\t', fields: Vec::new() };
    loop {
        let next = lines.next()?;
        let text = lines.text();
        let record = match next {
            Next::End => return Ok(()),
            Next::TooLong => Err(too_long(MAX_ROW)),
            Next::Text if text.trim_ascii().is_empty() => continue,
            Next::Text if text.starts_with(b"#") => {
                layout.read(text)?;
                continue;
            }
            Next::Text if text.starts_with(b"{") => of_json(text, lines.line(), counted.now),
            Next::Text => layout.row(text, lines.line(), counted.now),
        };
        let line = lines.line();
        if counted.pass(record.map_err(|reason| Rejected { line, reason })).is_break() {
            return Ok(());
        }
    }
}

impl Layout {
    /// Reads a line of the header; logs put together have several.
    fn read(&mut self, text: &[u8]) -> Result<(), ParseError> {
        let (text, _) = decode(text);
        if let Some(hex) = text.strip_prefix("#separator").and_then(|rest| rest.trim().strip_prefix("\\x")) {
            self.separator = u8::from_str_radix(hex, 16).unwrap_or(b'\t');
        } else if let Some(names) = text.strip_prefix("#fields") {
            let separator = char::from(self.separator);
            self.fields = names.trim_start_matches(separator).split(separator).map(|name| name.trim().to_owned()).collect();
            for needed in ["id.orig_h", "id.resp_p", "duration"] {
                if !self.fields.iter().any(|f| f == needed) {
                    return Err(ParseError::Column(format!("{needed:?}; of Zeek's logs only conn.log describes flows")));
                }
            }
        }
        Ok(())
    }

    fn row(&self, text: &[u8], line: u64, now: Timestamp) -> Result<Record<FlowEvent>, String> {
        if self.fields.is_empty() {
            return Err("a line before the header's #fields".to_owned());
        }
        let (text, _) = decode(text);
        let cells: Vec<&str> = text.split(char::from(self.separator)).collect();
        if cells.len() != self.fields.len() {
            return Err(format!("{} fields, expected {}", cells.len(), self.fields.len()));
        }
        let get = |name: &str| {
            let at = self.fields.iter().position(|f| f == name)?;
            cells.get(at).filter(|cell| **cell != "-" && **cell != "(empty)").map(|cell| Cow::Borrowed(*cell))
        };
        flow(get, line, now)
    }
}

fn of_json(text: &[u8], line: u64, now: Timestamp) -> Result<Record<FlowEvent>, String> {
    let object: Map<String, Value> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let get = |name: &str| match object.get(name)? {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    };
    flow(get, line, now)
}

fn flow<'a>(get: impl Fn(&str) -> Option<Cow<'a, str>>, line: u64, now: Timestamp) -> Result<Record<FlowEvent>, String> {
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
        (Column::Label, "label"),
    ] {
        if let Some(text) = get(name) {
            draft.identify(column, &text);
        }
    }
    let packets = [number("orig_pkts"), number("resp_pkts")];
    // Without a payload Zeek often leaves the bytes unset.
    let payload = |name: &str, packets: f64| Some(number(name)).filter(|n| n.is_finite()).unwrap_or(packets * 0.0);
    let bytes = [payload("orig_bytes", packets[0]), payload("resp_bytes", packets[1])];
    Connection { port: number("id.resp_p"), seconds: number("duration"), packets, bytes }.fill(&mut draft);
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
    Ok(Record { event, label, label_name, line })
}
