//! Log entries from files and shippers: entries as JSON, one a line or in an array, and lines of every access log.

use super::body::entry_of;
use super::{LogEvent, Logs};
use crate::access::{self, Access, Entry, Tally};
use crate::raw::{Raw, RawObject};
use crate::records::{
    Counted, LabelField, Line, MAX_JSON, Unwrapper, are_objects, array_or_objects, array_within, decode, head_lines, label_of, lines,
    log_lines, mended, open, peek, refuse_named, trimmed, unwrapped,
};
use crate::requests::records::json::describe;
use bartizan_core::{AUTO, Format, How, Parse, ParseError, Record, Sink, Summary, Timestamp};
use std::borrow::Cow;
use std::io::{BufRead as _, Read};

/// What a file of entries may be.
const EXPECTED: &str =
    "it is neither NDJSON, a JSON array nor an access log of a known format (one of your own is named by the setting files.log_format)";

/// The formats that are for entries alone.
const OWN: &[Format] = &[
    Format {
        name: "ndjson",
        what: "entries of /detect, one a line",
        sample: r#"{"timestamp": "2026-01-31T09:30:00Z", "user_id": "u-7", "endpoint": "/api/items", "method": "GET", "ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0", "status_code": 200, "response_time": 0.043, "request_size": 0, "response_size": 5300}"#,
    },
    Format {
        name: "json",
        what: "an array of entries of /detect, or of lines of an access log as shippers post them; or the same without the array, one object \
               at once after the other",
        sample: r#"[{"timestamp": "2026-01-31T09:30:00Z", "user_id": "u-7", "endpoint": "/api/items", "method": "GET", "ip_address": "203.0.113.7", "status_code": 200, "response_time": 0.043}]"#,
    },
];

impl Parse for Logs {
    const FORMATS: &'static [&'static [Format]] = &[OWN, access::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, LogEvent>) -> Result<Summary, ParseError> {
        let (mut reader, unread) = open(reader)?;
        let start = peek(&mut reader)?;
        if how.format == AUTO
            && let Some(before) = before_list(start)
        {
            reader.consume(before);
            let mut counted = Counted::new(sink, now, unread);
            counted.chosen(Self::FORMATS, "json", 1.0);
            elements(reader, how, true, &mut counted)?;
            return Ok(counted.finish());
        }
        let (format, sure) = if how.format == AUTO { detect(start, how, now)? } else { (how.format, 1.0) };
        let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Self::FORMATS, format, sure);
        match format {
            "ndjson" if how.format != AUTO => {
                let mut labels = LabelField::named(how);
                lines(reader, MAX_JSON, &mut counted, |text, line, _| entry(&decode(text).0, line, labels.as_mut()))?;
                labels.map_or(Ok(()), LabelField::finish)?;
            }
            "json" => elements(reader, how, false, &mut counted)?,
            "ndjson" => mixed(reader, How { format: AUTO, ..how }, &mut counted)?,
            _ if Access::has(format) => {
                refuse_named(how, format)?;
                mixed(reader, how, &mut counted)?;
            }
            _ => return Err(ParseError::Unknown(EXPECTED)),
        }
        Ok(counted.finish())
    }
}

/// Reads one line after the other, entries and lines of access logs as they come.
fn mixed(mut reader: Box<dyn std::io::BufRead + '_>, how: How<'_>, counted: &mut Counted<'_, LogEvent>) -> Result<(), ParseError> {
    let mut one = One::new(how)?;
    one.access.look_at(peek(&mut reader)?, counted.now);
    let result = log_lines(reader, counted, |line, _| one.line(&line));
    one.tally.tell(counted);
    result?;
    one.labels.map_or(Ok(()), LabelField::finish)
}

/// Reads the elements of an array, or objects that follow each other: entries, objects of access logs, and either within what a shipper wraps
/// lines in. With `within`, the array is part of an object.
fn elements(
    reader: Box<dyn std::io::BufRead + '_>,
    how: How<'_>,
    within: bool,
    counted: &mut Counted<'_, LogEvent>,
) -> Result<(), ParseError> {
    let mut one = One::new(How { format: AUTO, ..how })?;
    let mut unwrapper = Unwrapper::default();
    let mut element = |text: &str, position: u64, now: Timestamp| {
        let read = unwrapped(&mut unwrapper, text.as_bytes(), position, now, |line, _| one.line(&line));
        read.unwrap_or_else(|| Err("it says nothing".to_owned()))
    };
    let result = if within { array_within(reader, counted, &mut element) } else { array_or_objects(reader, counted, &mut element) };
    one.tally.tell(counted);
    result?;
    one.labels.map_or(Ok(()), LabelField::finish)
}

/// How many bytes stand before the list of a body of `/detect`, `{"logs": [...]}`; `None` of anything else.
fn before_list(start: &[u8]) -> Option<usize> {
    let mut rest = start;
    for part in [&b"{"[..], b"\"logs\"", b":"] {
        rest = rest.trim_ascii_start().strip_prefix(part)?;
    }
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"[").then(|| start.len() - rest.len())
}

