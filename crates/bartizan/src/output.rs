//! What a command prints: tables and JSON on standard output, progress on standard error.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON document instead of text.
    pub(crate) json: bool,
}

impl Output {
    /// Prints `value` as JSON, or `text` for people.
    pub(crate) fn print(self, value: &Value, text: impl FnOnce() -> String) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, value)?;
            writeln!(out)
        } else {
            writeln!(out, "{}", text().trim_end())
        }
    }
}

/// Columns with a line under the head and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with a head.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_header(head.iter().copied());
    if !io::stdout().is_terminal() {
        table.set_width(160);
    }
    table.add_rows(rows);
    table.to_string()
}

/// A bar on standard error, only on a terminal. `total` 0 spins instead.
pub(crate) fn progress(total: u64, what: &str) -> ProgressBar {
    let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
    bar.set_draw_target(if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
    let template = if total == 0 { "{spinner} {msg} {elapsed}" } else { "{msg} {wide_bar} {pos}/{len} {eta}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Writes a line to standard error; when nobody reads it, so be it.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Text from outside for a terminal: no control characters, at most `width` characters.
pub(crate) fn clean(text: &str, width: usize) -> String {
    let mut clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(width + 1).collect();
    if clean.chars().count() > width {
        clean = clean.chars().take(width.saturating_sub(1)).collect();
        clean.push('…');
    }
    clean
}

/// A share as a person reads it.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn terminals_are_not_steered_from_outside() {
        assert_eq!(clean("a\u{1b}[31mb", 20), "a\u{fffd}[31mb");
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
    }
}
