//! Tables of CICFlowMeter, with the faults that the public ones have.

use super::super::event::Draft;
use super::super::features::{F, TABLE, WIDTH, name};
use super::super::names::{Column, SECONDS};
use super::cells::{Oddity, number, scan, split};
use super::header::{HEADER_LINES, Header, Plan};
use super::reader::{Lines, Next};
use crate::flows::FlowEvent;
use crate::records::{Counted, MAX_COLUMNS, MAX_ROW, decode, lacking, too_long};
use bartizan_core::{ParseError, Record, Rejected};
use std::io::BufRead;

/// How many times longer a duration is than packets and their rate say before it is taken for microseconds and not for seconds, which
/// make a million.
const UNSURE: f64 = 1e3;

/// Reads a table to its end.
pub(super) fn read(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, FlowEvent>,
    label_column: Option<&str>,
) -> Result<(), ParseError> {
    let mut lines = Lines::new(reader);
    let Some(header) = first_header(&mut lines, counted, label_column)? else { return Ok(()) };
    let mut rows = Rows::new(header);
    let result = rows.read(&mut lines, counted);
    rows.report(counted);
    result
}

/// The header, after empty lines and, among the first, lines that are none: notes, or what is left of a line that was cut. `None` when
/// nobody wants more.
fn first_header(
    lines: &mut Lines<'_>,
    counted: &mut Counted<'_, FlowEvent>,
    label_column: Option<&str>,
) -> Result<Option<Header>, ParseError> {
    let (mut before, mut first): (Vec<Rejected>, _) = (Vec::new(), None);
    while before.len() < HEADER_LINES {
        let next = lines.next_quoted()?;
        let read = match next {
            Next::End => break,
            Next::TooLong => None,
            Next::Text if lines.text().trim_ascii().is_empty() => continue,
            Next::Text => Header::read(lines.text(), label_column),
        };
        match read {
            Some(header) if header.features() > 0 => {
                if let Some(name) = header.lacks_label() {
                    let cells = split(lines.text(), header.separator, MAX_COLUMNS);
                    return Err(lacking(name, cells.iter().map(AsRef::as_ref).collect()));
                }
                let stopped = before.into_iter().try_for_each(|rejected| counted.pass(Err(rejected))).is_break();
                return Ok(Some(header).filter(|_| !stopped));
            }
            Some(_) => drop(first.get_or_insert_with(no_features)),
            None => drop(first.get_or_insert(ParseError::Header { max_columns: MAX_COLUMNS, max_bytes: MAX_ROW })),
        }
        before.push(Rejected { line: lines.line(), reason: "a line before the header".to_owned() });
    }
    Err(first.unwrap_or(ParseError::Empty))
}

fn no_features() -> ParseError {
    ParseError::Column(
        "of flows: its first line must name columns as CICFlowMeter does, such as \"Flow Duration\", \"Flow Dur\" or flow_duration"
            .to_owned(),
    )
}

/// What a record turned out to be.
enum Row {
    Flow,
    Blank,
    Header(Header),
    Bad(String),
}

/// Reads the rows below a header.
struct Rows {
    header: Header,
    draft: Draft,
    /// The header is of a dialect with times in seconds.
    in_seconds: bool,
    /// The last row that told had its times in microseconds all the same.
    in_micros: bool,
    micros: u64,
    /// What is odd in the row: the feature, and how.
    odd: Vec<(u8, Oddity)>,
    /// A text of the row was not UTF-8.
    old_text: bool,
    /// A time of the row was none.
    bad_time: bool,
    /// What was odd in the accepted rows, by feature.
    oddities: Vec<[u64; Oddity::ALL.len()]>,
    old_texts: u64,
    bad_times: u64,
    blank: u64,
    repeated: u64,
    changed: u64,
}

impl Rows {
    fn new(header: Header) -> Self {
        Self {
            in_seconds: header.in_seconds(),
            in_micros: false,
            micros: 0,
            header,
            draft: Draft::new(),
            odd: Vec::new(),
            old_text: false,
            bad_time: false,
            oddities: vec![[0; Oddity::ALL.len()]; WIDTH],
            old_texts: 0,
            bad_times: 0,
            blank: 0,
            repeated: 0,
            changed: 0,
        }
    }

