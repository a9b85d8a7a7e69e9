//! Sessions from logs of servers: attackers are named, ordinary logins are not, and what is usual is learned from one's own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::sessions::{CASES, prepared, session};
use common::{bartizan, json, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a log, each with its second since the beginning of the first of March.
#[derive(Default)]
struct Log(Vec<(u32, String)>);

impl Log {
    fn say(&mut self, at: u32, process: u32, text: &str) {
        self.0.push((at, format!("sshd[{process}]: {text}")));
    }

    fn accept(&mut self, at: u32, process: u32, (user, address): (&str, &str), secs: u32) {
        self.say(at, process, &format!("Accepted password for {user} from {address} port 4000 ssh2"));
        self.say(at + secs, process, &format!("Disconnected from user {user} {address} port 4000"));
    }

    fn refuse(&mut self, at: u32, process: u32, (user, address): (&str, &str)) {
        self.say(at, process, &format!("Failed password for {user} from {address} port 4000 ssh2"));
    }

    fn write(mut self, at: &Path) {
        self.0.sort_by_key(|(at, _)| *at);
        let mut text = String::new();
        for (at, line) in self.0 {
            let (day, hour, minute, second) = (1 + at / 86_400, at / 3_600 % 24, at / 60 % 60, at % 60);
            writeln!(text, "Mar {day:2} {hour:02}:{minute:02}:{second:02} web {line}").unwrap();
        }
        fs::write(at, text).unwrap();
    }
}

/// Two days of twelve people, who type their passwords and mistype one in ten, and of a job every half hour.
fn ordinary(shift: u32) -> Log {
    let mut log = Log::default();
    for i in 0..240 {
        let (user, address) = (format!("user{}", i % 12), format!("198.51.100.{}", 1 + i % 12));
        let at = 300 + i * 700 + (i * 37 + shift) % 300;
        if i % 10 == 3 {
            log.refuse(at - 8, 10_000 + i, (&user, &address));
        }
        log.accept(at, 10_000 + i, (&user, &address), 20 + (i * 97 + shift) % 7_000);
    }
    (0..96).for_each(|i| log.accept(11 + i * 1_800, 20_000 + i, ("backup", "192.0.2.1"), 2));
    log
}

fn scored(at: &Path, file: &str) -> Vec<Value> {
    json(at, &["score", "behavior", file, "--top", "0", "--out", "out.ndjson"]);
    fs::read_to_string(at.join("out.ndjson")).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The clients of sessions that are called an attack, or anomalous.
fn called(sessions: &[Value]) -> Vec<&str> {
    let is_called = |session: &&Value| session["class"] != "Normal" || session["is_anomaly"] == true;
    sessions.iter().filter(is_called).map(|session| session["client"].as_str().unwrap()).collect()
}

#[test]
fn ordinary_logins_are_called_nothing() {
    let folder = prepared();
    ordinary(0).write(&folder.path().join("auth.log"));
    let sessions = scored(folder.path(), "auth.log");
    // Logging out hours later makes no session.
    assert_eq!(sessions.len(), 336);
    assert_eq!(called(&sessions), Vec::<&str>::new());
    let text = run(folder.path(), &["score", "behavior", "auth.log"]).stdout;
    assert!(String::from_utf8_lossy(&text).contains("`bartizan train behavior FILE`"), "{}", String::from_utf8_lossy(&text));
}

#[test]
fn attackers_that_stay_below_the_rule_are_named() {
    let folder = prepared();
    let mut log = ordinary(0);
    // One password in ten minutes; one address of many; names that are guessed; a password that is found.
    (0..100).for_each(|i| log.refuse(40_000 + 600 * i, 30_000 + i, ("root", "203.0.113.1")));
    (0..40).for_each(|i| log.refuse(50_000 + 900 * i, 31_000 + i, ("backup", &format!("203.0.113.{}", 100 + i))));
    (0..4).for_each(|i| log.say(60_000 + i, 32_000 + i, &format!("Invalid user guess{i} from 203.0.113.2 port 9")));
    (0..30).for_each(|i| log.refuse(70_000 + 9 * i, 33_000, ("user1", "203.0.113.3")));
    log.accept(70_300, 33_001, ("user1", "203.0.113.3"), 50);
    log.write(&folder.path().join("auth.log"));
    let sessions = scored(folder.path(), "auth.log");
    let named = called(&sessions);
    assert!(named.iter().all(|client| client.starts_with("203.0.113.")), "{named:?}");
    for client in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        assert!(named.contains(&client), "{client}");
    }
    let distributed = (100..140).filter(|last| named.contains(&format!("203.0.113.{last}").as_str())).count();
    assert!(distributed >= 36, "{distributed} of 40");
    let worst = json(folder.path(), &["score", "behavior", "auth.log", "--top", "100"]);
    let found = worst["worst"].as_array().unwrap().iter().find(|session| session["client"] == "203.0.113.3").unwrap();
    assert_eq!(found["reasons"][0]["text"], "30 failed logins in an hour, 30 in a day", "{found}");
    assert_eq!((&found["class"], &found["class_probability"]), (&"BruteForce".into(), &0.99.into()));
}

#[test]
fn what_is_usual_is_learned_from_ordinary_sessions_alone() {
    // Also with no model before: the classes are then the built-in ones.
    for folder in [prepared(), tempfile::tempdir().unwrap()] {
        let at = folder.path();
        ordinary(0).write(&at.join("auth.log"));
        let trained = json(at, &["train", "behavior", "auth.log", "--one-false-alarm-in", "100"]);
        assert_eq!((&trained["model_version"], &trained["training_samples"]), (&"v1.1".into(), &336.into()), "{trained}");
        let mut log = ordinary(150);
        // Two hundred logins in two minutes are no attack that has a name, and nothing that was learned.
        (0..200).for_each(|i| log.accept(80_000 + i / 40, 40_000 + i, ("user1", "198.51.100.2"), 1));
        log.write(&at.join("later.log"));
        let sessions = scored(at, "later.log");
        let called = called(&sessions);
        assert!(called.contains(&"198.51.100.2") && called.len() <= 1 + sessions.len() / 50, "{called:?}");
        let lines: Vec<String> = CASES.iter().map(|(values, _)| session(*values).to_string()).collect();
        fs::write(at.join("s.ndjson"), lines.join("\n")).unwrap();
        for (judged, (values, class)) in scored(at, "s.ndjson").iter().zip(CASES) {
            assert_eq!(judged["class"], class, "{values:?}");
        }
    }
}

/// A log whose times have years: 60 passwords tried in a minute, and somebody who logs in every five minutes after it.
fn attacked(at: &Path) {
    let mut text = String::new();
    for i in 0..60 {
        writeln!(text, "2026-03-01T10:00:{i:02}+00:00 web sshd[{}]: Failed password for root from 203.0.113.9 port 4000 ssh2", 100 + i)
            .unwrap();
    }
    for i in 1..6 {
        let minute = 5 * i;
        writeln!(text, "2026-03-01T10:{minute:02}:00+00:00 web sshd[{i}]: Accepted password for ann from 198.51.100.1 port 4000 ssh2")
            .unwrap();
        writeln!(text, "2026-03-01T10:{minute:02}:09+00:00 web sshd[{i}]: Disconnected from user ann 198.51.100.1 port 4000").unwrap();
    }
    fs::write(at, text).unwrap();
}

#[test]
fn attacks_are_marked_as_flagged_wherever_they_are_written() {
    let folder = prepared();
    let at = folder.path();
    attacked(&at.join("auth.log"));
    let scored = json(at, &["score", "behavior", "auth.log", "--events", "--out", "out.ndjson", "--reasons"]);
    let written: Vec<Value> =
        fs::read_to_string(at.join("out.ndjson")).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let flagged: Vec<&Value> = written.iter().filter(|verdict| verdict["flagged"] == true).collect();
    assert_eq!((flagged.len() as u64, written.len() as u64), (scored["flagged"].as_u64().unwrap(), scored["scored"].as_u64().unwrap()));
    assert!(flagged.iter().any(|verdict| verdict["client"] == "203.0.113.9" && verdict["class"] == "BruteForce"), "{written:?}");
    // What it has learned nothing of is called no anomaly, and its reasons are told all the same.
    assert!(flagged.iter().all(|verdict| verdict["is_anomaly"] == false && verdict["reasons"][0]["text"].is_string()), "{flagged:?}");
    let worst: Vec<bool> = scored["worst"].as_array().unwrap().iter().map(|verdict| verdict["flagged"] == true).collect();
    assert!(worst[0] && worst.is_sorted_by(|a, b| a >= b), "flagged ones come first: {scored}");
    json(at, &["score", "behavior", "auth.log", "--out", "out.csv"]);
    let table = fs::read_to_string(at.join("out.csv")).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].ends_with(",class,risk,reasons,flagged"), "{table}");
    for row in &rows[1..] {
        let is_attack = row.contains("\"203.0.113.9\"");
        assert!(row.ends_with(if is_attack { ",true" } else { ",false" }), "{table}");
    }
}

#[test]
fn an_attack_is_told_while_the_log_grows() {
    let folder = prepared();
    let at = folder.path();
    attacked(&at.join("auth.log"));
    let mut child =
        bartizan(at, &["score", "behavior", "auth.log", "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // It waits for more after that.
    let told = lines.next().unwrap();
    assert!(told.starts_with("2026-03-01T10:00:00Z 203.0.113.9 BruteForce (") && told.contains(" %): risk "), "{told}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert!(said.starts_with("following auth.log; Ctrl-C ends\n") && said.matches("following").count() == 1, "{said}");
    assert!(rest.last().unwrap().contains("sessions scored"), "{rest:?}");
}
