//! Files of one record a line.

use super::syslog::{self, Header};
use super::wrapped::{Unwrapped, Unwrapper, is_blank, trimmed};
use super::{Counted, HEAD, MAX_ROW, text_of, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use std::io::{BufRead, Read};
use std::ops::ControlFlow;

/// Reads line by line; empty lines are passed over, and so are those of more than `most` bytes, which are counted.
pub(crate) fn lines<E>(
    reader: Box<dyn BufRead + '_>,
    most: usize,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(&[u8], u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    each_line(reader, most, counted, |text, line, now| Some(parse(trimmed(text), line, now))).map(|_| ())
}

/// Reads line by line, and passes over those for which `parse` gives nothing; says whether who takes the records broke off.
fn each_line<E>(
    mut reader: Box<dyn BufRead + '_>,
    most: usize,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(&[u8], u64, Timestamp) -> Option<Result<Record<E>, String>>,
) -> Result<ControlFlow<()>, ParseError> {
    let mut buffer = Vec::new();
    let mut line = 0;
    let mut one = |text: &[u8], whole: bool, line: u64| {
        if is_blank(text) && whole {
            return ControlFlow::Continue(());
        }
        let parsed = if whole { parse(text, line, counted.now) } else { Some(Err(too_long(most))) };
        parsed.map_or(ControlFlow::Continue(()), |parsed| counted.pass(parsed.map_err(|reason| Rejected { line, reason })))
    };
    loop {
        let io = |source| ParseError::Io { line, source };
        // Most lines lie whole in what was read: they are not copied.
        let chunk = reader.fill_buf().map_err(io)?;
        if let Some(end) = memchr::memchr(b'\n', &chunk[..chunk.len().min(most)]) {
            line += 1;
            let flow = one(&chunk[..end], true, line);
            reader.consume(end + 1);
            if flow.is_break() {
                return Ok(flow);
            }
            continue;
        }
        buffer.clear();
        let length = reader.by_ref().take(most as u64).read_until(b'\n', &mut buffer).map_err(io)?;
        if length == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let whole = buffer.ends_with(b"\n") || length < most;
        if !whole {
            skip_line(&mut reader).map_err(io)?;
        }
        line += 1;
        let flow = one(&buffer, whole, line);
        if flow.is_break() {
            return Ok(flow);
        }
    }
}

/// A line of a log, without what was put around it.
pub(crate) struct Line<'a> {
    /// Its text; after the header, where it has one.
    pub(crate) text: &'a str,
    /// What syslog says in front.
    pub(crate) header: Option<Header<'a>>,
    /// The outermost wrapper that was taken off; empty without one.
    pub(crate) wrapper: &'static str,
    /// Its number; from 1.
    pub(crate) number: u64,
}

/// Reads the lines of a log, without their wrappers. Text that is no UTF-8 is windows-1252, or has a byte that is none replaced.
pub(crate) fn log_lines<E>(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(Line<'_>, Timestamp) -> Option<Result<Record<E>, String>>,
) -> Result<(), ParseError> {
    let mut unwrapper = Unwrapper::default();
    let mut flow = each_line(reader, MAX_ROW, counted, |bytes, number, now| unwrapped(&mut unwrapper, bytes, number, now, &mut parse))?;
    for _ in 0..unwrapper.unfinished() {
        if flow.is_break() {
            break;
        }
        flow = counted.pass(Err(Rejected { line: 0, reason: "a part of a line whose last part is missing".to_owned() }));
    }
    Ok(())
}

/// Hands the line within `bytes` to `parse`; `None` where there is none to be read.
pub(crate) fn unwrapped<R>(
    unwrapper: &mut Unwrapper,
    bytes: &[u8],
    number: u64,
    now: Timestamp,
    parse: impl FnOnce(Line<'_>, Timestamp) -> Option<R>,
) -> Option<R> {
    let Unwrapped { text, wrapper } = unwrapper.take_off(bytes)?;
    let text = text_of(&text);
    let (header, text, wrapper) = match syslog::header(&text, now) {
        Some((header, message)) => (Some(header), message, if wrapper.is_empty() { "syslog" } else { wrapper }),
        None => (None, &*text, wrapper),
    };
    parse(Line { text, header, wrapper, number }, now)
}

/// Lines at the beginning of a file, without their wrappers, by which its format is told: whole ones, and no more than this many.
pub(crate) const LOOKED_AT: usize = 200;

/// Calls `look` for the first [`LOOKED_AT`] lines of the beginning of a file.
pub(crate) fn head_lines(start: &[u8], now: Timestamp, mut look: impl FnMut(Line<'_>)) {
    // What the beginning cuts off is no line.
    let whole = if start.len() < HEAD { start } else { &start[..memchr::memrchr(b'\n', start).unwrap_or(start.len())] };
    let lines = (1..).zip(whole.split(|byte| *byte == b'\n'));
    let mut unwrapper = Unwrapper::default();
    for (number, line) in lines.filter(|(_, line)| !is_blank(line)).take(LOOKED_AT) {
        let _: Option<()> = unwrapped(&mut unwrapper, line, number, now, |line, _| {
            look(line);
            None
        });
    }
}

/// Passes over the rest of a line.
pub(crate) fn skip_line(reader: &mut Box<dyn BufRead + '_>) -> std::io::Result<()> {
    loop {
        let (length, ends) = {
            let buffer = reader.fill_buf()?;
            match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            }
        };
        reader.consume(length);
        if ends {
            return Ok(());
        }
    }
}
