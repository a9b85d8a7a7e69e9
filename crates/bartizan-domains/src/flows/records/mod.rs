//! Flows from files: tables of every CICFlowMeter, NDJSON, the logs of Zeek and Suricata, and tables of connections.

mod cells;
mod connection;
mod connections;
mod detect;
mod dialects;
mod fields;
mod formats;
mod header;
mod payload;
mod reader;
mod row;
mod suricata;
mod table;
mod zeek;

pub(super) use cells::scan;

use super::body::{BodyError, mended, parse_record};
use super::features::TABLE;
use super::labels::judge;
use super::{FlowEvent, Flows};
use crate::faults::{Fault, Loc};
use crate::records::{Counted, LabelField, MAX_JSON, array, label_of, lines, open, peek};
use bartizan_core::{AUTO, Format, How, Parse, ParseError, Record, Sink, Summary, Timestamp};
use serde_json::Value;
use std::io::Read;

/// What a file of flows may be.
const EXPECTED: &str = "it is neither a table of CICFlowMeter (cicflow), NDJSON (ndjson), a JSON array (json), Zeek's conn.log (zeek), Suricata's eve.json (suricata), nor a table of nfdump (nfdump), Argus (argus) or UNSW-NB15 (unsw-nb15)";

impl Parse for Flows {
    const FORMATS: &'static [&'static [Format]] = &[formats::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, FlowEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let (format, sure) = if how.format == AUTO { detect::detect(peek(&mut reader)?, EXPECTED)? } else { (how.format, 1.0) };
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, sure);
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
            "zeek" => {
                zeek::read(reader, &mut counted, how.label_column)?;
                counted.missing(missing_of(format));
            }
            "suricata" => {
                suricata::read(reader, &mut counted, how.label_column)?;
                counted.missing(missing_of(format));
            }
            _ => {
                let dialect = dialects::named(format).ok_or(ParseError::Unknown(EXPECTED))?;
                connections::read(reader, &mut counted, dialect, how.label_column)?;
            }
        }
        Ok(counted.finish())
    }
}

/// The features that files of a format cannot give: they are missing in all of its flows. Empty for the formats that can give all.
#[must_use]
pub fn missing_of(format: &str) -> Vec<&'static str> {
    let given = match format {
        "zeek" => zeek::GIVEN,
        "suricata" => suricata::GIVEN,
        _ => return dialects::named(format).map_or_else(Vec::new, connections::Dialect::missing),
    };
    let missing = |index: &usize| !connection::GIVEN.iter().chain(given).any(|f| *f as usize == *index);
    (0..TABLE.len()).filter(missing).map(super::features::name).collect()
}

/// A body and its label, from the field that was named or from those that usually have one.
fn json(text: &[u8], line: u64, now: Timestamp, named: Option<&mut LabelField<'_>>) -> Result<Record<FlowEvent>, String> {
    let text = &*payload::payload(text);
    let mut record = parse_record(text, line, now).map_err(|error| match error {
        BodyError::Faults(faults) => faults.iter().take(3).map(describe).collect::<Vec<_>>().join("; "),
        BodyError::Duplicate(_) | BodyError::TooMany(_) => error.to_string(),
    })?;
    if let Some(field) = named {
        (record.label, record.label_name) = match field.value(&mended(text)) {
            Some(Value::String(name)) => judge(&name).map_or((None, None), |label| (Some(label), Some(name))),
            other => label_of(other.as_ref()),
        };
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
