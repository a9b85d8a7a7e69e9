//! Behavior on the command line: generated tables, server logs and bodies in files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::sessions::{CASES, prepared, session};
use common::{fails, json, run, stderr};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn generate(at: &Path, name: &str, rows: u32, seed: u32) -> Value {
    let (rows, seed) = (rows.to_string(), seed.to_string());
    json(at, &["generate", "behavior", "--labels", "--rows", &rows, "--seed", &seed, "--out", name])
}

/// The listed sessions of a file, worst first.
fn worst(at: &Path, file: &str) -> Vec<Value> {
    let scored = json(at, &["score", "behavior", file, "--top", "10"]);
    scored["worst"].as_array().unwrap().clone()
}

fn texts(session: &Value) -> Vec<&str> {
    session["reasons"].as_array().unwrap().iter().map(|reason| reason["text"].as_str().unwrap()).collect()
}

#[test]
fn generated_sessions_are_learned_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let written = generate(at, "f.csv", 5_000, 1);
    assert_eq!(written["rows"], 5_000);
    let attacks = written["attacks"].as_u64().unwrap();
    assert!((2_000..4_500).contains(&attacks), "{written}");
    generate(at, "g.csv", 2_000, 2);
    let trained = json(at, &["train", "behavior", "f.csv"]);
    assert_eq!((&trained["model_version"], &trained["training_samples"]), (&"v1.0".into(), &5_000.into()), "{trained}");

    let measured = json(at, &["evaluate", "behavior", "g.csv"]);
    let classes = &measured["classes"];
    assert_eq!((measured.as_object().unwrap().keys().next().unwrap().as_str(), &classes["events"]), ("classes", &2_000.into()));
    assert!(classes["accuracy"].as_f64().unwrap() >= 0.99, "{measured}");
    assert!(classes["calibration_error"].as_f64().unwrap() <= 0.03, "{measured}");
    let by_class = classes["by_class"].as_array().unwrap();
    let names: Vec<&str> = by_class.iter().map(|class| class["class"].as_str().unwrap()).collect();
    assert_eq!(names, ["Normal", "BruteForce", "Injection", "DataExfil", "Recon"]);
    for class in by_class {
        assert!(class["recall"].as_f64().unwrap() > 0.95 && class["precision"].as_f64().unwrap() > 0.95, "{class}");
    }
    assert_eq!(by_class.iter().map(|class| class["events"].as_u64().unwrap()).sum::<u64>(), 2_000);

    let table = run(at, &["evaluate", "behavior", "g.csv"]);
    let text = String::from_utf8_lossy(&table.stdout);
    assert!(text.find("BruteForce").unwrap() < text.find("ROC AUC").unwrap(), "classes come first: {text}");
    let fitted = json(at, &["evaluate", "behavior", "g.csv", "--fit-on", "f.csv", "--data-dir", "untouched"]);
    assert_eq!(fitted["classes"]["accuracy"], classes["accuracy"]);
    assert!(!at.join("untouched").exists());
}

#[test]
fn without_a_model_it_learns_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "g.csv", 2_000, 2);
    let measured = json(folder.path(), &["evaluate", "behavior", "g.csv"]);
    assert!(measured["classes"]["accuracy"].as_f64().unwrap() >= 0.995, "{measured}");
    assert!(measured["classes"]["calibration_error"].as_f64().unwrap() <= 0.02, "{measured}");
}

#[test]
fn a_damaged_model_is_not_replaced_behind_ones_back() {
    let folder = common::sessions::damaged();
    generate(folder.path(), "g.csv", 200, 2);
    for command in ["score", "evaluate"] {
        fails(folder.path(), &[command, "behavior", "g.csv"], 4);
    }
    let models = json(folder.path(), &["models", "list", "behavior"]);
    assert_eq!(models["models"].as_array().unwrap().len(), 1, "{models}");
}

/// A day of `auth.log`: people who log in, one of them with a typing error, and a client that tries passwords.
fn auth_log() -> String {
    let mut log = String::new();
    for i in 0..40 {
        let (hour, minute, pid) = (8 + i / 8, (i * 7) % 60, 1_000 + i);
        let (user, address) = (["ann", "bob", "cem", "dora"][i % 4], format!("198.51.100.{}", 1 + i % 4));
        if i == 13 {
            writeln!(log, "Mar  3 {hour:02}:{minute:02}:05 web sshd[{pid}]: Failed password for {user} from {address} port 40222 ssh2")
                .unwrap();
        }
        writeln!(log, "Mar  3 {hour:02}:{minute:02}:12 web sshd[{pid}]: Accepted publickey for {user} from {address} port 40222 ssh2")
            .unwrap();
        writeln!(log, "Mar  3 {hour:02}:{minute:02}:40 web sshd[{pid}]: Disconnected from user {user} {address} port 40222").unwrap();
    }
    for i in 0..110 {
        let (minute, second, pid) = (2 * i / 60, 2 * i % 60, 5_000 + i);
        let user = ["root", "admin", "test", "oracle"][i % 4];
        writeln!(
            log,
            "Mar  3 14:{minute:02}:{second:02} web sshd[{pid}]: Failed password for invalid user {user} from 203.0.113.66 port 5{pid} ssh2"
        )
        .unwrap();
    }
    log
}

