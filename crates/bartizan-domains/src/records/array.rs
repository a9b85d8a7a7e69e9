//! Files that are one array of JSON.

use super::{Counted, MAX_JSON, decode, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use std::io::BufRead;

/// Reads an array element by element. Never more than one is held, and none longer than [`MAX_JSON`]: a longer one is passed over.
pub(crate) fn array<E>(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    mut parse: impl FnMut(&str, u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    let mut elements = Elements { reader, text: Vec::new(), position: 0 };
    elements.begin()?;
    loop {
        let end = elements.next()?;
        let text = elements.text.trim_ascii();
        // `[]`, or the end after the last element.
        if matches!(end, End::Bracket) && text.is_empty() && elements.position == 1 {
            return elements.rest(counted);
        }
        let line = elements.position;
        let parsed = match end {
            End::File => Err("the array breaks off".to_owned()),
            End::TooLong { .. } => Err(too_long(MAX_JSON)),
            End::Comma | End::Bracket => parse(&decode(text).0, line, counted.now),
        };
        if counted.pass(parsed.map_err(|reason| Rejected { line, reason })).is_break() || matches!(end, End::File) {
            return Ok(());
        }
        if matches!(end, End::Bracket | End::TooLong { last: true }) {
            return elements.rest(counted);
        }
    }
}

/// What ended an element.
#[derive(Clone, Copy)]
enum End {
    Comma,
    Bracket,
    File,
    /// It was passed over; `last` when the bracket that closes the array came after it.
    TooLong {
        last: bool,
    },
}

/// The elements of an array, cut at commas outside of texts, lists and objects.
struct Elements<'a> {
    reader: Box<dyn BufRead + 'a>,
    text: Vec<u8>,
    /// Of the element in `text`, from 1.
    position: u64,
}

impl Elements<'_> {
    /// Reads up to the opening bracket.
    fn begin(&mut self) -> Result<(), ParseError> {
        if self.peek()?.starts_with(b"\xef\xbb\xbf") {
            self.reader.consume(3);
        }
        match self.next_byte()? {
            None => Err(ParseError::Empty),
            Some(b'[') => {
                self.reader.consume(1);
                Ok(())
            }
            Some(_) => Err(ParseError::Unknown("a JSON array begins with [")),
        }
    }

    /// Reads the next element into `text`.
    fn next(&mut self) -> Result<End, ParseError> {
        self.text.clear();
        self.position += 1;
        let (mut depth, mut quoted, mut escaped, mut long) = (0_u64, false, false, false);
        loop {
            let chunk = self.reader.fill_buf().map_err(|source| ParseError::Io { line: self.position - 1, source })?;
            if chunk.is_empty() {
                return Ok(End::File);
            }
            let end = chunk.iter().position(|byte| match byte {
                _ if escaped => {
                    escaped = false;
                    false
                }
                b'\\' if quoted => {
                    escaped = true;
                    false
                }
                b'"' => {
                    quoted = !quoted;
                    false
                }
                _ if quoted => false,
                b'[' | b'{' => {
                    depth += 1;
                    false
                }
                b',' | b']' if depth == 0 => true,
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    false
                }
                _ => false,
            });
            let length = end.unwrap_or(chunk.len());
            let last = end.map(|at| chunk[at] == b']');
            if long || self.text.len() + length > MAX_JSON {
                long = true;
                self.text.clear();
            } else {
                self.text.extend_from_slice(&chunk[..length]);
            }
            self.reader.consume(length + usize::from(end.is_some()));
            match last {
                Some(last) if long => return Ok(End::TooLong { last }),
                Some(true) => return Ok(End::Bracket),
                Some(false) => return Ok(End::Comma),
                None => {}
            }
        }
    }

    /// Says so when something follows the array: it is not read.
    fn rest<E>(&mut self, counted: &mut Counted<'_, E>) -> Result<(), ParseError> {
        if self.next_byte()?.is_some() {
            let reason = "the array has ended; what follows it is not read".to_owned();
            let _ = counted.pass(Err(Rejected { line: self.position + 1, reason }));
        }
        Ok(())
    }

    /// The next byte that is no blank, without consuming it.
    fn next_byte(&mut self) -> Result<Option<u8>, ParseError> {
        loop {
            let chunk = self.peek()?;
            let blanks = chunk.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = chunk.get(blanks).copied();
            let ended = chunk.is_empty();
            self.reader.consume(blanks);
            if ended || next.is_some() {
                return Ok(next);
            }
        }
    }

    fn peek(&mut self) -> Result<&[u8], ParseError> {
        let line = self.position.saturating_sub(1);
        self.reader.fill_buf().map_err(|source| ParseError::Io { line, source })
    }
}
