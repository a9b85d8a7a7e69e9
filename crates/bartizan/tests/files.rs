//! Any file in: standard input, patterns, archives, files that grow; and what is said of each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{attack, bartizan, browser, fails, generate, json, run, stderr};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of an access log, `count` of them, from a second of a day on.
fn log(count: usize, from: usize) -> String {
    let line = |at: usize| {
        let (hour, minute, second) = (at / 3_600, at / 60 % 60, at % 60);
        format!(
            "203.0.113.{} - - [06/Mar/2024:{hour:02}:{minute:02}:{second:02} +0000] \"GET /items HTTP/1.1\" 200 500 \"-\" \"A/1.0\"\n",
            at % 7
        )
    };
    (from..from + count).map(line).collect()
}

fn gzip(path: &Path, text: &str) {
    let mut encoder = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

fn zip(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// The names and counts of the files of a document.
fn met(document: &Value) -> Vec<(String, u64, u64)> {
    let of = |file: &Value| (file["file"].as_str().unwrap().to_owned(), file["read"].as_u64().unwrap(), file["skipped"].as_u64().unwrap());
    document["files"].as_array().unwrap().iter().map(of).collect()
}

fn names(document: &Value) -> Vec<String> {
    met(document).into_iter().map(|(name, ..)| name).collect()
}

#[test]
fn patterns_are_read_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join("logs/old")).unwrap();
    for (number, name) in ["access.log.10", "access.log.1", "access.log", "[x].log"].iter().enumerate() {
        fs::write(at.join("logs").join(name), log(30, number * 100)).unwrap();
    }
    gzip(&at.join("logs/access.log.2.gz"), &log(30, 500));
    fs::write(at.join("logs/access.log.3"), "").unwrap();
    let imported = json(at, &["import", "requests", "logs/access*"]);
    let order = ["logs/access.log.10", "logs/access.log.3", "logs/access.log.2.gz", "logs/access.log.1", "logs/access.log"];
    assert_eq!((names(&imported), &imported["imported"]), (order.map(str::to_owned).to_vec(), &json!(120)));
    assert!(imported["files"][1]["passed_over"].as_str().unwrap().contains("the file is empty"), "{imported}");
    // A file of that name is meant, not the pattern.
    assert_eq!(names(&json(at, &["import", "requests", "logs/[x].log"])), ["logs/[x].log"]);
    for (name, file, expected) in [
        ("no match", "logs/*.bz2", "no file matches logs/*.bz2"),
        ("folders alone", "l*", "no file matches l*"),
        ("no pattern", "logs/[", "logs/[ is no pattern"),
        ("a folder", "logs", "logs: is a folder\n  help: give its files: 'logs/*'"),
        ("nothing there", "nowhere.log", "nowhere.log: cannot be opened"),
        ("empty, and named", "logs/access.log.3", "logs/access.log.3: the file is empty"),
    ] {
        let said = fails(at, &["import", "requests", file], if name == "no pattern" { 2 } else { 3 });
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn standard_input_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let feed = |arguments: &[&str], bytes: &[u8]| {
        let mut child = bartizan(at, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(bytes).ok();
        child.wait_with_output().unwrap()
    };
    gzip(&at.join("a.gz"), &log(40, 0));
    let packed = fs::read(at.join("a.gz")).unwrap();
    for (name, bytes) in [("plain", log(40, 0).into_bytes()), ("packed", packed)] {
        for command in ["import", "tune", "train", "evaluate", "score"] {
            let output = feed(&[command, "requests", "-", "--max-skipped", "0"], &bytes);
            let said = stderr(&output);
            // Each goes as far as its own needs let it: forty events have no labels.
            assert!(
                said.contains("-: 40 requests read as combined (sure 100 %)") || said.contains("no active model"),
                "{name} {command}: {said}"
            );
        }
    }
    zip(&at.join("a.zip"), &[("a.log", log(3, 0).as_bytes())]);
    let output = feed(&["import", "requests", "-"], &fs::read(at.join("a.zip")).unwrap());
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("help: give the archive as a file of its own"), "{}", stderr(&output));
    for arguments in [&["import", "requests", "-", "-"][..], &["evaluate", "requests", "-", "--fit-on", "-"]] {
        assert!(fails(at, arguments, 2).contains("standard input (-) is named twice"));
    }
}

#[test]
fn members_of_archives_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    gzip(&at.join("inner.gz"), &log(20, 300));
    let (inner, plain) = (fs::read(at.join("inner.gz")).unwrap(), log(10, 600));
    let members: &[(&str, &[u8])] = &[
        ("logs/access.log", plain.as_bytes()),
        ("logs/access.log.2.gz", &inner),
        ("README.txt", b"What is here are logs.\n"),
        ("__MACOSX/logs/._access.log", b"\0\0"),
        ("logs/empty.log", b""),
    ];
    zip(&at.join("a.zip"), members);
    let imported = json(at, &["import", "requests", "a.zip"]);
    let mut read = met(&imported);
    read.retain(|(_, read, _)| *read > 0);
    assert_eq!(read, [("a.zip:logs/access.log.2.gz".to_owned(), 20, 0), ("a.zip:logs/access.log".to_owned(), 10, 0)]);
    let passed_over = imported["files"].as_array().unwrap().iter().filter(|file| file["passed_over"].is_string()).count();
    assert_eq!(passed_over, 2, "{imported}");
    zip(&at.join("none.zip"), &members[2..]);
    zip(&at.join("empty.zip"), &[]);
    let whole = fs::read(at.join("a.zip")).unwrap();
    fs::write(at.join("cut.zip"), &whole[..whole.len() - 30]).unwrap();
    for (file, expected) in [
        ("none.zip", "none.zip:README.txt: the file's format is not known"),
        ("empty.zip", "empty.zip: the zip archive holds no file"),
        ("cut.zip", "cut.zip: the zip archive cannot be read"),
    ] {
        let said = fails(at, &["import", "requests", file], 3);
        assert!(said.contains(expected), "{file}: {said}");
    }
}

