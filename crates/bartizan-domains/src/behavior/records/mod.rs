//! Sessions from files: tables and bodies of sessions, and logs that are folded into sessions.

mod access;
mod bodies;
mod cowrie;
mod formats;
mod ordered;
mod sshd;
mod table;
mod time;

use super::sessions::{Activity, Closed, Sessions};
use super::{AttackType, Behavior, NAMES, SessionEvent};
use crate::records::{Counted, LabelField, Line, MAX_JSON, MAX_ROW, Unread, array, label_from_name, lines, log_lines, open, peek, refuse_named};
use crate::requests::records::combined;
use bartizan_core::{AUTO, Format, How, Label, Parse, ParseError, Record, Rejected, Sink, Summary, Timestamp};
use ordered::Ordered;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;

/// Rows of a table that are held back to bring them into the order of time: tables are written in any.
const HELD_ROWS: usize = 65_536;

/// What a file of sessions may be.
const EXPECTED: &str = "it is neither NDJSON, a JSON array or a table of sessions, nor a log of OpenSSH, of a web server or of Cowrie";

/// Lines at the beginning of a file of which one must be readable for its format to be told.
const LINES_LOOKED_AT: usize = 20;

impl Parse for Behavior {
    const FORMATS: &'static [&'static [Format]] = &[formats::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, SessionEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let start = peek(&mut reader)?;
        let format = if how.format == AUTO { detect(start, now)? } else { how.format };
        let json = start.trim_ascii_start().first() == Some(&b'{');
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, 1.0);
        if !["ndjson", "json", "csv"].contains(&format) {
            refuse_named(how, format)?;
        }
        match format {
            "ndjson" => {
                let mut labels = LabelField::named(how);
                let body = |text: &[u8], line, now| bodies::line(text, line, now, labels.as_mut());
                mend(&mut counted, |inner| lines(reader, MAX_JSON, inner, body))?;
                labels.map_or(Ok(()), LabelField::finish)?;
            }
            "json" => {
                let mut labels = LabelField::named(how);
                let body = |text: &str, position, now| bodies::line(text.as_bytes(), position, now, labels.as_mut());
                mend(&mut counted, |inner| array(reader, inner, body))?;
                labels.map_or(Ok(()), LabelField::finish)?;
            }
            "csv" => mend(&mut counted, |inner| table::rows(reader, inner, &NAMES, how.label_column, table::session))?,
            "sshd" => sshd(reader, &mut counted)?,
            "access-log" => {
                let line = |line: Line<'_>, now| Some(access::line(line.text.as_bytes(), line.number, now));
                fold(&mut counted, 0, |inner| log_lines(reader, inner, line), Vec::new)?;
            }
            "cowrie" if json => fold(&mut counted, 0, |inner| lines(reader, MAX_ROW, inner, cowrie::line), Vec::new)?,
            "cowrie" => {
                fold(&mut counted, HELD_ROWS, |inner| table::rows(reader, inner, cowrie::COLUMNS, None, cowrie::row), Vec::new)?;
            }
            _ => return Err(ParseError::Unknown(EXPECTED)),
        }
        Ok(counted.finish())
    }
}

/// Tells the format from the beginning of a file.
fn detect(start: &[u8], now: Timestamp) -> Result<&'static str, ParseError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first: Vec<String> = start
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(LINES_LOOKED_AT)
        .map(|line| String::from_utf8_lossy(&line[..line.len().min(8_192)]).into_owned())
        .collect();
    let Some(header) = first.first() else { return Err(ParseError::Empty) };
    match start.first() {
        Some(b'{') if header.contains("\"eventid\"") => Ok("cowrie"),
        Some(b'{') => Ok("ndjson"),
        Some(b'[') => Ok("json"),
        _ if header.contains("failed_logins") && header.contains("session_time") => Ok("csv"),
        _ if header.contains("login_failed") && header.contains("src_ip") => Ok("cowrie"),
        _ if first.iter().any(|line| combined::is_line(line)) => Ok("access-log"),
        _ if first.iter().any(|line| sshd::is_line(line, now)) => Ok("sshd"),
        _ => Err(ParseError::Unknown(EXPECTED)),
    }
}

