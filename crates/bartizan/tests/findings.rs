//! Who was flagged in a file: one finding a client, the worst first, in text, JSON and files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{json, run, stderr};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A model of ordinary requests, and 400 more of them in `ordinary.ndjson`.
fn trained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (name, rows, seed) in [("learned.ndjson", "1500", "1"), ("ordinary.ndjson", "400", "2")] {
        json(at, &["generate", "requests", "--rows", rows, "--seed", seed, "--attack-share", "0", "--out", name]);
    }
    json(at, &["train", "requests", "learned.ndjson", "--one-false-alarm-in", "50"]);
    folder
}

/// A request of a tool that injects, `number` seconds after noon.
fn injection(client: &str, number: u32) -> Value {
    json!({
        "request_id": format!("scan-{number}"), "ip_address": client, "endpoint": format!("/api/search?q=1%27%20UNION%20SELECT%20{number}--"),
        "http_method": "GET", "headers": {"user-agent": "sqlmap/1.8"},
        "timestamp": format!("2026-01-05T12:{:02}:{:02}Z", number / 60, number % 60),
    })
}

/// The ordinary requests with those of a scanner and two single injections among them.
fn write_mixed(at: &Path) {
    let mut lines: Vec<String> = read(at, "ordinary.ndjson").lines().map(str::to_owned).collect();
    lines.extend((0..90).map(|number| injection("203.0.113.9", number).to_string()));
    lines.extend(["198.51.100.7", "2001:db8::7"].map(|client| injection(client, 95).to_string()));
    fs::write(at.join("mixed.ndjson"), lines.join("\n")).unwrap();
}

fn read(at: &Path, name: &str) -> String {
    fs::read_to_string(at.join(name)).unwrap()
}

