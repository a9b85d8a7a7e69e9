//! Requests from files: format and compression are told from the content, bad records are counted and skipped.

mod atrdf;
mod combined;
mod json;
mod lines;
mod payloads;

use super::RequestEvent;
use bartizan_core::{Label, Timestamp};
use flate2::read::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::str::FromStr;
use thiserror::Error;

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

/// One request of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The request.
    pub event: RequestEvent,
    /// What the file says of it.
    pub label: Option<Label>,
    /// The kind of attack, where the file names it.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub accepted: u64,
    /// Records that could not be.
    pub rejected: u64,
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
    /// No known format.
    #[error(
        "the file is no log of requests that is known: it is neither NDJSON, a JSON array, a combined access log nor a table of payloads; name its format if it is one of these"
    )]
    Unknown,
    /// The table lacks a column.
    #[error("the table has no column {0:?}; its first line must name the columns payload and label (or attack_type)")]
    Column(&'static str),
}

/// Where records go; `Break` stops reading.
pub type Sink<'a> = &'a mut dyn FnMut(Result<Record, Rejected>) -> ControlFlow<()>;

/// Counts what passes on its way to the sink.
struct Counted<'a> {
    sink: Sink<'a>,
    summary: Summary,
    now: Timestamp,
}

impl Counted<'_> {
    fn pass(&mut self, record: Result<Record, Rejected>) -> ControlFlow<()> {
        match &record {
            Ok(_) => self.summary.accepted += 1,
            Err(_) => self.summary.rejected += 1,
        }
        (self.sink)(record)
    }
}

/// Reads a file to its end; memory stays bounded however large it is. `now` stands in for missing timestamps.
///
/// # Errors
/// When the file as a whole cannot be read; single records go to the sink as rejected.
pub fn read(reader: impl Read, format: Format, now: Timestamp, sink: Sink<'_>) -> Result<Summary, ReadError> {
    let mut reader: Box<dyn BufRead + '_> = Box::new(BufReader::with_capacity(1 << 17, reader));
    if peek(&mut reader)?.starts_with(&[0x1f, 0x8b]) {
        reader = Box::new(BufReader::with_capacity(1 << 17, MultiGzDecoder::new(reader)));
    }
    let format = if format == Format::Auto { detect(peek(&mut reader)?)? } else { format };
    let mut counted = Counted { sink, summary: Summary::default(), now };
    match format {
        Format::Auto => return Err(ReadError::Unknown),
        Format::Ndjson => lines::read(reader, &mut counted, json::line)?,
        Format::Combined => lines::read(reader, &mut counted, combined::line)?,
        Format::JsonArray => json::array(reader, &mut counted, json::element)?,
        Format::Atrdf => json::array(reader, &mut counted, atrdf::element)?,
        Format::HttpParams => payloads::read(reader, &mut counted)?,
    }
    Ok(counted.summary)
}

fn peek<'a>(reader: &'a mut Box<dyn BufRead + '_>) -> Result<&'a [u8], ReadError> {
    reader.fill_buf().map_err(|source| ReadError::Io { line: 0, source })
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
        Some(_) => Err(ReadError::Unknown),
    }
}

/// What people write for "belongs" in label columns.
fn label_from_name(name: &str) -> Label {
    let usual = ["norm", "normal", "benign", "legitimate", "false", "0", "none", ""];
    if usual.iter().any(|u| name.trim().eq_ignore_ascii_case(u)) { Label::Legitimate } else { Label::Anomalous }
}

#[cfg(test)]
mod tests;
