//! Sessions from files: tables and bodies of sessions, and logs that are folded into sessions.

mod access;
mod address;
mod bodies;
mod connections;
mod cowrie;
mod detect;
mod formats;
mod ftp;
mod local;
mod mail;
mod mixed;
mod ordered;
mod pam;
mod sshd;
mod syslog;
mod table;
mod told;
mod windows;
mod years;

use super::sessions::{Activity, Closed, Sessions};
use super::{AttackType, Behavior, NAMES, SessionEvent};
use crate::access::{self as web, Access};
use crate::records::{
    Counted, LabelField, Line, MAX_JSON, MAX_ROW, Unread, array, label_from_name, lines, log_lines, open, peek, refuse_named,
};
use bartizan_core::{AUTO, Format, How, Label, Parse, ParseError, Record, Rejected, Sink, Summary, Timestamp, TrustedProxies};
use detect::detect;
use mixed::Mixed;
use ordered::Ordered;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use years::Years;

/// Rows of a table that are held back to bring them into the order of time: tables are written in any.
const HELD_ROWS: usize = 65_536;

/// The name that stands for every format of access logs.
const ACCESS: &str = "access-log";

/// What a file of sessions may be.
const EXPECTED: &str =
    "it is neither NDJSON, a JSON array or a table of sessions, nor a log of syslog, vsftpd, Winlogbeat, a web server or Cowrie";

impl Parse for Behavior {
    const FORMATS: &'static [&'static [Format]] = &[formats::FORMATS, web::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, SessionEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let start = peek(&mut reader)?;
        let (format, sure) = if how.format == AUTO { detect(start, how, now)? } else { (how.format, 1.0) };
        // Cowrie's events are JSON, the table of its sessions is not.
        let json = !detect::is_table(start);
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, sure);
        if !["ndjson", "json", "csv"].contains(&format) && (format != "cowrie" || json) {
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
            "vsftpd" => vsftpd(reader, &mut counted)?,
            "winlogbeat" => winlogbeat(reader, &mut counted)?,
            "cowrie" if json => {
                let line = |line: Line<'_>, now| Some(cowrie::line(line.text.as_bytes(), line.number, now));
                fold(&mut counted, 0, None, |inner| log_lines(reader, inner, line), Vec::new)?;
            }
            "cowrie" => {
                let label = how.label_column;
                fold(&mut counted, HELD_ROWS, None, |inner| table::rows(reader, inner, cowrie::COLUMNS, label, cowrie::row), Vec::new)?;
            }
            _ if format == "sshd" || format == ACCESS || Access::has(format) => {
                let proxies = TrustedProxies::default();
                let mixed = Mixed::new(format, how, how.proxies.unwrap_or(&proxies), peek(&mut reader)?, now)?;
                logs(reader, &mut counted, mixed)?;
            }
            _ => return Err(ParseError::Unknown(EXPECTED)),
        }
        Ok(counted.finish())
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
/// held back to bring them into the order of time. `years` are those of a log whose times have none. `rest` gives what the reader of lines
/// has held back to the end.
fn fold(
    counted: &mut Counted<'_, SessionEvent>,
    held: usize,
    years: Option<&Years>,
    read: impl FnOnce(&mut Counted<'_, Vec<Activity>>) -> Result<(), ParseError>,
    rest: impl FnOnce() -> Vec<Activity>,
) -> Result<(), ParseError> {
    let (now, unread, mut sessions, mut stopped) = (counted.now, counted.unread(), Sessions::new(), false);
    let mut ordered = Ordered::new(held);
    let mut unplaced = VecDeque::new();
    let mut pass = |counted: &mut Counted<'_, SessionEvent>, closed: Vec<Closed>, is_end| {
        let closed = match years {
            Some(years) => years.pass(&mut unplaced, closed, is_end),
            None => closed,
        };
        pass_on(counted, closed)
    };
    let mut sink = |record: Result<Record<Vec<Activity>>, Rejected>| {
        let flow = match record {
            Ok(record) => record.event.into_iter().try_for_each(|activity| match ordered.push(activity) {
                Some(activity) => pass(counted, sessions.add(activity), false),
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
        let flow = ordered.finish().into_iter().chain(rest()).try_for_each(|activity| pass(counted, sessions.add(activity), false));
        if flow.is_continue() {
            let _ = pass(counted, sessions.finish(), true);
        }
    }
    result
}

fn pass_on(counted: &mut Counted<'_, SessionEvent>, closed: Vec<Closed>) -> ControlFlow<()> {
    closed.into_iter().try_for_each(|Closed { mut event, line, label, mended }| {
        mended.iter().for_each(|what| counted.repaired(what, 1));
        let (label, label_name) = label.map_or((None, None), |name| told(&mut event, &name));
        counted.pass(Ok(Record { event, label, label_name, line }))
    })
}

/// A log of logins or of requests.
fn logs(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, SessionEvent>, mixed: Mixed<'_>) -> Result<(), ParseError> {
    let (mixed, years) = (RefCell::new(mixed), Years::default());
    let line = |line: Line<'_>, now| mixed.borrow_mut().line(&line, &years, now);
    let result = fold(counted, 0, Some(&years), |inner| log_lines(reader, inner, line), || mixed.borrow_mut().finish());
    mixed.into_inner().into_tally().tell(counted);
    result
}

/// vsftpd's own log.
fn vsftpd(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, SessionEvent>) -> Result<(), ParseError> {
    let log = RefCell::new(syslog::Log::default());
    let line = |line: Line<'_>, _| Some(log.borrow_mut().line_of_vsftpd(&line));
    fold(counted, 0, None, |inner| log_lines(reader, inner, line), || log.borrow_mut().finish())
}

fn winlogbeat(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, SessionEvent>) -> Result<(), ParseError> {
    let events = RefCell::new(windows::Events::default());
    let line = |text: &[u8], line, _| events.borrow_mut().line(text, line);
    fold(counted, 0, None, |inner| lines(reader, MAX_ROW, inner, line), || events.borrow_mut().finish())
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
