//! Tables of text, as public sets come.

use anyhow::Context;
use std::path::Path;

/// A table of text with named columns.
pub(crate) struct Csv {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<csv::StringRecord>,
}

impl Csv {
    /// Reads a file; the names are those of its first line, or the ones given where it has none.
    pub(crate) fn read(path: &Path, names: Option<Vec<String>>) -> anyhow::Result<Self> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(names.is_none()).from_path(path).with_context(|| path.display().to_string())?;
        let names = match names {
            Some(names) => names,
            None => reader.headers()?.iter().map(|name| name.trim().to_owned()).collect(),
        };
        let rows = reader.records().collect::<Result<_, _>>().with_context(|| path.display().to_string())?;
        Ok(Self { names, rows })
    }

    /// The position of a column.
    pub(crate) fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.names.iter().position(|n| n == name).with_context(|| format!("no column {name:?}"))
    }
}
