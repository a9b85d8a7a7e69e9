//! The life of two detectors of a kind, from generated events to verdicts over HTTP: what every kind has to go through.

use super::{Running, json};
use bartizan_core::{Seed, Timestamp};
use bartizan_domains::kind::{Kind, Plan};
use serde_json::Value;
use std::fs;

/// The name of the second detector.
const SECOND: &str = "second-one";

/// Takes the detector of this kind and one of another name through all commands and both mounts.
pub(crate) fn of_kind<K: Kind>() {
    let (folder, name) = (tempfile::tempdir().unwrap(), K::NAME);
    let at = folder.path();
    fs::write(at.join("bartizan.toml"), format!("[detectors.{SECOND}]\nkind = \"{name}\"\ncontamination = 0.03\n")).unwrap();
    let rows = ["--rows", "600", "--labels"];
    for detector in [name, SECOND] {
        json(at, &[&["generate", detector, "--out", "events", "--seed", "1"] as &[&str], &rows].concat());
        json(at, &[&["generate", detector, "--out", "others", "--seed", "2"] as &[&str], &rows].concat());
        let trained = json(at, &["train", detector, "events", "--model-version", &format!("v-{detector}")]);
        assert!(trained["training_samples"].as_u64().unwrap() >= 500, "{trained}");
        assert_eq!(json(at, &["score", detector, "others"])["scored"], 600);
        assert!(json(at, &["evaluate", detector, "others"])["roc_auc"].as_f64().unwrap() > 0.5);
        let models = json(at, &["models", "list", detector]);
        assert_eq!(models["models"][0]["model_version"], format!("v-{detector}"), "{models}");
        assert_eq!(models["models"].as_array().unwrap().len(), 1, "each has models of its own: {models}");
    }
    let shown = json(at, &["config", "show"]);
    let origin = |setting: &str| shown["settings"].as_array().unwrap().iter().find(|s| s["setting"] == setting).map(|s| &s["origin"]);
    assert_eq!(origin(&format!("detectors.{SECOND}.contamination")).unwrap(), "bartizan.toml:3");
    assert_eq!(origin(&format!("detectors.{SECOND}.seed")).unwrap(), "default");
    for own in K::SETTINGS.own {
        assert!(origin(&format!("detectors.{SECOND}.{}", own.name)).is_some(), "{}", own.name);
    }
    served::<K>(at);
}

fn served<K: Kind>(at: &std::path::Path) {
    let server = Running::start(at, &["--only", &format!("{},{SECOND}", K::NAME), "--root", SECOND]);
    let mut client = server.connect();
    let plan = Plan { rows: 3, attack_share: 0.0, start: Timestamp::from_secs(1_770_000_000), gap_secs: 1.0, traffic: "" };
    for record in K::generate(plan, Seed(3)) {
        for prefix in [&format!("/{}", K::NAME), &format!("/{SECOND}"), ""] {
            let path = format!("{prefix}{}", K::JUDGED_AT);
            let (status, answer) = client.send("POST", &path, &K::body(&record).to_string()).unwrap();
            assert!(status == 200 && (answer["is_anomaly"].is_boolean() || answer["isAnomaly"].is_boolean()), "{path}: {answer}");
        }
    }
    let document = client.get("/openapi.json");
    let printed = json(at, &["openapi"]);
    for paths in [&document["paths"], &printed["paths"]] {
        for detector in [K::NAME, SECOND] {
            assert!(paths[format!("/{detector}{}", K::JUDGED_AT)]["post"].is_object(), "{detector}");
        }
    }
    let info = client.get(&format!("/{SECOND}"));
    assert_eq!((&info["detector"], &info["kind"]), (&Value::from(SECOND), &Value::from(K::NAME)));
    let (status, _) = client.send("GET", "/status", "").unwrap();
    assert_eq!(status, 200, "the second one is at the root, too");
    let row = client.get(&format!("/{SECOND}/audit"))["data"][0]["id"].to_string();
    assert_eq!(json(at, &["label", SECOND, &row, "--legitimate", "--by", "ada"])["new_label"], "legitimate");
    assert_eq!(server.stop().0, Some(0));
}
