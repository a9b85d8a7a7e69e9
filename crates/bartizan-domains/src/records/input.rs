//! Opening files: what is packed is unpacked, what is not in UTF-8 is decoded, and what never gives a record ends.

use super::encoding::{Plain, SAMPLE, Utf16, utf16};
use super::journal::{Journal, is_export};
use super::{MAX_ROW, MAX_UNREAD, MAX_UNREAD_LATER};
use bartizan_core::ParseError;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::rc::Rc;

/// Bytes read at once.
const BUFFER: usize = 1 << 17;
/// Bytes at the beginning that are there to be looked at.
pub(super) const HEAD: usize = 1 << 17;
/// What a rejected record counts for besides its bytes: a quarter of a million short ones in a row is as hopeless as one that never ends.
const REJECTED_BYTES: u64 = 256;
/// Longest beginning by which packed data is told: that of a tar archive.
const MAGIC: usize = 264;
/// Where a tar archive names itself.
const TAR_AT: usize = 257;
/// Packings one within the other that are taken off.
const MAX_LAYERS: usize = 4;
/// The largest window of zstd, as a power of two: what its command line takes without being asked for more.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Most bytes that unpacking xz may take.
const XZ_MEMORY: u64 = 256 << 20;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// A zip archive: its members are read by who can seek in it.
    Zip,
    /// Another, by name, which is not unpacked.
    Other(&'static str),
}

/// The longest beginning that [`packing`] looks at.
pub const PACKING_BYTES: usize = MAGIC;

/// Tells from the first bytes of a file how it is packed.
#[must_use]
pub fn packing(start: &[u8]) -> Option<Packing> {
    Some(match start {
        [0x1f, 0x8b, rest @ ..] if is_gzip(rest) => Packing::Gzip,
        // The second is a frame to be skipped, which some writers begin with.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17rE8P\x90") => Packing::Bzip2,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Packing::Zip,
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Packing::Other("7z"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Packing::Other("lz4"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Packing::Other("rar"),
        _ if start.get(TAR_AT..).is_some_and(|at| at.starts_with(b"ustar")) => Packing::Other("tar"),
        _ => return None,
    })
}

/// Whether what follows the two bytes that gzip begins with is the rest of its header, and not of a line that a header was written into.
/// The header ends with what compressors say of themselves: how hard they tried, and for which system.
fn is_gzip(rest: &[u8]) -> bool {
    let says_nothing = |tried: u8, system: u8| !matches!(tried, 0 | 2 | 4) && matches!(system, 14..=254);
    match rest {
        [8, 0..=31, _, _, _, _, tried, system, ..] => !says_nothing(*tried, *system),
        [method, flags, ..] => (*method, *flags & 0xe0) == (8, 0),
        _ => true,
    }
}

/// Bytes read, unpacked, since the last record that could be read. Shared by the reader, which ends beyond [`MAX_UNREAD`], and by who
/// counts the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Rc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Cell<u64>,
    /// A record was read.
    any: Cell<bool>,
    gave_up: Cell<bool>,
    /// NULs that were passed over.
    nuls: Cell<u64>,
}

impl Unread {
    /// A record was read.
    pub(crate) fn clear(&self) {
        self.0.bytes.set(0);
        self.0.any.set(true);
    }

    /// A record could not be read.
    pub(crate) fn reject(&self) {
        self.add(REJECTED_BYTES);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.bytes.set(self.0.bytes.get().saturating_add(bytes));
    }

    /// NULs were passed over.
    pub(super) fn pass_nuls(&self, nuls: u64) {
        self.0.nuls.set(self.0.nuls.get().saturating_add(nuls));
    }

    pub(crate) fn nuls(&self) -> u64 {
        self.0.nuls.get()
    }

    /// Whether reading ended for too much without a record, after some.
    pub(crate) fn gave_up(&self) -> bool {
        self.0.gave_up.get()
    }

    /// Whether to go on; false when too much was read without a record after some, which ends reading as the end of the file does.
    ///
    /// # Errors
    /// When too much was read and there was no record at all.
    pub(super) fn goes_on(&self) -> io::Result<bool> {
        let any = self.0.any.get();
        if self.0.bytes.get() <= if any { MAX_UNREAD_LATER } else { MAX_UNREAD } {
            return Ok(true);
        }
        if any {
            self.0.gave_up.set(true);
            return Ok(false);
        }
        let most = MAX_UNREAD >> 20;
        Err(io::Error::other(format!("{most} MiB, unpacked, were read without a record that can be read")))
    }
}

/// Unpacks, to the end of the last member, what is packed, told from its first bytes; decodes UTF-16 and the journal's own format, told
/// likewise.
///
/// A source that waits for more, as of a file that is still written, says so by [`ErrorKind::WouldBlock`], and waits when it is asked
/// again. So a file is recognised by what is there.
///
/// # Errors
/// When the file is packed in a way that is not unpacked here.
pub(crate) fn open<'a>(reader: impl Read + 'a) -> Result<(Box<dyn BufRead + 'a>, Unread), ParseError> {
    let unread = Unread::default();
    let start = Start::of(unpacked(Box::new(reader), &unread)?, SAMPLE);
    let text: Box<dyn Read + 'a> = match utf16(start.seen()) {
        Some(order) => Box::new(Plain::new(Utf16::new(start, order), unread.clone())),
        None if is_export(start.seen()) => Box::new(Journal::new(Guarded { source: start, unread: unread.clone() })),
        None => Box::new(Plain::new(start, unread.clone())),
    };
    // What came before a fault is read first.
    let mut head = Start::of(Guarded { source: text, unread: unread.clone() }, HEAD);
    // A line that takes all of that tells nothing of the format, unless it is an array.
    let is_array = head.seen().trim_ascii_start().starts_with(b"[");
    if head.seen().len() == HEAD && !is_array && memchr::memchr_iter(b'\n', head.seen()).nth(1).is_none() {
        head.fill(MAX_ROW + HEAD);
    }
    Ok((Box::new(head.into_buffered()), unread))
}

