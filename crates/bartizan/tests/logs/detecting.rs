//! `/detect`: what is listed, in which words, at which threshold.

use crate::client::{done, post, shown};
use crate::fixture::{LESSON, at, attack, changed, detect, entry, ingested, lines, scores, stream, trained, trained_with, untrained, with};
use serde_json::{Value, json};

const LIMITS: [(&str, f64); 3] = [("high", -0.8), ("medium", -0.65), ("low", 0.0)];

fn indices(answer: &Value) -> Vec<u64> {
    answer["anomalies"].as_array().unwrap().iter().map(|anomaly| anomaly["log_index"].as_u64().unwrap()).collect()
}

/// Ordinary entries after the lesson, with one attack at the end.
fn mixed() -> Vec<Value> {
    let mut logs = stream(LESSON..LESSON + 60);
    logs.push(attack(0));
    logs
}

#[test]
fn anomalies_are_told_as_clients_read_them() {
    let (_folder, server) = trained();
    let logs = mixed();
    let answer = done(&server, "/logs/detect", &json!({ "logs": logs }));
    let anomalies = answer["anomalies"].as_array().unwrap();
    assert_eq!((&answer["total_logs"], &answer["anomaly_count"]), (&logs.len().into(), &anomalies.len().into()), "{answer}");
    assert!((answer["anomaly_rate"].as_f64().unwrap() - anomalies.len() as f64 / logs.len() as f64).abs() < 1e-12, "{answer}");
    assert!((0.0..=1.0).contains(&answer["model_confidence"].as_f64().unwrap()), "{answer}");
    assert!(anomalies.len() <= 12, "a fifth at most, where 5 % are asked for and the windows are empty: {answer}");
    let last = anomalies.last().unwrap();
    for (name, expected) in [
        ("log_index", json!(60)),
        ("timestamp", logs[60]["timestamp"].clone()),
        ("user_id", json!("user-3")),
        ("endpoint", logs[60]["endpoint"].clone()),
        ("method", json!("DELETE")),
        ("status_code", json!(500)),
        ("response_time", json!(9.5)),
        ("severity", json!("high")),
    ] {
        assert_eq!(last[name], expected, "{name}: {last}");
    }
    assert!(last["anomaly_score"].as_f64().unwrap() < -0.8, "{last}");
    for anomaly in anomalies {
        let score = anomaly["anomaly_score"].as_f64().unwrap();
        assert!((-1.0..-0.5).contains(&score), "{anomaly}");
    }
    let zoned = changed(attack(0), json!({"timestamp": "2026-02-01T05:00:00.5+02:00", "response_time": -3}));
    let told = detect(&server, &[zoned])["anomalies"][0].clone();
    assert_eq!((&told["timestamp"], &told["response_time"]), (&"2026-02-01T03:00:00.5Z".into(), &0.0.into()), "{told}");
}

#[test]
fn thresholds_list_more_the_higher_they_are() {
    let (_folder, server) = trained();
    let mut logs = mixed();
    logs.extend((0..20).map(|n| with(LESSON + 100 + n, "response_time", 0.1 * (n * n) as f64)));
    let all = detect(&server, &logs);
    assert_eq!(indices(&all), (0..logs.len() as u64).collect::<Vec<_>>(), "0 lists all");
    let mut listed_before = Vec::new();
    for threshold in [-2.0, -1.0, -0.9, -0.8, -0.65, -0.5, -0.4, -0.2, -0.05, 0.0, 0.7] {
        let answer = done(&server, "/logs/detect", &json!({"logs": logs, "threshold": threshold}));
        let listed = indices(&answer);
        assert!(listed_before.iter().all(|index| listed.contains(index)), "{threshold}: {listed:?} after {listed_before:?}");
        let expected = all["anomalies"].as_array().unwrap().iter().filter(|anomaly| anomaly["anomaly_score"].as_f64().unwrap() < threshold);
        assert_eq!(listed, expected.map(|anomaly| anomaly["log_index"].as_u64().unwrap()).collect::<Vec<_>>(), "{threshold}");
        assert_eq!(answer["anomaly_count"], listed.len());
        listed_before = listed;
    }
    let listed = |body: Value| indices(&done(&server, "/logs/detect", &body));
    let usual = listed(json!({"logs": logs, "threshold": -0.5}));
    assert!(!usual.is_empty() && usual.len() < logs.len(), "{usual:?}");
    for body in [json!({"logs": logs}), json!({"logs": logs, "threshold": null}), json!({"logs": logs, "threshold": "-0.5", "other": [1]})]
    {
        assert_eq!(listed(body), usual);
    }
    for anomaly in all["anomalies"].as_array().unwrap() {
        let score = anomaly["anomaly_score"].as_f64().unwrap();
        let expected = LIMITS.iter().find(|(_, limit)| score < *limit).unwrap().0;
        assert!(anomaly["severity"] == expected && (-1.0..0.0).contains(&score), "{anomaly}");
    }
}

