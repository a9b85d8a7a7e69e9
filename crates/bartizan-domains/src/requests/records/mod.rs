//! Requests from files: format and compression are told from the content, bad records are counted and skipped.

mod atrdf;
pub(crate) mod combined;
pub(crate) mod json;
mod payloads;

use super::{RequestEvent, Requests};
use crate::records::{Counted, LabelField, MAX_JSON, MAX_ROW, array, lines, open, peek, refuse_named};
use bartizan_core::{How, Parse, ParseError, Sink, Summary, Timestamp};
use std::io::Read;
use std::str::FromStr;

/// One request of a file.
pub type Record = bartizan_core::Record<RequestEvent>;

/// What a file of requests may be.
const EXPECTED: &str = "it is neither NDJSON, a JSON array, a combined access log nor a table of payloads";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Told from the content.
    Auto,
    /// One `/analyze` body a line; `label` or `user_label` where it has one.
    Ndjson,
    /// A JSON array of them.
    JsonArray,
    /// Apache or nginx combined access log.
    Combined,
    /// CSV of single parameter values: `payload,length,attack_type,label` (HttpParamsDataset).
    HttpParams,
    /// JSON array of request and response pairs with `request.Attack_Tag` (ATRDF 2023).
    Atrdf,
}

impl Format {
    /// All names.
    pub const NAMES: &'static [&'static str] = &["auto", "ndjson", "json", "combined", "http-params", "atrdf"];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "ndjson" => Ok(Self::Ndjson),
            "json" => Ok(Self::JsonArray),
            "combined" => Ok(Self::Combined),
            "http-params" => Ok(Self::HttpParams),
            "atrdf" => Ok(Self::Atrdf),
            other => Err(format!("unknown format {other:?}; expected one of {}", Self::NAMES.join(", "))),
        }
    }
}

/// Reads a file to its end; memory stays bounded however large it is. `now` stands in for missing timestamps.
fn read(reader: impl Read, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ParseError> {
    let format = how.format.parse().map_err(|_| ParseError::Unknown(EXPECTED))?;
    let (mut reader, unread) = open(reader)?;
    let format = if format == Format::Auto { detect(peek(&mut reader)?)? } else { format };
    let mut counted = Counted::new(sink, now, unread);
    let mut labels = LabelField::named(how);
    match format {
        Format::Auto => return Err(ParseError::Unknown(EXPECTED)),
        Format::Ndjson => lines(reader, MAX_JSON, &mut counted, |text, line, now| json::line(text, line, now, labels.as_mut()))?,
        Format::JsonArray => {
            array(reader, &mut counted, |text, position, now| json::line(text.as_bytes(), position, now, labels.as_mut()))?;
        }
        Format::HttpParams => return payloads::read(reader, &mut counted, how.label_column).map(|()| counted.finish()),
        Format::Combined => {
            refuse_named(how, "combined")?;
            lines(reader, MAX_ROW, &mut counted, combined::line)?;
        }
        Format::Atrdf => {
            refuse_named(how, "atrdf")?;
            array(reader, &mut counted, atrdf::element)?;
        }
    }
    labels.map_or(Ok(()), LabelField::finish)?;
    Ok(counted.finish())
}

impl Parse for Requests {
    const FORMATS: &'static [&'static str] = Format::NAMES;

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ParseError> {
        read(reader, how, now, sink)
    }
}

/// Tells the format from the beginning of a file.
fn detect(start: &[u8]) -> Result<Format, ParseError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let text = String::from_utf8_lossy(&first[..first.len().min(4096)]);
    match start.first() {
        None => Err(ParseError::Empty),
        Some(b'{') => Ok(Format::Ndjson),
        Some(b'[') => {
            let head = String::from_utf8_lossy(&start[..start.len().min(4096)]);
            Ok(if head.contains("\"request\"") && !head.contains("\"request_id\"") { Format::Atrdf } else { Format::JsonArray })
        }
        Some(_) if combined::is_line(&text) => Ok(Format::Combined),
        Some(_) if text.split(',').any(|c| c.trim().trim_matches('"') == "payload") => Ok(Format::HttpParams),
        Some(_) => Err(ParseError::Unknown(EXPECTED)),
    }
}

#[cfg(test)]
mod tests;
