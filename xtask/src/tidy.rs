//! What no other tool checks: lengths, opening comments, notes of work left over, tests that sleep or are skipped,
//! paths in ARCHITECTURE.md, large files.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::workspace;

mod architecture;
mod function;
mod mask;
mod rust;
mod text;

/// The largest file that may be tracked, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Files whose text is checked; others are only weighed.
const TEXT_EXTENSIONS: &[&str] = &["rs", "md", "toml", "py", "sh", "lua", "js", "css", "html", "json", "sql", "txt", "yml", "yaml", "ini"];

/// Folders and files that hold a few lines of text and have no extension.
const TEXT_FILES: &[&str] = &["scripts/test", ".ci/run"];

/// Returns every fault of the tree, with file and line.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let files = workspace::files(root)?;
    let mut faults = Vec::new();
    for file in &files {
        let bytes = fs::metadata(root.join(file)).with_context(|| format!("cannot read {file}"))?.len();
        if bytes > MAX_FILE_BYTES {
            faults.push(format!("{file}: {bytes} bytes; a tracked file has {MAX_FILE_BYTES} at most"));
        } else if is_text(file) {
            faults.extend(check_file(root, file)?);
        }
    }
    faults.extend(architecture::check(root, &files)?);
    Ok(faults)
}

fn is_text(file: &str) -> bool {
    let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
    TEXT_EXTENSIONS.contains(&extension) || TEXT_FILES.contains(&file)
}

fn check_file(root: &Path, file: &str) -> anyhow::Result<Vec<String>> {
    let bytes = fs::read(root.join(file)).with_context(|| format!("cannot read {file}"))?;
    let source = String::from_utf8_lossy(&bytes);
    let mut found = text::faults(&source);
    if file.ends_with(".rs") {
        found.extend(rust::faults(file, &source));
    }
    found.sort_by_key(|fault| fault.line);
    Ok(found.into_iter().map(|fault| format!("{file}:{}: {}", fault.line, fault.what)).collect())
}

/// Something wrong at a line of a file; lines count from 1.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    what: String,
}

impl Fault {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}
