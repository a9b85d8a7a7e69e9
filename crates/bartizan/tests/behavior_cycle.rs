//! Behavior from training to retraining over HTTP, and on the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::Connection;
use common::sessions::{CASES, faults, good, post, server, session, with};

use serde_json::{Value, json};

/// Labelled sessions by a rule of one's own: long ones are reconnaissance, the others are normal.
fn own_rule(count: i64) -> Vec<Value> {
    let session = |i: i64| {
        let seconds = 10 + (i * 37) % 590;
        let mut body = session([i % 5, 1 + (i * 13) % 100, i % 4, 0, 0, seconds]);
        body["label"] = if seconds > 300 { "Recon".into() } else { "Normal".into() };
        body
    };
    (0..count).map(session).collect()
}

fn class_of(connection: &mut Connection, values: [i64; 6]) -> Value {
    good(connection, "/behavior/predict", &session(values))["attack_type"].clone()
}

#[test]
fn it_is_trained_on_the_sessions_given() {
    let (_folder, _server, mut connection) = server();
    let trained = good(&mut connection, "/behavior/train", &json!({ "logs": own_rule(400) }));
    assert_eq!((&trained["success"], &trained["model_version"], &trained["training_samples"]), (&true.into(), &"v1.1".into(), &400.into()));
    assert!(trained["training_duration_seconds"].as_f64().unwrap() > 0.0 && trained["message"].is_string(), "{trained}");
    assert_eq!(class_of(&mut connection, [1, 50, 2, 0, 0, 580]), "Recon");
    assert_eq!(class_of(&mut connection, [1, 50, 2, 0, 0, 40]), "Normal");
    assert_eq!(connection.get("/behavior/statistics")["stored_records"], 402, "what was learned from is kept as history");

    let trained = good(&mut connection, "/behavior/train", &json!({"model_version": "generated"}));
    assert_eq!((&trained["model_version"], trained["training_samples"].as_u64() > Some(10_000)), (&"generated".into(), true));
    assert_eq!(class_of(&mut connection, [1, 50, 2, 0, 0, 580]), "Normal", "without sessions it learns from the generator");
    let (status, trained) = connection.send("POST", "/behavior/train", "").unwrap();
    assert_eq!((status, &trained["model_version"]), (200, &"v1.2".into()), "no body is as good as an empty one: {trained}");
}

#[test]
fn what_cannot_be_learned_from_is_refused_and_not_kept() {
    let (_folder, _server, mut connection) = server();
    let path = "/behavior/train";
    let mut unlabelled = own_rule(120);
    for at in [3, 70] {
        unlabelled[at].as_object_mut().unwrap().remove("label");
    }
    unlabelled[90]["label"] = "Mischief".into();
    let expected = [3, 70, 90].map(|at| ("missing".to_owned(), json!(["body", "logs", at, "label"])));
    let mut found = faults(&mut connection, path, &json!({"logs": unlabelled}).to_string());
    found.iter_mut().for_each(|(kind, _)| *kind = "missing".to_owned());
    assert_eq!(found, expected);
    let (_, answer) = post(&mut connection, path, &json!({ "logs": unlabelled }));
    let five = "'Normal', 'BruteForce', 'Injection', 'DataExfil' or 'Recon'";
    for (fault, (kind, input)) in answer["detail"].as_array().unwrap().iter().zip([
        ("missing", Value::Null),
        ("missing", Value::Null),
        ("literal_error", "Mischief".into()),
    ]) {
        assert!(fault["type"] == kind && fault["input"] == input && fault["msg"].as_str().unwrap().ends_with(five), "{fault}");
    }
    let mut bad = own_rule(120);
    bad[5]["request_rate"] = 0.into();
    let expected = ("greater_than_equal".to_owned(), json!(["body", "logs", 5, "request_rate"]));
    assert_eq!(faults(&mut connection, path, &json!({ "logs": bad }).to_string()), [expected]);
    assert_eq!(faults(&mut connection, path, &json!({"logs": 7}).to_string()), [("list_type".to_owned(), json!(["body", "logs"]))]);
    assert_eq!(faults(&mut connection, path, "[]"), [("model_attributes_type".to_owned(), json!(["body"]))]);
    assert_eq!(faults(&mut connection, path, "{").len(), 1);

    for (body, words) in [
        (json!({ "logs": own_rule(99) }), "Need at least 100 samples, got 99"),
        (json!({"logs": []}), "Need at least 100 samples, got 0"),
        (json!({"logs": own_rule(100), "training_params": {"contamination": 0.9}}), "contamination"),
    ] {
        let (status, answer) = post(&mut connection, path, &body);
        assert!(status == 400 && answer["detail"].as_str().unwrap().contains(words), "{status} {answer}");
    }
    let (status, answer) = post(&mut connection, path, &json!({"logs": own_rule(120), "training_params": {"algorithm": "magic"}}));
    assert_eq!(status, 422, "{answer}");
    let statistics = connection.get("/behavior/statistics");
    assert_eq!((&statistics["stored_records"], &statistics["active_model"]["version"]), (&0.into(), &"v1.0".into()), "{statistics}");
    assert_eq!(connection.get("/behavior/models")["models"].as_array().unwrap().len(), 1);
}

