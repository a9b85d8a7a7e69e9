//! Files of one record a line.

use super::{Counted, ReadError, Record, Rejected};
use bartizan_core::Timestamp;
use std::io::{BufRead, Read};

/// Longest line. A longer one is skipped as a whole.
const MAX_LINE: u64 = 1 << 20;

/// Reads line by line; empty lines are passed over.
pub(crate) fn lines<E>(
    mut reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(&[u8], u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ReadError> {
    let mut buffer = Vec::new();
    let mut line = 0;
    loop {
        buffer.clear();
        let io = |source| ReadError::Io { line, source };
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut buffer).map_err(io)?;
        if length == 0 {
            return Ok(());
        }
        let whole = buffer.ends_with(b"\n") || (length as u64) < MAX_LINE;
        if !whole {
            skip_line(&mut reader).map_err(io)?;
        }
        line += 1;
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").filter(|_| line == 1).unwrap_or(&buffer).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let parsed = if whole { parse(text, line, counted.now) } else { Err(format!("longer than {MAX_LINE} bytes")) };
        if counted.pass(parsed.map_err(|reason| Rejected { line, reason })).is_break() {
            return Ok(());
        }
    }
}

fn skip_line(reader: &mut Box<dyn BufRead + '_>) -> std::io::Result<()> {
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
