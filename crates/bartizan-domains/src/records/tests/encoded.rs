//! Every encoding, and what a log that was truncated in place begins with.

use super::{Outcome, read};
use crate::flows::Flows;
use crate::records::{MAX_UNREAD, open};
use crate::requests::Requests;
use std::io::{self, ErrorKind, Read};

const LINE: &str = "192.0.2.7 - - [06/Mar/2024:10:00:00 +0000] \"GET /caf\u{e9}?q=\u{1f3f0} HTTP/1.1\" 200 5 \"-\" \"A/1.0\"\n";

/// UTF-16.
fn wide(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn text_of(bytes: impl Read) -> String {
    let mut text = String::new();
    open(bytes).unwrap().0.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_encoding_gives_the_same_text() {
    let text = LINE.repeat(2_000);
    for (name, bytes) in [
        ("UTF-8", text.clone().into_bytes()),
        ("UTF-16, little", wide(&text, false)),
        ("UTF-16, big", wide(&text, true)),
        ("UTF-16 with a mark, little", wide(&format!("\u{feff}{text}"), false)),
        ("UTF-16 with a mark, big", wide(&format!("\u{feff}{text}"), true)),
        ("NULs first", [vec![0; 70_001], text.clone().into_bytes()].concat()),
        ("one NUL first", [vec![0], text.clone().into_bytes()].concat()),
        ("NULs before each line", text.lines().flat_map(|line| format!("\0\0\0{line}\n").into_bytes()).collect()),
    ] {
        assert!(text_of(bytes.as_slice()) == text, "{name}");
        let outcome = read::<Requests>("auto", bytes.as_slice());
        assert_eq!((outcome.accepted, outcome.rejected.len()), (2_000, 0), "{name}: {:?}", outcome.error);
    }
}

#[test]
fn what_is_no_character_of_utf16_is_replaced() {
    let a = |units: &[u16]| -> Vec<u8> { [0xfeff].iter().chain(units).flat_map(|unit| unit.to_le_bytes()).collect() };
    for (name, bytes, expected) in [
        ("a pair", a(&[0xd83c, 0xdff0]), "\u{1f3f0}"),
        ("a high surrogate alone", a(&[0xd83c, 0x61]), "\u{fffd}a"),
        ("two high ones", a(&[0xd83c, 0xd83c, 0xdff0]), "\u{fffd}\u{1f3f0}"),
        ("a low one alone", a(&[0x61, 0xdff0, 0x62]), "a\u{fffd}b"),
        ("a high one at the end", a(&[0x61, 0xd83c]), "a\u{fffd}"),
        ("an odd byte at the end", [a(&[0x61]), vec![0x62]].concat(), "a\u{fffd}"),
        ("the mark alone", a(&[]), ""),
        ("a mark further on", a(&[0x61, 0xfeff]), "a\u{feff}"),
    ] {
        assert_eq!(text_of(bytes.as_slice()), expected, "{name}");
    }
}

#[test]
fn texts_of_old_encodings_are_read() {
    let latin: Vec<u8> = LINE.replace('\u{1f3f0}', "").chars().map(|c| c as u8).collect();
    let body = b"{\"request_id\":\"1\",\"ip_address\":\"192.0.2.1\",\"endpoint\":\"/caf\xe9\",\"http_method\":\"GET\",\"headers\":{}}";
    for (name, bytes) in [
        ("a log", latin.repeat(3)),
        ("an array", [b"[", body.as_slice(), b",", body, b",", body, b"]"].concat()),
        ("lines of JSON", [body.as_slice(), b"\n", body, b"\n", body].concat()),
        ("a table", b"payload,label\ncaf\xe9,norm\nb,norm\nc,anom\n".to_vec()),
    ] {
        let Outcome { accepted, rejected, error, .. } = read::<Requests>("auto", bytes.as_slice());
        assert_eq!((accepted, rejected.len()), (3, 0), "{name}: {rejected:?} {error:?}");
    }
}

/// NULs up to a length, and a text after them; counts what was read.
struct Sparse<'a> {
    nuls: u64,
    text: &'a [u8],
}

impl Read for Sparse<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.nuls == 0 {
            return self.text.read(buffer);
        }
        let length = buffer.len().min(usize::try_from(self.nuls).unwrap_or(usize::MAX));
        buffer[..length].fill(0);
        self.nuls -= length as u64;
        Ok(length)
    }
}

#[test]
fn a_sparse_beginning_is_passed_over_and_one_without_an_end_is_not() {
    let outcome = read::<Requests>("auto", Sparse { nuls: 8 * MAX_UNREAD, text: LINE.as_bytes() });
    assert_eq!((outcome.accepted, outcome.rejected.len()), (1, 0), "{:?}", outcome.error);
    let error = read::<Flows>("zeek", Sparse { nuls: u64::MAX, text: b"" }).error.unwrap().to_string();
    assert!(error.contains("64 MiB, unpacked"), "{error}");
}

/// Gives its pieces one by one, and says between them that nothing more is there yet.
struct Growing<'a> {
    pieces: Vec<&'a [u8]>,
    waits: bool,
}

impl Read for Growing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.waits = !self.waits;
        match self.pieces.first_mut() {
            _ if self.waits => Err(ErrorKind::WouldBlock.into()),
            None => Ok(0),
            Some(piece) => {
                let length = piece.read(buffer)?;
                if piece.is_empty() {
                    self.pieces.remove(0);
                }
                Ok(length)
            }
        }
    }
}

#[test]
fn a_file_that_grows_is_recognised_by_what_is_there() {
    let (text, middle) = (LINE.repeat(3), LINE.len() + 9);
    let pieces = vec![&text.as_bytes()[..middle], &text.as_bytes()[middle..middle + 1], &text.as_bytes()[middle + 1..]];
    let outcome = read::<Requests>("auto", Growing { pieces: pieces.clone(), waits: false });
    assert_eq!((outcome.accepted, outcome.rejected.len()), (3, 0), "{:?}", outcome.error);
    let mut reader = open(Growing { pieces, waits: false }).unwrap().0;
    assert_eq!(io::BufRead::fill_buf(&mut reader).unwrap().len(), middle);
}