    fn read(&mut self, lines: &mut Lines<'_>, counted: &mut Counted<'_, FlowEvent>) -> Result<(), ParseError> {
        let mut rows = 0_u64;
        loop {
            let next = lines.next_quoted()?;
            let line = lines.line();
            let record = match next {
                Next::End if rows == 0 => return Err(ParseError::NoRows),
                Next::End => return Ok(()),
                Next::TooLong => Err(too_long(MAX_ROW)),
                Next::Text => match self.row(lines.text()) {
                    Row::Flow => Ok(()),
                    Row::Bad(reason) => Err(reason),
                    Row::Blank => {
                        self.blank += u64::from(!lines.text().is_empty());
                        continue;
                    }
                    Row::Header(header) => {
                        let same = header == self.header;
                        self.repeated += u64::from(same);
                        self.changed += u64::from(!same);
                        (self.in_seconds, self.in_micros) = (header.in_seconds(), same && self.in_micros);
                        self.header = header;
                        continue;
                    }
                },
            };
            rows += 1;
            let record = match record {
                Ok(()) => Ok(self.accept(line, counted)),
                Err(reason) => Err(Rejected { line, reason }),
            };
            if counted.pass(record).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads one row into the draft.
    fn row(&mut self, text: &[u8]) -> Row {
        self.draft.clear();
        self.odd.clear();
        (self.old_text, self.bad_time) = (false, false);
        let plan = std::mem::take(&mut self.header.plan);
        let cells = if text.contains(&b'"') { self.quoted_cells(&plan, text) } else { self.plain_cells(&plan, text) };
        self.header.plan = plan;
        let has = |wanted: Oddity| self.odd.iter().any(|(_, oddity)| *oddity == wanted);
        let whole = cells == self.header.plan.len();
        if whole && !has(Oddity::Text) && !has(Oddity::Empty) {
            return Row::Flow;
        }
        if text.iter().all(|b| *b == self.header.separator || b.is_ascii_whitespace() || *b == b'"') {
            return Row::Blank;
        }
        if whole && !has(Oddity::Text) {
            return Row::Flow;
        }
        if let Some(header) = self.header.among_rows(text) {
            return Row::Header(header);
        }
        let texts = self.odd.iter().filter(|(_, oddity)| *oddity == Oddity::Text).count();
        if !whole {
            let expected = self.header.plan.len();
            let more = if cells > MAX_COLUMNS { "more than " } else { "" };
            return Row::Bad(format!("{more}{} fields, expected {expected}", cells.min(MAX_COLUMNS)));
        }
        if 2 * texts > self.header.features() { Row::Bad(format!("{texts} fields are no numbers")) } else { Row::Flow }
    }

    /// Reads the cells of a row without quotes; gives how many there are.
    fn plain_cells(&mut self, plan: &[Plan], text: &[u8]) -> usize {
        let separator = self.header.separator;
        let end_of = |at: usize| text[at..].iter().position(|b| *b == separator).map_or(text.len(), |length| at + length);
        let mut at = 0;
        for (position, plan) in plan.iter().enumerate() {
            let end = match (plan, text.get(at).map(|_| scan(&text[at..]))) {
                (Plan::Number(index, factor), Some(Some((number, length)))) if text.get(at + length).is_none_or(|b| *b == separator) => {
                    if number < 0.0 {
                        self.odd.extend(Oddity::of(number).map(|oddity| (*index, oddity)));
                    }
                    self.draft.set(usize::from(*index), number * factor);
                    at + length
                }
                _ => {
                    let end = end_of(at);
                    self.cell(*plan, &text[at..end]);
                    end
                }
            };
            if end == text.len() {
                return position + 1;
            }
            at = end + 1;
        }
        plan.len() + 1 + text[at..].iter().filter(|b| **b == separator).count()
    }

    fn quoted_cells(&mut self, plan: &[Plan], text: &[u8]) -> usize {
        let cells = split(text, self.header.separator, MAX_COLUMNS + 1);
        for (plan, cell) in plan.iter().zip(&cells) {
            self.cell(*plan, cell);
        }
        cells.len()
    }

    fn cell(&mut self, plan: Plan, cell: &[u8]) {
        match plan {
            Plan::Pass => {}
            Plan::Number(index, factor) => {
                let found = number(cell);
                self.odd.extend(found.map_or_else(Some, Oddity::of).map(|oddity| (index, oddity)));
                self.draft.set(usize::from(index), found.unwrap_or(f64::NAN) * factor);
            }
            Plan::Text(column) => {
                let (text, old) = decode(cell);
                self.old_text |= old;
                self.draft.identify(column, &text);
                self.bad_time |= column == Column::Time && self.draft.time.is_none() && !text.trim().is_empty();
            }
        }
    }

    /// The flow of a good row; what was odd in it counts from now on.
    fn accept(&mut self, line: u64, counted: &Counted<'_, FlowEvent>) -> Record<FlowEvent> {
        for (feature, oddity) in &self.odd {
            self.oddities[usize::from(*feature)][*oddity as usize] += 1;
        }
        if self.in_seconds {
            self.check_unit();
        }
        self.old_texts += u64::from(self.old_text);
        self.bad_times += u64::from(self.bad_time);
        let (event, label, label_name) = self.draft.finish(counted.now);
        Record { event, label, label_name, line }
    }

    /// The Python version wrote times in seconds, and writes them in microseconds since 0.1.7 under the same names. Packets and their rate
    /// tell which it was; a row that cannot is taken as the one before.
    fn check_unit(&mut self) {
        let value = |feature: F| f64::from(self.draft.values[feature as usize]);
        let times_too_long = value(F::FlowDuration) * value(F::FlowPacketsRate) / (value(F::FwdPackets) + value(F::BwdPackets)) / SECONDS;
        if times_too_long > 0.0 && times_too_long.is_finite() {
            self.in_micros = times_too_long > UNSURE;
        }
        if self.in_micros {
            for (plan, feature) in self.header.plan.iter().filter_map(|plan| match plan {
                Plan::Number(feature, factor) => Some((*factor, usize::from(*feature))),
                _ => None,
            }) {
                if plan == SECONDS && TABLE[feature].unit == "µs" {
                    self.draft.values[feature] = (f64::from(self.draft.values[feature]) / SECONDS) as f32;
                }
            }
            self.micros += 1;
        }
    }

    /// Says what was mended.
    fn report(&self, counted: &mut Counted<'_, FlowEvent>) {
        for (feature, counts) in self.oddities.iter().enumerate() {
            for (oddity, times) in Oddity::ALL.iter().zip(counts).filter(|(_, times)| **times > 0) {
                counted.repaired(&format!("{}: {}", name(feature), oddity.name()), *times);
            }
        }
        for (what, times) in [
            ("flow_duration: microseconds under the names for seconds", self.micros),
            ("texts in windows-1252", self.old_texts),
            ("Timestamp: not a time", self.bad_times),
            ("rows without a value", self.blank),
            ("header repeated", self.repeated),
            ("header changed", self.changed),
        ] {
            if times > 0 {
                counted.repaired(what, times);
            }
        }
        for name in &self.header.twice {
            counted.repaired(&format!("{name}: column twice"), 1);
        }
        counted.missing(self.header.missing());
    }
}
