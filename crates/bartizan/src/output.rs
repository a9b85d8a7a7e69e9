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
/// Width of a table on a terminal that is too narrow for columns, and from how many columns on it is not.
const NARROW_WIDTH: u16 = 80;
const LEAST_WIDTH: u16 = 60;

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
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    if !head.is_empty() {
        table.set_header(head.iter().copied());
    }
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| cell.into().shown()).collect::<Vec<_>>()));
    table.trim_fmt()
}

/// Returns how many columns standard output is laid out for.
pub(crate) fn width() -> u16 {
    width_for(columns(&io::stdout()))
}

/// A terminal wraps long lines by itself, and can be made wider; a column of one character cannot be read.
fn width_for(columns: Option<u16>) -> u16 {
    match columns {
        None => FILE_WIDTH,
        Some(..LEAST_WIDTH) => NARROW_WIDTH,
        Some(columns) => columns,
    }
}

/// Returns whether it is a terminal that can show something.
pub(crate) fn is_terminal(stream: &impl AsFd) -> bool {
    columns(stream).is_some()
}

/// Returns the columns of a terminal. Some report 0, such as those of containers: they count as none.
fn columns(stream: &impl AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(stream).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
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

/// Returns text that is safe to show on one line: letters of all scripts stay, what [deceives](is_deceptive) is shown as an escape, so that
/// it still can be read what was sent: `\x1b`, `\u{202e}`.
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
    let mut shown = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| if stays(c) { shown.push(c) } else { escape(c, &mut shown) });
    shown.into()
}

/// Writes a character as Rust and most shells would.
fn escape(c: char, to: &mut String) {
    // Writing to a String cannot fail.
    let _ = match c {
        '\n' | '\r' | '\t' => write!(to, "{}", c.escape_default()),
        ..='\x7f' => write!(to, "\\x{:02x}", u32::from(c)),
        _ => write!(to, "{}", c.escape_unicode()),
    };
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

/// Returns text from outside on one line, at most `width` characters with its escapes. An escape is not cut in two.
pub(crate) fn clean(text: &str, width: usize) -> String {
    // `fits` bytes of it leave room for the mark that says that it is cut.
    let (mut clean, mut count, mut fits) = (String::new(), 0, 0);
    for c in text.chars() {
        let from = clean.len();
        if is_deceptive(c) {
            escape(c, &mut clean);
        } else {
            clean.push(c);
        }
        count += clean[from..].chars().count();
        if count > width {
            clean.truncate(fits);
            // A mark that was there, of an earlier cut, is enough.
            clean.truncate(clean.trim_end_matches('…').len());
            clean.push('…');
            break;
        }
        if count < width {
            fits = clean.len();
        }
    }
    clean
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

/// Formats how many, of events that are called `events` where they are several.
pub(crate) fn counted(number: u64, events: &str) -> String {
    format!("{} {}", grouped(number), of_them(number, events))
}

/// What as many events are called.
pub(crate) fn of_them(number: u64, events: &str) -> Cow<'_, str> {
    match events.strip_suffix("ies") {
        _ if number != 1 => Cow::Borrowed(events),
        Some(stem) => Cow::Owned(format!("{stem}y")),
        None => Cow::Borrowed(events.strip_suffix('s').unwrap_or(events)),
    }
}

/// Formats a share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{Cell, clean, counted, path, table, visible, visible_coloured, visible_json, visible_lines, width_for};
    use std::path::Path;

    /// One of each kind, by its number.
    const DECEPTIVE: [u32; 27] = [
        0x1b, 0x07, 0x0d, 0x7f, 0x9b, 0x85, 0xad, 0x61c, 0x180e, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060,
        0x2066, 0x2069, 0x206f, 0xfeff, 0xfff9, 0xe0001, 0xe007f, 0x00, 0x09,
    ];

    /// How a character that deceives is shown.
    fn escaped(c: char) -> String {
        match c {
            '\t' => "\\t".to_owned(),
            '\r' => "\\r".to_owned(),
            c if c.is_ascii() => format!("\\x{:02x}", u32::from(c)),
            c => format!("\\u{{{:x}}}", u32::from(c)),
        }
    }

    #[test]
    fn nothing_from_outside_steers_a_terminal_whatever_prints_it() {
        for number in DECEPTIVE {
            let c = char::from_u32(number).unwrap();
            let text = format!("a{c}b");
            let escaped = format!("a{}b", escaped(c));
            assert_eq!(visible(&text), escaped, "U+{number:04X}");
            assert_eq!(visible(&escaped), escaped, "what is shown twice is shown alike");
            assert_eq!(visible_lines(&format!("{text}\n")), format!("{escaped}\n"), "U+{number:04X}");
            assert_eq!(clean(&text, 20), escaped, "U+{number:04X}");
            assert_eq!(path(Path::new(&text)), escaped, "U+{number:04X}");
            for shown in [table(&["head"], [vec![text.clone()]]), table(&["head"], [vec![Cell::Lines(vec![text.clone()])]])] {
                assert!(shown.contains(&escaped) && !shown.contains(c), "U+{number:04X}: {shown}");
            }
            let json = serde_json::to_string(&text).unwrap();
            let shown = visible_json(&json);
            assert!(!shown.contains(c), "U+{number:04X}: {shown}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text, "U+{number:04X}");
            if c != '\u{1b}' {
                assert_eq!(visible_coloured(&text), escaped, "U+{number:04X}");
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
        assert_eq!(visible("a\nb"), "a\\nb");
        assert_eq!(table(&["head"], [vec!["a\nb".to_owned()]]).lines().count(), 3);
        assert_eq!(table(&["head"], [vec![Cell::Lines(vec!["a".to_owned(), "b".to_owned()])]]).lines().count(), 4);
    }

    #[test]
    fn a_terminal_is_laid_out_for_what_can_be_read() {
        for (columns, expected) in [(None, 160), (Some(1), 80), (Some(20), 80), (Some(59), 80), (Some(60), 60), (Some(300), 300)] {
            assert_eq!(width_for(columns), expected, "{columns:?}");
        }
    }

    #[test]
    fn one_event_is_no_events() {
        for (number, expected) in [(0, "0 events"), (1, "1 event"), (2, "2 events"), (1_000, "1,000 events")] {
            assert_eq!(counted(number, "events"), expected);
        }
        assert_eq!((counted(1, "log entries"), counted(2, "log entries")), ("1 log entry".to_owned(), "2 log entries".to_owned()));
    }

    #[test]
    fn long_texts_are_cut() {
        for (text, width, expected) in [
            ("abcdef", 4, "abc…"),
            ("abcd", 4, "abcd"),
            ("ab\u{1b}cd", 8, "ab\\x1bcd"),
            ("ab\u{1b}cd", 7, "ab\\x1b…"),
            ("ab\u{1b}cd", 6, "ab…"),
            ("a\u{202e}", 5, "a…"),
            ("\u{202e}\u{202e}", 1, "…"),
            ("abc…def", 5, "abc…"),
            ("abc…", 4, "abc…"),
            ("", 4, ""),
        ] {
            assert_eq!(clean(text, width), expected, "{text:?} {width}");
        }
    }
}
