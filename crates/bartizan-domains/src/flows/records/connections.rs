//! Tables of connections: what NetFlow collectors, Argus and the like write, a row for each.

use super::super::event::Draft;
use super::super::features::{F, TABLE, WIDTH, name};
use super::super::names::Column;
use super::cells::split;
use super::header::{HEADER_LINES, separator};
use super::reader::{Lines, Next};
use super::row::Row;
use crate::flows::FlowEvent;
use crate::records::{Counted, MAX_COLUMNS, MAX_ROW, lacking, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use std::borrow::Cow;
use std::io::BufRead;

/// Of which direction a total is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Fwd,
    Bwd,
    /// Of both.
    Both,
    /// Of the one direction that the record is about.
    Only,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field {
    Text(Column),
    Port,
    /// When the connection ended.
    End,
    Seconds,
    Packets(Of),
    Bytes(Of),
    /// The flags seen, by their letters.
    Flags,
    /// The flags seen, by their letters: the opener's, and after a `_` the other side's.
    State,
    /// A feature, and what its numbers are multiplied by.
    Feature(F, f64),
}

/// A table without a header.
pub(super) struct Bare {
    /// Its columns.
    pub(super) columns: &'static [&'static str],
    /// Tells whether a line with as many cells is a row of it.
    pub(super) is_row: fn(&[Cow<'_, [u8]>]) -> bool,
}

/// A kind of such tables.
pub(super) struct Dialect {
    /// Its name in the table of formats.
    pub(super) name: &'static str,
    /// Columns by which it is told: all of one group are there.
    pub(super) marks: &'static [&'static [&'static str]],
    /// The spellings of its columns.
    pub(super) columns: &'static [(&'static str, Field)],
    /// What its tables without a header are like, where there are such.
    pub(super) bare: Option<Bare>,
    /// First cell of the lines after the rows, which are no rows.
    pub(super) trailer: Option<&'static str>,
}

/// Which column holds what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) separator: u8,
    fields: Vec<Option<Field>>,
}

impl Layout {
    /// Reads a header, if a line is one of the dialect.
    pub(super) fn read(dialect: &Dialect, text: &[u8], label_column: Option<&str>) -> Option<Self> {
        let separator = separator(text);
        let cells = split(text, separator, MAX_COLUMNS + 1);
        let has = |name: &str| cells.iter().any(|cell| same(cell, name));
        let told = cells.len() <= MAX_COLUMNS && dialect.marks.iter().any(|marks| marks.iter().all(|mark| has(mark)));
        told.then(|| Self { separator, fields: cells.iter().map(|cell| dialect.field(cell, label_column)).collect() })
    }

    /// The layout of a table without a header, if a line is a row of one.
    pub(super) fn of_row(dialect: &Dialect, text: &[u8], label_column: Option<&str>) -> Option<Self> {
        let Bare { columns: names, is_row } = dialect.bare.as_ref()?;
        let separator = separator(text);
        let cells = split(text, separator, MAX_COLUMNS + 1);
        (cells.len() == names.len() && is_row(&cells))
            .then(|| Self { separator, fields: names.iter().map(|name| dialect.field(name.as_bytes(), label_column)).collect() })
    }

    pub(super) fn columns(&self) -> usize {
        self.fields.len()
    }

    /// Refuses a column of labels that is none of the columns, which are those of a header, or those that rows without one have.
    fn check(&self, dialect: &Dialect, text: &[u8], is_row: bool, label_column: Option<&str>) -> Result<(), ParseError> {
        let Some(name) = label_column.filter(|_| !self.fields.contains(&Some(Field::Text(Column::Label)))) else { return Ok(()) };
        let bare = dialect.bare.as_ref().filter(|_| is_row).map(|bare| bare.columns.iter().map(|name| name.as_bytes()).collect());
        let cells = split(text, self.separator, MAX_COLUMNS);
        Err(lacking(name, bare.unwrap_or_else(|| cells.iter().map(AsRef::as_ref).collect())))
    }