#[test]
fn what_was_met_is_said_and_too_much_of_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("good.log"), log(300, 0)).unwrap();
    fs::write(at.join("bad.log"), format!("{}{}", log(40, 400), "nonsense\n".repeat(60))).unwrap();
    for command in ["import", "train", "tune", "evaluate"] {
        let said = fails(at, &[command, "requests", "good.log", "bad.log"], 3);
        let expected = "bad.log: 60.0 % of its records cannot be read, and 50.0 % may be; line 41: ";
        assert!(said.contains(expected), "{command}: {said}");
    }
    assert!(!at.join("bartizan-data").exists(), "something was stored");
    assert!(fails(at, &["import", "requests", "good.log", "--max-skipped", "1.5"], 2).contains("--max-skipped must be from 0 to 1"));
    let trained = json(at, &["train", "requests", "good.log", "bad.log", "--max-skipped", "0.6"]);
    let file = &trained["files"][1];
    assert_eq!(met(&trained), [("good.log".to_owned(), 300, 0), ("bad.log".to_owned(), 40, 60)]);
    assert_eq!((&file["format"], &file["given"], &file["faults"][0]["count"]), (&json!("combined"), &json!(false), &json!(60)), "{file}");
    assert_eq!(file["faults"][0]["first"][0]["line"], 41, "{file}");
    // What could be scored is printed all the same.
    let output = run(at, &["score", "requests", "bad.log", "--format", "combined", "--json"]);
    let scored: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &scored["scored"], &scored["files"][0]["given"]), (Some(3), &json!(40), &json!(true)));
    let said = stderr(&output);
    assert!(said.contains("bad.log: 40 requests read as combined (given by name), 60 skipped\n  skipped: 60 × "), "{said}");
}

