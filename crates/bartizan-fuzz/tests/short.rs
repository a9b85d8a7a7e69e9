//! A short campaign on targets that read files, stored events and models: the same inputs each time.

mod support;

use bartizan_fuzz::targets::names;
use support::holds;

#[test]
fn tables_and_logs_are_read_within_their_bounds() {
    // Bodies have a campaign of their own, and what two kinds read is read by one reader.
    let names = names();
    let of = |kind: &str| -> Vec<&str> { names.iter().filter_map(|name| name.strip_prefix("files-")?.strip_prefix(kind)).collect() };
    let twice = of("requests-");
    let formats = names.iter().filter_map(|name| name.strip_prefix("files-")).filter(|name| !name.ends_with("json"));
    let other = |name: &str| ["behavior-", "logs-"].iter().find_map(|kind| name.strip_prefix(kind)).map(str::to_owned);
    let formats: Vec<&str> = formats.filter(|name| other(name).is_none_or(|format| !twice.contains(&&*format))).collect();
    holds(&formats, "files-");
}

#[test]
fn times_and_raw_json_are_read_within_their_bounds() {
    holds(&["timestamp", "raw-json"], "");
}

#[test]
fn stored_events_and_models_are_read_within_their_bounds() {
    holds(&["request", "flow", "session", "log"], "stored-");
    holds(&["file", "body"], "model-");
    holds(&["baselines"], "");
}
