//! `/train`: what its clients read of it, and what cannot be learned from.

use crate::client::{done, post, shown};
use crate::fixture::{LESSON, attack, ingested, refused, stream, untrained, with};
use serde_json::{Value, json};

#[test]
fn it_answers_as_its_clients_expect() {
    let (_folder, server) = untrained("");
    let given = stream(0..LESSON);
    let trained = done(&server, "/logs/train", &json!({ "logs": given }));
    assert_eq!((&trained["status"], &trained["message"]), (&"success".into(), &"Model trained successfully".into()), "{trained}");
    assert_eq!(trained["training_samples"], LESSON);
    let count = |name: &str| trained[name].as_u64().unwrap();
    let (train, test) = (count("train_anomalies"), count("test_anomalies"));
    assert!(train <= 48 && test <= 12, "a tenth of either at most, where 5 % are asked for: {trained}");
    assert!((trained["model_accuracy"].as_f64().unwrap() - (1.0 - test as f64 / 120.0)).abs() < 1e-12, "{trained}");
    assert!(trained["timestamp"].as_str().unwrap().ends_with('Z'), "{trained}");
    // What every training answers.
    assert_eq!((&trained["success"], &trained["model_version"], &trained["activated"]), (&true.into(), &"v1.0".into(), &true.into()));
    assert!(trained["training_duration_seconds"].as_f64().unwrap() > 0.0, "{trained}");
    assert_eq!(shown(&server, "/logs/status")["is_trained"], true);
    assert_eq!(shown(&server, "/logs/statistics")["stored_records"], LESSON, "what was learned from is kept as history");
}

#[test]
fn the_held_back_share_is_as_asked_for() {
    let (_folder, server) = untrained("");
    // The last hundred are unlike the others.
    let given: Vec<Value> =
        (0..LESSON).map(|n| if n < 500 { crate::fixture::entry(n) } else { with(n, "response_time", 40.0 + n as f64) }).collect();
    for (share, held) in [(json!(0.1), 60), (json!("0.5"), 300), (json!(1e-9), 1), (json!(0.999_999), LESSON), (Value::Null, 120)] {
        let trained = done(&server, "/logs/train", &json!({ "logs": given, "test_size": share }));
        let (train, test) = (trained["train_anomalies"].as_u64().unwrap(), trained["test_anomalies"].as_u64().unwrap());
        let accuracy = trained["model_accuracy"].as_f64().unwrap();
        assert!((accuracy - (1.0 - test as f64 / held as f64)).abs() < 1e-12 && test <= held as u64, "{share}: {trained}");
        assert!(train <= (LESSON - held) as u64, "{share}: {trained}");
        assert_eq!(trained["training_samples"], LESSON, "{share}");
    }
}

#[test]
fn too_little_to_learn_from_is_said_with_the_number_needed() {
    let (_folder, server) = untrained("");
    for count in [0, 1, 99] {
        let expected = format!("Insufficient training data. Need at least 100 samples, got {count}");
        assert_eq!(refused(&server, "/logs/train", &json!({ "logs": stream(0..count) })), (400, expected), "{count}");
    }
    // Without entries it is the stored history that is learned from.
    for body in ["", "{}", r#"{"logs":null}"#, r#"{"test_size":0.3}"#] {
        let expected = "Insufficient training data. Need at least 100 samples, got 0".to_owned();
        assert_eq!(post(&server, "/logs/train", body).refusal(), (400, expected), "{body}");
    }
    let (status, said) = refused(&server, "/logs/train", &json!({"logs": stream(0..LESSON), "training_params": {"contamination": 0.7}}));
    assert!(status == 400 && said.contains("0.7"), "{status} {said}");
    assert_eq!(shown(&server, "/logs/statistics")["stored_records"], 0, "what was refused is not kept");
    assert_eq!(shown(&server, "/logs/status")["is_trained"], false);
    assert_eq!(done(&server, "/logs/train", &json!({ "logs": stream(0..100) }))["training_samples"], 100);
}

#[test]
fn it_learns_from_the_stream_where_no_entries_are_given() {
    let (_folder, server) = untrained("");
    ingested(&server, &stream(0..LESSON));
    let trained = done(&server, "/logs/train", &json!({"training_params": {"contamination": 0.02, "somebodys_own": 1}}));
    assert_eq!((&trained["status"], &trained["training_samples"]), (&"success".into(), &LESSON.into()), "{trained}");
    assert_eq!(trained["ignored"], json!(["somebodys_own"]), "{trained}");
    assert!(trained["train_anomalies"].is_null() && trained["timestamp"].is_string(), "{trained}");
    let second = done(&server, "/logs/train", &json!({"model_version": "mine", "force": true}));
    assert_eq!((&second["model_version"], &second["activated"]), (&"mine".into(), &true.into()), "{second}");
}

#[test]
fn labels_are_followed_and_samples_counted_as_given() {
    let (_folder, server) = untrained("[detectors.logs]\nmax_training_samples = 400\n");
    let mut given = stream(0..LESSON);
    given.iter_mut().for_each(|entry| entry["label"] = "normal".into());
    given.extend((0..20).map(|n| {
        let mut entry = attack(n);
        entry["label"] = true.into();
        entry
    }));
    let trained = done(&server, "/logs/train", &json!({ "logs": given }));
    assert_eq!(trained["training_samples"], LESSON + 20, "all that were given, not only those that were learned from: {trained}");
    assert!(trained["kept_out"].as_u64().unwrap() > 0 && trained["accuracy_score"].is_number(), "{trained}");
    assert!(trained["test_anomalies"].as_u64().unwrap() >= 20, "the attacks are the newest: {trained}");
    let answer = done(&server, "/logs/detect", &json!({ "logs": [attack(40)] }));
    assert_eq!(answer["anomaly_count"], 1, "{answer}");
}
