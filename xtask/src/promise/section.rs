//! Parts of `docs/QUALITY.md` that commands of their own write, and the one that says what is promised: the table, what was tried, and where it
//! falls short.

use super::report::{self, Row};
use anyhow::Context;
use std::path::Path;

const END: &str = "<!-- end of it -->\n";

/// The part of the promises.
pub(crate) const PROMISES: Section = Section::written_by("cargo xtask promise --document");

const INTRODUCTION: &str = "\
## What is promised, and whether it holds

Measured over HTTP on the running program, with events in the order of time. Written by

    cargo xtask promise --data DIR --document

*Asked* is the share of normal events that may be flagged, *got* the share that was; of other promises, what the phase says. Recall is that of
the attacks in the stream. Six streams are generated (a web site with days and new clients, a shop, services that call each other, two health
checks and a few people, a gateway of a mobile network, an internal API with weeks and jobs) and share nothing with what the product generates
but for the shop; the others are public files. `--seeds` repeats with other streams, `--quick` takes a minute or two.
";

/// What the figures do not say by themselves. Look at it again when they change.
const REMARKS: &str = include_str!("remarks.md");

/// A part of a document, between two comments.
#[derive(Clone, Copy)]
pub(crate) struct Section {
    command: &'static str,
}

impl Section {
    /// The part that a command writes.
    pub(crate) const fn written_by(command: &'static str) -> Self {
        Self { command }
    }

    fn begin(self) -> String {
        format!("<!-- written by {} -->\n", self.command)
    }

    /// A text with the comments around it.
    pub(crate) fn around(self, text: &str) -> String {
        format!("{}{text}{END}", self.begin())
    }

    /// The part in a document, with its comments, if it is there.
    pub(crate) fn find(self, document: &str) -> Option<&str> {
        let begin = document.find(&self.begin())?;
        let end = begin + document[begin..].find(END)? + END.len();
        Some(&document[begin..end])
    }

    /// Puts a part in its place: where it was, or behind the other parts, or before the first heading.
    fn put(self, document: &str, section: &str) -> String {
        if let Some(before) = self.find(document) {
            return document.replacen(before, section, 1);
        }
        if let Some(last) = document.rfind(END) {
            let (before, after) = document.split_at(last + END.len());
            return format!("{before}\n{section}{after}");
        }
        let at = document.find("\n## ").map_or(document.len(), |at| at + 1);
        format!("{}{section}\n{}", &document[..at], &document[at..])
    }

    /// Writes a part into the document at this path.
    pub(crate) fn write(self, path: &Path, section: &str) -> anyhow::Result<()> {
        let document = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        std::fs::write(path, self.put(&document, section)).with_context(|| path.display().to_string())
    }
}

/// Writes the figures of the promises into the document at this path.
pub(super) fn write(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let text = format!("{INTRODUCTION}\n{}\n{REMARKS}\n{}", report::summary(rows), report::table(rows, true));
    PROMISES.write(path, &PROMISES.around(&text))
}

#[cfg(test)]
mod tests {
    use super::{PROMISES, Section};

    #[test]
    fn the_section_stands_before_the_first_heading_and_is_replaced_there() {
        let document = "# Quality\n\nWords.\n\n## Sets\n\nFigures.\n";
        assert_eq!(PROMISES.find(document), None);
        let [first, second] = ["first\n", "second\n"].map(|text| PROMISES.around(text));
        let once = PROMISES.put(document, &first);
        assert_eq!(once, format!("# Quality\n\nWords.\n\n{first}\n## Sets\n\nFigures.\n"));
        assert_eq!(PROMISES.find(&once), Some(first.as_str()));
        assert_eq!(PROMISES.put(&once, &second), PROMISES.put(document, &second));
        let another = Section::written_by("another command");
        let third = another.around("third\n");
        assert_eq!(another.put(&once, &third), format!("# Quality\n\nWords.\n\n{first}\n{third}\n## Sets\n\nFigures.\n"));
    }
}
