//! Files of one record a line.

use super::{Counted, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use std::io::{BufRead, Read};

/// Reads line by line; empty lines are passed over, and so are those of more than `most` bytes, which are counted.
pub(crate) fn lines<E>(
    mut reader: Box<dyn BufRead + '_>,
    most: usize,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(&[u8], u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    let mut buffer = Vec::new();
    let mut line = 0;
    loop {
        buffer.clear();
        let io = |source| ParseError::Io { line, source };
        let length = reader.by_ref().take(most as u64).read_until(b'\n', &mut buffer).map_err(io)?;
        if length == 0 {
            return Ok(());
        }
        let whole = buffer.ends_with(b"\n") || length < most;
        if !whole {
            skip_line(&mut reader).map_err(io)?;
        }
        line += 1;
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").filter(|_| line == 1).unwrap_or(&buffer).trim_ascii();
        if text.is_empty() && whole {
            continue;
        }
        let parsed = if whole { parse(text, line, counted.now) } else { Err(too_long(most)) };
        if counted.pass(parsed.map_err(|reason| Rejected { line, reason })).is_break() {
            return Ok(());
        }
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
