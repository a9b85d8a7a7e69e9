//! Encodings of texts: UTF-16 and stray NULs become UTF-8 while reading, and single texts may be in windows-1252.

use super::Unread;
use std::borrow::Cow;
use std::io::{self, Read};

/// Bytes at the beginning by which UTF-16 without a byte order mark is told.
pub(super) const SAMPLE: usize = 512;
/// Bytes of UTF-16 read at once.
const BLOCK: usize = 1 << 15;
/// NULs that are passed over for one byte that counts as unread: a log that was truncated in place begins with as many as it was long.
const NULS_A_BYTE: u64 = 64;

/// A text in UTF-8, or else in windows-1252, which older programs write. True when it was the latter.
pub(crate) fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    /// What 0x80 to 0x9f are; the rest of windows-1252 is as in Unicode.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => {
            let of = |byte: &u8| match byte {
                0x80..=0x9f => HIGH[usize::from(*byte - 0x80)],
                other => char::from(*other),
            };
            (Cow::Owned(bytes.iter().map(of).collect()), true)
        }
    }
}

/// A line of a log. What is no UTF-8 is windows-1252, unless it has letters of UTF-8 beside what is none: then that is replaced.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()) => decode(bytes).0,
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// How the two bytes of a unit of UTF-16 are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Tells UTF-16 from the beginning of a file: from its byte order mark, or because every other byte is NUL.
pub(super) fn utf16(start: &[u8]) -> Option<Order> {
    match start {
        [0xff, 0xfe, ..] => return Some(Order::Little),
        [0xfe, 0xff, ..] => return Some(Order::Big),
        _ => {}
    }
    let pairs = start[..start.len().min(SAMPLE)].chunks_exact(2);
    let all = pairs.len();
    let count = |is: fn(&[u8]) -> bool| pairs.clone().filter(|pair| is(pair)).count();
    // Both kinds of pairs stand in texts of other alphabets; NULs alone are none of either.
    let mostly = |some: usize| all >= 2 && some * 10 >= all * 9;
    match (count(|pair| pair[0] != 0 && pair[1] == 0), count(|pair| pair[0] == 0 && pair[1] != 0)) {
        (little, _) if mostly(little) => Some(Order::Little),
        (_, big) if mostly(big) => Some(Order::Big),
        _ => None,
    }
}

/// Turns UTF-16 into UTF-8. What is no character becomes U+FFFD.
pub(super) struct Utf16<R> {
    source: R,
    order: Order,
    read: Box<[u8; BLOCK]>,
    /// The first half of a unit, and of a pair of surrogates.
    odd: Option<u8>,
    high: Option<u16>,
    began: bool,
    text: String,
    given: usize,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(source: R, order: Order) -> Self {
        let read = Box::new([0; BLOCK]);
        Self { source, order, read, odd: None, high: None, began: false, text: String::new(), given: 0 }
    }

    fn decode(&mut self, length: usize) {
        for at in 0..length {
            let byte = self.read[at];
            let Some(first) = self.odd.take() else {
                self.odd = Some(byte);
                continue;
            };
            let unit = match self.order {
                Order::Little => u16::from_le_bytes([first, byte]),
                Order::Big => u16::from_be_bytes([first, byte]),
            };
            self.unit(unit);
        }
    }

