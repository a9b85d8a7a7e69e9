//! From bytes to events: the trait that every kind implements, and what it reports.

use crate::{Domain, Label, Timestamp};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use thiserror::Error;

/// A kind of telemetry whose events are parsed from bytes. A file, a body, a stream and a command share this one reader: it holds no more
/// than one record at a time, and memory does not grow with what is read.
pub trait Parse: Domain {
    /// Names of the formats; the first is `auto`, which tells the others from the content.
    const FORMATS: &'static [&'static str];

    /// Parses bytes to their end, plain or gzip; `now` stands in for what they do not say of time.
    ///
    /// # Errors
    /// When the whole cannot be read; single records go to the sink as rejected.
    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, Self::Event>) -> Result<Summary, ParseError>;
}

/// How a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct How<'a> {
    /// One of [`FORMATS`](Parse::FORMATS).
    pub format: &'a str,
    /// Name of the column of a table, or of the field of JSON records, that holds the label; `None` for those that usually do.
    pub label_column: Option<&'a str>,
}

impl<'a> From<&'a str> for How<'a> {
    fn from(format: &'a str) -> Self {
        Self { format, label_column: None }
    }
}

/// An event with what is known of it beside: its label, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<E> {
    /// The event.
    pub event: E,
    /// What somebody said of it.
    pub label: Option<Label>,
    /// The kind of attack or of normal traffic, where the file names it.
    pub label_name: Option<String>,
    /// Its line, or its position in an array, from 1; 0 where it comes from neither.
    pub line: u64,
}

impl<E> Record<E> {
    /// An event that comes from no file.
    #[must_use]
    pub fn new(event: E, label: Option<Label>) -> Self {
        Self { event, label, label_name: None, line: 0 }
    }
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
pub enum ParseError {
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
    #[error("the table's header has more than {max_columns} columns or more than {max_bytes} bytes")]
    Header {
        /// Most columns.
        max_columns: usize,
        /// Most bytes of the line.
        max_bytes: usize,
    },
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