    /// The features that its rows cannot give: those that a row with every column filled would leave out.
    fn missing(&self) -> Vec<&'static str> {
        let typical = |field: &Option<Field>| match field {
            Some(Field::Text(Column::Protocol)) => b"tcp",
            Some(Field::Flags) => b"AS ",
            Some(Field::State) => b"A_S",
            _ => b"443",
        };
        let mut draft = Draft::new();
        let _ = self.flow(&mut draft, self.fields.iter().map(|field| typical(field).as_slice()));
        let values = draft.finish(Timestamp::from_secs(0)).0.values;
        (0..WIDTH.min(TABLE.len())).filter(|feature| !values[*feature].is_finite()).map(name).collect()
    }

    /// Reads a row into a draft. Gives whether the time is none, or why there is no flow.
    fn flow<'c>(&self, draft: &mut Draft, cells: impl Iterator<Item = &'c [u8]>) -> Result<bool, String> {
        let mut row = Row::new();
        for (field, cell) in self.fields.iter().zip(cells) {
            if let Some(field) = field {
                row.take(draft, *field, cell.trim_ascii());
            }
        }
        if 2 * row.wrong > row.numbers {
            return Err(format!("{} fields are no numbers", row.wrong));
        }
        let bad_time = row.bad_time;
        row.fill(draft);
        if draft.values[F::FwdPackets as usize].is_nan() && draft.values[F::AverageSize as usize].is_nan() {
            return Err("neither packets nor bytes".to_owned());
        }
        Ok(bad_time)
    }
}

impl Dialect {
    fn field(&self, cell: &[u8], label_column: Option<&str>) -> Option<Field> {
        let field = self.columns.iter().find(|(name, _)| same(cell, name)).map(|(_, field)| *field);
        match label_column {
            Some(label) if same(cell, label.trim()) => Some(Field::Text(Column::Label)),
            Some(_) => field.filter(|field| *field != Field::Text(Column::Label)),
            None => field,
        }
    }

    /// The features that even a table with all of its columns cannot give.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        Layout { separator: b',', fields: self.columns.iter().map(|(_, field)| Some(*field)).collect() }.missing()
    }
}

fn same(cell: &[u8], name: &str) -> bool {
    cell.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

/// Reads a table to its end.
pub(super) fn read(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, FlowEvent>,
    dialect: &'static Dialect,
    label_column: Option<&str>,
) -> Result<(), ParseError> {
    let mut lines = Lines::new(reader);
    let Some((layout, is_row)) = first_layout(&mut lines, counted, dialect, label_column)? else { return Ok(()) };
    let missing = layout.missing();
    let mut table = Table { dialect, layout, label_column, draft: Draft::new(), trailer: false, trailers: 0, headers: 0, bad_times: 0 };
    let result = table.read(&mut lines, counted, is_row);
    for (what, times) in
        [("header again", table.headers), ("lines after the rows", table.trailers), ("Timestamp: not a time", table.bad_times)]
    {
        if times > 0 {
            counted.repaired(what, times);
        }
    }
    counted.missing(missing);
    result
}

/// The layout from the first line that is a header, or a row of a table without one, which then is still to be read; `None` when nobody
/// wants more.
fn first_layout(
    lines: &mut Lines<'_>,
    counted: &mut Counted<'_, FlowEvent>,
    dialect: &Dialect,
    label_column: Option<&str>,
) -> Result<Option<(Layout, bool)>, ParseError> {
    let mut before: Vec<Rejected> = Vec::new();
    let mut looked = 0;
    while looked < HEADER_LINES {
        let next = lines.next_quoted()?;
        let text = lines.text();
        let reason = match next {
            Next::End if looked == 0 => return Err(ParseError::Empty),
            Next::End => break,
            Next::Text if text.trim_ascii().is_empty() => continue,
            Next::TooLong => too_long(MAX_ROW),
            Next::Text => {
                let header = Layout::read(dialect, text, label_column);
                let bare = || Layout::of_row(dialect, text, label_column);
                let found = header.map(|layout| (layout, false)).or_else(|| bare().map(|layout| (layout, true)));
                if let Some(found) = found {
                    found.0.check(dialect, text, found.1, label_column)?;
                    let stopped = before.into_iter().try_for_each(|rejected| counted.pass(Err(rejected))).is_break();
                    return Ok(Some(found).filter(|_| !stopped));
                }
                "a line before the header".to_owned()
            }
        };
        before.push(Rejected { line: lines.line(), reason });
        looked += 1;
    }
    let names: Vec<String> = dialect.marks.iter().map(|marks| marks.join(", ")).collect();
    Err(ParseError::Column(format!("as {} has them: none of the first lines names {}", dialect.name, names.join("; nor "))))
}

/// Reads the rows below a header.
struct Table<'n> {
    dialect: &'static Dialect,
    layout: Layout,
    label_column: Option<&'n str>,
    draft: Draft,
    /// The lines after the rows have begun.
    trailer: bool,
    trailers: u64,
    headers: u64,
    bad_times: u64,
}