#[test]
fn a_client_that_tries_passwords_comes_first() {
    let folder = prepared();
    fs::write(folder.path().join("auth.log"), auth_log()).unwrap();
    let worst = worst(folder.path(), "auth.log");
    assert_eq!((&worst[0]["client"], &worst[0]["class"]), (&"203.0.113.66".into(), &"BruteForce".into()), "{worst:?}");
    assert!(worst[0]["risk"].as_u64().unwrap() >= 5, "{}", worst[0]);
    assert!(texts(&worst[0]).iter().any(|text| text.contains("110 failed logins")), "{}", worst[0]);
    assert!(worst[1..].iter().all(|session| session["class"] == "Normal" && session["risk"].as_u64().unwrap() <= 2), "{worst:?}");
    let risks: Vec<u64> = worst.iter().map(|session| session["risk"].as_u64().unwrap()).collect();
    assert!(risks.is_sorted_by(|a, b| a >= b), "{risks:?}");

    let findings = json(folder.path(), &["score", "behavior", "auth.log"])["findings"].clone();
    assert_eq!((&findings[0]["client"], &findings[0]["kinds"]), (&"203.0.113.66".into(), &serde_json::json!({"BruteForce": 1})));
    let table = run(folder.path(), &["score", "behavior", "auth.log", "--top", "10", "--events", "--out", "all.csv"]);
    let text = String::from_utf8_lossy(&table.stdout);
    let finding = text.lines().next().unwrap();
    assert!(finding.contains("203.0.113.66 ") && finding.contains("1 of 1 session flagged"), "{text}");
    let (_, text) = text.split_once("───").unwrap();
    let first = text.lines().find(|line| line.contains("203.0.113.66")).unwrap_or_else(|| panic!("{text}{}", stderr(&table)));
    assert!(first.contains("BruteForce"), "{text}");
    let all = fs::read_to_string(folder.path().join("all.csv")).unwrap();
    assert!(all.lines().next().unwrap().contains(",class,risk,"), "{all}");
}

#[test]
fn an_injection_in_an_access_log_comes_first() {
    let folder = prepared();
    let mut log = String::new();
    for i in 0..60 {
        let (minute, address, path) = (i % 60, 1 + i % 9, ["/", "/shop", "/cart", "/about"][i % 4]);
        writeln!(log, "192.0.2.{address} - - [03/Mar/2026:10:{minute:02}:01 +0000] \"GET {path} HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\"")
            .unwrap();
    }
    let query = "id=1%27%20UNION%20SELECT%20password%20FROM%20users--";
    writeln!(log, "203.0.113.5 - - [03/Mar/2026:11:00:00 +0000] \"GET /shop?{query} HTTP/1.1\" 200 99 \"-\" \"curl/8\"").unwrap();
    fs::write(folder.path().join("access.log"), log).unwrap();
    let worst = worst(folder.path(), "access.log");
    assert_eq!((&worst[0]["client"], &worst[0]["class"]), (&"203.0.113.5".into(), &"Injection".into()), "{worst:?}");
    assert!(worst[0]["risk"].as_u64().unwrap() >= 7, "{}", worst[0]);
    let table = run(folder.path(), &["score", "behavior", "access.log"]);
    let text = String::from_utf8_lossy(&table.stdout);
    assert!(text.contains("sessions scored: ") && text.contains(" Normal, 1 Injection."), "{text}");
    assert!(texts(&worst[0]).contains(&"an injection token was seen in what it sent"), "{}", worst[0]);
}

#[test]
fn bodies_are_scored_line_by_line() {
    let folder = prepared();
    let lines: Vec<String> = CASES.iter().map(|(values, _)| session(*values).to_string()).collect();
    fs::write(folder.path().join("s.ndjson"), lines.join("\n")).unwrap();
    let worst = worst(folder.path(), "s.ndjson");
    assert_eq!(worst.len(), CASES.len());
    for session in &worst {
        let line = session["line"].as_u64().unwrap() as usize;
        assert_eq!(session["class"], CASES[line - 1].1, "{session}");
    }
    let first: Vec<u64> = worst[..3].iter().map(|session| session["line"].as_u64().unwrap()).collect();
    assert!(first.contains(&6) && first.contains(&8), "{first:?}");
    assert_eq!(worst[7]["class"], "Normal");
    let text = fs::read_to_string(folder.path().join("s.ndjson")).unwrap().replace("\"failed_logins\":2,", "");
    fs::write(folder.path().join("bad.ndjson"), text).unwrap();
    let scored = json(folder.path(), &["score", "behavior", "bad.ndjson"]);
    assert_eq!((&scored["scored"], &scored["rejected"]), (&7.into(), &1.into()), "{scored}");
    let counts: Vec<(&String, u64)> = scored["classes"].as_object().unwrap().iter().map(|(name, n)| (name, n.as_u64().unwrap())).collect();
    let named = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>();
    assert_eq!(named, [("Normal", 2), ("BruteForce", 1), ("Injection", 2), ("DataExfil", 1), ("Recon", 1)]);
}
