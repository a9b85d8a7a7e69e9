//! Runs targets and reports each input that fails.

use bartizan_core::Seed;
use bartizan_fuzz::{Campaign, targets};

/// Inputs of each target.
const INPUTS: u64 = 2_000;

/// Checks that every target with these names, after a prefix, keeps its bounds.
pub(crate) fn holds(names: &[&str], prefix: &str) {
    let campaign = Campaign { inputs: INPUTS, seed: Seed(12), time: false };
    let mut faults = Vec::new();
    let chosen = |name: &str| name.strip_prefix(prefix).is_some_and(|rest| names.iter().any(|known| rest.ends_with(known)));
    for target in targets::all().iter().filter(|target| chosen(target.name)) {
        let report = campaign.run(target);
        assert_eq!(report.inputs, INPUTS);
        faults.extend(report.failures.iter().map(|failure| {
            let start: String = String::from_utf8_lossy(&failure.input).chars().take(200).collect();
            format!("{}: input {} ({} bytes, {start:?}): {}", target.name, failure.index, failure.input.len(), failure.fault)
        }));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
