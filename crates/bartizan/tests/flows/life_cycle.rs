//! The life cycle that every detector has, with flows.

use crate::client::{ask, done, get, post, shown};
use crate::common::{Running, fails, json as run_json};
use crate::fixture::{Flow, flows, normal, trained};
use serde_json::{Value, json};

fn label(server: &Running, id: &str, is_attack: bool) -> (u16, Value) {
    let body = json!({"user_label": is_attack, "changed_by": "ada"}).to_string();
    let answer = ask(server, "PUT", &format!("/flows/label/{id}"), &["content-type: application/json"], body);
    (answer.status, answer.json())
}

fn judge(server: &Running, flows: &[Flow]) -> Vec<Value> {
    let flows: Vec<_> = flows.iter().map(Flow::public).collect();
    let batch = done(server, "/flows/predict/batch", &json!({"flows": flows}));
    batch["predictions"].as_array().unwrap().clone()
}

#[test]
fn verdicts_are_recorded_labelled_and_learned_from() {
    let (_folder, server) = trained(&[]);
    let flows = flows(60, 2, "0.4");
    let verdicts = judge(&server, &flows);
    let attacks = verdicts.iter().filter(|verdict| verdict["is_anomaly"] == true).count();
    let audit = shown(&server, "/flows/audit?page_size=100");
    let rows = audit["data"].as_array().unwrap();
    assert_eq!((&audit["total_records"], rows.len()), (&60.into(), 60), "imported flows are no verdicts");
    for (row, verdict) in rows.iter().rev().zip(&verdicts) {
        assert_eq!((&row["id"], &row["is_anomaly"], &row["confidence"]), (&verdict["id"], &verdict["is_anomaly"], &verdict["certainty"]));
    }
    let anomalous = shown(&server, "/flows/audit?is_anomaly=true&page_size=1");
    assert_eq!((&anomalous["total_records"], &anomalous["total_pages"]), (&attacks.into(), &attacks.into()));
    assert_eq!(get(&server, "/flows/audit?page_size=101").status, 422);

    let before = shown(&server, "/flows/statistics");
    assert_eq!((&before["total_requests_analyzed"], &before["anomaly_count"]), (&60.into(), &attacks.into()), "{before}");
    for verdict in &verdicts {
        let (status, said) = label(&server, &verdict["id"].to_string(), verdict["is_anomaly"] != true);
        assert_eq!((status, &said["old_label"], &said["request_id"]), (200, &verdict["is_anomaly"], &verdict["id"]), "{said}");
    }
    assert_eq!(label(&server, "999999", true).0, 404);
    assert_eq!(label(&server, "nobody", true).0, 404);
    let after = shown(&server, "/flows/statistics");
    let corrections = &after["label_corrections"];
    assert_eq!(
        (&corrections["false_positives_corrected"], &corrections["false_negatives_corrected"]),
        (&attacks.into(), &(60 - attacks).into())
    );

    // Learned from are the flows that were normal from the beginning, and those whose alarm was taken back.
    let learned = normal(&crate::fixture::flows(600, 1, "0.1")) + attacks;
    let retrained = done(&server, "/flows/retrain", &json!({}));
    assert_eq!((&retrained["old_model_version"], &retrained["new_model_version"]), (&"v1.0".into(), &"v1.1".into()));
    assert_eq!((&retrained["training_samples"], &retrained["corrected_labels_used"]), (&learned.into(), &660.into()), "{retrained}");
    assert_eq!(done(&server, "/flows/retrain", &json!({"model_version": "mine"}))["new_model_version"], "mine");
    let active = &shown(&server, "/flows/statistics")["active_model"];
    assert_eq!(active["version"], "mine");
}

