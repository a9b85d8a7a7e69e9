//! systemd's journal as `journalctl -o export` writes it: fields one a line, entries with an empty line between them, and fields that hold
//! any bytes with their length before them (systemd's Journal Export Format). Each entry becomes a line of the JSON that `-o json` writes.

use super::MAX_ROW;
use serde_json::{Map, Value};
use std::io::{self, Read};

/// What such a file begins with.
const START: &[u8] = b"__CURSOR=";
/// The fields that are kept: what a line of a log is made of.
const KEPT: [&str; 8] =
    ["MESSAGE", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID", "_HOSTNAME", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"];
/// Longest name of a field that is looked at.
const MAX_NAME: usize = 64;
/// Bytes read at once.
const BLOCK: usize = 1 << 15;

/// Whether a file begins as such a journal does.
pub(super) fn is_export(start: &[u8]) -> bool {
    start.starts_with(START)
}

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A name, up to `=` before a text, or to the end of the line before bytes with their length.
    Name,
    /// A text, up to the end of the line.
    Text,
    /// So many bytes of a length, and the length so far.
    Length(u32, u64),
    /// So many bytes of a value.
    Bytes(u64),
    /// The end of the line after them.
    End,
}

/// Turns a journal into lines.
pub(super) struct Journal<R> {
    source: R,
    read: Box<[u8; BLOCK]>,
    next: Next,
    name: Vec<u8>,
    value: Vec<u8>,
    fields: Map<String, Value>,
    lines: Vec<u8>,
    given: usize,
    is_over: bool,
}

impl<R: Read> Journal<R> {
    pub(super) fn new(source: R) -> Self {
        let read = Box::new([0; BLOCK]);
        Self {
            source,
            read,
            next: Next::Name,
            name: Vec::new(),
            value: Vec::new(),
            fields: Map::new(),
            lines: Vec::new(),
            given: 0,
            is_over: false,
        }
    }

    fn take(&mut self, byte: u8) {
        self.next = match (self.next, byte) {
            (Next::Name, b'\n') if self.name.is_empty() => {
                self.entry();
                Next::Name
            }
            (Next::Name, b'\n') => Next::Length(0, 0),
            (Next::Name, b'=') => Next::Text,
            (Next::Name, _) => {
                push(&mut self.name, byte, MAX_NAME);
                Next::Name
            }
            (Next::Text | Next::End, b'\n') => {
                self.field();
                Next::Name
            }
            (Next::Text, _) => {
                push(&mut self.value, byte, MAX_ROW);
                Next::Text
            }
            (Next::Length(at, length), _) => match length | u64::from(byte) << (8 * at) {
                0 if at == 7 => Next::End,
                length if at == 7 => Next::Bytes(length),
                length => Next::Length(at + 1, length),
            },
            (Next::Bytes(left), _) => {
                push(&mut self.value, byte, MAX_ROW);
                if left == 1 { Next::End } else { Next::Bytes(left - 1) }
            }
            // No line ends here: the length was none.
            (Next::End, _) => Next::End,
        };
    }

    fn field(&mut self) {
        if let Some(name) = KEPT.iter().find(|name| name.as_bytes() == self.name) {
            self.fields.insert((*name).to_owned(), Value::String(String::from_utf8_lossy(&self.value).into_owned()));
        }
        self.name.clear();
        self.value.clear();
    }

    fn entry(&mut self) {
        let fields = std::mem::take(&mut self.fields);
        if fields.contains_key(KEPT[0]) {
            self.lines.extend_from_slice(Value::Object(fields).to_string().as_bytes());
            self.lines.push(b'\n');
        }
    }
}

/// Adds a byte to what is kept of a text, as far as that goes.
fn push(text: &mut Vec<u8>, byte: u8, most: usize) {
    if text.len() < most {
        text.push(byte);
    }
}

impl<R: Read> Read for Journal<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.lines.len() && !self.is_over {
            self.lines.clear();
            self.given = 0;
            let length = self.source.read(&mut self.read[..])?;
            for at in 0..length {
                self.take(self.read[at]);
            }
            if length == 0 {
                // What was cut off at the end is an entry without its last field.
                self.entry();
                self.is_over = true;
            }
        }
        let length = (self.lines.len() - self.given).min(buffer.len());
        buffer[..length].copy_from_slice(&self.lines[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, is_export};
    use proptest::prelude::*;
    use std::io::Read as _;

    fn lines(bytes: &[u8]) -> String {
        let mut text = String::new();
        Journal::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn entries_become_lines() {
        let entry =
            b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1709719200500000\n_HOSTNAME=web1\nSYSLOG_IDENTIFIER=sshd\n_PID=50\nMESSAGE=a=b\n\n";
        assert!(is_export(entry) && !is_export(b"MESSAGE=a"));
        let one = "{\"__REALTIME_TIMESTAMP\":\"1709719200500000\",\"_HOSTNAME\":\"web1\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_PID\":\"50\",\"MESSAGE\":\"a=b\"}\n";
        assert_eq!(lines(&[entry, &entry[..]].concat()), one.repeat(2));
        let bytes = |value: &[u8]| [b"MESSAGE\n", &(value.len() as u64).to_le_bytes()[..], value, b"\n_PID=7\n\n"].concat();
        assert_eq!(lines(&bytes(b"x\n\ny\xff")), "{\"MESSAGE\":\"x\\n\\ny\u{fffd}\",\"_PID\":\"7\"}\n");
        assert_eq!(lines(&bytes(b"")), "{\"MESSAGE\":\"\",\"_PID\":\"7\"}\n");
        assert_eq!(lines(b"_PID=7\n\n\n\nMESSAGE=cut\n_PID"), "{\"MESSAGE\":\"cut\"}\n", "no message; the end is cut off");
    }

    #[test]
    fn a_length_that_is_none_holds_nothing() {
        let endless = [&b"MESSAGE\n"[..], &[0xff; 8], &vec![b'x'; 3 << 20]].concat();
        assert_eq!(lines(&endless), "");
        let long = format!("MESSAGE={}\n\n", "x".repeat(3 << 20));
        assert!(lines(long.as_bytes()).len() < (1 << 20) + 100);
    }

    proptest! {
        #[test]
        fn any_bytes_are_harmless(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'='), Just(0)], 0..200)) {
            let _ = lines(&[&b"MESSAGE\n"[..], &bytes].concat());
        }
    }
}
