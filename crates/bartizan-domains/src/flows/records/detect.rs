//! Tells the format of a file from many lines of its beginning, never from the first alone.

use super::cells::split;
use super::connections::Layout;
use super::dialects;
use super::header::{HEADER_LINES, Header};
use super::payload::payload;
use crate::records::MAX_COLUMNS;
use bartizan_core::ParseError;

/// Most lines that are looked at.
const LINES: usize = 200;

/// The words that begin the lines of a Zeek header.
const ZEEK_WORDS: [&str; 8] = ["#separator", "#fields", "#set_separator", "#empty_field", "#unset_field", "#path", "#open", "#types"];
/// Fields that only Zeek's records have.
const ZEEK_FIELDS: [&str; 5] = ["\"id.orig_h\"", "\"id_orig_h\"", "\"orig_h\"", "\"orig_pkts\"", "\"_path\""];

/// The format of a file by its beginning, and the share of the lines looked at that it can read; `expected` says what there is.
pub(super) fn detect(start: &[u8], expected: &'static str) -> Result<(&'static str, f64), ParseError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.trim_ascii_start();
    match first.first() {
        None if start.is_empty() => return Err(ParseError::Empty),
        None => return Err(ParseError::Unknown(expected)),
        Some(b'[') if matches!(first[1..].trim_ascii_start().first(), None | Some(b'{' | b']')) => return Ok(("json", 1.0)),
        Some(_) => {}
    }
    let mut votes = Votes::default();
    start.split(|byte| *byte == b'\n').take(LINES).for_each(|line| votes.take(line));
    if let Some((name, count)) = votes.most() {
        return Ok((name, count as f64 / votes.looked as f64));
    }
    match first.first() {
        Some(b'[') => Ok(("json", 0.0)),
        Some(b'#') => Ok(("zeek", 0.0)),
        _ if start.first().is_some_and(u8::is_ascii_control) => Err(ParseError::Unknown(expected)),
        // What is no table says so when it is read as one.
        _ => Ok(("cicflow", 0.0)),
    }
}

/// Lines by what can read them.
#[derive(Default)]
struct Votes {
    looked: usize,
    suricata: usize,
    zeek: usize,
    ndjson: usize,
    /// Below a header of Zeek, what is between its values.
    tabs: bool,
    table: Option<Table>,
    /// Rows of tables without a header.
    bare: Option<(&'static str, usize)>,
}

/// A table by its header.
struct Table {
    name: &'static str,
    separator: u8,
    columns: usize,
    rows: usize,
}

impl Votes {
    fn take(&mut self, line: &[u8]) {
        let text = payload(line);
        let text = text.strip_suffix(b"\r").unwrap_or(&text);
        if text.trim_ascii().is_empty() {
            return;
        }
        self.looked += 1;
        let has = |words: &[&str]| words.iter().any(|word| text.windows(word.len()).any(|part| part == word.as_bytes()));
        if text.starts_with(b"{") {
            *(if has(&["\"event_type\""]) {
                &mut self.suricata
            } else if has(&ZEEK_FIELDS) {
                &mut self.zeek
            } else {
                &mut self.ndjson
            }) += 1;
        } else if ZEEK_WORDS.iter().any(|word| text.starts_with(word.as_bytes())) {
            self.tabs = true;
            self.zeek += 1;
        } else if let Some(table) = self.table.as_mut().filter(|table| table.has(text)) {
            table.rows += 1;
        } else if self.tabs {
            self.zeek += 1;
        } else if self.table.is_none() {
            if self.looked <= HEADER_LINES {
                self.table = Table::read(text);
            }
            if self.table.is_none()
                && let Some(dialect) = dialects::ALL.into_iter().find(|dialect| Layout::of_row(dialect, text, None).is_some())
            {
                self.bare.get_or_insert((dialect.name, 0)).1 += 1;
            }
        }
    }

    /// The format that can read the most lines, and how many.
    fn most(&self) -> Option<(&'static str, usize)> {
        let table = self.table.as_ref().map(|table| (table.name, table.rows));
        let json = [("ndjson", self.ndjson), ("zeek", self.zeek), ("suricata", self.suricata)];
        json.into_iter().chain(self.bare).chain(table).filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count)
    }
}

impl Table {
    fn read(text: &[u8]) -> Option<Self> {
        for dialect in dialects::ALL {
            if let Some(layout) = Layout::read(dialect, text, None) {
                return Some(Self { name: dialect.name, separator: layout.separator, columns: layout.columns(), rows: 1 });
            }
        }
        let header = Header::read(text, None).filter(|header| header.features() > 0)?;
        Some(Self { name: "cicflow", separator: header.separator, columns: header.plan.len(), rows: 1 })
    }

    /// Whether a line has as many cells as the header.
    fn has(&self, text: &[u8]) -> bool {
        split(text, self.separator, MAX_COLUMNS + 1).len() == self.columns
    }
}
