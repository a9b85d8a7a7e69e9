//! Zip archives: each member is read as a file of its own.

use super::order;
use crate::failure::Problem;
use crate::output;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Most members of an archive.
const MAX_MEMBERS: usize = 10_000;
/// Most bytes that are read to list them.
const MAX_LISTING: u64 = 64 << 20;

/// An open archive.
pub(super) struct Archive {
    path: PathBuf,
    zip: zip::ZipArchive<Limited>,
}

impl Archive {
    /// Opens an archive and reads the list of its members.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let refuse = |what: String| Problem::data(format!("{}: {what}", output::path(path)));
        let file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")).advise("check the path"))?;
        let left = Rc::new(Cell::new(Some(MAX_LISTING)));
        let zip = zip::ZipArchive::new(Limited { file, left: Rc::clone(&left) })
            .map_err(|error| refuse(format!("the zip archive cannot be read: {error}")).advise("see whether the file is whole"))?;
        left.set(None);
        if zip.len() > MAX_MEMBERS {
            let what = format!("the zip archive has {} members, more than {MAX_MEMBERS}", zip.len());
            return Err(refuse(what).advise("unpack it first").into());
        }
        Ok(Self { path: path.to_owned(), zip })
    }

    /// Whether this is the archive at a path.
    pub(super) fn is(&self, path: &Path) -> bool {
        self.path == path
    }

    /// Returns the positions and names of the members that are files, oldest first where their names tell.
    pub(super) fn members(&self) -> Vec<(usize, String)> {
        let is_file = |name: &str| {
            let last = name.rsplit('/').next().unwrap_or_default();
            // What macOS adds of its own.
            !last.is_empty() && !last.starts_with("._") && last != ".DS_Store" && !name.starts_with("__MACOSX/")
        };
        let mut members: Vec<(usize, String)> = (0..self.zip.len())
            .filter_map(|at| Some((at, self.zip.name_for_index(at)?.to_owned())))
            .filter(|(_, name)| is_file(name))
            .collect();
        members.sort_by_cached_key(|(_, name)| order::key(Path::new(name)));
        members
    }

    /// Opens a member; returns it with its size.
    pub(super) fn member(&mut self, at: usize) -> Result<(impl Read + '_, u64), String> {
        let member = self.zip.by_index(at).map_err(|error| format!("cannot be unpacked: {error}"))?;
        let size = member.size();
        Ok((member, size))
    }
}

/// A file of which no more than a number of bytes is read, while there is one: a list of members may be as long as the file.
struct Limited {
    file: File,
    left: Rc<Cell<Option<u64>>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        if let Some(left) = self.left.get() {
            let rest = left.checked_sub(length as u64).ok_or_else(|| io::Error::other("the list of its members is too long"))?;
            self.left.set(Some(rest));
        }
        Ok(length)
    }
}

impl Seek for Limited {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
