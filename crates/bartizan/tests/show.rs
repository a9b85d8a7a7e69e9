//! The commands that show what the product does: demo, bench, and the description of its interface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, json, run};

#[test]
fn the_demo_catches_attacks_and_ends_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let tally = json(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--events", "800", "--rate", "10000"]);
    let count = |name: &str| tally[name].as_u64().unwrap();
    assert_eq!(count("events"), 800);
    assert!(count("attacks") > 0 && count("caught") * 10 > count("attacks") * 9, "{tally}");
    // It says that about one in a hundred normal events is to be flagged.
    assert!(count("false_alarms") * 50 <= count("events") - count("attacks"), "{tally}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

#[test]
fn the_demo_stops_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::spawn(bartizan(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--rate", "100", "--log-level", "info"]));
    assert_eq!(demo.connect().send("GET", "/requests/health", "").unwrap().0, 200);
    assert_eq!(demo.stop().0, Some(0));
}

#[test]
fn the_benchmark_measures_something() {
    let folder = tempfile::tempdir().unwrap();
    let figures = json(folder.path(), &["bench", "--rows", "1000", "--seconds", "0.1", "--clients", "2"]);
    assert_eq!(figures["isolation_forest"].as_array().unwrap().len(), 2);
    assert!(figures["isolation_forest"][0]["rows_per_sec"].as_f64().unwrap() > 0.0, "{figures}");
    assert!(figures["service"][0]["requests"].as_u64().unwrap() > 0, "{figures}");
}

#[test]
fn the_interface_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let document = json(folder.path(), &["openapi"]);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/requests/analyze"]["post"].is_object());
    let schemas = &document["components"]["schemas"];
    // Bounds of the six counters of a session, whether to judge it or to learn from it.
    for schema in ["SessionBody", "LabelledSession"] {
        for (field, least, most) in [
            ("failed_logins", 0, 150),
            ("request_rate", 1, 600),
            ("commands_count", 0, 20),
            ("sql_payload", 0, 1),
            ("honeytoken_access", 0, 1),
            ("session_time", 10, 600),
        ] {
            let described = &schemas[schema]["properties"][field];
            assert_eq!((&described["minimum"], &described["maximum"]), (&least.into(), &most.into()), "{schema}.{field}");
            assert!(schemas[schema]["required"].as_array().unwrap().contains(&field.into()), "{schema}.{field}");
        }
    }
    for (pointer, expected) in [
        ("/FlowsBody/properties/flows/minItems", 1),
        ("/FlowBody/properties/data/minProperties", 1),
        ("/FlowsTrainBody/properties/flows/minItems", 100),
        ("/BehaviorTrainBody/properties/logs/minItems", 100),
        ("/TrainBody/properties/model_version/minLength", 1),
        ("/RetrainBody/properties/model_version/maxLength", 64),
        ("/LabelBody/properties/changed_by/maxLength", 256),
    ] {
        assert_eq!(schemas.pointer(pointer), Some(&expected.into()), "{pointer}");
    }
    for (path, required) in [("/requests/train", true), ("/requests/retrain", true), ("/flows/train", false), ("/behavior/train", false)] {
        assert_eq!(document["paths"][path]["post"]["requestBody"]["required"].as_bool().unwrap_or(false), required, "{path}");
    }
    for (schema, nullable) in [("TrainBody", false), ("RetrainNamedBody", false), ("RetrainBody", true), ("FlowsTrainBody", true)] {
        let types = &schemas[schema]["properties"]["model_version"]["type"];
        assert_eq!(types.as_array().is_some_and(|types| types.contains(&"null".into())), nullable, "{schema}: {types}");
    }
}

#[test]
fn help_lists_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let help = String::from_utf8(run(folder.path(), &["--help"]).stdout).unwrap();
    assert!(help.contains("Exit codes:") && help.contains("  5  the store is locked"), "{help}");
}
