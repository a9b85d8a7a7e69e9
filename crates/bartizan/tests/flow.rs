//! From generated traffic to a model, its scores, its measures, and back through a file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, attack, browser, fails, generate, json, run, stderr};
use std::fs;

#[test]
fn generate_train_score_evaluate() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 1000, 1);
    generate(at, "test.ndjson", 500, 2);

    let trained = json(at, &["train", "requests", "train.ndjson"]);
    assert_eq!(trained["model_version"], "v1.0");

    let scored = json(at, &["score", "requests", "test.ndjson", "--top", "5", "--out", "scores.csv"]);
    let worst = scored["worst"].as_array().unwrap();
    assert_eq!((worst.len(), scored["scored"].as_u64()), (5, Some(500)));
    assert!(!worst[0]["reasons"].as_array().unwrap().is_empty(), "{scored}");
    let grades: Vec<f64> = worst.iter().map(|event| event["grade"].as_f64().unwrap()).collect();
    assert!(grades.is_sorted_by(|a, b| a >= b), "{grades:?}");
    assert_eq!(fs::read_to_string(at.join("scores.csv")).unwrap().lines().count(), 501);

    let stored = json(at, &["evaluate", "requests", "test.ndjson"]);
    assert!(stored["roc_auc"].as_f64().unwrap() > 0.9, "{stored}");
    let split = json(at, &["evaluate", "requests", "train.ndjson", "--split", "0.3", "--seed", "3"]);
    assert!(split["roc_auc"].as_f64().unwrap() > 0.9, "{split}");
    let fitted = json(at, &["evaluate", "requests", "test.ndjson", "--fit-on", "train.ndjson", "--data-dir", "untouched"]);
    assert!(fitted["roc_auc"].as_f64().unwrap() > 0.9, "{fitted}");
    assert!(!at.join("untouched").exists());

    let table = run(at, &["score", "requests", "test.ndjson", "--top", "3"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("500 events scored"), "{}", stderr(&table));
}

#[test]
fn a_detector_is_compared_with_another_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 2000, 1);
    generate(at, "test.ndjson", 500, 2);
    fs::write(
        at.join("b.toml"),
        "[detectors.requests]\nrule_requests_per_minute = 1000000\nrule_errors_per_hour = 1000000\nrule_agent_risk = 9\n",
    )
    .unwrap();
    for (name, arguments, others) in [
        ("split", &["train.ndjson", "--against", "rules"][..], 0.05..=0.9),
        ("split as asked", &["train.ndjson", "--against", "rules", "--split", "0.5", "--by", "random"], 0.05..=0.9),
        ("fitted on another file", &["test.ndjson", "--fit-on", "train.ndjson", "--against", "rules"], 0.05..=0.9),
        ("limits that nothing exceeds", &["train.ndjson", "--against", "rules", "--config", "b.toml"], 0.0..=0.0),
        (
            "parameters are the detector's",
            &["train.ndjson", "--against", "tails", "--algorithm", "hbos", "--param", "n_bins=20"],
            0.5..=1.0,
        ),
    ] {
        let arguments = [&["evaluate", "requests", "--data-dir", "untouched"][..], arguments].concat();
        let measured = json(at, &arguments);
        let against = &measured["against"];
        let recall = against["other"]["recall"].as_f64().unwrap();
        assert!(others.contains(&recall) && against["own"]["recall"] == measured["recall"], "{name}: {against}");
        assert_eq!(against["same_recall"].is_null(), recall == 0.0, "{name}: {against}");
        assert!(against["same_recall"]["recall"].as_f64().is_none_or(|same| same >= recall), "{name}: {against}");
        let said = match (recall > 0.0, against["fewer_false_positives_percent"].is_number()) {
            (false, _) => "catches none of the anomalous events",
            (true, true) => "false positives: ",
            (true, false) => "gives no false positives; ",
        };
        let text = run(at, &arguments);
        assert!(String::from_utf8_lossy(&text.stdout).contains(said), "{name}: {}", stderr(&text));
    }
    assert!(!at.join("untouched").exists());
    assert!(json(at, &["evaluate", "requests", "train.ndjson", "--split", "0.3"])["against"].is_null());
    assert!(fails(at, &["evaluate", "requests", "train.ndjson", "--against", "magic"], 2).contains("unknown algorithm \"magic\""));
    json(at, &["generate", "flows", "--rows", "500", "--labels", "--out", "flows.csv"]);
    let said = fails(at, &["evaluate", "flows", "flows.csv", "--against", "rules"], 2);
    assert!(said.contains("rules looks at features that are marked for it, and this kind of event has none"), "{said}");
}

