//! The part of `docs/QUALITY.md` that says what is promised: the table, what was tried, and where it falls short.

use super::report::{self, Row};
use anyhow::Context;
use std::path::Path;

const BEGIN: &str = "<!-- written by cargo xtask promise --document -->\n";
const END: &str = "<!-- end of it -->\n";

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

/// The section in a document, if it has one.
pub(crate) fn of(document: &str) -> Option<&str> {
    let begin = document.find(BEGIN)?;
    let end = begin + document[begin..].find(END)? + END.len();
    Some(&document[begin..end])
}

/// Puts the section in its place: where it was, or before the first heading.
fn put(document: &str, section: &str) -> String {
    if let Some(before) = of(document) {
        return document.replacen(before, section, 1);
    }
    let at = document.find("\n## ").map_or(document.len(), |at| at + 1);
    format!("{}{section}\n{}", &document[..at], &document[at..])
}

/// Writes the figures into the document at this path.
pub(super) fn write(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let document = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let section = format!("{BEGIN}{INTRODUCTION}\n{}\n{REMARKS}\n{}{END}", report::summary(rows), report::table(rows, true));
    std::fs::write(path, put(&document, &section)).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, of, put};

    #[test]
    fn the_section_stands_before_the_first_heading_and_is_replaced_there() {
        let section = |text: &str| format!("{BEGIN}{text}\n{END}");
        let document = "# Quality\n\nWords.\n\n## Sets\n\nFigures.\n";
        assert_eq!(of(document), None);
        let once = put(document, &section("first"));
        assert_eq!(once, format!("# Quality\n\nWords.\n\n{}\n## Sets\n\nFigures.\n", section("first")));
        assert_eq!(of(&once), Some(section("first").as_str()));
        assert_eq!(put(&once, &section("second")), put(document, &section("second")));
    }
}