#[test]
fn one_class_alone_teaches_no_classes() {
    let folder = common::sessions::damaged();
    let server = common::Running::start(folder.path(), &["--only", "behavior"]);
    let mut connection = server.connect();
    let normal = vec![with("label", "Normal".into()); 150];
    let (status, answer) = post(&mut connection, "/behavior/train", &json!({ "logs": normal }));
    let detail = answer["detail"].as_str().unwrap();
    assert!(status == 400 && detail.contains("Normal, BruteForce, Injection, DataExfil, Recon"), "{status} {detail}");
    assert_eq!(connection.get("/behavior/health")["model_loaded"], false);
}

#[test]
fn verdicts_are_audited_labelled_and_learned_from() {
    let (_folder, _server, mut connection) = server();
    // A nightly job: as fast as a reconnaissance, and wanted.
    for number in 0..120 {
        let mut body =
            session(if number < 12 { [0, 590, 20, 0, 0, 600] } else { [number % 7, 20 + number, number % 9, 0, 0, 60 + 3 * number] });
        (body["session_id"], body["client"]) = (format!("s{number}").into(), "192.0.2.9".into());
        good(&mut connection, "/behavior/predict", &body);
    }
    let audit = connection.get("/behavior/audit?page_size=100&ip_address=192.0.2.9");
    assert_eq!((&audit["total_records"], &audit["total_pages"], &audit["data"][0]["request_id"]), (&120.into(), &2.into(), &"s119".into()));
    let row = connection.get("/behavior/audit?page=2")["data"].as_array().unwrap().len();
    assert_eq!(row, 20);
    for number in 0..12 {
        let (status, said) =
            connection.send("PUT", &format!("/behavior/label/s{number}"), r#"{"user_label": false, "changed_by": "ada"}"#).unwrap();
        assert_eq!((status, &said["new_label"]), (200, &false.into()), "{said}");
    }
    let (status, absent) = connection.send("PUT", "/behavior/label/nobody", r#"{"user_label": true, "changed_by": "ada"}"#).unwrap();
    assert_eq!((status, absent), (404, json!({"detail": "Request not found"})));
    let statistics = connection.get("/behavior/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["label_corrections"]["total_corrections"]), (&120.into(), &12.into()));

    let retrained = good(&mut connection, "/behavior/retrain", &json!({}));
    assert_eq!((&retrained["old_model_version"], &retrained["new_model_version"]), (&"v1.0".into(), &"v1.1".into()), "{retrained}");
    assert_eq!((&retrained["corrected_labels_used"], &retrained["training_samples"]), (&12.into(), &120.into()), "{retrained}");
    assert!(retrained["accuracy_improvement"].is_number(), "{retrained}");
    for (values, class) in CASES {
        assert_eq!(class_of(&mut connection, values), class, "{values:?} after retraining");
    }
    assert_eq!(good(&mut connection, "/behavior/retrain", &json!({"model_version": "mine"}))["new_model_version"], "mine");
    let models = connection.get("/behavior/models");
    let versions: Vec<(&str, bool)> =
        models["models"].as_array().unwrap().iter().map(|m| (m["model_version"].as_str().unwrap(), m["is_active"] == true)).collect();
    assert_eq!(versions, [("mine", true), ("v1.1", false), ("v1.0", false)]);
    let activated = good(&mut connection, "/behavior/models/v1.0/activate", &json!({}));
    assert_eq!((&activated["old_model_version"], &activated["new_model_version"]), (&"mine".into(), &"v1.0".into()));
    let (status, absent) = post(&mut connection, "/behavior/models/v9/activate", &json!({}));
    assert_eq!((status, absent), (404, json!({"detail": "Model version not found"})));
}

#[test]
fn too_few_labels_do_not_retrain() {
    let (_folder, _server, mut connection) = server();
    let (status, answer) = post(&mut connection, "/behavior/retrain", &json!({}));
    assert_eq!((status, answer), (400, json!({"detail": "Insufficient corrected labels. Need at least 10, got 0"})));
}

#[test]
fn a_verdict_has_what_led_to_it() {
    let (_folder, _server, mut connection) = server();
    let verdict = good(&mut connection, "/behavior/predict", &session(CASES[7].0));
    let found = connection.get(&format!("/behavior/detections/{}", verdict["id"]));
    assert_eq!((&found["is_anomaly"], &found["model_version"]), (&true.into(), &"v1.0".into()), "{found}");
    assert_eq!((&found["sample"]["failed_logins"], &found["sample"]["session_time"]), (&150.0.into(), &600.0.into()), "{found}");
    let reasons = found["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["text"].as_str().unwrap().contains("150 failed logins")), "{found}");
    let shares: Vec<f64> = reasons.iter().map(|reason| reason["share"].as_f64().unwrap()).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[0] > 0.0, "{shares:?}");
    let (status, absent) = connection.send("GET", "/behavior/detections/999", "").unwrap();
    assert_eq!((status, absent), (404, json!({"detail": "Detection not found"})));
}
