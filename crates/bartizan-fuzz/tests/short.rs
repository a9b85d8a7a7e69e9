//! A short campaign on targets that read files, stored events and models: the same inputs each time.

mod support;

use bartizan_fuzz::targets::names;
use support::holds;

#[test]
fn tables_and_logs_are_read_within_their_bounds() {
    // All but what the bodies' readers read, which have a campaign of their own.
    let names = names();
    let formats: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("files-")).filter(|name| !name.ends_with("json")).collect();
    holds(&formats, "files-");
}

#[test]
fn times_and_raw_json_are_read_within_their_bounds() {
    holds(&["timestamp", "raw-json"], "");
}

#[test]
fn stored_events_and_models_are_read_within_their_bounds() {
    holds(&["request", "flow", "session"], "stored-");
    holds(&["file", "body"], "model-");
    holds(&["baselines"], "");
}
