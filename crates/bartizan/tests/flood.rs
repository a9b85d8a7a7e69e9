//! One client's flood over HTTP: a share of what is learned, so that ordinary requests stay normal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, json};
use serde_json::{Value, json};
use std::fs;

#[test]
fn after_a_flood_and_a_training_ordinary_requests_are_not_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // The flood alone would fill the history that is learned from.
    fs::write(at.join("bartizan.toml"), "[detectors.requests]\nmax_training_samples = 2000\n").unwrap();
    json(at, &["generate", "requests", "--rows", "2400", "--attack-share", "0", "--out", "all.ndjson"]);
    let all = fs::read_to_string(at.join("all.ndjson")).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let (past, fresh) = lines.split_at(lines.len() - 300);
    fs::write(at.join("past.ndjson"), past.join("\n")).unwrap();
    json(at, &["import", "requests", "past.ndjson"]);
    let last: Value = serde_json::from_str(past[past.len() - 1]).unwrap();
    let server = Running::start(at, &["--only", "requests"]);
    let mut client = server.connect();
    for number in 0..2100 {
        let body = json!({
            "request_id": format!("flood-{number}"), "ip_address": "198.51.100.66", "endpoint": format!("/login?try={number}"), "http_method": "POST",
            "headers": {"user-agent": "flood"}, "payload": {"user": "a".repeat(number % 37), "password": format!("{number:x}")},
            "timestamp": last["timestamp"],
        });
        assert_eq!(client.send("POST", "/requests/analyze", &body.to_string()).unwrap().0, 503, "there is no model, and it is kept");
    }
    let (status, trained) = client.send("POST", "/requests/train", r#"{"model_version": "v1.0"}"#).unwrap();
    assert_eq!(status, 200, "{trained}");
    drop(client);
    server.kill();
    let server = Running::start(at, &["--only", "requests"]);
    let mut client = server.connect();
    let flagged = fresh.iter().filter(|line| {
        let (status, verdict) = client.send("POST", "/requests/analyze", line).unwrap();
        assert_eq!(status, 200, "{verdict}");
        verdict["isAnomaly"].as_bool().unwrap()
    });
    let flagged = flagged.count();
    assert!(flagged <= fresh.len() / 5, "{flagged} of {} ordinary requests are flagged at a contamination of 0.1", fresh.len());
}
