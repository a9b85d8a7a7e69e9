//! The order of files that a pattern matches: oldest first, where their names tell. A rotated log with a higher number is older, and the
//! one without a number or date is the newest.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Endings of packed files, which say nothing of their order.
const PACKED: &[&str] = &[".gz", ".zst", ".zstd", ".xz", ".bz2", ".zip"];
/// Digits of a rotation number at most, and of a date at least.
const MAX_ROTATION_DIGITS: usize = 5;
const MIN_DATE_DIGITS: usize = 6;

/// What files are sorted by: the folder, the name without what tells the age, the age, and to be certain the whole path.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    folder: PathBuf,
    name: Vec<Part>,
    age: Age,
    whole: OsString,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Dated(Vec<u64>),
    Rotated(Reverse<u64>),
    Newest,
}

/// A part of a name; numbers are compared as such.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64, String),
    Text(String),
}

/// Returns what a file is sorted by.
pub(super) fn key(path: &Path) -> Key {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let (name, age) = age(name);
    Key { folder, name: parts(&name), age, whole: path.as_os_str().to_owned() }
}

/// Takes off a name what tells the age: `.2`, `-20240501`, `.2024-05-01`, and the 2 of `access.2.log`.
fn age(name: &str) -> (String, Age) {
    let (stem, ending) = name.strip_suffix(".log").filter(|stem| ends_in_number(stem)).map_or((name, ""), |stem| (stem, ".log"));
    let of_age = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | 'T' | ':');
    let cut = stem.rfind(|c| !of_age(c)).map_or(0, |at| at + stem[at..].chars().next().map_or(0, char::len_utf8));
    let suffix = &stem[cut..];
    let numbers: Vec<&str> = suffix.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    let digits: usize = numbers.iter().map(|number| number.len()).sum();
    let value = |number: &&str| number.parse().unwrap_or(u64::MAX);
    let kept = || format!("{}{ending}", &stem[..cut]);
    match numbers.as_slice() {
        _ if cut == 0 => (name.to_owned(), Age::Newest),
        [number] if suffix.starts_with('.') && digits <= MAX_ROTATION_DIGITS => (kept(), Age::Rotated(Reverse(value(number)))),
        _ if digits >= MIN_DATE_DIGITS => (kept(), Age::Dated(numbers.iter().map(value).collect())),
        _ => (name.to_owned(), Age::Newest),
    }
}

fn ends_in_number(stem: &str) -> bool {
    let number = stem.rsplit('.').next().unwrap_or_default();
    number.len() < stem.len() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn parts(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(match part.parse() {
            Ok(number) if digits => Part::Number(number, part.to_owned()),
            _ => Part::Text(part.to_owned()),
        });
        rest = after;
    }
    parts
}
