//! The contract of `behavior`, section 5, against the running binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::Running;
use common::sessions::{CASES, NAMES, RANGES, damaged, faults, good, post, risk, server, session, with, without};
use serde_json::{Value, json};

#[test]
fn a_fresh_server_has_learned_when_it_answers() {
    let (_folder, server, mut connection) = server();
    let health = connection.get("/behavior/health");
    assert_eq!(health["model_loaded"], true, "{health}");
    assert_eq!(health["version"], connection.get("/behavior")["version"]);
    let info = connection.get("/behavior/model/info");
    assert_eq!((&info["algorithm"], &info["model_version"]), (&"isolation_forest".into(), &"v1.0".into()), "{info}");
    assert_eq!((&info["n_features"], &info["features"]), (&6.into(), &NAMES.as_slice().into()), "{info}");
    assert!(info["training_samples"].as_u64().unwrap() > 10_000, "{info}");
    let status = connection.get("/behavior/status");
    assert_eq!((&status["is_trained"], &status["feature_count"]), (&true.into(), &6.into()), "{status}");
    let statistics = connection.get("/behavior/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["stored_records"]), (&0.into(), &0.into()), "{statistics}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("learned from generated sessions"), "it had learned before: {log}");
}

#[test]
fn the_cases_that_clients_test() {
    let (_folder, _server, mut connection) = server();
    let verdicts = CASES.map(|(values, expected)| {
        let verdict = good(&mut connection, "/behavior/predict", &session(values));
        assert_eq!(verdict["attack_type"], expected, "{values:?}: {verdict}");
        assert!((1..=10).contains(&risk(&verdict)) && verdict["risk_score"].is_i64(), "{verdict}");
        let (confidence, score) = (verdict["confidence"].as_f64().unwrap(), verdict["anomaly_score"].as_f64().unwrap());
        assert!((0.5..=1.0).contains(&confidence) && (-1.0..0.0).contains(&score) && verdict["is_anomaly"].is_boolean(), "{verdict}");
        verdict
    });
    let risks = verdicts.each_ref().map(risk);
    assert_eq!(risks[6], *risks.iter().min().unwrap(), "the quietest session has the lowest risk: {risks:?}");
    assert_eq!(risks[7], *risks.iter().max().unwrap(), "the loudest session is among the highest risks: {risks:?}");
    assert!(risks[7] >= 8 && risks[6] <= 2, "{risks:?}");
    assert!(risks.iter().zip(CASES).all(|(risk, (_, class))| (class == "Normal") == (*risk <= 2)), "{risks:?}");
    assert_eq!(verdicts[7]["is_anomaly"], true, "{}", verdicts[7]);

    let batch = good(&mut connection, "/behavior/predict-batch", &json!({"logs": CASES.map(|(values, _)| session(values))}));
    let results = batch["results"].as_array().unwrap();
    assert_eq!((results.len(), &batch["total_processed"]), (8, &8.into()));
    assert_eq!(batch["high_risk_count"], risks.iter().filter(|risk| **risk >= 7).count());
    for (one, many) in verdicts.iter().zip(results) {
        for field in ["attack_type", "risk_score", "confidence", "anomaly_score", "is_anomaly", "model_version"] {
            assert_eq!(one[field], many[field], "{field} of {one} and {many}");
        }
    }
}

#[test]
fn the_risk_follows_the_formula() {
    let (_folder, _server, mut connection) = server();
    let multiplier = |attack: &str| match attack {
        "Injection" => 1.3,
        "DataExfil" => 1.2,
        "BruteForce" => 1.1,
        "Recon" => 0.9,
        _ => 0.3,
    };
    let mut logs = Vec::new();
    for failed in [0, 79, 80, 81, 150] {
        for (rate, flags) in [(1, 0), (400, 1), (401, 2), (600, 3), (401, 0)] {
            logs.push(session([failed, rate, 10, flags & 1, flags >> 1, 10 + 3 * failed]));
        }
    }
    let batch = good(&mut connection, "/behavior/predict-batch", &json!({ "logs": logs }));
    let results = batch["results"].as_array().unwrap();
    for verdict in results {
        let (confidence, score) = (verdict["confidence"].as_f64().unwrap(), verdict["anomaly_score"].as_f64().unwrap());
        let raw = (0.4 * 5.0 * score.abs().min(1.0) + 0.6 * 5.0 * confidence) * multiplier(verdict["attack_type"].as_str().unwrap());
        assert_eq!(risk(verdict), (raw * 10.0 / 6.5).round().clamp(1.0, 10.0) as i64, "{verdict}");
    }
    let high = results.iter().filter(|verdict| risk(verdict) >= 7).count();
    assert!(high > 0 && high < results.len() && batch["high_risk_count"] == high, "{high}: {batch}");
}

