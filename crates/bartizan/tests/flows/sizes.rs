//! What large requests cost: batches, refusals, explanations and lessons are bounded, and what is cut is said.

use crate::client::{ask, done, get, post, shown};
use crate::common::{Running, json};
use crate::fixture::{Flow, flows, table};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// Flows that the server has learned from.
const LESSON: u32 = 600;

/// A server with these settings, and a model that scores fast.
fn server(settings: &str) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bartizan.toml"), settings).unwrap();
    table(folder.path(), "train.csv", LESSON, 1, "0.1");
    json(folder.path(), &["train", "flows", "train.csv", "--algorithm", "hbos"]);
    let server = Running::start(folder.path(), &[]);
    (folder, server)
}

/// A body of so many flows.
fn batch(flow: &str, times: usize) -> String {
    format!(r#"{{"flows":[{}]}}"#, vec![flow; times].join(","))
}

/// The most memory that the server has had, in MiB.
fn peak_mib(server: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[test]
fn a_batch_larger_than_the_queue_of_the_store_is_recorded_whole() {
    // 65,536 detections may wait to be written.
    let (_folder, server) = server("[server]\nmax_batch_events = 70000\n");
    let answer = post(&server, "/flows/predict/batch", batch("{}", 70_000)).json();
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), &answer["total_flows"]), (70_000, &70_000.into()));
    let ids: Vec<i64> = predictions.iter().map(|verdict| verdict["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "in the order of the flows");
    let statistics = shown(&server, "/flows/statistics");
    let counts = (&statistics["stored_records"], &statistics["total_requests_analyzed"]);
    assert_eq!(counts, (&(LESSON + 70_000).into(), &70_000.into()), "{statistics}");
    let expected = "Too many flows in one request: at most 70000 are allowed (server.max_batch_events). Send them in several.";
    assert_eq!(post(&server, "/flows/predict/batch", batch("{}", 70_001)).refusal(), (413, expected.to_owned()));
}

#[test]
fn too_many_flows_are_refused_before_the_rest_is_looked_at() {
    let (_folder, server) = server("");
    for body in [batch("{}", 65_537), batch("{}", 65_537).replace("]}", ",no JSON"), batch(r#"{"a":1,"a":2}"#, 65_537)] {
        let (status, text) = post(&server, "/flows/predict/batch", body).refusal();
        assert!(status == 413 && text.contains("at most 65536 are allowed"), "{status} {text}");
    }
    assert_eq!(shown(&server, "/flows/statistics")["stored_records"], LESSON);
    assert_eq!(get(&server, "/flows/health").status, 200);
}

#[test]
fn a_thousand_flows_of_a_batch_are_explained_attacks_first() {
    let (_folder, server) = server("");
    let known: Vec<_> = flows(300, 2, "0.3").iter().map(Flow::public).collect();
    let many: Vec<_> = known.iter().cycle().take(2_500).collect();
    let answer = done(&server, "/flows/predict/batch?explain=1", &json!({ "flows": many }));
    let predictions = answer["predictions"].as_array().unwrap();
    let explained = |verdict: &&Value| verdict.get("reasons").is_some();
    assert_eq!((&answer["explained_count"], predictions.iter().filter(explained).count()), (&1_000.into(), 1_000));
    let (attacks, benign): (Vec<_>, Vec<_>) = predictions.iter().partition(|verdict| verdict["is_anomaly"] == true);
    assert!(attacks.len() > 100 && attacks.len() < 1_000 && attacks.iter().all(explained), "{} attacks", attacks.len());
    assert!(benign.iter().map(explained).is_sorted_by(|a, b| a >= b), "benign ones in their order");
    let few = done(&server, "/flows/predict/batch?explain=1", &json!({ "flows": many[..300] }));
    assert_eq!(few["explained_count"], 300);
    let none = done(&server, "/flows/predict/batch", &json!({ "flows": many[..300] }));
    assert!(none.get("explained_count").is_none() && none["predictions"].as_array().unwrap().iter().all(|v| v.get("reasons").is_none()));
}

#[test]
fn refusals_are_small_however_large_the_body() {
    let (_folder, server) = server("");
    let filler = "0,".repeat(1 << 20);
    for (path, body, count) in [
        ("/flows/predict/batch", batch(r#"{"a":null}"#, 60_000), 100),
        ("/flows/train", batch(r#"{"a":null}"#, 60_000), 100),
        ("/flows/train", format!(r#"{{"flows":[{{}}],"labels":[{}[]]}}"#, "[],".repeat(60_000)), 100),
        ("/flows/predict", format!(r#"{{"other":[{filler}0]}}"#), 1),
        ("/flows/predict", format!(r#"{{"data":[{filler}0]}}"#), 1),
        ("/flows/predict", format!(r#"{{"data":{{"{filler}":null}}}}"#), 1),
        ("/flows/predict/batch", format!("[{filler}0]"), 1),
        ("/flows/predict/batch", format!(r#"{{"flows":{{"a":[{filler}0]}}}}"#), 1),
    ] {
        let answer = post(&server, path, &body);
        assert_eq!(answer.faults().len(), count, "{path} {:.40}", body);
        assert!(answer.text.len() < 32 << 10, "{path} {:.40}: {} bytes", body, answer.text.len());
    }
    let blanks = " ".repeat(filler.len());
    let twice = format!(r#"{{"data":{{"Flow Duration":1,"{blanks}Flow Duration":1}}}}"#);
    let (status, text) = post(&server, "/flows/predict", twice).refusal();
    assert!(status == 400 && text.len() < 1_000, "{status} {text:.100}");
    assert!(peak_mib(&server) < 400, "{} MiB", peak_mib(&server));
}

#[test]
fn training_events_are_sampled_while_they_are_read() {
    let (_folder, server) = server("[detectors.flows]\nmax_training_samples = 2000\n");
    let rows: String = (0..300_000).map(|i| format!("{}\n", i % 10)).collect();
    let params = json!({"algorithm": "isolation_forest", "n_estimators": 20});
    let csv = format!("Flow Duration\n{rows}");
    let listed = batch(r#"{"Flow Duration":1}"#, 100_000);
    let listed = format!(r#"{},"training_params":{params}}}"#, listed.trim_end_matches('}'));
    for (body, met) in [(json!({"csv": csv, "training_params": params}).to_string(), 300_000), (listed, 100_000)] {
        let before = shown(&server, "/flows/statistics")["stored_records"].as_u64().unwrap();
        let answer = post(&server, "/flows/train", body).json();
        assert_eq!(answer["training_samples"], 2_000, "{answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("trained on 2000 flows") && message.ends_with(&format!("sampled from {met}")), "{message}");
        let kept = shown(&server, "/flows/statistics")["stored_records"].as_u64().unwrap() - before;
        assert_eq!(kept, 2_000, "the history is the sample");
    }
    assert!(peak_mib(&server) < 400, "{} MiB", peak_mib(&server));
    // All rows are checked all the same.
    let wrong = json!({"csv": format!("{csv}1,2\n")}).to_string();
    let refused = post(&server, "/flows/train", wrong).refusal();
    assert_eq!(refused, (400, "Training failed: line 300002: 2 fields, expected 1".to_owned()));
    let packed = ask(&server, "POST", "/flows/train", &["content-type: text/csv"], b"\x1f\x8bpacked").refusal();
    assert!(packed.0 == 400 && packed.1.contains("Content-Encoding: gzip"), "{packed:?}");
}
