//! Rows that are all equal, as checks of health leave them: what is learned from them is normal with every algorithm, and what is far from
//! them is not.

use crate::common::{json, run, stderr};
use crate::fixture::Checks;
use bartizan_core::Timestamp;
use bartizan_estimators::Algorithm;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A check from one of so many machines, once a week.
fn check(week: i64, machines: i64) -> Value {
    json!({
        "request_id": format!("check-{week}"), "timestamp": Timestamp::from_secs(1_672_567_200 + 604_800 * week).to_string(),
        "ip_address": format!("192.0.2.{}", week % machines), "endpoint": "/healthz", "http_method": "GET", "headers": {"user-agent": "probe/1.29"},
    })
}

/// Who injects instead.
fn injection(week: i64) -> Value {
    let mut request = check(week, 1);
    request["ip_address"] = json!("198.51.100.9");
    request["endpoint"] = json!("/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--");
    request["headers"]["user-agent"] = json!("sqlmap/1.8");
    request
}

fn flow(packets: u32) -> Value {
    json!({"data": {"Destination Port": 443, "Flow Duration": 1_000 * packets, "Total Fwd Packets": packets, "Flow Bytes/s": 100 * packets}})
}

fn session(commands: u32) -> Value {
    json!({"failed_logins": 0, "request_rate": 30 * commands, "commands_count": commands, "sql_payload": 0, "honeytoken_access": 0, "session_time": 60})
}

/// Learns the first, and judges it once more, the other, and it again.
fn verdicts(at: &Path, kind: &str, algorithm: &str, learned: impl Fn(i64) -> Value, other: Value) -> Vec<bool> {
    let write = |name: &str, events: Vec<Value>| {
        let text: String = events.iter().map(|event| format!("{event}\n")).collect();
        fs::write(at.join(name), text).unwrap();
    };
    write("learned", (0..150).map(&learned).collect());
    write("next", vec![learned(150), other, learned(152)]);
    fs::remove_dir_all(at.join("bartizan-data")).ok();
    json(at, &["train", kind, "learned", "--algorithm", algorithm]);
    let output = run(at, &["score", kind, "next", "--out", "out.ndjson"]);
    assert_eq!(output.status.code(), Some(0), "{algorithm}, {kind}: {}", stderr(&output));
    let text = fs::read_to_string(at.join("out.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["is_anomaly"].as_bool().unwrap()).collect()
}

#[test]
fn equal_rows_are_normal_and_what_is_far_from_them_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut checks = Checks::default();
    // One learns from labels only, and there are none; the other looks at counts of requests only.
    for algorithm in Algorithm::NAMES.iter().filter(|name| !["random_forest", "rules"].contains(name)) {
        for (name, found) in [
            ("checks", verdicts(at, "requests", algorithm, |week| check(week, 1), injection(151))),
            ("checks from two machines", verdicts(at, "requests", algorithm, |week| check(week, 2), injection(151))),
            ("flows", verdicts(at, "flows", algorithm, |_| flow(8), flow(800_000))),
            ("sessions", verdicts(at, "behavior", algorithm, |_| session(1), session(20))),
        ] {
            checks.equal(name, found, vec![false, true, false], algorithm);
        }
    }
    checks.end();
}
