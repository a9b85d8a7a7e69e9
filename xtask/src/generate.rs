//! Files that are made by running the binary, kept in the repository and checked for being current.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::workspace;

/// One file of the repository and the arguments of `bartizan` that print its content.
#[derive(Debug, Clone, Copy)]
struct Generated {
    file: &'static str,
    arguments: &'static [&'static str],
}

/// Every generated file. To add one, add a line here and run `cargo xtask generate`:
/// `Generated { file: "docs/config.schema.json", arguments: &["config", "schema"] }`.
const GENERATED: &[Generated] = &[
    Generated { file: "docs/openapi.json", arguments: &["openapi"] },
    Generated { file: "docs/FORMATS.md", arguments: &["formats", "--markdown"] },
    Generated { file: "docs/config.schema.json", arguments: &["config", "schema"] },
];

/// Writes the generated files, or only compares them when `check` is set. Returns what is out of date.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for generated in GENERATED {
        faults.extend(settle(root, generated.file, &printed(root, generated.arguments)?, check)?);
    }
    Ok(faults)
}

/// What `bartizan ARGUMENTS` prints.
fn printed(root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = workspace::cargo(root).args(["run", "--quiet", "--package", "bartizan", "--"]).args(arguments).output()?;
    if !output.status.success() {
        bail!("bartizan {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// Updates one file, or reports that it is stale.
fn settle(root: &Path, file: &str, content: &[u8], check: bool) -> anyhow::Result<Option<String>> {
    let path = root.join(file);
    if fs::read(&path).is_ok_and(|present| present == content) {
        return Ok(None);
    }
    if check {
        return Ok(Some(format!("{file} is out of date; run `cargo xtask generate` and commit it")));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {file}");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_named_then_written_then_clean() {
        let folder = std::env::temp_dir().join(format!("bartizan-xtask-generate-{}", std::process::id()));
        let file = "docs/page.md";
        let fault = settle(&folder, file, b"new", true).unwrap();
        assert_eq!(fault.unwrap(), "docs/page.md is out of date; run `cargo xtask generate` and commit it");
        assert!(!folder.exists(), "a check writes nothing");
        assert_eq!(settle(&folder, file, b"new", false).unwrap(), None);
        assert_eq!(settle(&folder, file, b"new", true).unwrap(), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