#[test]
fn the_boundary_is_the_verdict() {
    let (_folder, server) = trained();
    let logs = mixed();
    let all = detect(&server, &logs);
    let audit = shown(&server, "/logs/audit?page_size=100");
    let rows = audit["data"].as_array().unwrap();
    assert_eq!(rows.len(), logs.len(), "{audit}");
    for (row, anomaly) in rows.iter().rev().zip(all["anomalies"].as_array().unwrap()) {
        let below = anomaly["anomaly_score"].as_f64().unwrap() < -0.5;
        assert_eq!((&row["id"], &row["is_anomaly"]), (&anomaly["id"], &below.into()), "{row} {anomaly}");
    }
}

#[test]
fn nothing_given_is_nothing_found() {
    let (_folder, server) = trained();
    for body in [json!({"logs": []}), json!({"logs": [], "threshold": 0}), json!({"logs": [], "threshold": null})] {
        let answer = done(&server, "/logs/detect", &body);
        assert_eq!(answer["anomalies"], json!([]));
        assert_eq!((&answer["total_logs"], &answer["anomaly_count"]), (&0.into(), &0.into()));
        for name in ["anomaly_rate", "model_confidence"] {
            assert_eq!(answer[name].as_f64(), Some(0.0), "{name}: {answer}");
        }
    }
    assert_eq!(shown(&server, "/logs/statistics")["total_requests_analyzed"], 0);
}

#[test]
fn reasons_are_given_when_asked_for() {
    let (_folder, server) = trained();
    let body = json!({ "logs": mixed() });
    let plain = done(&server, "/logs/detect", &body);
    assert!(plain["anomalies"].as_array().unwrap().iter().all(|anomaly| anomaly.get("reasons").is_none()), "{plain}");
    let explained = done(&server, "/logs/detect?explain=true", &body);
    for (with, without) in explained["anomalies"].as_array().unwrap().iter().zip(plain["anomalies"].as_array().unwrap()) {
        assert_eq!(with["anomaly_score"], without["anomaly_score"]);
        let reasons = with["reasons"].as_array().unwrap();
        assert!(!reasons.is_empty() && reasons.iter().all(|r| r["feature"].is_string() && r["text"].is_string()), "{with}");
    }
    let many = json!({"logs": stream(0..1_300), "threshold": 0});
    let answer = done(&server, "/logs/detect?explain=1", &many);
    let explained = answer["anomalies"].as_array().unwrap().iter().filter(|anomaly| anomaly.get("reasons").is_some()).count();
    assert_eq!((explained, &answer["anomaly_count"]), (1_000, &1_300.into()));
}