#[test]
fn every_bound_is_inclusive_and_said() {
    let (_folder, _server, mut connection) = server();
    for (name, (least, most)) in NAMES.into_iter().zip(RANGES) {
        for value in [least, most] {
            good(&mut connection, "/behavior/predict", &with(name, value.into()));
        }
        for (value, kind, bound, key) in [(least - 1, "greater_than_equal", least, "ge"), (most + 1, "less_than_equal", most, "le")] {
            let (status, answer) = post(&mut connection, "/behavior/predict", &with(name, value.into()));
            let fault = &answer["detail"][0];
            assert_eq!((status, &fault["type"], &fault["loc"]), (422, &kind.into(), &json!(["body", name])), "{answer}");
            assert_eq!((&fault["ctx"], &fault["input"]), (&json!({ key: bound }), &value.into()), "{answer}");
        }
    }
    let features = connection.get("/behavior/features");
    assert_eq!((&features["feature_order"], &features["total_features"]), (&NAMES.as_slice().into(), &6.into()), "{features}");
    assert!(features["feature_ranges"].as_object().unwrap().keys().eq(NAMES), "in the order of the features: {features}");
    for (name, (least, most)) in NAMES.into_iter().zip(RANGES) {
        assert_eq!(features["feature_ranges"][name], json!({"min": least, "max": most}));
    }
    assert_eq!((&features["feature_count"], &features["features"]), (&6.into(), &NAMES.as_slice().into()), "{features}");
    assert!(features["details"].as_array().unwrap().iter().all(|one| one["description"].is_string()), "{features}");
}

#[test]
fn what_does_not_validate_is_said() {
    let (_folder, _server, mut connection) = server();
    for (value, kind) in [
        (json!("many"), "int_parsing"),
        (json!("1.5"), "int_parsing"),
        (json!(""), "int_parsing"),
        (json!(1.5), "int_from_float"),
        (json!([1]), "int_type"),
        (json!({"n": 1}), "int_type"),
        (Value::Null, "int_type"),
        (json!(-1), "greater_than_equal"),
        (json!(1_000_000_000_000_i64), "less_than_equal"),
        (json!(1e300), "less_than_equal"),
    ] {
        let found = faults(&mut connection, "/behavior/predict", &with("failed_logins", value.clone()).to_string());
        assert_eq!(found, [(kind.to_owned(), json!(["body", "failed_logins"]))], "{value}");
    }
    for value in [json!("1"), json!(1.0), json!(true), json!("1.0"), json!(" 1 ")] {
        good(&mut connection, "/behavior/predict", &with("sql_payload", value));
    }
    for name in NAMES {
        let found = faults(&mut connection, "/behavior/predict", &without(name).to_string());
        assert_eq!(found, [("missing".to_owned(), json!(["body", name]))]);
    }
    let all = faults(&mut connection, "/behavior/predict", "{}");
    assert_eq!(all.iter().map(|(kind, loc)| (kind.as_str(), loc[1].as_str().unwrap())).collect::<Vec<_>>(), NAMES.map(|n| ("missing", n)));
    for (body, kind, place) in [
        ("", "missing", json!(["body"])),
        ("null", "missing", json!(["body"])),
        ("[]", "model_attributes_type", json!(["body"])),
        ("7", "model_attributes_type", json!(["body"])),
        ("{\"failed_logins\": }", "json_invalid", json!(["body", 18])),
    ] {
        assert_eq!(faults(&mut connection, "/behavior/predict", body), [(kind.to_owned(), place.clone())], "{body}");
        assert_eq!(faults(&mut connection, "/behavior/predict-batch", body), [(kind.to_owned(), place)], "{body} as a batch");
    }
    assert_eq!(connection.get("/behavior/statistics")["total_requests_analyzed"], 5, "what is refused is not judged");
}

