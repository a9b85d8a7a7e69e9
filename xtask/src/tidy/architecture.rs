//! ARCHITECTURE.md stays short, and every path it names exists.

use std::fs;
use std::path::Path;

const FILE: &str = "ARCHITECTURE.md";
const MAX_LINES: usize = 200;

pub(super) fn check(root: &Path, files: &[String]) -> anyhow::Result<Vec<String>> {
    let path = root.join(FILE);
    if !path.exists() {
        return Ok(vec![format!("{FILE} is missing")]);
    }
    let page = fs::read_to_string(path)?;
    let mut faults = Vec::new();
    let lines = page.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{FILE}: {lines} lines; {MAX_LINES} at most"));
    }
    for (number, named) in named_paths(&page) {
        if !exists(files, named) {
            faults.push(format!("{FILE}:{number}: `{named}` does not exist"));
        }
    }
    Ok(faults)
}

/// Everything in backticks that looks like a path of the repository, with its line.
fn named_paths(page: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(page.lines()).flat_map(|(number, line)| line.split('`').skip(1).step_by(2).filter(|t| is_path(t)).map(move |t| (number, t)))
}

/// A file of source or prose by its ending, or something with a slash that is neither a route nor a media type.
fn is_path(text: &str) -> bool {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let ends_as_file = text.ends_with(".rs") || text.ends_with(".md");
    let first = text.split('/').next().unwrap_or_default();
    let in_tree = text.contains('/') && (text.ends_with('/') || is_top_folder(first) || has_extension(text));
    plain && !text.starts_with('/') && (ends_as_file || in_tree)
}

fn is_top_folder(name: &str) -> bool {
    ["crates", "xtask", "docs", "bench", "scripts", "fuzz", ".ci", ".cargo"].contains(&name) || name.starts_with("bartizan")
}

fn has_extension(text: &str) -> bool {
    Path::new(text).extension().is_some()
}

/// Whether `named` is a file or folder of the repository, or the end of the path of one.
fn exists(files: &[String], named: &str) -> bool {
    let wanted = format!("/{}/", named.trim_end_matches('/'));
    files.iter().any(|file| format!("/{file}/").contains(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_other_words_in_backticks() {
        let cases = [
            ("crates/bartizan-core/src/lib.rs", true),
            ("xtask", false),
            ("xtask/src", true),
            ("requests/", true),
            ("lib.rs", true),
            ("/requests", false),
            ("POST /analyze", false),
            ("application/json", false),
            ("bartizan_core::Seed", false),
            ("crates/*", false),
            ("bartizan.toml", false),
            ("docs/openapi.json", true),
        ];
        for (text, expected) in cases {
            assert_eq!(is_path(text), expected, "{text}");
        }
    }

    #[test]
    fn only_named_paths_that_exist_pass() {
        let files = ["crates/a/src/lib.rs".to_owned(), "crates/a/src/requests/parse.rs".to_owned()];
        let cases = [
            ("crates/a/src/lib.rs", true),
            ("crates/a", true),
            ("requests/", true),
            ("requests/parse.rs", true),
            ("ests/parse.rs", false),
            ("crates/b", false),
            ("crates/a/src/requests/parse", false),
        ];
        for (named, expected) in cases {
            assert_eq!(exists(&files, named), expected, "{named}");
        }
    }

    #[test]
    fn every_name_is_found_with_its_line() {
        let page = "see `crates/a` and `x`\n\n`docs/b.md` too";
        assert_eq!(named_paths(page).collect::<Vec<_>>(), [(1, "crates/a"), (3, "docs/b.md")]);
    }
}
