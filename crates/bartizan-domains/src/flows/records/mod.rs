//! Flows from files: tables of every CICFlowMeter, NDJSON, and the logs of Zeek and Suricata.

mod cells;
mod connection;
mod formats;
mod header;
mod reader;
mod suricata;
mod table;
mod zeek;

pub(super) use cells::scan;

use super::body::{BodyError, mended, parse_record};
use super::features::TABLE;
use super::{FlowEvent, Flows};
use crate::faults::{Fault, Loc};
use crate::records::{Counted, LabelField, MAX_JSON, array, label_of, lines, open, peek, refuse_named};
use bartizan_core::{AUTO, Format, How, Parse, ParseError, Record, Sink, Summary, Timestamp};
use std::io::Read;

/// What a file of flows may be.
const EXPECTED: &str = "it is neither a table of CICFlowMeter (cicflow), NDJSON (ndjson), a JSON array (json), Zeek's conn.log (zeek) nor Suricata's eve.json (suricata)";

impl Parse for Flows {
    const FORMATS: &'static [&'static [Format]] = &[formats::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, FlowEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let format = if how.format == AUTO { detect(peek(&mut reader)?)? } else { how.format };
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, 1.0);
        if ["zeek", "suricata"].contains(&format) {
            refuse_named(how, format)?;
        }
        match format {
            "cicflow" => table::read(reader, &mut counted, how.label_column)?,
            "ndjson" => {
                let mut labels = LabelField::named(how);
                lines(reader, MAX_JSON, &mut counted, |text, line, now| json(text, line, now, labels.as_mut()))?;
                labels.map_or(Ok(()), LabelField::finish)?;
            }
            "json" => {
                let mut labels = LabelField::named(how);
                array(reader, &mut counted, |text, position, now| json(text.as_bytes(), position, now, labels.as_mut()))?;
                labels.map_or(Ok(()), LabelField::finish)?;
            }
            "zeek" => zeek::read(reader, &mut counted)?,
            "suricata" => suricata::read(reader, &mut counted)?,
            _ => return Err(ParseError::Unknown(EXPECTED)),
        }
        counted.missing(missing_of(format));
        Ok(counted.finish())
    }
}

/// The features that files of a format cannot give: they are missing in all of its flows. Empty for the formats that can give all.
#[must_use]
pub fn missing_of(format: &str) -> Vec<&'static str> {
    let given = match format {
        "zeek" => zeek::GIVEN,
        "suricata" => suricata::GIVEN,
        _ => return Vec::new(),
    };
    let missing = |index: &usize| !connection::GIVEN.iter().chain(given).any(|f| *f as usize == *index);
    (0..TABLE.len()).filter(missing).map(super::features::name).collect()
}

/// Tells the format from the beginning of a file.
fn detect(start: &[u8]) -> Result<&'static str, ParseError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let has = |word: &str| first.windows(word.len()).any(|w| w == word.as_bytes());
    match start.first() {
        None => Err(ParseError::Empty),
        Some(b'{') if has("\"event_type\"") => Ok("suricata"),
        Some(b'{') if has("\"id.orig_h\"") || has("\"orig_pkts\"") => Ok("zeek"),
        Some(b'{') => Ok("ndjson"),
        Some(b'[') => Ok("json"),
        Some(b'#') => Ok("zeek"),
        Some(byte) if byte.is_ascii_control() => Err(ParseError::Unknown(EXPECTED)),
        Some(_) => Ok("cicflow"),
    }
}

/// A body and its label, from the field that was named or from those that usually have one.
fn json(text: &[u8], line: u64, now: Timestamp, named: Option<&mut LabelField<'_>>) -> Result<Record<FlowEvent>, String> {
    let mut record = parse_record(text, line, now).map_err(|error| match error {
        BodyError::Faults(faults) => faults.iter().take(3).map(describe).collect::<Vec<_>>().join("; "),
        BodyError::Duplicate(_) | BodyError::TooMany(_) => error.to_string(),
    })?;
    if let Some(field) = named {
        (record.label, record.label_name) = label_of(field.value(&mended(text)).as_ref());
    }
    Ok(record)
}

/// A fault in a line for a person.
fn describe(fault: &Fault) -> String {
    let step = |loc: &Loc| match loc {
        Loc::Key(name) => name.clone(),
        Loc::Index(i) => i.to_string(),
    };
    let place: Vec<String> = fault.loc.iter().map(step).collect();
    if place.is_empty() { fault.msg.clone() } else { format!("{}: {}", place.join("."), fault.msg) }
}

#[cfg(test)]
mod tests;