/// Reads one line or element.
struct One<'h> {
    access: Access,
    labels: Option<LabelField<'h>>,
    tally: Tally,
    /// Whether no other format than that of access logs was named.
    entries: bool,
}

impl<'h> One<'h> {
    fn new(how: How<'h>) -> Result<Self, ParseError> {
        Ok(Self { access: Access::new(how)?, labels: LabelField::named(how), tally: Tally::default(), entries: how.format == AUTO })
    }

    /// What a line says; `None` for comments and names of columns.
    fn line(&mut self, line: &Line<'_>) -> Option<Result<Record<LogEvent>, String>> {
        let mut fault = None;
        if self.entries && line.text.starts_with('{') {
            match entry(line.text, line.number, self.labels.as_mut()) {
                Ok(read) => {
                    self.tally.add("ndjson", line.wrapper);
                    return Some(Ok(read));
                }
                Err(why) => fault = Some(why).filter(|_| is_entry(line.text.as_bytes())),
            }
        }
        let (access, tally) = (&mut self.access, &mut self.tally);
        let read = access.line(line.text, |entry, name| {
            tally.add(name, line.wrapper);
            record(entry, line.number)
        })?;
        // An entry with faults is named by them.
        Some(read.map_err(|why| fault.unwrap_or(why)))
    }
}

/// An entry as JSON with its label, from the field that was named or from those that usually have one.
fn entry(text: &str, line: u64, named: Option<&mut LabelField<'_>>) -> Result<Record<LogEvent>, String> {
    let mut text = Cow::Borrowed(text);
    if Raw::parse(text.as_bytes()).is_err()
        && let Cow::Owned(whole) = mended(text.as_bytes())
    {
        // What a client chose must not hide its request.
        text = Cow::Owned(whole);
    }
    let raw = Raw::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let mut record = entry_of(raw, line).map_err(|faults| describe(&faults))?;
    if let Some(field) = named {
        (record.label, record.label_name) = label_of(field.value(text.as_bytes()).as_ref());
    }
    Ok(record)
}

/// Whether a text is an entry, whatever is wrong with its fields.
fn is_entry(text: &[u8]) -> bool {
    let text = mended(text);
    let read =
        Raw::parse(text.as_bytes()).ok().and_then(|raw| RawObject::read(raw, &["endpoint", "method", "status_code", "response_time"]));
    read.is_some_and(|entry| {
        entry.get("endpoint").is_some() && (entry.get("status_code").is_some() || entry.get("response_time").is_some())
    })
}

/// The entry that a line of an access log tells of.
fn record(entry: &Entry<'_>, line: u64) -> Record<LogEvent> {
    let event = LogEvent {
        timestamp: entry.time.unwrap_or(Timestamp::from_secs(0)),
        user_id: if entry.user == "-" { String::new() } else { entry.user.clone().into_owned() },
        endpoint: entry.target.clone().into_owned(),
        method: entry.method.clone().into_owned(),
        ip_address: entry.told_client().into_owned(),
        user_agent: Some(entry.agent.clone().into_owned()),
        status_code: entry.status.map(i64::from),
        response_time: entry.secs.map(|secs| secs.clamp(0.0, f64::from(f32::MAX))),
        request_size: None,
        response_size: entry.sent,
        client: String::new(),
        counted: None,
    };
    Record { event, label: None, label_name: None, line }
}

/// Tells the format from the beginning of a file, and the share of its lines that are of it.
fn detect(start: &[u8], how: How<'_>, now: Timestamp) -> Result<(&'static str, f64), ParseError> {
    let start = trimmed(start);
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let array = |start: &[u8]| matches!(trimmed(&start[1..]).first(), Some(b'{' | b']' | b'[') | None);
    match start.first() {
        None => return Err(ParseError::Empty),
        Some(b'[') if array(start) => return Ok(("json", 1.0)),
        // Objects over several lines, as people print them.
        Some(b'{') if first.trim_ascii() == b"{" => return Ok(("json", 1.0)),
        Some(b'{') if are_objects(first) => return Ok(("json", 1.0)),
        Some(_) => {}
    }
    let (mut entries, mut json, mut looked_at) = (0_u32, 0_u32, 0_u32);
    head_lines(start, now, |line| {
        looked_at += 1;
        json += u32::from(line.text.starts_with('{'));
        entries += u32::from(line.text.starts_with('{') && is_entry(line.text.as_bytes()));
    });
    let share = |count: u32| f64::from(count) / f64::from(looked_at.max(1));
    match Access::detect(start, how, now)? {
        Some((name, sure)) if sure > share(entries) => Ok((name, sure)),
        // Entries with faults are named by their faults.
        _ if entries > 0 || 2 * json > looked_at || (looked_at == 0 && first.starts_with(b"{")) => Ok(("ndjson", share(entries))),
        _ => Err(ParseError::Unknown(EXPECTED)),
    }
}

#[cfg(test)]
mod tests;
