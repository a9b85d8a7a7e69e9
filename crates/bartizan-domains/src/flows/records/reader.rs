//! Lines, and records of several lines where a quoted text holds line breaks.

use crate::records::{MAX_ROW, skip_line};
use bartizan_core::ParseError;
use std::io::{BufRead, Read};

/// Most lines of one record: a quote that is never closed must not swallow the rest of the file.
const MAX_LINES: u64 = 8;

/// What was read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record; its text is [`Lines::text`].
    Text,
    /// A line that is too long.
    TooLong,
    /// Nothing is left.
    End,
}

/// Reads a file line by line into one buffer.
pub(super) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
    /// Lines that were read in vain to find a closing quote.
    returned: Vec<u8>,
    /// Where the record begins; from 1.
    line: u64,
    /// Lines that are over.
    passed: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(reader: Box<dyn BufRead + 'a>) -> Self {
        Self { reader, buffer: Vec::new(), returned: Vec::new(), line: 0, passed: 0 }
    }

    /// The line that the record begins on; from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The record without what ends it.
    pub(super) fn text(&self) -> &[u8] {
        let text = self.buffer.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.line == 1).unwrap_or(&self.buffer);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        text.strip_suffix(b"\r").unwrap_or(text)
    }

    /// Reads the next line.
    pub(super) fn next(&mut self) -> Result<Next, ParseError> {
        self.buffer.clear();
        self.line = self.passed + 1;
        self.append()
    }

    /// Reads the next record: a line, and those after it while a quote is open.
    pub(super) fn next_quoted(&mut self) -> Result<Next, ParseError> {
        let returned = !self.returned.is_empty();
        let next = self.next()?;
        // No quote is open in most files; lines that came back were looked at already.
        if next != Next::Text || returned || !open_quote(&self.buffer) {
            return Ok(next);
        }
        let first = self.buffer.len();
        while open_quote(&self.buffer) {
            if self.passed - self.line + 1 >= MAX_LINES || self.append()? != Next::Text {
                self.returned = self.buffer.split_off(first);
                self.passed = self.line;
                break;
            }
        }
        Ok(Next::Text)
    }

    /// Adds a line to the buffer.
    fn append(&mut self) -> Result<Next, ParseError> {
        if !self.returned.is_empty() {
            let end = self.returned.iter().position(|b| *b == b'\n').map_or(self.returned.len(), |at| at + 1);
            self.buffer.extend(self.returned.drain(..end));
            self.passed += 1;
            return Ok(Next::Text);
        }
        let line = self.passed;
        let io = |source| ParseError::Io { line, source };
        let room = (MAX_ROW + 1).saturating_sub(self.buffer.len());
        let length = self.reader.by_ref().take(room as u64).read_until(b'\n', &mut self.buffer).map_err(io)?;
        if length == 0 && room > 0 {
            return Ok(Next::End);
        }
        self.passed += 1;
        if self.buffer.len() > MAX_ROW {
            if !self.buffer.ends_with(b"\n") {
                skip_line(&mut self.reader).map_err(io)?;
            }
            return Ok(Next::TooLong);
        }
        Ok(Next::Text)
    }
}

fn open_quote(text: &[u8]) -> bool {
    text.contains(&b'"') && text.iter().filter(|b| **b == b'"').count() % 2 == 1
}
