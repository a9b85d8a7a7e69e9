//! Output of commands: tables and JSON on standard output, progress on standard error. Whatever it prints passes
//! [`visible`], since file names, labels, versions and events come from outside.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// Width of a table that is not shown on a terminal.
const FILE_WIDTH: u16 = 160;

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
            writeln!(out, "{}", visible_json(&format!("{value:#}")))
        } else {
            writeln!(out, "{}", visible_lines(text().trim_end()))
        }
    }
}

/// Columns with a line under the head and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The content of one field of a table.
pub(crate) enum Cell {
    /// One line.
    Line(String),
    /// Several.
    Lines(Vec<String>),
}

impl From<String> for Cell {
    fn from(line: String) -> Self {
        Self::Line(line)
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Line(line) => visible(line).into_owned(),
            Self::Lines(lines) => lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// A table with a head.
pub(crate) fn table<C: Into<Cell>>(head: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_header(head.iter().copied());
    if !is_terminal(&io::stdout()) {
        table.set_width(FILE_WIDTH);
    }
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| cell.into().shown()).collect::<Vec<_>>()));
    table.to_string()
}

/// Returns whether it is a terminal that can show something.
pub(crate) fn is_terminal(stream: &impl AsFd) -> bool {
    shows(rustix::termios::tcgetwinsize(stream).ok().map(|size| size.ws_col))
}

/// Returns whether output of this width can be shown: what is not a terminal has no columns, and some terminals report 0.
fn shows(columns: Option<u16>) -> bool {
    columns.is_some_and(|columns| columns > 0)
}

/// A bar on standard error, only on a terminal. `total` 0 spins instead.
pub(crate) fn progress(total: u64, what: &str) -> ProgressBar {
    let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
    bar.set_draw_target(if is_terminal(&io::stderr()) { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
    let template = if total == 0 { "{spinner} {msg} {elapsed}" } else { "{msg} {wide_bar} {pos}/{len} {eta}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(visible(what).into_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Writes a line to standard error; errors are ignored.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", visible_lines(text)));
}

/// Returns whether a character controls a terminal, is invisible, or changes the order in which others are shown.
fn is_deceptive(c: char) -> bool {
    // Soft hyphen; Arabic letter mark; Mongolian vowel separator; zero widths and directional marks; separators of lines and
    // paragraphs, directional embeddings and overrides; word joiner, invisible operators, directional isolates; byte order
    // mark; annotations; tags.
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns text that is safe to show on one line: letters of all scripts stay, what [deceives](is_deceptive) is replaced.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, |c| !is_deceptive(c))
}

/// [`visible`] over several lines.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c == '\n' || !is_deceptive(c))
}

/// Log lines of which the writer has escaped what came from outside, and coloured the rest.
pub(crate) fn visible_coloured(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c == '\n' || c == '\u{1b}' || !is_deceptive(c))
}

fn replaced(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&stays) {
        return text.into();
    }
    text.chars().map(|c| if stays(c) { c } else { '\u{fffd}' }).collect::<String>().into()
}

/// JSON of the same meaning in which nothing deceives: such characters only stand in texts, and are escaped there.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    let stays = |c: char| c == '\n' || !is_deceptive(c);
    if json.chars().all(stays) {
        return json.into();
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if stays(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped.into()
}

/// Returns text from outside on one line, at most `width` characters.
pub(crate) fn clean(text: &str, width: usize) -> String {
    let mut clean: String = text.chars().take(width + 1).collect();
    if clean.chars().count() > width {
        clean = clean.chars().take(width.saturating_sub(1)).collect();
        clean.push('…');
    }
    visible(&clean).into_owned()
}

/// A path on one line.
pub(crate) fn path(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// Formats a number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{Cell, clean, path, shows, table, visible, visible_coloured, visible_json, visible_lines};
    use std::path::Path;

    /// One of each kind, by its number.
    const DECEPTIVE: [u32; 27] = [
        0x1b, 0x07, 0x0d, 0x7f, 0x9b, 0x85, 0xad, 0x61c, 0x180e, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060,
        0x2066, 0x2069, 0x206f, 0xfeff, 0xfff9, 0xe0001, 0xe007f, 0x00, 0x09,
    ];

    #[test]
    fn nothing_from_outside_steers_a_terminal_whatever_prints_it() {
        for number in DECEPTIVE {
            let c = char::from_u32(number).unwrap();
            let text = format!("a{c}b");
            assert_eq!(visible(&text), "a\u{fffd}b", "U+{number:04X}");
            assert_eq!(visible_lines(&format!("{text}\n")), "a\u{fffd}b\n", "U+{number:04X}");
            assert_eq!(clean(&text, 20), "a\u{fffd}b", "U+{number:04X}");
            assert_eq!(path(Path::new(&text)), "a\u{fffd}b", "U+{number:04X}");
            for shown in [table(&["head"], [vec![text.clone()]]), table(&["head"], [vec![Cell::Lines(vec![text.clone()])]])] {
                assert!(shown.contains("a\u{fffd}b") && !shown.contains(c), "U+{number:04X}: {shown}");
            }
            let json = serde_json::to_string(&text).unwrap();
            let shown = visible_json(&json);
            assert!(!shown.contains(c), "U+{number:04X}: {shown}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text, "U+{number:04X}");
            if c != '\u{1b}' {
                assert_eq!(visible_coloured(&text), "a\u{fffd}b", "U+{number:04X}");
            }
        }
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        let text = "Zürich Ελλάδα Київ القاهرة ירושלים दिल्ली กรุงเทพ 東京 서울 🏰 e\u{301} №1 – …";
        assert_eq!(visible(text), text);
        assert_eq!(visible_json(&format!("\"{text}\"")), format!("\"{text}\""));
    }

    #[test]
    fn a_line_break_in_a_field_does_not_begin_a_row() {
        assert_eq!(visible("a\nb"), "a\u{fffd}b");
        assert_eq!(table(&["head"], [vec!["a\nb".to_owned()]]).lines().count(), 3);
        assert_eq!(table(&["head"], [vec![Cell::Lines(vec!["a".to_owned(), "b".to_owned()])]]).lines().count(), 4);
    }

    #[test]
    fn a_terminal_without_width_is_no_terminal() {
        for (name, columns, expected) in [("no terminal", None, false), ("of width 0", Some(0), false), ("narrow", Some(1), true)] {
            assert_eq!(shows(columns), expected, "{name}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
    }
}