#[test]
fn every_algorithm_trains_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 400, 1);
    for algorithm in bartizan_estimators::Algorithm::NAMES {
        let data = ["--data-dir", *algorithm];
        let train = ["train", "requests", "train.ndjson", "--algorithm", *algorithm, "--one-false-alarm-in", "20"];
        let trained = json(at, &[&train[..], &data[..]].concat());
        assert_eq!(trained["model_version"], "v1.0", "{algorithm}: {trained}");
        let scored = json(at, &[&["score", "requests", "train.ndjson", "--top", "3"][..], &data[..]].concat());
        assert_eq!(scored["scored"], 400, "{algorithm}: {scored}");
        let models = json(at, &[&["models", "list", "requests"][..], &data[..]].concat());
        assert_eq!(models["models"][0]["algorithm"], *algorithm, "{models}");
    }
    let other = fails(at, &["train", "requests", "train.ndjson", "--algorithm", "hbos", "--param", "nu=0.1"], 2);
    assert!(other.contains("hbos has no parameter \"nu\""), "{other}");
}

#[test]
fn tuning_compares_all_and_reports_the_criterion() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 400, 1);
    let tuned = json(at, &["tune", "requests", "train.ndjson"]);
    assert_eq!((&tuned["criterion"], &tuned["untried"]), (&"labels".into(), &0.into()), "{tuned}");
    let trials = tuned["trials"].as_array().unwrap();
    assert!(trials.len() > bartizan_estimators::Algorithm::NAMES.len(), "{tuned}");
    let figures: Vec<f64> = trials.iter().filter_map(|trial| trial["criterion"].as_f64()).collect();
    assert!(figures.is_sorted_by(|a, b| a >= b) && figures[0] > 0.9, "{tuned}");
    let table = run(at, &["tune", "requests", "train.ndjson", "--time-secs", "1"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("To train the first: bartizan train requests"), "{}", stderr(&table));
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.ndjson", "b.ndjson"] {
        generate(folder.path(), name, 200, 7);
    }
    generate(folder.path(), "c.ndjson", 200, 8);
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    assert!(read("a.ndjson") == read("b.ndjson") && read("a.ndjson") != read("c.ndjson"));
}

#[test]
fn bad_data_has_code_3_and_no_model_code_4() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("binary"), [0u8, 159, 146, 150].repeat(100)).unwrap();
    fs::write(at.join("empty"), "").unwrap();
    generate(at, "few.ndjson", 20, 1);
    for file in ["binary", "empty", "missing"] {
        let text = fails(at, &["import", "requests", file], 3);
        assert!(text.contains(file), "{text}");
    }
    assert!(fails(at, &["train", "requests", "few.ndjson"], 3).contains("at least 100 are needed, and there are 20"));
    assert!(fails(at, &["score", "requests", "few.ndjson"], 4).contains("train"));
    assert!(fails(at, &["label", "requests", "nobody", "--legitimate", "--by", "me"], 3).contains("nobody"));
    for action in ["activate", "delete"] {
        fails(at, &["models", action, "requests", "v9"], 4);
    }
}

