//! Opening files: what is packed is unpacked, and what never gives a record ends.

use super::MAX_UNREAD;
use bartizan_core::ParseError;
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

/// Bytes read at once.
const BUFFER: usize = 1 << 17;
/// Bytes at the beginning that are there to be looked at.
pub(super) const HEAD: usize = 1 << 17;
/// What a rejected record counts for besides its bytes: a quarter of a million short ones in a row is as hopeless as one that never ends.
const REJECTED_BYTES: u64 = 256;
/// Longest beginning by which packed data is told.
const MAX_MAGIC: usize = 6;

/// What other packers begin their files with; gzip alone is unpacked here.
const PACKED: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x04\x22\x4d\x18", "lz4"),
];

/// Bytes read, unpacked, since the last record that could be read. Shared by the reader, which ends beyond [`MAX_UNREAD`], and by who
/// counts the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Rc<Cell<u64>>);

impl Unread {
    /// A record was read.
    pub(crate) fn clear(&self) {
        self.0.set(0);
    }

    /// A record could not be read.
    pub(crate) fn reject(&self) {
        self.add(REJECTED_BYTES);
    }

    fn add(&self, bytes: u64) {
        self.0.set(self.0.get().saturating_add(bytes));
    }
}

/// Unpacks what is gzip, told from its first bytes, to the end of its last member.
///
/// # Errors
/// When the file cannot be read, or is packed in another way.
pub(crate) fn open<'a>(mut reader: impl Read + 'a) -> Result<(Box<dyn BufRead + 'a>, Unread), ParseError> {
    let mut magic = Vec::new();
    reader.by_ref().take(MAX_MAGIC as u64).read_to_end(&mut magic).map_err(|source| ParseError::Io { line: 0, source })?;
    if let Some((_, packer)) = PACKED.iter().find(|(start, _)| magic.starts_with(start)) {
        return Err(ParseError::Packed(packer));
    }
    let gzip = magic.starts_with(&[0x1f, 0x8b]);
    let whole = Cursor::new(magic).chain(reader);
    let source: Box<dyn Read + 'a> =
        if gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))) } else { Box::new(whole) };
    let unread = Unread::default();
    let mut guarded = Guarded { source, unread: unread.clone(), failed: None };
    let mut head = Vec::with_capacity(HEAD);
    // What came before a fault is read first.
    guarded.failed = guarded.by_ref().take(HEAD as u64).read_to_end(&mut head).err();
    Ok((Box::new(Cursor::new(head).chain(BufReader::with_capacity(BUFFER, guarded))), unread))
}

/// Ends reading when nothing of what is read is a record.
struct Guarded<'a> {
    source: Box<dyn Read + 'a>,
    unread: Unread,
    failed: Option<io::Error>,
}

impl Read for Guarded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if self.unread.0.get() > MAX_UNREAD {
            let most = MAX_UNREAD >> 20;
            return Err(io::Error::other(format!("{most} MiB, unpacked, were read without a record that can be read")));
        }
        let length = self.source.read(buffer)?;
        self.unread.add(length as u64);
        Ok(length)
    }
}
