//! From the files that a command names to what is read: patterns, members of archives, standard input, a file that grows.

use super::archive::Archive;
use super::follow::{Begin, Follow, Stop};
use super::order;
use crate::failure::Problem;
use crate::output;
use bartizan_domains::records::{PACKING_BYTES, Packing, packing};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Most files that patterns and archives may stand for.
const MAX_FILES: usize = 100_000;
/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// The files to read, in their order.
#[derive(Debug)]
pub(crate) struct Files(Vec<Source>);

/// One of them.
#[derive(Debug)]
pub(super) struct Source {
    /// What it is called in reports.
    pub(super) name: String,
    /// Whether it was named itself, and is none of those that a pattern matches.
    alone: bool,
    place: Place,
}

/// Where it is.
#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// A member of an archive, by its position.
    Member(PathBuf, usize),
    StandardInput,
    /// A file that is followed as it grows, until told to stop.
    Followed(PathBuf, Stop, Begin),
}

impl Files {
    /// Finds what is meant: files, patterns, zip archives, and `-` for standard input.
    pub(crate) fn of(named: &[PathBuf]) -> anyhow::Result<Self> {
        one_standard_input(named)?;
        let mut sources = Vec::new();
        for path in named {
            if path.as_os_str() == STANDARD_INPUT {
                if output::is_terminal(&io::stdin()) {
                    output::note("reading from the terminal; Ctrl-D ends it");
                }
                sources.push(Source { name: STANDARD_INPUT.to_owned(), alone: true, place: Place::StandardInput });
                continue;
            }
            match pattern(path) {
                None => add(&mut sources, path, true)?,
                Some(pattern) => matches(&pattern)?.iter().try_for_each(|path| add(&mut sources, path, false))?,
            }
            if sources.len() > MAX_FILES {
                return Err(Problem::usage(format!("more than {MAX_FILES} files are named")).into());
            }
        }
        Ok(Self(sources))
    }

    /// A file to follow until told to stop, from its beginning or near its end. Also returns how many of the lines that it hands over are
    /// there by now.
    pub(crate) fn followed(named: &[PathBuf], near_end: bool, stop: &Stop) -> anyhow::Result<(Self, u64)> {
        let Files(mut sources) = Self::of(named)?;
        let refuse = |what: &str| Problem::usage(format!("only one file that grows is followed: {what}"));
        let Some(source) = sources.pop() else { return Ok((Self(sources), 0)) };
        if !sources.is_empty() {
            return Err(refuse("several are named").into());
        }
        let path = match source.place {
            Place::File(path) => path,
            Place::StandardInput => return Err(refuse("standard input is read as it comes, and ends by itself").into()),
            Place::Member(..) | Place::Followed(..) => return Err(refuse("a zip archive does not").into()),
        };
        if beginning(&path)?.is_none_or(|start| packing(&start).is_some()) {
            return Err(refuse(&format!("{} is packed, or no plain file", source.name)).into());
        }
        let cannot = |error: io::Error| Problem::data(format!("{}: cannot be read: {error}", source.name)).advise("check the path");
        let begin = if near_end { Begin::near_end(&path).map_err(cannot)? } else { Begin::default() };
        let lines = begin.lines;
        Ok((Self(vec![Source { place: Place::Followed(path, stop.clone(), begin), ..source }]), lines))
    }

    /// Returns what each is called.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|source| source.name.clone()).collect()
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.0
    }
}

/// Refuses standard input that is named twice: it can be read once.
pub(crate) fn one_standard_input<'a>(named: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
    if named.into_iter().filter(|path| path.as_os_str() == STANDARD_INPUT).count() > 1 {
        return Err(Problem::usage("standard input (-) is named twice and can be read once").into());
    }
    Ok(())
}

/// The pattern that a path is, if it is one and no file.
fn pattern(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    (!path.exists()).then(|| text.to_owned())
}