    fn unit(&mut self, unit: u16) {
        let began = std::mem::replace(&mut self.began, true);
        if !began && unit == 0xfeff {
            return;
        }
        let units = match self.high.take() {
            Some(high) if (0xdc00..0xe000).contains(&unit) => [Some(high), Some(unit)],
            high => {
                let is_high = (0xd800..0xdc00).contains(&unit);
                self.high = is_high.then_some(unit);
                [high, (!is_high).then_some(unit)]
            }
        };
        self.text.extend(char::decode_utf16(units.into_iter().flatten()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    /// What is left over at the end is half a character.
    fn end(&mut self) {
        if self.odd.take().is_some() | self.high.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            match self.source.read(self.read.as_mut_slice())? {
                0 => {
                    self.end();
                    if self.text.is_empty() {
                        return Ok(0);
                    }
                }
                length => self.decode(length),
            }
        }
        let rest = &self.text.as_bytes()[self.given..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

/// Drops a byte order mark, and NULs at the beginning of the whole and of lines: a log that is truncated while its writer goes on
/// begins with as many as it was long.
pub(super) struct Plain<R> {
    source: R,
    unread: Unread,
    /// Whether what comes next is at the beginning of a line.
    at_start: bool,
    /// NULs that do not count as a byte yet.
    nuls: u64,
}

impl<R: Read> Plain<R> {
    pub(super) fn new(source: R, unread: Unread) -> Self {
        Self { source, unread, at_start: true, nuls: 0 }
    }

    /// Drops NULs at the beginnings of lines; returns the length of what is left.
    fn without_nuls(&mut self, buffer: &mut [u8]) -> usize {
        if !buffer.contains(&0) {
            self.at_start = buffer.ends_with(b"\n");
            return buffer.len();
        }
        let mut left = 0;
        for at in 0..buffer.len() {
            let byte = buffer[at];
            if byte == 0 && self.at_start {
                continue;
            }
            self.at_start = byte == b'\n';
            buffer[left] = byte;
            left += 1;
        }
        self.pass(buffer.len() - left);
        left
    }

    fn pass(&mut self, nuls: usize) {
        self.nuls += nuls as u64;
        self.unread.pass_nuls(nuls as u64);
        self.unread.add(self.nuls / NULS_A_BYTE);
        self.nuls %= NULS_A_BYTE;
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.unread.goes_on()? {
                return Ok(0);
            }
            let length = self.source.read(buffer)?;
            let left = if self.at_start && buffer[..length].iter().all(|b| *b == 0) {
                self.pass(length);
                0
            } else {
                self.without_nuls(&mut buffer[..length])
            };
            if left > 0 || length == 0 {
                return Ok(left);
            }
            self.unread.add(self.nuls / NULS_A_BYTE);
            self.nuls %= NULS_A_BYTE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, decode, text_of, utf16};

    #[test]
    fn lines_keep_their_letters() {
        assert_eq!(text_of("für".as_bytes()), "für");
        assert_eq!(text_of(b"f\xfcr"), "für");
        assert_eq!(text_of(b"f\xc3\xbcr\xff"), "für\u{fffd}");
    }

    #[test]
    fn utf16_is_told_from_nuls() {
        let units = |text: &str, order| -> Vec<u8> {
            let bytes = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            text.encode_utf16().flat_map(bytes).collect()
        };
        for (name, start, expected) in [
            ("nothing", vec![], None),
            ("plain", b"203.0.113.7 - - [".to_vec(), None),
            ("one byte", b"\xff".to_vec(), None),
            ("little, marked", units("\u{feff}да", Order::Little), Some(Order::Little)),
            ("big, marked", units("\u{feff}да", Order::Big), Some(Order::Big)),
            ("little", units("203.0.113.7 - é - [", Order::Little), Some(Order::Little)),
            ("big", units("203.0.113.7 - é - [", Order::Big), Some(Order::Big)),
            ("NULs alone", vec![0; 1_000], None),
            ("NULs, then text", [vec![0; 7], b"203.0.113.7".to_vec()].concat(), None),
            ("one NUL, then text", b"\x00203.0.113.7 - - [".to_vec(), None),
            ("a NUL in a short text", b"a\0".to_vec(), None),
        ] {
            assert_eq!(utf16(&start), expected, "{name}");
        }
    }

    #[test]
    fn texts_that_are_not_utf8_are_windows_1252() {
        for (bytes, expected) in [
            (&b"plain"[..], ("plain", false)),
            ("é".as_bytes(), ("é", false)),
            (b"caf\xe9 \x80", ("café €", true)),
            (b"Web Attack \x96 XSS", ("Web Attack – XSS", true)),
        ] {
            let (text, other) = decode(bytes);
            assert_eq!((text.as_ref(), other), expected);
        }
    }
}