#[test]
fn one_bad_session_refuses_the_batch() {
    let (_folder, _server, mut connection) = server();
    let empty = good(&mut connection, "/behavior/predict-batch", &json!({"logs": []}));
    assert_eq!(empty, json!({"results": [], "total_processed": 0, "high_risk_count": 0}));
    let (fine, path) = (session(CASES[4].0), "/behavior/predict-batch");
    let logs = json!({"logs": [fine, with("request_rate", 601.into()), fine, without("session_time"), 7, null]});
    let at = |position: u32, name: &str| json!(["body", "logs", position, name]);
    let expected = [
        ("less_than_equal", at(1, "request_rate")),
        ("missing", at(3, "session_time")),
        ("model_attributes_type", json!(["body", "logs", 4])),
        ("model_attributes_type", json!(["body", "logs", 5])),
    ];
    assert_eq!(faults(&mut connection, path, &logs.to_string()), expected.map(|(kind, loc)| (kind.to_owned(), loc)));
    for (body, kind) in [(json!({}), "missing"), (json!({"logs": null}), "list_type"), (json!({"logs": {}}), "list_type")] {
        assert_eq!(faults(&mut connection, path, &body.to_string()), [(kind.to_owned(), json!(["body", "logs"]))], "{body}");
    }
    let statistics = connection.get("/behavior/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["stored_records"]), (&0.into(), &0.into()), "nothing was judged");
}

#[test]
fn what_one_request_may_ask_is_bounded() {
    let (_folder, _server, mut connection) = server();
    let batch = |session: &Value, times: usize| format!(r#"{{"logs":[{}]}}"#, vec![session.to_string(); times].join(","));
    let fine = session(CASES[4].0);
    let (status, answer) = connection.send("POST", "/behavior/predict-batch", &batch(&fine, 65_537)).unwrap();
    let text = answer["detail"].as_str().unwrap();
    assert!(status == 413 && text.contains("sessions") && text.contains("at most 65536 are allowed"), "{status} {text}");
    assert_eq!(connection.get("/behavior/statistics")["stored_records"], 0);

    let mut logs = vec![fine; 1_200];
    logs.extend(vec![session(CASES[7].0); 50]);
    let answer = good(&mut connection, "/behavior/predict-batch?explain=true", &json!({ "logs": logs }));
    let explained: Vec<usize> = (0..1_250).filter(|at| answer["results"][at].get("reasons").is_some()).collect();
    assert_eq!(answer["explained_count"], 1_000);
    assert!(explained.iter().copied().eq((0..950).chain(1_200..1_250)), "the anomalous ones first: {explained:?}");

    let filler = "0,".repeat(1 << 20);
    for (path, body, count) in [
        ("/behavior/predict-batch", batch(&json!({}), 60_000), 100),
        ("/behavior/train", batch(&json!({}), 60_000), 100),
        ("/behavior/predict-batch", format!(r#"{{"other":[{filler}0]}}"#), 1),
        ("/behavior/predict", format!(r#"{{"other":[{filler}0]}}"#), 6),
        ("/behavior/predict", format!("[{filler}0]"), 1),
    ] {
        let (status, answer) = connection.send("POST", path, &body).unwrap();
        assert_eq!((status, answer["detail"].as_array().map(Vec::len)), (422, Some(count)), "{path} {body:.40}");
        assert!(answer.to_string().len() < 32 << 10, "{path} {body:.40}");
    }
}

#[test]
fn a_damaged_model_is_reported_and_replaced_by_a_training() {
    let folder = damaged();
    let server = Running::start(folder.path(), &["--only", "behavior"]);
    let mut connection = server.connect();
    let health = connection.get("/behavior/health");
    assert_eq!((&health["status"], &health["model_loaded"]), (&"unhealthy".into(), &false.into()), "{health}");
    let refused = post(&mut connection, "/behavior/predict", &session(CASES[0].0));
    assert_eq!(refused, (500, json!({"detail": "ML models not loaded. Please check server logs."})));
    let refused = post(&mut connection, "/behavior/predict-batch", &json!({"logs": [session(CASES[0].0)]}));
    assert_eq!(refused, (500, json!({"detail": "ML models not loaded"})));
    assert_eq!(faults(&mut connection, "/behavior/predict", &without("session_time").to_string()).len(), 1, "validation comes first");
    let (status, answer) = connection.send("GET", "/behavior/model/info", "").unwrap();
    assert_eq!((status, &answer["detail"]), (503, &"No active model found. Train a model first.".into()));
    let (status, answer) = post(&mut connection, "/behavior/load-model", &json!({}));
    assert!(status == 500 && answer["detail"].as_str().unwrap().contains("checksum"), "{status} {answer}");
    assert_eq!(connection.get("/behavior/features")["total_features"], 6, "told without a model too");

    let trained = good(&mut connection, "/behavior/train", &json!({}));
    assert_eq!(trained["model_version"], "v1.1");
    assert_eq!(good(&mut connection, "/behavior/predict", &session(CASES[0].0))["attack_type"], "Injection");
    assert_eq!(connection.get("/behavior/health")["model_loaded"], true);
}
