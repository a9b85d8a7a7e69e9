//! Following a file as it grows, through rotation and truncation, until told to stop.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a file is looked at for more, in nanoseconds.
const EVERY: i64 = 200_000_000;
/// Bytes read at once.
const BLOCK: usize = 1 << 16;
/// Longest line that is waited for to its end; longer ones are handed over in pieces, and no record is that long.
const MAX_LINE: usize = 16 << 20;

/// Most bytes at the end of a file that are read as the past of what comes, and of the lines at its beginning that name its columns.
const MAX_PAST: u64 = 16 << 20;
const MAX_HEADER: u64 = 1 << 16;

/// Where reading begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Begin {
    at: u64,
    /// What is read before: the lines that name the columns, where these are left out otherwise.
    header: Vec<u8>,
    /// How many whole lines there are so far, with those.
    pub(super) lines: u64,
}

impl Begin {
    /// Near the end of a file: the whole of it where it is small.
    pub(super) fn near_end(path: &Path) -> io::Result<Self> {
        let mut begin = Self::default();
        let mut reader = BufReader::new(File::open(path)?);
        let length = reader.get_ref().metadata()?.len();
        if length > MAX_PAST {
            let mut head = reader.by_ref().take(MAX_HEADER);
            let (mut line, mut end) = (Vec::new(), 0);
            while head.read_until(b'\n', &mut line)? > end && line[end..].starts_with(b"#") && line.ends_with(b"\n") {
                (end, begin.lines) = (line.len(), begin.lines + 1);
            }
            line.truncate(end);
            begin.header = line;
            reader.seek(SeekFrom::Start(length - MAX_PAST))?;
            begin.at = length - MAX_PAST + reader.skip_until(b'\n')? as u64;
        }
        // What is written from now on is not counted.
        let mut rest = reader.take(length.saturating_sub(begin.at));
        let mut block = [0; BLOCK];
        loop {
            match rest.read(&mut block) {
                Ok(0) => return Ok(begin),
                Ok(read) => begin.lines += block[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Tells who follows a file to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Says so.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The lines of a file, and of those that take its place. Only whole lines are handed over. Where nothing more is there, it says so once
/// with [`ErrorKind::WouldBlock`], and waits when it is asked again.
pub(super) struct Follow {
    path: PathBuf,
    stop: Stop,
    file: File,
    /// Device and number of the open file, and how far it is read.
    id: (u64, u64),
    at: u64,
    /// What is read and not handed over: whole lines up to `lines`, and the beginning of one.
    held: Vec<u8>,
    given: usize,
    lines: usize,
    said: bool,
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

impl Follow {
    pub(super) fn open(path: &Path, stop: Stop, begin: &Begin) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let id = id(&file.metadata()?);
        file.seek(SeekFrom::Start(begin.at))?;
        let (held, lines) = (begin.header.clone(), begin.header.len());
        Ok(Self { path: path.to_owned(), stop, file, id, at: begin.at, held, given: 0, lines, said: false })
    }

    /// Reads on in the open file; false at its end.
    fn read_on(&mut self) -> io::Result<bool> {
        self.held.drain(..self.given);
        (self.given, self.lines) = (0, 0);
        let before = self.held.len();
        self.held.resize(before + BLOCK, 0);
        let read = loop {
            match self.file.read(&mut self.held[before..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => break done,
            }
        };
        let length = *read.as_ref().unwrap_or(&0);
        self.held.truncate(before + length);
        read?;
        self.at += length as u64;
        let end = self.held[before..].iter().rposition(|b| *b == b'\n').map(|at| before + at + 1);
        self.lines = end.unwrap_or(if self.held.len() >= MAX_LINE { self.held.len() } else { 0 });
        Ok(length > 0)
    }

    /// At the end of the open file: begins anew where it was truncated, and goes on with the file that took its place. False where there
    /// is nothing to go on with.
    fn go_on(&mut self) -> io::Result<bool> {
        let Ok(meta) = fs::metadata(&self.path) else { return Ok(false) };
        if id(&meta) == self.id {
            let is_shorter = meta.len() < self.at;
            if is_shorter {
                // What it began with went with the rest of it.
                self.held.clear();
                self.file.rewind()?;
                self.at = 0;
            }
            return Ok(is_shorter);
        }
        let Ok(next) = File::open(&self.path) else { return Ok(false) };
        let next_id = id(&next.metadata()?);
        // It may have grown since its end was read, and grows no more.
        if self.read_on()? {
            return Ok(true);
        }
        if !self.held.is_empty() {
            self.held.push(b'\n');
            self.lines = self.held.len();
        }
        (self.file, self.id, self.at) = (next, next_id, 0);
        Ok(true)
    }

    /// Waits a moment, or until nobody reads what is printed.
    fn wait(&self) {
        let stdout = io::stdout();
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        let moment = Timespec { tv_sec: 0, tv_nsec: EVERY };
        if poll(&mut watched, Some(&moment)).is_ok_and(|closed| closed > 0) {
            self.stop.set();
        }
    }
}

impl Read for Follow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.lines {
            if self.stop.is_set() {
                return Ok(0);
            }
            if self.read_on()? {
                self.said = false;
            } else if self.go_on()? {
                continue;
            } else if !std::mem::replace(&mut self.said, true) {
                return Err(ErrorKind::WouldBlock.into());
            } else {
                self.wait();
            }
        }
        let rest = &self.held[self.given..self.lines];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}
