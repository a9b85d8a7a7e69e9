//! A log that is followed as it is written: what is printed, from where on, and what the past is for.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{bartizan, fails, json};
use serde_json::{Value, json as document};
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A folder with a model.
fn trained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    json(folder.path(), &["generate", "logs", "--rows", "600", "--seed", "1", "--out", "train.ndjson"]);
    json(folder.path(), &["train", "logs", "train.ndjson"]);
    folder
}

/// An entry that is unlike all others; its user has its name.
fn odd(user: &str) -> String {
    let entry = document!({
        "timestamp": "2026-01-31T03:30:00Z", "user_id": user, "endpoint": "/../../etc/passwd", "method": "DELETE", "ip_address": "198.51.100.9",
        "user_agent": "sqlmap/1.8", "status_code": 500, "response_time": 90.0, "response_size": 900_000_000_u64,
    });
    format!("{entry}\n")
}

/// `tail` at work.
struct Tail {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Tail {
    fn start(at: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["tail", "logs", "live.ndjson", "--json"], arguments].concat();
        let mut child = bartizan(at, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It says that it follows once it knows where the file ends.
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("following live.ndjson") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
        }
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, log: at.join("live.ndjson") }
    }

    fn append(&self, text: &str) {
        OpenOptions::new().append(true).create(true).open(&self.log).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// The user of the next that is printed.
    fn next(&mut self) -> Value {
        let line: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
        assert!(line["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()), "{line}");
        line["client"].clone()
    }

    /// The report at the end, which a signal brings about.
    fn end(mut self, signal: &str) -> Value {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        let report = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        report
    }
}

#[test]
fn what_comes_is_printed_and_what_was_there_only_where_it_is_asked_for() {
    let folder = trained();
    let at = folder.path();
    for (arguments, expected, scored) in [
        (&[][..], &["new"][..], 1),
        (&["-n", "1"], &["b", "new"], 2),
        (&["--lines", "9"], &["a", "b", "new"], 3),
        (&["--from-start"], &["a", "b", "new"], 3),
    ] {
        fs::write(at.join("live.ndjson"), odd("a") + &odd("b")).unwrap();
        let mut tail = Tail::start(at, arguments);
        tail.append(&odd("new"));
        let printed: Vec<Value> = expected.iter().map(|_| tail.next()).collect();
        assert_eq!(printed, expected, "{arguments:?}");
        let report = tail.end("-INT");
        assert_eq!((&report["scored"], &report["flagged"]), (&scored.into(), &scored.into()), "{arguments:?}: {report}");
    }
}

#[test]
fn a_log_is_followed_through_rotation_and_truncation() {
    let folder = trained();
    let at = folder.path();
    fs::write(at.join("live.ndjson"), odd("before")).unwrap();
    let mut tail = Tail::start(at, &[]);
    let line = odd("in-two-parts");
    tail.append(&line[..40]);
    tail.append(&line[40..]);
    assert_eq!(tail.next(), "in-two-parts");
    fs::rename(&tail.log, at.join("live.ndjson.1")).unwrap();
    tail.append(&odd("rotated"));
    assert_eq!(tail.next(), "rotated");
    fs::write(&tail.log, odd("cut")).unwrap();
    assert_eq!(tail.next(), "cut");
    assert_eq!(tail.end("-TERM")["scored"], 3);
}

#[test]
fn of_a_large_file_the_end_is_read_and_the_names_of_its_columns() {
    let folder = trained();
    let at = folder.path();
    let header = "#Version: 1.0\n#Fields: date time c-ip cs-username cs-method cs-uri-stem sc-status time-taken\n";
    let row = |user: &str| format!("2026-01-31 03:30:00 198.51.100.9 {user} DELETE /../../etc/passwd 500 90000\n");
    let mut text = header.to_owned();
    while text.len() < (17 << 20) {
        text.push_str(&row(&"u".repeat(60_000)));
    }
    fs::write(at.join("live.ndjson"), text + &row("before")).unwrap();
    let mut tail = Tail::start(at, &["-n", "1"]);
    tail.append(&row("new"));
    assert_eq!([tail.next(), tail.next()], ["before", "new"]);
    let report = tail.end("-INT");
    let read = report["files"][0]["read"].as_u64().unwrap();
    assert!(report["scored"] == 2 && (270..290).contains(&read), "{report}");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let folder = trained();
    for (arguments, said) in [
        (&["logs", "missing.log"][..], "cannot be opened"),
        (&["logs", "-"], "standard input"),
        (&["logs", "train.ndjson", "-n", "1", "--from-start"], "cannot be used with"),
        (&["nobody", "train.ndjson"], "there is no detector"),
    ] {
        let code = if said == "cannot be opened" { 3 } else { 2 };
        let told = fails(folder.path(), &[&["tail"], arguments].concat(), code);
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
}