impl Table<'_> {
    fn read(&mut self, lines: &mut Lines<'_>, counted: &mut Counted<'_, FlowEvent>, mut is_row: bool) -> Result<(), ParseError> {
        let mut rows = 0_u64;
        loop {
            let next = if std::mem::take(&mut is_row) { Next::Text } else { lines.next_quoted()? };
            let (text, line) = (lines.text(), lines.line());
            let record = match next {
                Next::End if rows == 0 && self.trailers == 0 => return Err(ParseError::NoRows),
                Next::End => return Ok(()),
                Next::TooLong => Err(too_long(MAX_ROW)),
                Next::Text if text.trim_ascii().is_empty() => continue,
                Next::Text => match self.row(text) {
                    Some(Ok(())) => {
                        let (event, label, label_name) = self.draft.finish(counted.now);
                        Ok(Record { event, label, label_name, line })
                    }
                    Some(Err(reason)) => Err(reason),
                    None => continue,
                },
            };
            rows += 1;
            if counted.pass(record.map_err(|reason| Rejected { line, reason })).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads a row into the draft; `None` for what is none.
    fn row(&mut self, text: &[u8]) -> Option<Result<(), String>> {
        let mut cells = split(text, self.layout.separator, MAX_COLUMNS + 1);
        let expected = self.layout.columns();
        // Some writers end their rows with a separator.
        while cells.len() > expected && cells.last().is_some_and(|cell| cell.trim_ascii().is_empty()) {
            cells.pop();
        }
        let whole = cells.len() == expected;
        let mut reason = None;
        if whole {
            self.draft.clear();
            match self.layout.flow(&mut self.draft, cells.iter().map(AsRef::as_ref)) {
                Ok(bad_time) => {
                    self.bad_times += u64::from(bad_time);
                    self.trailer = false;
                    return Some(Ok(()));
                }
                Err(why) => reason = Some(why),
            }
        }
        if let Some(layout) = Layout::read(self.dialect, text, self.label_column) {
            self.headers += 1;
            (self.layout, self.trailer) = (layout, false);
            return None;
        }
        let begins = cells.first().zip(self.dialect.trailer).is_some_and(|(cell, trailer)| cells.len() == 1 && same(cell, trailer));
        self.trailer = begins || (self.trailer && !whole);
        if self.trailer {
            self.trailers += 1;
            return None;
        }
        let more = if cells.len() > MAX_COLUMNS { "more than " } else { "" };
        Some(Err(reason.unwrap_or_else(|| format!("{more}{} fields, expected {expected}", cells.len().min(MAX_COLUMNS)))))
    }
}
