//! Requests from files: format and compression are told from the content, bad records are counted and skipped.

mod atrdf;
pub(crate) mod combined;
pub(crate) mod json;
mod payloads;

use super::{RequestEvent, Requests};
use crate::records::{Counted, FromFiles, How, MAX_JSON, MAX_ROW, ReadError, Sink, Summary, array, lines, open, peek};
use bartizan_core::Timestamp;
use std::io::Read;
use std::str::FromStr;

/// One request of a file.
pub type Record = crate::records::Record<RequestEvent>;

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
///
/// # Errors
/// When the file as a whole cannot be read; single records go to the sink as rejected.
pub fn read(reader: impl Read, format: Format, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ReadError> {
    let (mut reader, unread) = open(reader)?;
    let format = if format == Format::Auto { detect(peek(&mut reader)?)? } else { format };
    let mut counted = Counted::new(sink, now, unread);
    match format {
        Format::Auto => return Err(ReadError::Unknown(EXPECTED)),
        Format::Ndjson => lines(reader, MAX_JSON, &mut counted, json::line)?,
        Format::Combined => lines(reader, MAX_ROW, &mut counted, combined::line)?,
        Format::JsonArray => array(reader, &mut counted, json::element)?,
        Format::Atrdf => array(reader, &mut counted, atrdf::element)?,
        Format::HttpParams => payloads::read(reader, &mut counted)?,
    }
    Ok(counted.finish())
}

impl FromFiles for Requests {
    const FORMATS: &'static [&'static str] = Format::NAMES;

    fn read(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ReadError> {
        if let Some(column) = how.label_column {
            return Err(ReadError::Column(format!("{column:?}: files of requests have their labels in fields of fixed names")));
        }
        let format = how.format.parse().map_err(|_| ReadError::Unknown(EXPECTED))?;
        read(reader, format, now, sink)
    }
}

/// Tells the format from the beginning of a file.
fn detect(start: &[u8]) -> Result<Format, ReadError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let text = String::from_utf8_lossy(&first[..first.len().min(4096)]);
    match start.first() {
        None => Err(ReadError::Empty),
        Some(b'{') => Ok(Format::Ndjson),
        Some(b'[') => {
            let head = String::from_utf8_lossy(&start[..start.len().min(4096)]);
            Ok(if head.contains("\"request\"") && !head.contains("\"request_id\"") { Format::Atrdf } else { Format::JsonArray })
        }
        Some(_) if combined::is_line(&text) => Ok(Format::Combined),
        Some(_) if text.split(',').any(|c| c.trim().trim_matches('"') == "payload") => Ok(Format::HttpParams),
        Some(_) => Err(ReadError::Unknown(EXPECTED)),
    }
}

#[cfg(test)]
mod tests;
