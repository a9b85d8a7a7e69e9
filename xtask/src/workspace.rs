//! Where the workspace is, which files belong to it, and how cargo is called in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// The edition of every crate, as `Cargo.toml` says it.
pub(crate) const EDITION: &str = "2024";

/// The workspace's root folder.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
    let parent = Path::new(&manifest_dir).parent().context("xtask lies in a folder of the workspace")?;
    parent.canonicalize().with_context(|| format!("no workspace at {}", parent.display()))
}

/// A cargo command run in the workspace's root; the same cargo that runs this program.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    command
}

/// The files of the repository, relative to its root, sorted: those git tracks and new ones it does not ignore.
/// Without git, every file outside `target` and hidden version-control folders.
pub(crate) fn files(root: &Path) -> anyhow::Result<Vec<String>> {
    let listed = Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root).output();
    let mut files = match listed {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split('\0').filter(|f| !f.is_empty()).map(str::to_owned).collect()
        }
        _ => walk(root)?,
    };
    files.retain(|f: &String| root.join(f).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                let name = path.file_name().unwrap_or_default();
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}
