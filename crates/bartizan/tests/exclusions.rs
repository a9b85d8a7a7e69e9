//! What is kept out of training, from the command line and over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, fails, generate, json, run};
use serde_json::{Value, json as value};
use std::fs;
use std::path::Path;

/// Generated requests, and 50 from one address; gives the time of the first of them.
fn traffic(at: &Path) -> String {
    generate(at, "train.ndjson", 1000, 1);
    let text = fs::read_to_string(at.join("train.ndjson")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut odd: Vec<Value> = lines.iter().filter(|line| line["label"] == false).take(50).cloned().collect();
    for (i, event) in odd.iter_mut().enumerate() {
        event["ip_address"] = "198.51.100.66".into();
        event["request_id"] = format!("odd-{i}").into();
    }
    let first = odd[0]["timestamp"].as_str().unwrap().to_owned();
    let more: Vec<String> = odd.iter().map(Value::to_string).collect();
    fs::write(at.join("train.ndjson"), format!("{text}{}\n", more.join("\n"))).unwrap();
    first
}

#[test]
fn what_the_command_line_excludes_is_not_learned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let first = traffic(at);
    assert_eq!(json(at, &["exclude", "requests"]), value!({"exclusions": []}));
    let all = json(at, &["train", "requests", "train.ndjson"]);
    assert_eq!(all["excluded"], 0, "{all}");

    let made = json(at, &["exclude", "requests", "--entity", "198.51.100.66:443", "--from", &first, "--note", "a scan"]);
    let id = made["id"].to_string();
    assert_eq!((&made["entity"], &made["to"], &made["note"]), (&"198.51.100.66".into(), &Value::Null, &"a scan".into()), "{made}");
    assert_eq!(json(at, &["exclude", "requests"])["exclusions"], value!([made]));
    let text = String::from_utf8(run(at, &["exclude", "requests"]).stdout).unwrap();
    assert!(text.contains("198.51.100.66") && text.contains("a scan"), "{text}");
    assert_eq!(json(at, &["exclude", "flows"]), value!({"exclusions": []}), "each detector has its own");

    let without = json(at, &["train", "requests"]);
    let samples = |report: &Value| report["training_samples"].as_u64().unwrap();
    assert_eq!((&without["excluded"], samples(&all) - samples(&without)), (&50.into(), 50), "{without}");
    let said = String::from_utf8(run(at, &["train", "requests"]).stdout).unwrap();
    assert!(said.contains("Excluded from training: 50."), "{said}");

    assert_eq!(json(at, &["exclude", "requests", "--remove", &id])["removed"].to_string(), id);
    let again = json(at, &["train", "requests"]);
    assert_eq!((&again["excluded"], samples(&again)), (&0.into(), samples(&all)));
    assert!(fails(at, &["exclude", "requests", "--remove", &id], 3).contains("bartizan exclude requests"));
}

