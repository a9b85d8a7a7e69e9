//! A kind more costs its two folders and one line. Built with the feature `sixth-kind` alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use bartizan_domains::pulses::Pulses;
use common::{Running, fails, json};
use std::fs;

#[test]
fn it_goes_through_everything() {
    common::life::of_kind::<Pulses>();
}

#[test]
fn it_is_described_configured_and_named_wherever_kinds_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let document = json(at, &["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    for path in ["/pulses/judge", "/pulses/models", "/pulses/audit", "/pulses/label/{id}", "/pulses/openapi.json"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let schema = json(at, &["config", "schema"]);
    let section = &schema["properties"]["detectors"]["properties"]["pulses"]["properties"];
    assert_eq!((&section["n_neighbours"]["default"], &section["algorithm"]["default"]), (&7.into(), &"knn".into()), "{section}");
    assert!(fails(at, &["train", "pulse", "none"], 2).contains("requests, logs, flows, behavior, pulses"));
    fs::write(at.join("bartizan.toml"), "[detectors.flows]\nn_neighbours = 3\n").unwrap();
    let text = fails(at, &["config", "check"], 2);
    assert!(text.contains("a detector of kind pulses has one, this one is of kind flows"), "{text}");
}

#[test]
fn its_own_setting_reaches_the_algorithm_and_an_attack_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("bartizan.toml"), "[detectors.pulses]\nn_neighbours = 3\n").unwrap();
    json(at, &["generate", "pulses", "--rows", "500", "--attack-share", "0", "--out", "pulses.ndjson"]);
    json(at, &["train", "pulses", "pulses.ndjson"]);
    let model = json(at, &["models", "show", "pulses"]);
    assert_eq!(model["algorithm"], "knn", "{model}");
    assert!(model.to_string().contains("n_neighbours"), "{model}");
    let server = Running::start(at, &["--only", "pulses"]);
    let late = r#"{"host": "host-1", "service": "scheduler", "interval_secs": 70, "missed": 4}"#;
    let (status, verdict) = server.connect().send("POST", "/pulses/judge?explain=true", late).unwrap();
    assert_eq!((status, &verdict["is_anomaly"]), (200, &true.into()), "{verdict}");
    assert!(verdict["reasons"][0]["text"].is_string(), "{verdict}");
    let (status, refusal) = server.connect().send("POST", "/pulses/judge", "{}").unwrap();
    assert_eq!((status, refusal["detail"].as_array().unwrap().len()), (422, 3), "{refusal}");
}
