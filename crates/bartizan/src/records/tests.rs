//! The order of files, the words about them, and following one.

use super::follow::{Begin, Follow};
use super::{Report, Stop, order};
use bartizan_core::{Chosen, Fault, Rejected, Summary};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

#[test]
fn names_tell_which_file_is_older() {
    for (name, oldest_first) in [
        ("rotated", &["access.log.10", "access.log.2.gz", "access.log.1", "access.log"][..]),
        ("rotated before the ending", &["access.10.log.gz", "access.2.log", "access.log"]),
        ("dated, and the newest without a date", &["a.log-20231231.gz", "a.log-20240101", "a.log"]),
        ("dated with separators", &["a.log.2024-05-01", "a.log.2024-05-02.gz", "a.log"]),
        ("dated before the ending", &["app-2024-04-30.log", "app-2024-05-01.log.xz", "app.log"]),
        ("dated and rotated", &["a.log.2024-05-01.1", "a.log.2024-05-01.2", "a.log.2024-05-02"]),
        ("parts", &["part-2.csv", "part-10.csv", "part-11.csv"]),
        ("several logs", &["access.log.1", "access.log", "error.log.1", "error.log"]),
        ("folders", &["a/access.log", "b/access.log.1"]),
        ("numbers alone", &["9.csv", "10.csv", "20240501", "20240502"]),
    ] {
        let mut sorted: Vec<&str> = oldest_first.to_vec();
        sorted.sort_unstable();
        sorted.sort_by_cached_key(|name| order::key(Path::new(name)));
        assert_eq!(sorted, oldest_first, "{name}");
    }
}

#[test]
fn a_report_is_one_line_and_what_is_not_as_it_should_be() {
    let bad = |line, reason: &str| Rejected { line, reason: reason.to_owned() };
    let summary = Summary {
        accepted: 12_480,
        rejected: 305,
        format: Some(Chosen { name: "combined", sure: 0.999 }),
        formats: [("combined".to_owned(), 12_400), ("combined in CRI".to_owned(), 80)].into(),
        faults: [
            ("N fields, expected N".to_owned(), Fault { count: 1, first: vec![bad(7, "77 fields, expected 84")] }),
            ("N cells".to_owned(), Fault { count: 300, first: vec![bad(4, "9 cells"), bad(6, "8 cells")] }),
            ("others".to_owned(), Fault { count: 2, first: vec![bad(8, "odd 1"), bad(9, "odd 2")] }),
            ("no time".to_owned(), Fault { count: 2, first: vec![bad(3, "no time"), bad(9, "no time")] }),
        ]
        .into(),
        repairs: [("Flow Bytes/s: Infinity".to_owned(), 1_200), ("skipped event_type dns".to_owned(), 254)].into(),
        missing: ["a", "b"].map(str::to_owned).into(),
        labels: [("BENIGN".to_owned(), 300), ("PortScan".to_owned(), 1_000)].into(),
        attacks: 1_000,
    };
    let report = Report { name: "access.log".to_owned(), given: false, summary, passed_over: None };
    let expected =
        "access.log: 12,480 requests read as combined (sure 99 %), 305 skipped; labels: PortScan 1,000, BENIGN 300, read as 1,000 attacks
  formats: combined 12,400, combined in CRI 80
  skipped: 300 × like line 4: 9 cells (also line 6, …)
  skipped: 2 × no time (lines 3, 9)
  skipped: 2 × for other reasons, such as line 8: odd 1
  skipped: line 7: 77 fields, expected 84
  mended: 1,200 × Flow Bytes/s: Infinity
  passed over: 254 × event_type dns
  2 columns are missing: a, b";
    assert_eq!(report.text("requests"), expected);
    let summary =
        Summary { accepted: 1, missing: vec!["a".to_owned()], format: Some(Chosen { name: "csv", sure: 1.0 }), ..Summary::default() };
    let report = Report { name: "-".to_owned(), given: true, summary, passed_over: None };
    assert_eq!(report.text("sessions"), "-: 1 session read as csv (given by name)\n  1 column is missing: a");
}

#[test]
fn a_file_is_followed_through_all_that_happens_to_logs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    fs::write(&path, "1\n2\nbegun").unwrap();
    let stop = Stop::default();
    let mut follow = Follow::open(&path, stop.clone(), &Begin::default()).unwrap();
    // What is there, up to where it would wait.
    let mut there = |what: &str, expected: &str| {
        let mut text = Vec::new();
        let waits = follow.read_to_end(&mut text).expect_err(what);
        assert_eq!((String::from_utf8(text).unwrap().as_str(), waits.kind()), (expected, ErrorKind::WouldBlock), "{what}");
    };
    there("the beginning", "1\n2\n");
    let append = |path: &Path, text: &str| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    append(&path, ", ended\n");
    there("the rest of a line", "begun, ended\n");
    append(&path, "cut");
    fs::rename(&path, &old).unwrap();
    append(&old, " later\nlast");
    fs::write(&path, "new\n").unwrap();
    there("rotation", "cut later\nlast\nnew\n");
    fs::write(&path, "3\n").unwrap();
    there("truncation", "3\n");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "after a while\n").unwrap();
    there("made anew", "after a while\n");
    stop.set();
    assert_eq!(follow.read(&mut [0; 8]).unwrap(), 0);
}