/// The files that a pattern matches, oldest first where their names tell.
fn matches(pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let options = glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let shown = output::visible(pattern);
    let found = glob::glob_with(pattern, options).map_err(|error| Problem::usage(format!("{shown} is no pattern: {error}")))?;
    let mut files = Vec::new();
    // Folders count too: with links among them there is no end of paths.
    for (looked_at, path) in found.enumerate() {
        let path = path.map_err(|error| Problem::data(format!("{shown}: {error}")).advise("check the permissions"))?;
        if looked_at >= MAX_FILES {
            return Err(Problem::usage(format!("{shown} matches more than {MAX_FILES} files and folders")).into());
        }
        // A pipe would be waited for; one that is named is read.
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Problem::data(format!("no file matches {shown}")).advise("check the path").into());
    }
    files.sort_by_cached_key(|path| order::key(path));
    Ok(files)
}

/// Adds a file, or the members of a zip archive.
fn add(sources: &mut Vec<Source>, path: &Path, alone: bool) -> anyhow::Result<()> {
    let name = output::path(path);
    if path.is_dir() {
        let advice = format!("give its files: '{}'", output::path(&path.join("*")));
        return Err(Problem::data(format!("{name}: is a folder")).advise(advice).into());
    }
    if beginning(path)?.as_deref().and_then(packing) != Some(Packing::Zip) {
        sources.push(Source { name, alone, place: Place::File(path.to_owned()) });
        return Ok(());
    }
    let members = Archive::open(path)?.members();
    if members.is_empty() {
        return Err(Problem::data(format!("{name}: the zip archive holds no file")).into());
    }
    sources.extend(members.into_iter().map(|(at, member)| {
        let name = format!("{name}:{}", output::visible(&member));
        Source { name, alone: false, place: Place::Member(path.to_owned(), at) }
    }));
    Ok(())
}

/// The first bytes of a plain file. Of pipes and devices none: what is read of them is gone.
fn beginning(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let refuse = |error: io::Error| Problem::data(format!("{}: cannot be opened: {error}", output::path(path))).advise("check the path");
    if !std::fs::metadata(path).map_err(refuse)?.is_file() {
        return Ok(None);
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(PACKING_BYTES as u64).read_to_end(&mut start)).map_err(refuse)?;
    Ok(Some(start))
}

impl Source {
    /// Opens it; returns it with its size, 0 where that is not known. `archive` is the archive opened last.
    pub(super) fn open<'a>(&'a self, archive: &'a mut Option<Archive>) -> anyhow::Result<(Box<dyn Read + 'a>, u64)> {
        let refuse = |what: String| Problem::data(format!("{}: {what}", self.name)).advise("check the path");
        let cannot = |error: io::Error| refuse(format!("cannot be opened: {error}"));
        Ok(match &self.place {
            Place::StandardInput => (Box::new(io::stdin().lock()), 0),
            Place::Followed(path, stop, begin) => (Box::new(Follow::open(path, stop.clone(), begin).map_err(cannot)?), 0),
            Place::File(path) => {
                let file = File::open(path).map_err(cannot)?;
                let size = file.metadata().map_or(0, |meta| meta.len());
                (Box::new(file), size)
            }
            Place::Member(path, at) => {
                if !archive.as_ref().is_some_and(|open| open.is(path)) {
                    *archive = Some(Archive::open(path)?);
                }
                let Some(open) = archive else { unreachable!("it was just opened") };
                let (member, size) = open.member(*at).map_err(refuse)?;
                (Box::new(member), size)
            }
        })
    }

    /// Whether it may hold no records without being a fault: an archive holds other files too, and a log just rotated is empty.
    pub(super) fn may_hold_none(&self, is_empty: bool) -> bool {
        matches!(self.place, Place::Member(..)) || (is_empty && !self.alone)
    }

    /// Whether it is read until told to stop.
    pub(super) fn is_followed(&self) -> bool {
        matches!(self.place, Place::Followed(..))
    }
}