/// A session as a file has it, with what had to be mended in it; none in a line that only names columns.
type Mended = Option<(SessionEvent, Vec<String>)>;

/// Passes sessions on and counts what was mended in them.
fn mend(
    counted: &mut Counted<'_, SessionEvent>,
    read: impl FnOnce(&mut Counted<'_, Mended>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let now = counted.now;
    let mut sink = |record: Result<Record<Mended>, Rejected>| match record {
        Ok(Record { event: None, .. }) => ControlFlow::Continue(()),
        Ok(Record { event: Some((event, mended)), label, label_name, line }) => {
            mended.iter().for_each(|what| counted.repaired(what, 1));
            counted.pass(Ok(Record { event, label, label_name, line }))
        }
        Err(rejected) => counted.pass(Err(rejected)),
    };
    // Lines that only name columns are no records: the other one counts those.
    read(&mut Counted::new(&mut sink, now, Unread::default()))
}

/// Folds what the lines of a log say into sessions and passes those on, each with the line that it began with. As many as `held` lines are
/// held back to bring them into the order of time. `rest` gives what the reader of lines has held back to the end.
fn fold(
    counted: &mut Counted<'_, SessionEvent>,
    held: usize,
    read: impl FnOnce(&mut Counted<'_, Vec<Activity>>) -> Result<(), ParseError>,
    rest: impl FnOnce() -> Vec<Activity>,
) -> Result<(), ParseError> {
    let (now, unread, mut sessions, mut stopped) = (counted.now, counted.unread(), Sessions::new(), false);
    let mut ordered = Ordered::new(held);
    let mut sink = |record: Result<Record<Vec<Activity>>, Rejected>| {
        let flow = match record {
            Ok(record) => record.event.into_iter().try_for_each(|activity| match ordered.push(activity) {
                Some(activity) => pass(counted, sessions.add(activity)),
                None => ControlFlow::Continue(()),
            }),
            Err(rejected) => counted.pass(Err(rejected)),
        };
        stopped |= flow.is_break();
        flow
    };
    // A line that was understood is a record, though a session may be long in coming.
    let result = read(&mut Counted::new(&mut sink, now, unread));
    if !stopped {
        let flow = ordered.finish().into_iter().chain(rest()).try_for_each(|activity| pass(counted, sessions.add(activity)));
        if flow.is_continue() {
            let _ = pass(counted, sessions.finish());
        }
    }
    result
}

fn pass(counted: &mut Counted<'_, SessionEvent>, closed: Vec<Closed>) -> ControlFlow<()> {
    closed.into_iter().try_for_each(|Closed { event, line, mended }| {
        mended.iter().for_each(|what| counted.repaired(what, 1));
        counted.pass(Ok(Record { event, label: None, label_name: None, line }))
    })
}

fn sshd(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, SessionEvent>) -> Result<(), ParseError> {
    let log = std::cell::RefCell::new(sshd::Log::new());
    fold(
        counted,
        0,
        |inner| lines(reader, MAX_ROW, inner, |text, line, now| log.borrow_mut().line(text, line, now)),
        || log.borrow_mut().finish(),
    )
}

/// Takes over what a label column says: the name of an attack type, or what people write for "belongs" and "does not".
fn told(event: &mut SessionEvent, name: &str) -> (Option<Label>, Option<String>) {
    let name = name.trim();
    if name.is_empty() {
        return (None, None);
    }
    let label = label_from_name(name);
    event.attack = AttackType::from_name(name).or((label == Label::Legitimate).then_some(AttackType::Normal));
    (Some(label), Some(event.attack.map_or_else(|| name.to_owned(), |attack| attack.name().to_owned())))
}

#[cfg(test)]
mod tests;
