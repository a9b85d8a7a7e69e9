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
use crate::access::{self as web, Access, Entry};
use crate::records::{
    Counted, LabelField, MAX_JSON, MAX_ROW, Unread, array, head_lines, label_from_name, lines, open, peek, refuse_named, trimmed,
};
use bartizan_core::{AUTO, Format, How, Label, Parse, ParseError, Record, Rejected, Sink, Summary, Timestamp, TrustedProxies};
use ordered::Ordered;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;

/// Rows of a table that are held back to bring them into the order of time: tables are written in any.
const HELD_ROWS: usize = 65_536;

/// What a file of sessions may be.
const EXPECTED: &str = "it is neither NDJSON, a JSON array or a table of sessions, nor a log of OpenSSH, of a web server or of Cowrie";

/// Longest beginning of a first line that is looked at for names of columns.
const MAX_HEADER: usize = 8_192;
/// The name that stands for every format of access logs.
const ACCESS: &str = "access-log";

impl Parse for Behavior {
    const FORMATS: &'static [&'static [Format]] = &[formats::FORMATS, web::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, SessionEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let start = peek(&mut reader)?;
        let (format, sure) = if how.format == AUTO { detect(start, how, now)? } else { (how.format, 1.0) };
        let json = trimmed(start).first() == Some(&b'{');
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, sure);
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
            "cowrie" if json => fold(&mut counted, 0, |inner| lines(reader, MAX_ROW, inner, cowrie::line), Vec::new)?,
            "cowrie" => {
                fold(&mut counted, HELD_ROWS, |inner| table::rows(reader, inner, cowrie::COLUMNS, None, cowrie::row), Vec::new)?;
            }
            _ if format == ACCESS || Access::has(format) => {
                let default = TrustedProxies::default();
                let (proxies, mut access) = (how.proxies.unwrap_or(&default), Access::new(how)?);
                let record = |entry: &Entry<'_>, line| access::record(entry, line, proxies);
                fold(&mut counted, 0, |inner| web::read(reader, &mut access, inner, record), Vec::new)?;
            }
            _ => return Err(ParseError::Unknown(EXPECTED)),
        }
        Ok(counted.finish())
    }
}

/// Tells the format from the beginning of a file, and the share of its lines that are of it.
fn detect(start: &[u8], how: How<'_>, now: Timestamp) -> Result<(&'static str, f64), ParseError> {
    let start = trimmed(start);
    let array = |start: &[u8]| matches!(trimmed(&start[1..]).first(), Some(b'{' | b']') | None);
    match start.first() {
        None => return Err(ParseError::Empty),
        Some(b'[') if array(start) => return Ok(("json", 1.0)),
        Some(_) => {}
    }
    let (mut first, mut lines, mut json) = (String::new(), 0_u32, 0_u32);
    let mut counts = [("ndjson", 0_u32), ("cowrie", 0), ("sshd", 0)];
    head_lines(start, now, |line| {
        if first.is_empty() {
            first = line.text.chars().take(MAX_HEADER).collect();
        }
        lines += 1;
        json += u32::from(line.text.starts_with('{'));
        let has = |name| line.text.contains(name);
        match line.text.as_bytes().first() {
            Some(b'{') if has("\"eventid\"") => counts[1].1 += 1,
            Some(b'{') if has("\"failed_logins\"") || has("\"session_time\"") => counts[0].1 += 1,
            Some(_) if line.header.is_some_and(|header| !header.program.is_empty()) => counts[2].1 += 1,
            _ => {}
        }
    });
    if first.contains("failed_logins") && first.contains("session_time") && !first.starts_with('{') {
        return Ok(("csv", 1.0));
    }
    if first.contains("login_failed") && first.contains("src_ip") && !first.starts_with('{') {
        return Ok(("cowrie", 1.0));
    }
    let share = |count: u32| f64::from(count) / f64::from(lines.max(1));
    let (name, count) = counts.into_iter().rev().max_by_key(|(_, count)| *count).unwrap_or_default();
    match Access::detect(start, how, now)? {
        Some((name, sure)) if sure >= share(count) => Ok((name, sure)),
        _ if count > 0 => Ok((name, share(count))),
        // Bodies with faults are named by their faults.
        _ if 2 * json > lines || start.starts_with(b"{") => Ok(("ndjson", 0.0)),
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