#[test]
fn odd_values_are_judged_and_not_refused() {
    let (_folder, server) = trained();
    let number = LESSON + 5;
    let long = "a".repeat(1 << 20);
    for (name, value) in [
        ("response_time", json!(-1)),
        ("response_time", json!(-1e300)),
        ("response_time", json!(1e300)),
        ("response_time", json!("0.25")),
        ("response_time", json!(true)),
        ("status_code", json!(0)),
        ("status_code", json!(999)),
        ("status_code", json!(-200)),
        ("status_code", json!("200")),
        ("status_code", json!(200.0)),
        ("request_size", json!(-5)),
        ("request_size", Value::Null),
        ("response_size", json!(i64::MAX)),
        ("user_agent", Value::Null),
        ("user_agent", json!(long)),
        ("user_id", json!("")),
        ("user_id", json!(long)),
        ("endpoint", json!("")),
        ("endpoint", json!(format!("/{long}?{long}"))),
        ("method", json!("")),
        ("ip_address", json!("")),
        ("ip_address", json!("unknown")),
        ("ip_address", json!("203.0.113.7, 192.0.2.1:5000")),
        ("ip_address", json!("[2001:db8::1%eth0]:443")),
        ("timestamp", json!("1970-01-01T00:00:00Z")),
        ("timestamp", json!("9999-12-31T23:59:59.999999999Z")),
        ("timestamp", json!("2026-01-31 12:00:00")),
        ("timestamp", json!(1_769_860_800)),
    ] {
        let odd = with(number, name, value.clone());
        let found = scores(&server, &[entry(number - 1), odd.clone()]);
        assert!(found.iter().all(|score| (-1.0..0.0).contains(score)), "{name} {value:.40}: {found:?}");
        assert_eq!(post(&server, "/logs/analyze", odd.to_string()).status, 200, "{name} {value:.40}");
    }
    let missing = changed(entry(number), json!({"user_agent": null, "request_size": null, "response_size": null}));
    let mut left_out = missing.clone();
    ["user_agent", "request_size", "response_size"].iter().for_each(|name| _ = left_out.as_object_mut().unwrap().remove(*name));
    assert_eq!(scores(&server, &[missing]), scores(&server, &[left_out]), "null is not there");
    assert!(shown(&server, "/logs/audit?page_size=100")["data"].to_string().len() < 1 << 20, "what is stored is bounded");
}

#[test]
fn only_the_anomalous_are_kept_where_that_is_asked_for() {
    let (_folder, server) = trained_with("[detectors.logs]\nrecord = \"anomalies\"\nmax_training_samples = 100\n");
    let logs: Vec<Value> = stream(LESSON..LESSON + 400).into_iter().chain((0..5).map(attack)).collect();
    let answer = done(&server, "/logs/detect", &json!({ "logs": logs }));
    let found = answer["anomaly_count"].as_u64().unwrap();
    assert!(found >= 5 && answer["anomalies"].as_array().unwrap().iter().all(|anomaly| anomaly["id"].is_i64()), "{answer}");
    let statistics = shown(&server, "/logs/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["anomaly_count"]), (&405.into(), &found.into()), "{statistics}");
    assert!(shown(&server, "/logs/audit?page_size=1")["total_records"].as_u64() < Some(405), "{statistics}");
    let counted = crate::fixture::metric(&server, "anomalies_detected_total{detector=\"logs\"}");
    assert_eq!(counted, found as f64);
}

#[test]
fn one_entry_is_judged_and_counted_by_analyze() {
    let (_folder, server) = untrained("");
    ingested(&server, &stream(0..LESSON));
    done(&server, "/logs/train", &json!({}));
    let flagged = (LESSON..LESSON + 20).filter(|number| done(&server, "/logs/analyze", &entry(*number))["is_anomaly"] == true).count();
    assert!(flagged <= 4, "{flagged} of 20 ordinary ones");
    let found = done(&server, "/logs/analyze?explain=true", &attack(0));
    assert_eq!(
        (&found["is_anomaly"], &found["severity"], &found["model_version"]),
        (&true.into(), &"high".into(), &"v1.0".into()),
        "{found}"
    );
    assert!(found["anomaly_score"].as_f64().unwrap() < -0.8 && found["id"].is_i64() && !found["reasons"].as_array().unwrap().is_empty());
    assert!((0.0..=1.0).contains(&found["confidence"].as_f64().unwrap()), "{found}");
    // What it judged is in the windows of the next.
    let refused = |secs: i64| changed(entry(LESSON), json!({"timestamp": at(15_000 + secs), "user_id": "user-5", "status_code": 401}));
    let first = done(&server, "/logs/analyze", &refused(0))["anomaly_score"].as_f64().unwrap();
    (1..30).for_each(|secs| _ = done(&server, "/logs/analyze", &refused(secs)));
    let last = done(&server, "/logs/analyze", &refused(30))["anomaly_score"].as_f64().unwrap();
    assert!(last < first, "{last} after {first}");
    assert_eq!(post(&server, "/logs/analyze", lines(&stream(0..2))).status, 422, "one only");
}