#[test]
fn options_that_cannot_apply_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.log"), log(30, 0)).unwrap();
    for (arguments, expected) in [
        (&["train", "requests", "--format", "combined"][..], "--format says how files are read, and none is given"),
        (&["train", "requests", "--label-column", "x"], "--label-column says how files are read"),
        (&["train", "requests", "a.log", "--ignore-labels", "--label-column", "x"], "cannot be used with"),
        (&["evaluate", "requests", "a.log", "--algorithm", "hbos"], "--algorithm is for training, and nothing is trained"),
        (&["evaluate", "requests", "a.log", "--seed", "1"], "--split"),
        (&["score", "requests", "a.log", "--reasons"], "--out"),
        (&["score", "requests", "a.log", "--max-skipped", "2"], "--max-skipped must be from 0 to 1, got 2"),
        (&["score", "requests", "a.log", "--max-skipped", "NaN"], "--max-skipped must be from 0 to 1, got NaN"),
        (&["tune", "requests", "a.log", "--format", "zeek"], "is none of requests: auto, "),
    ] {
        let said = fails(at, arguments, 2);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let said = fails(at, &["import", "requests", "a.log", "--label-column", "x"], 3);
    assert!(said.contains("leave --label-column out"), "{said}");
}

#[test]
fn labels_are_named_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "a.ndjson", 300, 1);
    let evaluated = json(at, &["evaluate", "requests", "a.ndjson", "--split", "0.5", "--by", "random"]);
    let labels = evaluated["files"][0]["labels"].as_object().unwrap();
    assert_eq!(labels.values().filter_map(Value::as_u64).sum::<u64>(), 300, "{evaluated}");
}

#[test]
fn a_growing_file_is_followed_until_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "normal.ndjson", 600, 1);
    json(at, &["train", "requests", "normal.ndjson"]);
    let (path, line) = (at.join("live.ndjson"), |id: &str| attack(id) + "\n");
    fs::write(&path, format!("{}\n{}", browser("b-1"), line("a-1"))).unwrap();
    let arguments = ["score", "requests", "live.ndjson", "--follow", "--json", "--out", "out.ndjson"];
    let mut child = bartizan(at, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    // Whatever else is anomalous to so small a model.
    let mut next = || lines.find(|line| !line["event_id"].as_str().is_some_and(|id| id.starts_with("b-"))).unwrap();
    let append = |text: &str| OpenOptions::new().append(true).create(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    assert_eq!(next()["event_id"], "a-1");
    let second = line("a-2");
    append(&second[..40]);
    append(&second[40..]);
    assert_eq!(next()["event_id"], "a-2");
    fs::rename(&path, at.join("live.ndjson.1")).unwrap();
    append(&format!("{}\n{}", browser("b-2"), line("a-3")));
    assert_eq!(next()["event_id"], "a-3");
    fs::write(&path, line("a-4")).unwrap();
    assert_eq!(next()["event_id"], "a-4");
    // Written at once as well.
    assert_eq!(fs::read_to_string(at.join("out.ndjson")).unwrap().lines().count(), 6);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let summary = next();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!((&summary["scored"], &summary["files"][0]["read"]), (&json!(6), &json!(6)), "{summary}");
    for (name, arguments, expected) in [
        ("two", &["live.ndjson", "normal.ndjson"][..], "several are named"),
        ("standard input", &["-"], "standard input is read as it comes"),
        ("packed", &["a.gz"], "a.gz is packed"),
        ("a zip archive", &["a.zip"], "a zip archive does not"),
    ] {
        gzip(&at.join("a.gz"), &log(1, 0));
        zip(&at.join("a.zip"), &[("a.log", log(1, 0).as_bytes())]);
        let said = fails(at, &[&["score", "requests", "--follow"], arguments].concat(), 2);
        assert!(said.contains(expected), "{name}: {said}");
    }
    assert!(fails(at, &["import", "requests", "live.ndjson", "--follow"], 2).contains("--follow"));
}

#[test]
fn following_ends_when_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "normal.ndjson", 600, 1);
    json(at, &["train", "requests", "normal.ndjson"]);
    fs::write(at.join("live.ndjson"), browser("b-1") + "\n").unwrap();
    let mut child = bartizan(at, &["score", "requests", "live.ndjson", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
