//! Status, models and labels.

use crate::client::{ask, done, get, post, shown};
use crate::common::{Running, json as run_json};
use crate::fixture::{LESSON, attack, entry, ingested, refused, score, scores, stream, trained, untrained};
use bartizan_storage::ModelRepository as _;
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use serde_json::{Value, json};
use std::path::Path;

/// Changes a byte of the active model in the store.
fn damage(folder: &Path) {
    let done = async {
        let store = SqliteStore::open(SqliteOptions::new(folder.join("bartizan-data/bartizan.db"))).unwrap();
        let mut model = store.active_model("logs").await.unwrap().unwrap();
        let middle = model.blob.len() / 2;
        model.blob[middle] ^= 1;
        store.store_model(model, true).await.unwrap();
        store.close().await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(done);
}

#[test]
fn status_before_and_after_training() {
    let (_folder, server) = untrained("");
    let status = shown(&server, "/logs/status");
    assert_eq!(status["is_trained"], false, "{status}");
    assert!(status["training_date"].is_null() && status["model_accuracy"].is_null() && status["feature_count"] == 0, "{status}");
    let features = shown(&server, "/logs/features");
    let count = features["feature_count"].as_u64().unwrap();
    assert!(count >= 14 && features["features"].as_array().unwrap().len() as u64 == count, "told without a model too: {features}");
    assert_eq!(features["details"].as_array().unwrap().len() as u64, count);
    assert_eq!(get(&server, "/logs/model/info").refusal(), (503, "No active model found. Train a model first.".to_owned()));
    assert_eq!(shown(&server, "/logs/models")["models"], json!([]));

    let trained = done(&server, "/logs/train", &json!({ "logs": stream(0..LESSON) }));
    let status = shown(&server, "/logs/status");
    assert_eq!((&status["is_trained"], &status["feature_count"]), (&true.into(), &count.into()), "{status}");
    assert!(status["training_date"].as_str().unwrap().ends_with('Z'), "{status}");
    // The one is of the newest entries, the other of those held back all over the lesson.
    let [told, said] = [&status, &trained].map(|answer| answer["model_accuracy"].as_f64().unwrap());
    assert!((told - said).abs() < 0.1 && (0.9..=1.0).contains(&told), "{status} {trained}");
    let info = shown(&server, "/logs/model/info");
    assert_eq!((&info["n_features"], &info["model_version"]), (&count.into(), &"v1.0".into()), "{info}");
    let listed = info["features"].as_array().unwrap();
    assert!(
        listed.len() == 11 && listed[10] == "..." && info["parameters"].is_object() && info["performance_metrics"].is_object(),
        "{info}"
    );
    let health = shown(&server, "/logs/health");
    assert!(health["status"] == "healthy" && health["timestamp"].as_str().unwrap().ends_with('Z'), "{health}");
}

#[test]
fn a_model_is_loaded_from_the_store_again() {
    let (folder, server) = untrained("");
    assert_eq!(post(&server, "/logs/load-model", "").refusal(), (404, "No trained model found on disk".to_owned()));
    done(&server, "/logs/train", &json!({ "logs": stream(0..LESSON) }));
    let logs = stream(LESSON..LESSON + 30);
    let expected = scores(&server, &logs);
    let loaded = done(&server, "/logs/load-model", &json!({}));
    assert_eq!((&loaded["status"], &loaded["message"]), (&"success".into(), &"Model loaded successfully".into()), "{loaded}");
    assert_eq!(post(&server, "/logs/load-model", "").status, 200, "without a body too");
    assert_eq!(scores(&server, &logs), expected);
    // Another process has trained.
    run_json(folder.path(), &["train", "logs"]);
    assert_eq!(done(&server, "/logs/load-model", &json!(null))["model_version"], "v1.1");
    assert_eq!(server.stop().0, Some(0));

    damage(folder.path());
    let server = Running::start(folder.path(), &["--only", "logs"]);
    let (status, said) = post(&server, "/logs/load-model", "").refusal();
    assert!(status == 500 && said.contains("checksum"), "{status} {said}");
    let sentence = "Model not trained. Please train the model first.".to_owned();
    assert_eq!(refused(&server, "/logs/detect", &json!({ "logs": logs })), (400, sentence));
    assert_eq!(shown(&server, "/logs/status")["is_trained"], false);
    done(&server, "/logs/train", &json!({ "logs": stream(0..LESSON) }));
    assert_eq!(scores(&server, &logs).len(), 30, "a training replaces it");
}

#[test]
fn a_restart_keeps_model_and_windows() {
    let (folder, server) = trained();
    let logs = stream(LESSON + 40..LESSON + 80);
    ingested(&server, &stream(LESSON..LESSON + 40));
    let expected = scores(&server, &logs);
    assert_eq!(server.stop().0, Some(0));
    let server = Running::start(folder.path(), &["--only", "logs"]);
    assert_eq!(shown(&server, "/logs/status")["is_trained"], true);
    assert_eq!(scores(&server, &logs), expected);
    server.kill();
    let server = Running::start(folder.path(), &["--only", "logs"]);
    assert_eq!(scores(&server, &logs), expected);
}

fn label(server: &Running, id: &Value, is_attack: bool) -> (u16, Value) {
    let body = json!({"user_label": is_attack, "changed_by": "ada"}).to_string();
    let answer = ask(server, "PUT", &format!("/logs/label/{id}"), &["content-type: application/json"], body);
    (answer.status, answer.json())
}

#[test]
fn what_detect_says_is_recorded_labelled_and_learned_from() {
    let (_folder, server) = trained();
    let logs: Vec<Value> = stream(LESSON..LESSON + 50).into_iter().chain((0..10).map(attack)).collect();
    let answer = done(&server, "/logs/detect", &json!({"logs": logs, "threshold": 0}));
    let audit = shown(&server, "/logs/audit?page_size=100");
    let rows = audit["data"].as_array().unwrap();
    assert_eq!((&audit["total_records"], rows.len()), (&60.into(), 60));
    let newest = &rows[0];
    assert_eq!(
        (&newest["endpoint"], &newest["http_method"], &newest["is_anomaly"]),
        (&logs[59]["endpoint"], &"DELETE".into(), &true.into())
    );
    let anomalies = answer["anomalies"].as_array().unwrap();
    for (number, anomaly) in anomalies.iter().enumerate() {
        let was = anomaly["anomaly_score"].as_f64().unwrap() < -0.5;
        let (status, said) = label(&server, &anomaly["id"], number >= 50);
        assert_eq!((status, &said["old_label"], &said["request_id"]), (200, &was.into(), &anomaly["id"]), "{said}");
    }
    assert_eq!(label(&server, &json!(999_999), true).0, 404);
    let retrained = done(&server, "/logs/retrain", &json!({"force": true}));
    assert_eq!((&retrained["old_model_version"], &retrained["new_model_version"]), (&"v1.0".into(), &"v1.1".into()), "{retrained}");
    assert_eq!(retrained["corrected_labels_used"], 60, "{retrained}");
    assert!(score(&server, &attack(20)) < -0.5);
    let cleared = scores(&server, &logs[..50]).iter().filter(|score| **score < -0.5).count();
    assert!(cleared <= 2, "{cleared} of 50 entries that were called legitimate are flagged");
    let detection = shown(&server, &format!("/logs/detections/{}", anomalies[55]["id"]));
    assert!(detection["is_anomaly"] == true && !detection["reasons"].as_array().unwrap().is_empty(), "{detection}");
    assert_eq!(detection["sample"].as_object().unwrap().len() as u64, shown(&server, "/logs/features")["feature_count"].as_u64().unwrap());
}

#[test]
fn what_was_flagged_and_not_cleared_is_not_learned_as_normal() {
    let (_folder, server) = trained();
    ingested(&server, &stream(LESSON..LESSON + 100));
    ingested(&server, &(0..30).map(attack).collect::<Vec<_>>());
    let trained = done(&server, "/logs/train", &json!({"force": true}));
    assert!(trained["kept_out"].as_u64().unwrap() >= 30, "{trained}");
    assert!(score(&server, &attack(50)) < -0.5);
    assert!(score(&server, &entry(LESSON + 101)) > -0.6);
}

#[test]
fn models_are_listed_and_activated() {
    let (_folder, server) = trained();
    done(&server, "/logs/train", &json!({"logs": stream(0..LESSON), "model_version": "mine", "force": true}));
    let models = shown(&server, "/logs/models")["models"].clone();
    let listed: Vec<_> =
        models.as_array().unwrap().iter().map(|model| (model["model_version"].clone(), model["is_active"].clone())).collect();
    assert_eq!(listed, [("mine".into(), true.into()), ("v1.0".into(), false.into())]);
    let activated = done(&server, "/logs/models/v1.0/activate", &json!(null));
    assert_eq!((&activated["old_model_version"], &activated["new_model_version"]), (&"mine".into(), &"v1.0".into()), "{activated}");
    assert_eq!(done(&server, "/logs/detect", &json!({"logs": []}))["model_version"], "v1.0");
    assert_eq!(post(&server, "/logs/models/v7/activate", "").refusal(), (404, "Model version not found".to_owned()));
}