#[test]
fn models_travel_as_files_and_damage_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 400, 1);
    json(at, &["train", "requests", "train.ndjson"]);
    json(at, &["train", "requests"]);
    json(at, &["models", "export", "requests", "v1.0", "--out", "model.bin"]);
    let file = fs::read(at.join("model.bin")).unwrap();
    for length in [0, 1, 10, file.len() / 2, file.len() - 1] {
        fs::write(at.join("cut.bin"), &file[..length]).unwrap();
        let text = fails(at, &["models", "import", "requests", "cut.bin", "--data-dir", "other"], 3);
        assert!(text.contains("cut.bin"), "{text}");
    }
    let imported = json(at, &["models", "import", "requests", "model.bin", "--data-dir", "other", "--model-version", "v7"]);
    assert_eq!(imported["model_version"], "v7");
    let carried = json(at, &["models", "show", "requests", "v7", "--data-dir", "other"]);
    assert_eq!(carried["training_samples"], json(at, &["models", "show", "requests", "v1.0"])["training_samples"]);
    fails(at, &["score", "requests", "train.ndjson", "--data-dir", "other"], 4);
    json(at, &["models", "activate", "requests", "v7", "--data-dir", "other"]);
    json(at, &["score", "requests", "train.ndjson", "--data-dir", "other"]);

    for (version, said) in [("v1.0", "v1.0 already"), ("v1.1", "v1.1 already, and it is the active one")] {
        let text = fails(at, &["models", "import", "requests", "model.bin", "--model-version", version], 2);
        assert!(text.contains(said) && text.contains("--replace"), "{text}");
    }
    for taken in ["none", "learning"] {
        fails(at, &["models", "import", "requests", "model.bin", "--model-version", taken], 2);
        fails(at, &["train", "requests", "train.ndjson", "--model-version", taken], 2);
    }
    let replaced = json(at, &["models", "import", "requests", "model.bin", "--model-version", "v1.1", "--replace"]);
    assert_eq!((&replaced["is_active"], &replaced["replaced"]), (&true.into(), &true.into()));
    assert_eq!(json(at, &["models", "show", "requests"])["sha256"], json(at, &["models", "show", "requests", "v1.0"])["sha256"]);

    assert!(fails(at, &["models", "delete", "requests", "v1.1"], 4).contains("active"));
    json(at, &["models", "activate", "requests", "v1.0"]);
    json(at, &["models", "delete", "requests", "v1.1"]);
    let models = json(at, &["models", "list", "requests"]);
    assert_eq!(models["models"].as_array().unwrap().len(), 1);
}

#[test]
fn the_served_verdict_is_labelled_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "train.ndjson", 1000, 1);
    json(at, &["train", "requests", "train.ndjson"]);
    let server = Running::start(at, &[]);
    let mut connection = server.connect();
    let (status, bad) = connection.send("POST", "/requests/analyze", &attack("bad")).unwrap();
    assert_eq!((status, bad["isAnomaly"].as_bool()), (200, Some(true)), "{bad}");
    let (status, _) = connection.send("POST", "/requests/analyze", &browser("good")).unwrap();
    assert_eq!(status, 200);
    assert_eq!(json(at, &["label", "requests", "bad", "--anomalous", "--by", "ada"])["new_label"], "anomalous");
    let audit = connection.get("/requests/audit?has_user_label=true");
    assert_eq!((&audit["data"][0]["request_id"], audit["data"][0]["user_label"].as_bool()), (&"bad".into(), Some(true)));
}

#[test]
fn labels_of_requests_are_read_from_the_field_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    generate(at, "usual.ndjson", 600, 1);
    let text = std::fs::read_to_string(at.join("usual.ndjson")).unwrap();
    std::fs::write(at.join("named.ndjson"), text.replace("\"label\":", "\"truth\":")).unwrap();
    let usual = json(at, &["train", "requests", "usual.ndjson", "--data-dir", "usual"]);
    let named = json(at, &["train", "requests", "named.ndjson", "--label-column", "truth", "--data-dir", "named"]);
    assert_eq!(named["training_samples"], usual["training_samples"], "attacks are left out of both");
    let measured = |file, words: &[&str]| {
        let mut document = json(at, &[&["evaluate", "requests", file, "--data-dir", "usual"], words].concat());
        // The files have other names.
        document["files"].take();
        document
    };
    assert_eq!(measured("named.ndjson", &["--label-column", "truth"]), measured("usual.ndjson", &[]));
    for command in ["train", "evaluate", "tune", "score", "import"] {
        let said = fails(at, &[command, "requests", "named.ndjson", "--label-column", "nope", "--data-dir", "usual"], 3);
        assert!(said.contains("no column or field \"nope\" to read labels from; there are request_id, ip_address,"), "{command}: {said}");
        assert!(said.contains("truth") && said.contains("--label-column"), "{command}: {said}");
    }
}
