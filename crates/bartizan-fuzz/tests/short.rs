//! A short campaign on every target: the same inputs each time.

use bartizan_core::Seed;
use bartizan_fuzz::{Campaign, targets};

/// Inputs of each target.
const INPUTS: u64 = 1_500;

fn holds(prefix: &str) {
    let campaign = Campaign { inputs: INPUTS, seed: Seed(12), time: false };
    let mut faults = Vec::new();
    for target in targets::all().iter().filter(|target| target.name.starts_with(prefix)) {
        let report = campaign.run(target);
        assert_eq!(report.inputs, INPUTS);
        faults.extend(report.failures.iter().map(|failure| {
            let start: String = String::from_utf8_lossy(&failure.input).chars().take(200).collect();
            format!("{}: input {} ({} bytes, {start:?}): {}", target.name, failure.index, failure.input.len(), failure.fault)
        }));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_are_read_within_their_bounds() {
    holds("files-");
}

#[test]
fn times_and_raw_json_are_read_within_their_bounds() {
    holds("timestamp");
    holds("raw-json");
}

#[test]
fn stored_events_are_read_within_their_bounds() {
    holds("stored-");
}