/// Takes off one packing after the other.
fn unpacked<'a>(mut source: Box<dyn Read + 'a>, unread: &Unread) -> Result<Box<dyn Read + 'a>, ParseError> {
    for layer in 0..=MAX_LAYERS {
        let start = Start::of(source, MAGIC);
        let packing = packing(start.seen());
        let packed = match packing {
            None => return Ok(Box::new(start)),
            Some(_) if layer == MAX_LAYERS => break,
            Some(_) => BufReader::with_capacity(BUFFER, start),
        };
        let unpacked: Box<dyn Read + 'a> = match packing {
            Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(packed)),
            Some(Packing::Zstd) => Box::new(zstd(packed).map_err(|source| ParseError::Io { line: 0, source })?),
            Some(Packing::Xz) => Box::new(xz(packed).map_err(|source| ParseError::Io { line: 0, source })?),
            Some(Packing::Bzip2) => Box::new(MultiBzDecoder::new(packed)),
            Some(Packing::Zip) => return Err(ParseError::Packed("zip")),
            Some(Packing::Other(name)) => return Err(ParseError::Packed(name)),
            None => Box::new(packed),
        };
        // What one packing gives the next one counts too: it may be far more than the file weighs and hold nothing.
        source = Box::new(Guarded { source: unpacked, unread: unread.clone() });
    }
    Err(ParseError::Packed("more packings, one within the other, than are taken off"))
}

fn zstd<'a>(packed: impl BufRead + 'a) -> io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

fn xz<'a>(packed: impl BufRead + 'a) -> io::Result<impl Read + 'a> {
    Ok(XzDecoder::new_stream(packed, Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?))
}

/// A source of which the first bytes were looked at. They are read first, then what went wrong after them, then the rest. That nothing
/// more is there yet is said again too: who looks at the first bytes next does not wait for more either.
struct Start<R> {
    head: Cursor<Vec<u8>>,
    failed: Option<io::Error>,
    rest: R,
}

impl<R: Read> Start<R> {
    /// Reads up to `most` bytes, or what is there.
    fn of(source: R, most: usize) -> Self {
        let mut start = Self { head: Cursor::default(), failed: None, rest: source };
        start.fill(most);
        start
    }

    /// Reads until there are `most` bytes, or what is there.
    fn fill(&mut self, most: usize) {
        let head = self.head.get_mut();
        let mut length = head.len();
        head.resize(most, 0);
        while length < most && self.failed.is_none() {
            match self.rest.read(&mut head[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && length == 0 => {}
                Err(error) => self.failed = Some(error),
            }
        }
        head.truncate(length);
    }

    fn seen(&self) -> &[u8] {
        self.head.get_ref()
    }

    /// One reader that shows all of the beginning at first.
    fn into_buffered<'a>(self) -> impl BufRead + 'a
    where
        R: 'a,
    {
        let rest = Start { head: Cursor::default(), ..self };
        self.head.chain(BufReader::with_capacity(BUFFER, Waiting(rest)))
    }
}

impl<R: Read> Read for Start<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.head.read(buffer)?;
        if length > 0 {
            return Ok(length);
        }
        self.failed.take().map_or_else(|| self.rest.read(buffer), Err)
    }
}

/// Ends reading when nothing of what is read is a record.
struct Guarded<R> {
    source: R,
    unread: Unread,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.unread.goes_on()? {
            return Ok(0);
        }
        let length = self.source.read(buffer)?;
        self.unread.add(length as u64);
        Ok(length)
    }
}

/// Asks again a source that waits for more.
struct Waiting<R>(R);

impl<R: Read> Read for Waiting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}