#[test]
fn wrong_exclusions_are_refused_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let long = "x".repeat(201);
    for (flags, said) in [
        (&["--note", "all"][..], "names an entity"),
        (&["--entity", " "], "names no entity"),
        (&["--from", "2026-02-02", "--to", "2026-02-01"], "must be before the end"),
        (&["--to", "9999-12-31", "--from", "9999-12-31"], "must be before the end"),
        (&["--from", "soon"], "RFC 3339"),
        (&["--entity", "a", "--note", &long], "at most 200 characters, got 201"),
        (&["--entity", "a", "--remove", "1"], "cannot be used with"),
        (&["--remove", "one"], "invalid value"),
    ] {
        let text = fails(at, &[&["exclude", "requests"], flags].concat(), 2);
        assert!(text.contains(said), "{flags:?}: {text}");
    }
    fails(at, &["exclude", "nothing"], 2);
    assert_eq!(fs::read_dir(at).unwrap().count(), 0);
    assert!(fails(at, &["exclude", "requests", "--entity", ","], 2).contains("names no entity"), "no event has it");
    let seen = run(at, &["exclude", "requests", "--entity", "a\u{1b}[31m\u{202e}", "--note", "b\n\u{7}"]);
    let printed = String::from_utf8(seen.stdout).unwrap();
    assert!(!printed.contains(['\u{1b}', '\u{202e}']), "{printed:?}");
    assert_eq!(bartizan(at, &["exclude", "requests"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn what_is_excluded_over_http_is_not_learned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    traffic(at);
    json(at, &["import", "requests", "train.ndjson"]);
    let server = Running::start(at, &["--only", "requests,flows", "--root", "requests"]);
    let mut client = server.connect();
    assert_eq!(client.get("/requests/exclusions"), value!({"exclusions": []}));
    let body = value!({"entity": "198.51.100.66", "note": "a scan"}).to_string();
    let (status, made) = client.send("POST", "/requests/exclusions", &body).unwrap();
    assert_eq!(
        (status, &made["entity"], &made["from"], &made["note"]),
        (201, &"198.51.100.66".into(), &Value::Null, &"a scan".into()),
        "{made}"
    );
    assert_eq!(client.get("/exclusions")["exclusions"], value!([made]), "the same detector at the root");
    assert_eq!(client.get("/flows/exclusions"), value!({"exclusions": []}));
    assert_eq!(json(at, &["exclude", "requests"])["exclusions"], value!([made]), "the command line reads the same store");

    let (status, trained) = client.send("POST", "/requests/train", r#"{"model_version": "v1"}"#).unwrap();
    assert_eq!((status, &trained["excluded"]), (200, &50.into()), "{trained}");
    assert!(trained["message"].as_str().unwrap().contains("50 are excluded from training"), "{trained}");
    let one = format!("/requests/exclusions/{}", made["id"]);
    let (status, removed) = client.send("DELETE", &one, "").unwrap();
    assert_eq!((status, &removed["success"]), (200, &true.into()), "{removed}");
    for absent in [one.as_str(), "/requests/exclusions/x", "/requests/exclusions/99999999999999999999"] {
        assert_eq!(client.send("DELETE", absent, "").unwrap(), (404, value!({"detail": "Exclusion not found"})), "{absent}");
    }
    let (status, retrained) = client.send("POST", "/requests/retrain", r#"{"model_version": "v2"}"#).unwrap();
    assert_eq!((status, &retrained["excluded"]), (200, &0.into()), "{retrained}");
    let samples = |report: &Value| report["training_samples"].as_u64().unwrap();
    assert_eq!(samples(&retrained), samples(&trained) + 50);

    // What was made from the command line holds in the server, too, and bounds are bounds.
    json(at, &["exclude", "requests", "--to", "9999-12-31"]);
    let (status, refused) = client.send("POST", "/requests/train", r#"{"model_version": "v3"}"#).unwrap();
    assert!(status == 400 && refused["detail"].as_str().unwrap().contains("1050 that are excluded: see /exclusions"), "{refused}");
    let long = value!({"entity": "a\u{0}b".to_owned() + &"y".repeat(1 << 20), "from": "0001-01-01", "to": null}).to_string();
    let (status, cut) = client.send("POST", "/requests/exclusions", &long).unwrap();
    assert!(status == 201 && cut["entity"].as_str().unwrap().len() <= 1024 && cut["from"] == "0001-01-01T00:00:00Z", "{cut}");
    for _ in 2..1000 {
        assert_eq!(client.send("POST", "/requests/exclusions", &body).unwrap().0, 201);
    }
    let (status, full) = client.send("POST", "/requests/exclusions", &body).unwrap();
    assert!(status == 409 && full["detail"].as_str().unwrap().contains("at most 1000 exclusions: remove those"), "{full}");
    assert_eq!(client.send("POST", "/flows/exclusions", &body).unwrap().0, 201, "each detector has its own");
    assert_eq!(client.get("/requests/exclusions")["exclusions"].as_array().unwrap().len(), 1000);
}
