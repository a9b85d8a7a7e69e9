//! A server that is stopped by a signal finishes what runs and keeps what it answered.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, browser, generate, json};
use std::fs;

#[test]
fn a_graceful_stop_ends_with_code_0_and_keeps_every_verdict() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "train.ndjson", 400, 1);
    json(folder.path(), &["train", "requests", "train.ndjson"]);
    let server = Running::start(folder.path(), &[]);
    let mut connection = server.connect();
    for number in 0..50 {
        let (status, _) = connection.send("POST", "/requests/analyze", &browser(&format!("r{number}"))).unwrap();
        assert_eq!(status, 200);
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    let server = Running::start(folder.path(), &[]);
    assert_eq!(server.connect().get("/requests/audit")["total_records"], 50);
}

/// Three are requested, so that one is refused once the other two are under way.
#[test]
fn a_stop_does_not_wait_for_trainings() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "train.ndjson", 400, 1);
    json(folder.path(), &["import", "requests", "train.ndjson"]);
    let server = Running::start(folder.path(), &["--only", "requests"]);
    let (answers, answered) = std::sync::mpsc::channel();
    for version in ["v1", "v2", "v3"] {
        let (mut connection, answers) = (server.connect(), answers.clone());
        let params = serde_json::json!({"algorithm": "isolation_forest", "n_estimators": 10_000});
        let body = serde_json::json!({"model_version": version, "training_params": params}).to_string();
        std::thread::spawn(move || answers.send(connection.send("POST", "/requests/train", &body)).unwrap());
    }
    assert_eq!(answered.recv().unwrap().unwrap().0, 409);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    for answer in [answered.recv().unwrap(), answered.recv().unwrap()] {
        let (status, body) = answer.unwrap();
        assert_eq!((status, &body["detail"]), (503, &"Training was interrupted. Try again later.".into()));
    }
}

#[test]
fn log_lines_are_json_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("LOG_FILE", "logs/bartizan.log");
    let server = Running::spawn(command);
    assert_eq!(server.connect().send("GET", "/requests/health", "").unwrap().0, 200);
    assert_eq!(server.stop().0, Some(0));
    let file = fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"].as_str().is_some_and(|m| m.starts_with("listening on"))), "{text}");
}

#[test]
fn a_token_file_guards_the_service() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "open-sesame\n").unwrap();
    let server = Running::start(folder.path(), &["--token-file", "token"]);
    let mut connection = server.connect();
    assert_eq!(connection.send("GET", "/requests/health", "").unwrap().0, 200);
    assert_eq!(connection.send("GET", "/requests/models", "").unwrap().0, 401);
}
