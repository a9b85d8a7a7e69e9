//! The commands that show what the product does: demo, bench, and the description of its interface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, json, run};

#[test]
fn the_demo_catches_attacks_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let tally = json(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--events", "80", "--rate", "10000"]);
    let count = |name: &str| tally[name].as_u64().unwrap();
    assert_eq!(count("events"), 80);
    assert!(count("attacks") > 0 && count("caught") * 2 > count("attacks"), "{tally}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

#[test]
fn the_demo_stops_at_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::spawn(bartizan(folder.path(), &["demo", "--listen", "127.0.0.1:0", "--rate", "100", "--log-level", "info"]));
    assert_eq!(demo.connect().get("/requests/health")["status"], "healthy");
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
}

#[test]
fn help_lists_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let help = String::from_utf8(run(folder.path(), &["--help"]).stdout).unwrap();
    assert!(help.contains("Exit codes:") && help.contains("  5  the store is locked"), "{help}");
}