#[test]
fn models_are_listed_and_activated() {
    let (folder, server) = trained(&[]);
    done(&server, "/flows/train", &json!({"training_params": {"nu": 0.2}}));
    let versions = || {
        let models = shown(&server, "/flows/models")["models"].as_array().unwrap().clone();
        models.iter().map(|m| (m["model_version"].as_str().unwrap().to_owned(), m["is_active"] == true)).collect::<Vec<_>>()
    };
    let both = |first, second| vec![("v1.1".to_owned(), first), ("v1.0".to_owned(), second)];
    assert_eq!(versions(), both(true, false));
    let model = shown(&server, "/flows/models")["models"][0].clone();
    assert!(model["algorithm"] == "one_class_svm" && model["n_features"] == 78 && model["size_bytes"].as_u64() > Some(1000), "{model}");
    let flow = &flows(1, 3, "0")[..];
    let new = judge(&server, flow)[0]["confidence"].clone();

    let activated = post(&server, "/flows/models/v1.0/activate", "").json();
    assert_eq!((&activated["old_model_version"], &activated["new_model_version"]), (&"v1.1".into(), &"v1.0".into()), "{activated}");
    assert_eq!(versions(), both(false, true));
    assert_ne!(judge(&server, flow)[0]["confidence"], new);
    assert_eq!(post(&server, "/flows/models/v7/activate", "").refusal(), (404, "Model version not found".to_owned()));

    run_json(folder.path(), &["train", "flows"]);
    let loaded = done(&server, "/flows/load-model", &json!(null));
    assert_eq!((&loaded["status"], &loaded["model_version"]), (&"success".into(), &"v1.2".into()), "{loaded}");
    drop(server);
    let server = Running::start(folder.path(), &[]);
    assert_eq!(shown(&server, "/flows/health")["model_version"], "v1.2", "it survives a restart");
}

#[test]
fn a_stored_verdict_has_its_reasons() {
    let (_folder, server) = trained(&[]);
    let flows = flows(40, 2, "0.5");
    for (flow, verdict) in flows.iter().zip(judge(&server, &flows)) {
        let found = shown(&server, &format!("/flows/detections/{}", verdict["id"]));
        assert_eq!((&found["is_anomaly"], &found["grade"]), (&verdict["is_anomaly"], &verdict["grade"]));
        let sample = found["sample"].as_object().unwrap();
        assert_eq!(sample.len(), 78);
        for (name, value) in flow.public() {
            let (kept, given) = (sample[&name].as_f64().unwrap(), value.as_f64().unwrap());
            assert!((kept - given).abs() <= 1e-6 * given.abs(), "{name}: {kept}, given {given}");
        }
        let (score, threshold) = (found["score"].as_f64().unwrap(), found["threshold"].as_f64().unwrap());
        let confidence = verdict["confidence"].as_f64().unwrap();
        assert!((threshold - score - confidence).abs() < 1e-9, "{found}");
        let reasons = found["reasons"].as_array().unwrap();
        assert!(verdict["is_anomaly"] != true || !reasons.is_empty(), "{found}");
        let names: Vec<&str> = reasons.iter().map(|reason| reason["feature"].as_str().unwrap()).collect();
        assert!(names.iter().all(|name| sample.contains_key(*name)) && reasons.iter().all(|r| r["text"].is_string()), "{found}");
    }
    assert_eq!(get(&server, "/flows/detections/0").refusal(), (404, "Detection not found".to_owned()));
    assert_eq!(get(&server, "/flows/detections/x").status, 404);
}

#[test]
fn reasons_are_given_when_asked_for() {
    let (_folder, server) = trained(&[]);
    let attack = flows(40, 2, "1").remove(0);
    for (path, body) in [("/flows/predict", json!({"data": attack.public()})), ("/flows/predict/csv", json!({"csv": attack.fields()}))] {
        let plain = done(&server, path, &body);
        let explained = done(&server, &format!("{path}?explain=true"), &body);
        assert_eq!((&explained["confidence"], &explained["is_anomaly"]), (&plain["confidence"], &true.into()), "{path}: {explained}");
        let reasons = explained["reasons"].as_array().unwrap();
        assert!(!reasons.is_empty() && reasons.iter().all(|r| r["feature"].is_string() && r["text"].is_string()), "{path}: {explained}");
        assert!(plain["reasons"].is_null(), "{path}: {plain}");
    }
    let body = json!({"flows": [attack.public(), {}]});
    let explained = done(&server, "/flows/predict/batch?explain=true", &body);
    assert!(explained["predictions"][0]["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()), "{explained}");
    let wrong = post(&server, "/flows/predict?explain=perhaps", json!({"data": attack.public()}).to_string());
    assert_eq!(wrong.faults(), [("bool_parsing".to_owned(), r#"["query","explain"]"#.to_owned())]);
}

#[test]
fn advice_names_the_kind_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    crate::fixture::table(folder.path(), "flows.csv", 20, 1, "0.5");
    for (arguments, code, part) in [
        (&["score", "flows", "flows.csv"][..], 4, "bartizan train flows FILE"),
        (&["evaluate", "flows", "flows.csv"], 4, "bartizan train flows FILE"),
        (&["train", "flows"], 3, "bartizan import flows FILE"),
        (&["train", "requests"], 3, "bartizan import requests FILE"),
    ] {
        let said = fails(folder.path(), arguments, code);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}
