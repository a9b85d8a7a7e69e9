//! From bytes to events: the trait that every kind implements, and what it reports.

use crate::{Domain, Label, Timestamp, TrustedProxies};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use thiserror::Error;

/// A kind of telemetry whose events are parsed from bytes. A file, a body, a stream and a command share this one reader: it holds no more
/// than one record at a time, and memory does not grow with what is read.
pub trait Parse: Domain {
    /// The formats, in groups. Their names are unique; `auto`, which is none of them, tells them from the content.
    const FORMATS: &'static [&'static [Format]];

    /// The formats one by one.
    fn formats() -> impl Iterator<Item = &'static Format> {
        Self::FORMATS.iter().copied().flatten()
    }

    /// Parses bytes to their end, packed or plain; `now` stands in for what they do not say of time.
    ///
    /// # Errors
    /// When the whole cannot be read; single records go to the sink as rejected.
    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, Self::Event>) -> Result<Summary, ParseError>;
}

/// The name that stands for whatever format the content shows.
pub const AUTO: &str = "auto";

/// A format of files, as an entry of the table that a kind reads by.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name in commands and reports.
    pub name: &'static str,
    /// What writes it, and what it is of it.
    pub what: &'static str,
    /// A few lines of it. A test reads them by name and recognises them.
    pub sample: &'static str,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct How<'a> {
    /// The name of one of [`FORMATS`](Parse::FORMATS), or [`AUTO`].
    pub format: &'a str,
    /// Name of the column of a table, or of the field of JSON records, that holds the label; `None` for those that usually do.
    pub label_column: Option<&'a str>,
    /// A format of access logs in the words of nginx's `log_format` or Apache's `LogFormat`.
    pub own: Option<&'a str>,
    /// Name of the field of JSON, or of the request's header, that says who the user of a line of an access log is; compared without case,
    /// `_`, `-` and blanks.
    pub user: Option<&'a str>,
    /// The proxies whose word on the client is taken where a log has lists of addresses.
    pub proxies: Option<&'a TrustedProxies>,
}

impl<'a> From<&'a str> for How<'a> {
    fn from(format: &'a str) -> Self {
        Self { format, ..Self::default() }
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
    /// Why, for a person.
    pub reason: String,
}

/// What was met. Each map and list has a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Records read.
    pub accepted: u64,
    /// Records that could not be.
    pub rejected: u64,
    /// The format that the whole was taken for.
    pub format: Option<Chosen>,
    /// Records by the format that each was read as, with what it was wrapped in: `combined in Docker's JSON`.
    pub formats: BTreeMap<String, u64>,
    /// What is wrong with the records that could not be read, by kind: the reason without what differs from record to record.
    pub faults: BTreeMap<String, Fault>,
    /// Faults in accepted records that were mended, and how often: `Flow Bytes/s: Infinity`.
    pub repairs: BTreeMap<String, u64>,
    /// Columns or fields that the kind knows and the file does not have.
    pub missing: Vec<String>,
    /// Labels by name, as the file has them, and records of each.
    pub labels: BTreeMap<String, u64>,
    /// How many of those records are labelled as attacks.
    pub attacks: u64,
}

impl Summary {
    /// Records read, and records that could not be.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.accepted, self.rejected)
    }
}

/// The format that a file was taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Its name in the table.
    pub name: &'static str,
    /// The share of the records looked at that it can read, [0, 1]; 1 where it was named.
    pub sure: f64,
}

/// Records that could not be read for one kind of reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Rejected>,
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
    /// A format of one's own that is none.
    #[error("the format of one's own (files.log_format) cannot be used: {0}")]
    OwnFormat(String),
    /// Packed in a way that is not unpacked here.
    #[error("it is packed with {0}, which is not unpacked while reading; gzip, zstd, xz, bzip2, and zip given as a file are")]
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
