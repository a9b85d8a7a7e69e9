//! What is printed on terminals of any width, with events that want to steer them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::terminal::on_terminal;
use common::{generate, json};
use std::fs;

/// A model, and a file of requests that hold what steers terminals, and a word to find each by.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "learned.ndjson", 400, 1);
    json(folder.path(), &["train", "requests", "learned.ndjson"]);
    let request = |number: usize, path: &str| {
        serde_json::json!({
            "request_id": format!("r{number}"), "ip_address": format!("198.51.100.{number}\u{1b}[5m"), "endpoint": path, "http_method": "G\u{7}ET",
            "headers": {"user-agent": "evil\u{1b}[31m\u{202e}gnp"}, "timestamp": "2026-03-06T10:00:00Z",
        })
        .to_string()
    };
    let paths = ["/x\u{1b}[2J\u{1b}[H\u{1b}[32mno anomalies\r\n found", "/y\u{202e}gpj.exe", "/z\u{2066}a\u{2069}\u{200f}\u{9b}1m"];
    let lines: Vec<String> = (1..).zip(paths).map(|(number, path)| request(number, path)).collect();
    fs::write(folder.path().join("escapes.ndjson"), lines.join("\n")).unwrap();
    folder
}

#[test]
fn what_steers_a_terminal_is_shown_as_escapes() {
    let folder = prepared();
    for flags in [&[] as &[&str], &["--events"]] {
        let shown = on_terminal(folder.path(), 160, &[&["score", "requests", "escapes.ndjson"], flags].concat());
        for part in
            [r"/x\x1b[2J\x1b[H\x1b[32mno anomalies\r\n found", r"/y\u{202e}gpj.exe", r"/z\u{2066}a\u{2069}\u{200f}\u{9b}1m", r"G\x07ET"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let deceptive =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{200f}' | '\u{202e}' | '\u{2066}' | '\u{2069}' | '\u{fffd}');
        assert!(!shown.contains(deceptive), "{shown:?}");
    }
}

#[test]
fn no_terminal_is_too_narrow() {
    let folder = prepared();
    let shown = |columns| on_terminal(folder.path(), columns, &["score", "requests", "escapes.ndjson", "--events"]);
    let piped = common::run(folder.path(), &["score", "requests", "escapes.ndjson", "--events"]);
    assert_eq!(shown(0), String::from_utf8(piped.stdout).unwrap(), "a terminal without width is as none");
    let usual = shown(80);
    for columns in [1, 20, 40, 59] {
        assert_eq!(shown(columns), usual, "{columns}");
    }
    for columns in [60, 80, 120, 160, 300] {
        let longest = shown(columns).lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= usize::from(columns), "{columns}: {longest}");
    }
}
