//! What requests claim of their client and their time, and what it costs to read them, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Connection, Running, bartizan, browser, fails, generate, json};
use serde_json::Value;
use std::path::Path;

/// A server with a model and `settings` in the environment.
fn serve(folder: &Path, settings: &[(&str, &str)]) -> Running {
    generate(folder, "train.ndjson", 1_000, 1);
    json(folder, &["train", "requests", "train.ndjson"]);
    let mut command = bartizan(folder, &["serve", "--listen", "127.0.0.1:0"]);
    command.envs(settings.iter().copied());
    Running::spawn(command)
}

/// A usual request with some fields changed.
fn request(changes: &[(&str, Value)]) -> String {
    let mut body: Value = serde_json::from_str(&browser("r")).unwrap();
    for (name, value) in changes {
        body[*name] = value.clone();
    }
    body.to_string()
}

fn analyze(connection: &mut Connection, body: &str) -> Value {
    let (status, answer) = connection.send("POST", "/requests/analyze?explain=true", body).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Returns the texts of the reasons.
fn reasons(answer: &Value) -> String {
    answer["reasons"].to_string()
}

fn audited(connection: &mut Connection, client: &str) -> u64 {
    let (status, page) = connection.send("GET", &format!("/requests/audit?ip_address={client}"), "").unwrap();
    assert_eq!(status, 200, "{page}");
    page["total_records"].as_u64().unwrap()
}

#[test]
fn a_flood_does_not_hide_behind_addresses_that_it_makes_up() {
    const FLOOD: usize = 200;
    for (settings, hides) in [
        (&[][..], true),
        (&[("BARTIZAN_SERVER_TRUSTED_PROXIES", "10.0.0.0/8")], false),
        (&[("BARTIZAN_SERVER_TRUSTED_PROXIES", "2")], false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), settings);
        let mut connection = server.connect();
        let mut last = Value::Null;
        for i in 0..FLOOD {
            let list = format!("20.{}.{}.7, 203.0.113.9:{}, 10.0.0.{}", i / 250, i % 250, 40_000 + i, i % 7);
            last = analyze(&mut connection, &request(&[("ip_address", list.into()), ("timestamp", "2026-01-31T09:30:00Z".into())]));
        }
        assert_eq!(reasons(&last).contains("requests of this client in the 12 seconds before"), !hides, "{settings:?}: {last}");
        let expected = if hides { 0 } else { FLOOD as u64 };
        for spelling in ["203.0.113.9", "203.0.113.9:443", "%5B::ffff:203.0.113.9%5D"] {
            assert_eq!(audited(&mut connection, spelling), expected, "{settings:?}: {spelling}");
        }
    }
}

#[test]
fn a_flood_does_not_hide_behind_ports_and_zones() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let mut connection = server.connect();
    for (client, before, after) in
        [("198.51.100.8", "", ":"), ("2001:db8::1", "[", "]:"), ("fe80::1", "", "%eth"), ("198.51.100.9", "::ffff:", "%")]
    {
        let mut last = Value::Null;
        for i in 0..100 {
            let told = format!("{before}{client}{after}{}", 40_000 + i);
            last = analyze(&mut connection, &request(&[("ip_address", told.into()), ("timestamp", "2026-01-31T09:30:00Z".into())]));
        }
        assert!(reasons(&last).contains("requests of this client in the 12 seconds before"), "{client}: {last}");
        assert_eq!(audited(&mut connection, client), 100, "{client}");
    }
}

#[test]
fn an_event_of_2099_blinds_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let mut connection = server.connect();
    for ahead in ["2099-01-01T00:00:00Z", "2100-01-01"] {
        analyze(&mut connection, &request(&[("timestamp", ahead.into())]));
    }
    let mut last = Value::Null;
    for _ in 0..100 {
        last = analyze(&mut connection, &request(&[]));
    }
    assert!(reasons(&last).contains("requests of this client in the 12 seconds before"), "{last}");
    // The last day that there is, too, is one that the clock has not come to.
    analyze(&mut connection, &request(&[("timestamp", "9999-12-31".into())]));
    let metrics = connection.exchange("GET", "/metrics", &[], "").unwrap().body;
    assert!(metrics.lines().any(|line| line == "bartizan_events_dated_ahead_total{detector=\"requests\"} 3"), "{metrics}");
}

#[test]
fn hostile_requests_are_answered_and_do_not_freeze_a_training() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let mut connection = server.connect();
    let half = 1 << 19;
    for (name, payload) in [
        ("one long key over many numbers", format!("{{\"{}\":[{}0]}}", "k".repeat(half), "0,".repeat(half / 2))),
        ("very deep", format!("{}{}", "[".repeat(half), "]".repeat(half))),
        ("many keys", format!("{{{}\"a\":0}}", (0..half / 11).map(|i| format!("\"{i:06}\":0,")).collect::<String>())),
        ("quotes", format!("[{}0]", "\"'\",".repeat(half / 4))),
    ] {
        let body = request(&[]).replace(r#"{"name":"Ada"}"#, &payload);
        assert!(body.len() > half, "{name}");
        let answer = analyze(&mut connection, &body);
        assert_eq!(answer["isAnomaly"], true, "{name}: {answer}");
    }
    let (status, trained) = connection.send("POST", "/requests/train", r#"{"model_version":"v2.0"}"#).unwrap();
    assert_eq!(status, 200, "{trained}");
}

#[test]
fn proxies_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bartizan.toml"), "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"gateway\"]\n").unwrap();
    let said = fails(folder.path(), &["serve", "--listen", "127.0.0.1:0"], 2);
    assert!(said.contains("bartizan.toml:2") && said.contains("\"gateway\""), "{said}");
}
