//! Every format in the tables of the kinds: its sample is read by its name, and recognised without it.

use bartizan_core::{AUTO, Format, How, Parse, Summary, Timestamp};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What somebody would set `files.log_format` to.
const OWN: &str = "$remote_addr [$time_local] \"$request\" $status";
const OWN_LINE: &str = "203.0.113.7 [06/Mar/2024:10:00:00 +0000] \"GET /cart HTTP/1.1\" 200";
/// A name for all access logs together.
const ANY: &str = "access-log";

fn read<D: Parse>(text: &str, name: &str) -> Summary {
    let how = How { own: Some(OWN), ..How::from(name) };
    let now = Timestamp::from_secs(1_800_000_000);
    D::parse(Box::new(text.as_bytes()), how, now, &mut |_| ControlFlow::Continue(())).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn check<D: Parse>() {
    let mut names = BTreeSet::new();
    for Format { name, what, sample } in D::formats() {
        let text = if sample.is_empty() { OWN_LINE } else { sample };
        assert!(names.insert(name) && !what.is_empty(), "{} {name}", D::NAME);
        for how in [name, AUTO] {
            let summary = read::<D>(text, how);
            assert_eq!((summary.accepted > 0, summary.rejected), (true, 0), "{} {name} as {how}: {summary:?}", D::NAME);
            let chosen = summary.format.unwrap_or_else(|| panic!("{name} as {how}: no format"));
            assert!(chosen.name == *name || *name == ANY, "{} {name} as {how}: {chosen:?}", D::NAME);
            assert!(chosen.sure > 0.99, "{} {name} as {how}: {chosen:?}", D::NAME);
        }
    }
}

macro_rules! check_each {
    ($($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $module() {
                check::<bartizan_domains::$module::$Kind>();
            }
        )*
    };
}

bartizan_domains::for_each_kind!(check_each);

/// Lines of each file, of which one in the middle is damaged.
const LINES: usize = 40;

/// A file of a format: what stands above its records, and its records.
fn lines_of(format: &Format) -> (Vec<&'static str>, &'static str) {
    let text = if format.sample.is_empty() { OWN_LINE } else { format.sample };
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.pop().unwrap_or_default();
    (lines, last)
}

/// Files with one damage each, and how many records it may cost.
fn damaged(format: &Format, other: &str) -> Vec<(&'static str, Vec<u8>, usize)> {
    let (head, line) = lines_of(format);
    let middle = (0..=line.len() / 2).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let (first, second) = line.split_at(middle);
    let long = "x".repeat(1 << 20);
    let file = |at: usize, with: Vec<u8>| {
        let above = head.iter().map(|line| line.as_bytes().to_vec());
        let records = (0..LINES).map(|position| if position == at { with.clone() } else { line.as_bytes().to_vec() });
        above
            .chain(records)
            .map(|mut line| {
                line.push(b'\n');
                line
            })
            .collect::<Vec<_>>()
            .concat()
    };
    let middle = LINES / 2;
    let utf16 = |text: &[u8]| -> Vec<u8> {
        let text = String::from_utf8_lossy(text).into_owned();
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let mut half = file(LINES, Vec::new());
    half.extend(std::iter::repeat_n(format!("{other}\n").into_bytes(), LINES).flatten());
    let mut cut = file(LINES, Vec::new());
    cut.truncate(cut.len() - line.len() / 2);
    vec![
        ("doubled", file(middle, format!("{line}\n{line}").into_bytes()), 0),
        ("cut in the middle", file(middle, first.as_bytes().to_vec()), 1),
        ("cut in front", file(middle, second.as_bytes().to_vec()), 1),
        ("two halves", file(middle, format!("{first}\n{second}").into_bytes()), 1),
        ("a megabyte within", file(middle, format!("{first}{long}{second}").into_bytes()), 1),
        ("a megabyte of its own", file(middle, long.clone().into_bytes()), 1),
        ("no UTF-8", file(middle, [first.as_bytes(), b"\xff\xfe\x80", second.as_bytes()].concat()), 1),
        ("NULs within", file(middle, [first.as_bytes(), &[0; 4_096][..], second.as_bytes()].concat()), 1),
        ("NULs in front", file(middle, [&[0; 4_096][..], line.as_bytes()].concat()), 1),
        (
            "a notice in front",
            [b"2026-01-30T05:00:00.564Z web1 newsyslog[20784]: logfile turned over\n", &file(LINES, Vec::new())[..]].concat(),
            0,
        ),
        ("all of it UTF-16", utf16(&file(LINES, Vec::new())), 0),
        ("another format from half on", half, 0),
        ("cut off at its end", cut, 1),
        ("carriage returns", String::from_utf8_lossy(&file(LINES, Vec::new())).replace('\n', "\r\n").into_bytes(), 0),
    ]
}

/// Formats that are one value as a whole: what is damaged in the middle ends them.
const WHOLE: &[&str] = &["json", "atrdf"];

fn survives<D: Parse>(exact: bool, is_meant: impl Fn(&Format) -> bool) {
    for format in D::formats().filter(|format| !WHOLE.contains(&format.name) && is_meant(format)) {
        let other = r#"{"time":"2024-03-06T10:00:00Z","remote_addr":"203.0.113.9","path":"/t","status":200}"#;
        for (what, bytes, lost) in damaged(format, other) {
            // A first line that is no header leaves a table without one; readers of tables have cases of their own for that.
            let table = !lines_of(format).0.is_empty() || format.name == "csv" || format.name == "http-params";
            if table && what == "a notice in front" {
                continue;
            }
            let how = How { own: Some(OWN), ..How::from(AUTO) };
            let mut met = 0;
            let read = D::parse(Box::new(&bytes[..]), how, Timestamp::from_secs(1_800_000_000), &mut |record| {
                met += usize::from(record.is_ok());
                ControlFlow::Continue(())
            });
            let summary = read.unwrap_or_else(|error| panic!("{} {} {what}: {error}", D::NAME, format.name));
            let least = if exact { LINES - lost } else { 1 };
            assert!(met >= least, "{} {} {what}: {met} of {LINES}: {summary:?}", D::NAME, format.name);
        }
    }
}

#[test]
fn damage_costs_requests_no_more_than_the_damaged_line() {
    survives::<bartizan_domains::requests::Requests>(true, |_| true);
}

#[test]
fn damage_costs_flows_no_more_than_the_damaged_row() {
    survives::<bartizan_domains::flows::Flows>(true, |_| true);
}

#[test]
fn damage_ends_no_log_of_sessions() {
    survives::<bartizan_domains::behavior::Behavior>(false, |_| true);
}

#[test]
fn damage_costs_log_entries_no_more_than_the_damaged_line() {
    // Access logs are read by the reader that requests have; one of them stands for all.
    survives::<bartizan_domains::logs::Logs>(true, |format| ["ndjson", "combined"].contains(&format.name));
}
