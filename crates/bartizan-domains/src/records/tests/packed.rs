//! Every packing: whole, in several parts, broken off, one within the other, and larger than it looks.

use super::read;
use crate::records::{MAX_UNREAD, Packing, packing};
use crate::requests::Requests;
use bartizan_core::ParseError;
use std::io::Write;

const BODY: &str = "{\"request_id\":\"1\",\"ip_address\":\"192.0.2.1\",\"endpoint\":\"/\",\"http_method\":\"GET\",\"headers\":{}}\n";

type Pack = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const PACKINGS: [(&str, Packing, Pack); 4] =
    [("gzip", Packing::Gzip, gzip), ("zstd", Packing::Zstd, zstd), ("xz", Packing::Xz, xz), ("bzip2", Packing::Bzip2, bzip2)];

#[test]
fn every_member_is_read_and_what_came_before_a_fault() {
    for (name, told, pack) in PACKINGS {
        let member = pack(BODY.as_bytes());
        assert_eq!(packing(&member), Some(told), "{name}");
        assert_eq!(packing(&pack(b"")), Some(told), "{name}, nothing in it");
        let members = [pack(b"").repeat(1_000), member.repeat(3)].concat();
        let whole = read::<Requests>("auto", members.as_slice());
        assert_eq!((whole.accepted, whole.error.is_none()), (3, true), "{name}: {:?}", whole.error);
        let cut = read::<Requests>("auto", &members[..members.len() - 4]);
        // The block before the end is whole, but not the member.
        let read_before = matches!(cut.error, Some(ParseError::Io { line: 2 | 3, .. }));
        assert_eq!((cut.accepted >= 2, read_before), (true, true), "{name}: {} {:?}", cut.accepted, cut.error);
        let large = read::<Requests>("auto", pack(BODY.repeat(5_000).as_bytes()).as_slice());
        assert_eq!((large.accepted, large.error.is_none()), (5_000, true), "{name}: {:?}", large.error);
    }
}

#[test]
fn what_begins_as_gzip_and_goes_on_as_text_is_text() {
    for (name, start, told) in [
        ("two bytes", &b"\x1f\x8b"[..], true),
        ("a header that is not all there", b"\x1f\x8b\x08\0\0\0", true),
        ("of a system that is known", b"\x1f\x8b\x08\0\0\0\0\0\x01\x03", true),
        ("of one that is not", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", true),
        ("with a name", b"\x1f\x8b\x08\x08\0\0\0\0\x02\x0ba.log", true),
        ("another method", b"\x1f\x8b\x07\0\0\0\0\0\0\x03", false),
        ("flags that there are none of", b"\x1f\x8b\x08\xe0\0\0\0\0\0\x03", false),
        ("a line", b"\x1f\x8b\x08\0\n192.0.2.1", false),
    ] {
        assert_eq!(packing(start) == Some(Packing::Gzip), told, "{name}");
    }
}

#[test]
fn packings_within_packings_are_taken_off_up_to_a_limit() {
    let all: Vec<u8> = PACKINGS.iter().fold(BODY.into(), |packed, (_, _, pack)| pack(&packed));
    let outcome = read::<Requests>("auto", all.as_slice());
    assert_eq!((outcome.accepted, outcome.error.is_none()), (1, true), "{:?}", outcome.error);
    let error = read::<Requests>("auto", gzip(&all).as_slice()).error.unwrap().to_string();
    assert!(error.contains("more packings, one within the other"), "{error}");
}

#[test]
fn archives_that_hold_far_more_than_they_weigh_end_with_an_error() {
    let blanks = vec![b' '; 1 << 20];
    for (name, _, pack) in PACKINGS {
        let bomb = [pack(b"["), pack(&blanks).repeat(2 + (MAX_UNREAD >> 20) as usize)].concat();
        assert!(bomb.len() < 200_000, "{name}");
        for format in ["auto", "json"] {
            let error = read::<Requests>(format, bomb.as_slice()).error.unwrap().to_string();
            assert!(error.contains("64 MiB, unpacked"), "{name} {format}: {error}");
        }
    }
    // Within it are members with nothing in them, which no reader of lines ever sees.
    let empty = gzip(&gzip(b"").repeat(1 << 22));
    assert!(empty.len() < 1 << 20);
    let error = read::<Requests>("ndjson", empty.as_slice()).error.unwrap().to_string();
    assert!(error.contains("64 MiB, unpacked"), "{error}");
}

#[test]
fn memory_for_unpacking_is_limited() {
    let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(28).unwrap();
    wide.write_all(BODY.as_bytes()).unwrap();
    let wide = wide.finish().unwrap();
    // The size of the dictionary stands in the head of the first block, which ends with its checksum.
    let mut large = xz(BODY.as_bytes());
    let end = 12 + 4 * usize::from(large[12]);
    large[16] = 35;
    let mut sum = flate2::Crc::new();
    sum.update(&large[12..end]);
    large[end..end + 4].copy_from_slice(&sum.sum().to_le_bytes());
    for (name, bytes, expected) in [("zstd", wide, "requires too much memory"), ("xz", large, "memory limit reached")] {
        let error = read::<Requests>("auto", bytes.as_slice()).error.unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn what_is_not_unpacked_is_refused_by_name() {
    let mut tar = vec![b'x'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (name, start) in [
        ("zip", b"PK\x03\x04".to_vec()),
        ("7z", b"7z\xbc\xaf\x27\x1c".to_vec()),
        ("lz4", b"\x04\x22\x4d\x18".to_vec()),
        ("rar", b"Rar!\x1a\x07\x01\x00".to_vec()),
        ("tar", tar),
    ] {
        for (what, bytes) in [("", [start.clone(), vec![0; 600]].concat()), (" in gzip", gzip(&start))] {
            let error = read::<Requests>("auto", bytes.as_slice()).error.unwrap().to_string();
            assert!(error.starts_with(&format!("it is packed with {name}, which is not")), "{name}{what}: {error}");
        }
    }
    // Texts that begin alike are texts.
    for start in ["BZh9 is the beginning of bzip2", "PK", "Rar!"] {
        assert_eq!(packing(start.as_bytes()), None, "{start}");
    }
}