fn text(at: &Path, arguments: &[&str]) -> String {
    let output = run(at, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn sum(findings: &[Value], field: &str) -> u64 {
    findings.iter().map(|finding| finding[field].as_u64().unwrap()).sum()
}

#[test]
fn a_scanner_comes_first_with_what_it_did() {
    let folder = trained();
    let at = folder.path();
    write_mixed(at);
    let scored = json(at, &["score", "requests", "mixed.ndjson", "--top", "1000"]);
    let findings = scored["findings"].as_array().unwrap();
    let first = &findings[0];
    for (field, expected) in [
        ("client", json!("203.0.113.9")),
        ("resource", Value::Null),
        ("events", json!(90)),
        ("flagged", json!(90)),
        ("from", json!("2026-01-05T12:00:00Z")),
        ("to", json!("2026-01-05T12:01:29Z")),
        ("resources", json!([{"resource": "/api/search", "flagged": 90}])),
        ("resources_exact", json!(true)),
    ] {
        assert_eq!(first[field], expected, "{field}: {first}");
    }
    assert_eq!((&first["kinds"]["SQL injection"], &first["kinds"]["attack tool"]), (&json!(90), &json!(90)), "{first}");
    let worst = first["worst"].as_array().unwrap();
    assert!(worst.len() == 3 && worst[0]["grade"].as_f64() >= worst[1]["grade"].as_f64(), "{first}");
    assert!(worst[0]["line"].as_u64().unwrap() > 400 && worst[0]["file"] == "mixed.ndjson" && worst[0]["reasons"][0]["text"].is_string());
    assert!(!first["features"].as_array().unwrap().is_empty(), "{first}");
    let next: Vec<&str> = findings[1..3].iter().map(|finding| finding["client"].as_str().unwrap()).collect();
    assert!(next.contains(&"198.51.100.7") && next.contains(&"2001:db8::7"), "single certain alarms before doubtful ones: {next:?}");
    let flagged = scored["flagged"].as_u64().unwrap();
    assert_eq!((sum(findings, "flagged"), &scored["anomalous"], scored["scored"].as_u64()), (flagged, &json!(flagged), Some(492)));
    assert_eq!(scored["findings_in_all"], findings.len());
    assert!((scored["share"].as_f64().unwrap() - flagged as f64 / 492.0).abs() < 1e-12, "{scored}");
    assert_eq!((&scored["warning"], &scored["further"]), (&Value::Null, &json!({"clients": 0, "flagged": 0})));

    let shown = text(at, &["score", "requests", "mixed.ndjson", "--top", "1"]);
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("1 ") && lines[0].contains("203.0.113.9  90 of 90 requests flagged  2026-01-05 12:00:00 to 12:01:29 UTC"));
    assert!(lines[1].starts_with("what ") && lines[1].contains("SQL injection (90)"), "{shown}");
    assert!(lines.iter().any(|line| line.starts_with("worst ") && line.contains("/api/search?q=1%27%20UNION")), "{shown}");
    assert!(lines.contains(&format!("1 of {0} findings are listed; `--top {0}` lists them all.", findings.len()).as_str()), "{shown}");
    assert!(shown.contains(&format!("492 events scored, {flagged} flagged (")) && !shown.contains("warning"), "{shown}");
    assert_eq!(shown.matches("203.0.113.9").count(), 1, "its requests are not listed one by one: {shown}");
}

#[test]
fn events_are_listed_below_when_asked_for() {
    let folder = trained();
    let at = folder.path();
    write_mixed(at);
    let shown = text(at, &["score", "requests", "mixed.ndjson", "--top", "4", "--events"]);
    let (findings, events) = shown.split_once("───").unwrap();
    assert!(findings.contains("90 of 90 requests flagged") && findings.contains(" line   grade   sure "), "{shown}");
    assert_eq!(events.matches("GET /api/search").count(), 4, "{shown}");
    for flags in [&[] as &[&str], &["--events"]] {
        let scored = json(at, &[&["score", "requests", "mixed.ndjson", "--top", "4"], flags].concat());
        assert_eq!((scored["worst"].as_array().unwrap().len(), scored["findings"].as_array().unwrap().len()), (4, 4), "{flags:?}");
    }
    let none = json(at, &["score", "requests", "mixed.ndjson", "--top", "0"]);
    assert_eq!((&none["worst"], &none["findings"]), (&json!([]), &json!([])));
}

#[test]
fn findings_are_written_beside_the_verdicts() {
    let folder = trained();
    let at = folder.path();
    write_mixed(at);
    let scored = json(at, &["score", "requests", "mixed.ndjson", "--top", "5", "--out", "all.ndjson"]);
    assert_eq!(read(at, "all.ndjson").lines().count(), 492);
    let written: Vec<Value> = read(at, "all.findings.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(written), scored["findings"]);
    json(at, &["score", "requests", "mixed.ndjson", "--top", "5", "--out", "all.csv"]);
    assert_eq!(read(at, "all.csv").lines().count(), 493);
    let findings = read(at, "all.findings.csv");
    let rows: Vec<&str> = findings.lines().collect();
    let head = "client,resource,events,flagged,from,to,kinds,features,resources,file,line,grade,confidence,class,risk,what,reasons";
    assert_eq!((rows.len(), rows[0]), (6, head));
    assert!(rows[1].starts_with("\"203.0.113.9\",,90,90,2026-01-05T12:00:00Z,2026-01-05T12:01:29Z,\""), "{findings}");
    assert!(rows[1].contains("SQL injection (90)") && rows[1].contains("\"/api/search (90)\",\"mixed.ndjson\","), "{findings}");
}

#[test]
fn a_file_without_alarms_says_so() {
    let folder = trained();
    let at = folder.path();
    let calm = json(at, &["score", "requests", "learned.ndjson", "--out", "all.ndjson"]);
    let all = read(at, "all.ndjson");
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = lines.iter().take_while(|verdict| verdict["is_anomaly"] == false).count();
    assert!(first > 3, "{calm}");
    let few: Vec<String> = read(at, "learned.ndjson").lines().take(first).map(str::to_owned).collect();
    fs::write(at.join("few.ndjson"), few.join("\n")).unwrap();
    let shown = text(at, &["score", "requests", "few.ndjson"]);
    assert_eq!(shown, format!("Nothing was flagged.\n\n{first} events scored, 0 flagged (0.0 %).\n"));
    let scored = json(at, &["score", "requests", "few.ndjson"]);
    assert_eq!((&scored["findings"], &scored["share"], &scored["flagged"]), (&json!([]), &json!(0.0), &json!(0)));
}

/// An access log of clients that all inject, one line each.
fn crowd(clients: u32) -> String {
    let mut log = String::new();
    for i in 0..clients {
        let (address, second) = (format!("2001:db8::{:x}:{:x}", i >> 16, i & 0xffff), i % 60);
        writeln!(
            log,
            "{address} - - [03/Mar/2026:10:00:{second:02} +0000] \"GET /a?id=1%27%20OR%201=1-- HTTP/1.1\" 200 5 \"-\" \"sqlmap/1.8\""
        )
        .unwrap();
    }
    log
}

#[test]
fn another_sites_requests_bring_a_warning_and_own_ones_do_not() {
    let folder = trained();
    let at = folder.path();
    fs::write(at.join("other.log"), crowd(120)).unwrap();
    fs::write(at.join("few.log"), crowd(99)).unwrap();
    let scored = json(at, &["score", "requests", "other.log"]);
    assert_eq!((&scored["flagged"], &scored["share"]), (&json!(120), &json!(1.0)));
    let warning = scored["warning"].as_str().unwrap();
    assert!(warning.starts_with("100.0 % of the requests are called unusual; about 2.0 % were expected."), "{warning}");
    let shown = text(at, &["score", "requests", "other.log"]);
    for part in ["120 events scored, 120 flagged (100.0 %).", " warning ", "`bartizan train requests FILE`", "kind = \"requests\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for file in ["few.log", "ordinary.ndjson"] {
        assert_eq!(json(at, &["score", "requests", file])["warning"], Value::Null, "{file}");
    }
    let findings = json(at, &["score", "requests", "other.log", "--top", "1000"])["findings"].as_array().unwrap().clone();
    assert_eq!((findings.len(), sum(&findings, "events"), sum(&findings, "flagged")), (120, 120, 120), "one each");
}

#[test]
fn clients_beyond_the_limit_are_counted() {
    let folder = trained();
    let at = folder.path();
    fs::write(at.join("crowd.log"), crowd(100_500)).unwrap();
    let scored = json(at, &["score", "requests", "crowd.log", "--top", "1"]);
    let (told_apart, further) = (scored["findings_in_all"].as_u64().unwrap(), &scored["further"]);
    assert!((50_000..=100_000).contains(&told_apart), "{told_apart}");
    assert_eq!((told_apart + further["clients"].as_u64().unwrap(), &further["flagged"]), (100_500, &further["clients"]));
    assert_eq!((&scored["flagged"], scored["findings"].as_array().unwrap().len()), (&json!(100_500), 1));
    let shown = text(at, &["score", "requests", "crowd.log", "--top", "1"]);
    assert!(shown.contains(" further clients, with ") && shown.contains("too many to be told apart"), "{shown}");
}

#[test]
fn events_without_a_client_are_put_together_by_what_they_were_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let row = |i: u32, port: u32, size: u32| format!("{port},{},{},BENIGN\n", 1_000 + i, size + i % 7);
    let head = "Destination Port,Flow Duration,Total Fwd Packets,Label\n";
    fs::write(at.join("learned.csv"), head.to_owned() + &(0..300).map(|i| row(i, 80, 10)).collect::<String>()).unwrap();
    let odd: String = (0..6).map(|i| row(i, 4_444, 900_000)).chain((0..40).map(|i| row(i, 80, 10))).collect();
    fs::write(at.join("later.csv"), head.to_owned() + &odd).unwrap();
    json(at, &["train", "flows", "learned.csv"]);
    let first = json(at, &["score", "flows", "later.csv"])["findings"][0].clone();
    assert_eq!(
        (&first["client"], &first["resource"], &first["events"], &first["flagged"]),
        (&Value::Null, &json!("4444"), &json!(6), &json!(6))
    );
    assert_eq!((&first["from"], &first["to"]), (&Value::Null, &Value::Null), "rows without a time: {first}");
    let shown = text(at, &["score", "flows", "later.csv"]);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.starts_with("1 no client named, on 4444 6 of 6 flows flagged what "), "{shown}");
}
