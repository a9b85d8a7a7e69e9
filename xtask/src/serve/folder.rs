//! Temporary folders.

use anyhow::Context;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A folder that is removed with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one, with a name that no other one of this process has.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("bartizan-{name}-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// Makes one with copies of the files of another one.
    pub(crate) fn copy_of(other: &Path, to: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(other)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(Self(to.to_path_buf()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
