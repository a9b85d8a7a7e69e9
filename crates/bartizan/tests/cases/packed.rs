//! Files that are compressed, or of another encoding, and standard input.

use crate::fixture::{Checks, ONE, TWO, Trained, combined, log};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 6).read_to_end(&mut packed).unwrap();
    packed
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// UTF-16 with a byte order mark, or without one.
fn utf_16(text: &str, to_bytes: impl Fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(to_bytes).collect()
}

#[test]
fn a_file_is_read_however_it_is_packed_and_encoded() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let text = log(combined);
    let plain = text.as_bytes();
    let (head, tail) = plain.split_at(plain.len() / 2);
    let windows = text.replace('\n', "\r\n");
    for (name, bytes) in [
        ("plain", plain.to_vec()),
        ("gzip", gzip(plain)),
        ("gzip, appended to", [gzip(head), gzip(tail)].concat()),
        ("zstd", zstd(plain)),
        ("zstd, appended to", [zstd(head), zstd(tail)].concat()),
        ("xz", xz(plain)),
        ("xz, appended to", [xz(head), xz(tail)].concat()),
        ("bzip2", bzip2(plain)),
        ("bzip2, appended to", [bzip2(head), bzip2(tail)].concat()),
        ("gzip in gzip", gzip(&gzip(plain))),
        ("UTF-16, little end first", utf_16(&text, u16::to_le_bytes, true)),
        ("UTF-16, big end first", utf_16(&text, u16::to_be_bytes, true)),
        ("UTF-16 without a mark", utf_16(&text, u16::to_le_bytes, false)),
        ("UTF-16 of Windows, packed", xz(&utf_16(&windows, u16::to_le_bytes, true))),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", plain].concat()),
        ("Latin-1", plain.iter().map(|byte| if *byte == b';' { 0xfc } else { *byte }).collect()),
        ("lines of Windows", windows.clone().into_bytes()),
    ] {
        for from in ["a file", "standard input"] {
            let scored = if from == "a file" { trained.score(&bytes, &[]) } else { trained.scored("-", &bytes, &[]) };
            let name = &format!("{name} as {from}");
            checks.equal(name, (scored.code, scored.met()), (Some(0), (40, 0, "combined")), &scored.said);
            checks.equal(name, scored.clients(), BTreeMap::from([(ONE, 20), (TWO, 20)]), &scored.said);
        }
    }
    checks.end();
}

#[test]
fn what_is_damaged_or_empty_is_said() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let packed = gzip(log(combined).as_bytes());
    for (name, bytes, said) in [
        ("nothing", &b""[..], "-: the file is empty"),
        ("blanks", b" \n\n", "-: "),
        ("what is none of all", b"\x7fELF\x02\x01\x01\0\0\xff", "-: "),
        ("a packed file that is cut", &packed[..packed.len() / 2], "-: "),
    ] {
        let scored = trained.scored("-", bytes, &[]);
        checks.equal(name, scored.code, Some(3), &scored.said);
        checks.equal(name, scored.said.contains(said) && !scored.said.contains("panicked"), true, &scored.said);
    }
    checks.end();
}
