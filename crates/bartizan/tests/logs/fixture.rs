//! Entries to test with, and servers that have learned from others.

use crate::client::{Answer, ask, done, get, post, shown};
use crate::common::Running;
use bartizan_core::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

/// When the first entry is from: 2026-01-31, 08:00.
const START: i64 = 1_769_846_400;
/// Seconds between entries.
const GAP: i64 = 20;
/// Entries that servers of the tests have learned from.
pub(crate) const LESSON: usize = 600;

const AGENTS: [&str; 3] =
    ["Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "orders-app/4.2 (Android 15)", "stock-client/1.4"];

/// A moment, in seconds after the first entry.
pub(crate) fn at(secs: i64) -> String {
    Timestamp::from_secs(START + secs).to_string()
}

/// The entry of this number in an ordinary stream of twelve users.
pub(crate) fn entry(number: usize) -> Value {
    let user = number * 7 % 12;
    let (method, endpoint) = match number * 5 % 8 {
        0 => ("POST", "/api/orders".to_owned()),
        1 | 2 => ("GET", format!("/api/orders/{}", 100 + number * 31 % 500)),
        3 => ("GET", "/api/profile".to_owned()),
        _ => ("GET", format!("/api/items?page={}", 1 + number % 9)),
    };
    json!({
        "timestamp": at(number as i64 * GAP + (number * 13 % 11) as i64), "user_id": format!("user-{user}"), "endpoint": endpoint,
        "method": method, "ip_address": format!("192.0.2.{}", 10 + user), "user_agent": AGENTS[user % 3],
        "status_code": if number.is_multiple_of(53) { 404 } else if method == "POST" { 201 } else { 200 },
        "response_time": 0.03 + (number * 17 % 29) as f64 / 400.0, "request_size": 80 + number * 3 % 40,
        "response_size": 900 + number * 97 % 1_500,
    })
}

/// Entries of the stream.
pub(crate) fn stream(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(entry).collect()
}

/// An entry with other values in these fields.
pub(crate) fn changed(mut entry: Value, fields: Value) -> Value {
    entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    entry
}

/// The entry of this number with another value in one field.
pub(crate) fn with(number: usize, name: &str, value: impl Into<Value>) -> Value {
    let mut entry = entry(number);
    entry[name] = value.into();
    entry
}

/// The entry of this number without one field.
pub(crate) fn without(number: usize, name: &str) -> Value {
    let mut entry = entry(number);
    entry.as_object_mut().unwrap().remove(name);
    entry
}

/// Downloads of a stranger from another network, a minute long, long after the lesson.
pub(crate) fn attack(number: usize) -> Value {
    let secs = 20 * 3_600 + number as i64;
    json!({
        "timestamp": at(secs), "user_id": "user-3", "endpoint": format!("/api/export/../../etc/passwd?id={number}' OR 1=1--"), "method": "DELETE",
        "ip_address": "198.51.100.66", "user_agent": "sqlmap/1.8", "status_code": 500, "response_time": 9.5 + number as f64,
        "request_size": 90_000, "response_size": 50_000_000,
    })
}

/// A server without a model.
pub(crate) fn untrained(settings: &str) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bartizan.toml"), settings).unwrap();
    let server = Running::start(folder.path(), &["--only", "logs"]);
    (folder, server)
}

/// A server that has learned from the first entries of the stream.
pub(crate) fn trained_with(settings: &str) -> (TempDir, Running) {
    let (folder, server) = untrained(settings);
    done(&server, "/logs/train", &json!({ "logs": stream(0..LESSON) }));
    (folder, server)
}

pub(crate) fn trained() -> (TempDir, Running) {
    trained_with("")
}

/// What is said of entries, all of them.
pub(crate) fn detect(server: &Running, logs: &[Value]) -> Value {
    done(server, "/logs/detect", &json!({ "logs": logs, "threshold": 0 }))
}

/// The scores of all entries, in their order.
pub(crate) fn scores(server: &Running, logs: &[Value]) -> Vec<f64> {
    let answer = detect(server, logs);
    let anomalies = answer["anomalies"].as_array().unwrap();
    assert!(anomalies.iter().enumerate().all(|(at, anomaly)| anomaly["log_index"] == at) && anomalies.len() == logs.len(), "{answer}");
    anomalies.iter().map(|anomaly| anomaly["anomaly_score"].as_f64().unwrap()).collect()
}

/// The score of one entry that is asked for alone.
pub(crate) fn score(server: &Running, entry: &Value) -> f64 {
    scores(server, std::slice::from_ref(entry))[0]
}

/// Posts to the stream.
pub(crate) fn ingest(server: &Running, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    ask(server, "POST", "/logs/ingest", headers, body)
}

/// Entries as lines.
pub(crate) fn lines(entries: &[Value]) -> String {
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

/// Posts entries to the stream and waits until they are judged.
pub(crate) fn ingested(server: &Running, entries: &[Value]) {
    let answer = ingest(server, &[], lines(entries));
    assert_eq!((answer.status, &answer.json()["accepted"]), (202, &entries.len().into()), "{}", answer.text);
    judged(server);
}

/// Waits until nothing waits to be judged.
pub(crate) fn judged(server: &Running) {
    while shown(server, "/logs/status")["waiting"] != 0 {
        std::thread::yield_now();
    }
}

/// The value of a sample in the metrics of the mount; NaN where it is not there.
pub(crate) fn metric(server: &Running, name: &str) -> f64 {
    let text = get(server, "/logs/metrics").text;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(f64::NAN)
}

/// A refused request: its status and its sentence.
pub(crate) fn refused(server: &Running, path: &str, body: &Value) -> (u16, String) {
    post(server, path, body.to_string()).refusal()
}
