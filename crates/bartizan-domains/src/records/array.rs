//! Files that are one array of JSON, or objects that follow each other.

use super::{Counted, MAX_JSON, decode, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use std::io::BufRead;

/// Reads an array element by element. Never more than one is held, and none longer than [`MAX_JSON`]: a longer one is passed over.
pub(crate) fn array<E>(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    parse: impl FnMut(&str, u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    let mut elements = Elements { reader, text: Vec::new(), position: 0, bare: false, within: false };
    elements.begin()?;
    elements.read(counted, parse)
}

/// The same of an array that stands within an object; what follows it is passed over.
pub(crate) fn array_within<E>(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    parse: impl FnMut(&str, u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    let mut elements = Elements { reader, text: Vec::new(), position: 0, bare: false, within: true };
    elements.begin()?;
    elements.read(counted, parse)
}

/// The same, and also reads objects that follow each other without an array around them and without anything between them.
pub(crate) fn array_or_objects<E>(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    parse: impl FnMut(&str, u64, Timestamp) -> Result<Record<E>, String>,
) -> Result<(), ParseError> {
    let mut elements = Elements { reader, text: Vec::new(), position: 0, bare: false, within: false };
    elements.bare = elements.first()? == Some(b'{');
    if !elements.bare {
        elements.begin()?;
    }
    elements.read(counted, parse)
}

/// Whether a text begins with an object that another follows at once.
pub(crate) fn are_objects(start: &[u8]) -> bool {
    let mut elements = Elements { reader: Box::new(start), text: Vec::new(), position: 0, bare: true, within: false };
    start.starts_with(b"{") && matches!(elements.next(), Ok(End::Comma)) && elements.peek().is_ok_and(|rest| rest.starts_with(b"{"))
}
/// What ended an element.
#[derive(Clone, Copy)]
enum End {
    /// Or where an object ends that has no array around it.
    Comma,
    Bracket,
    File,
    /// It was passed over; `last` when the bracket that closes the array came after it.
    TooLong {
        last: bool,
    },
}

/// The elements of an array, cut at commas outside of texts, lists and objects; or objects, cut where each ends.
struct Elements<'a> {
    reader: Box<dyn BufRead + 'a>,
    text: Vec<u8>,
    /// Of the element in `text`, from 1.
    position: u64,
    /// Whether they are objects without an array around them.
    bare: bool,
    /// Whether the array is part of something: what follows it is not looked at.
    within: bool,
}

impl Elements<'_> {
    /// The first byte that is neither blank nor of a byte order mark, without consuming it.
    fn first(&mut self) -> Result<Option<u8>, ParseError> {
        if self.peek()?.starts_with(b"\xef\xbb\xbf") {
            self.reader.consume(3);
        }
        self.next_byte()
    }

    /// Reads up to the opening bracket.
    fn begin(&mut self) -> Result<(), ParseError> {
        match self.first()? {
            None => Err(ParseError::Empty),
            Some(b'[') => {
                self.reader.consume(1);
                Ok(())
            }
            Some(_) => Err(ParseError::Unknown("a JSON array begins with [")),
        }
    }

    /// Reads all of them.
    fn read<E>(
        mut self,
        counted: &mut Counted<'_, E>,
        mut parse: impl FnMut(&str, u64, Timestamp) -> Result<Record<E>, String>,
    ) -> Result<(), ParseError> {
        while !self.bare || self.next_byte()?.is_some() {
            let end = self.next()?;
            let text = self.text.trim_ascii();
            // `[]`, or the end after the last element.
            if matches!(end, End::Bracket) && text.is_empty() && self.position == 1 {
                return self.rest(counted);
            }
            let line = self.position;
            let parsed = match end {
                End::File => Err(if self.bare { "an object breaks off" } else { "the array breaks off" }.to_owned()),
                End::TooLong { .. } => Err(too_long(MAX_JSON)),
                End::Comma | End::Bracket => parse(&decode(text).0, line, counted.now),
            };
            if counted.pass(parsed.map_err(|reason| Rejected { line, reason })).is_break() || matches!(end, End::File) {
                return Ok(());
            }
            if matches!(end, End::Bracket | End::TooLong { last: true }) {
                return self.rest(counted);
            }
        }
        Ok(())
    }

    /// Reads the next element into `text`.
    fn next(&mut self) -> Result<End, ParseError> {
        self.text.clear();
        self.position += 1;
        let (bare, mut depth, mut quoted, mut escaped, mut long) = (self.bare, 0_u64, false, false, false);
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
                b'}' if bare && depth == 1 => true,
                b',' | b']' if depth == 0 && !bare => true,
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    false
                }
                _ => false,
            });
            // A bracket that closes an object belongs to it, a comma does not.
            let length = end.map_or(chunk.len(), |at| at + usize::from(bare));
            let last = end.map(|at| chunk[at] == b']');
            if long || self.text.len() + length > MAX_JSON {
                long = true;
                self.text.clear();
            } else {
                self.text.extend_from_slice(&chunk[..length]);
            }
            self.reader.consume(length + usize::from(end.is_some() && !bare));
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
        if self.within {
            return Ok(());
        }
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
