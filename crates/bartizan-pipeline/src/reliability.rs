//! Whether confidence holds: how many verdicts were right of those that were about as sure, each kind of verdict by itself, since normal
//! verdicts, which are many, would hide alarms that do not hold.

use bartizan_core::Verdict;
use serde::Serialize;

/// Bounds of the ranges of confidence.
const BOUNDS: [f64; 5] = [0.0, 0.5, 0.8, 0.95, 1.0];

/// Verdicts of one kind that were about as sure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// `anomalous` or `normal`.
    pub verdict: &'static str,
    /// The least confidence of the range, [0, 1).
    pub from: f64,
    /// Where the range ends, (0, 1].
    pub to: f64,
    /// Verdicts.
    pub events: u64,
    /// Their mean confidence, [0, 1].
    pub confidence: f64,
    /// The share of them that was right, [0, 1].
    pub right: f64,
}

/// Counts verdicts, each with its confidence and whether it was right, by ranges; ranges without any are left out. Alarms come first, the
/// surest first.
pub fn reliability(verdicts: impl IntoIterator<Item = (Verdict, f64, bool)>) -> Vec<Reliability> {
    let ranges = BOUNDS.len() - 1;
    let mut sums = [(0_u64, 0.0, 0_u64); 2 * (BOUNDS.len() - 1)];
    for (verdict, confidence, right) in verdicts {
        let range = BOUNDS[1..ranges].iter().filter(|bound| confidence >= **bound).count();
        let sum = &mut sums[range + if verdict.is_anomalous() { ranges } else { 0 }];
        *sum = (sum.0 + 1, sum.1 + confidence, sum.2 + u64::from(right));
    }
    let filled = sums.iter().enumerate().rev().filter(|(_, sum)| sum.0 > 0);
    let range = |(place, (events, confidence, right)): (usize, &(u64, f64, u64))| Reliability {
        verdict: if place >= ranges { "anomalous" } else { "normal" },
        from: BOUNDS[place % ranges],
        to: BOUNDS[place % ranges + 1],
        events: *events,
        confidence: confidence / *events as f64,
        right: *right as f64 / *events as f64,
    };
    filled.map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::reliability;
    use bartizan_core::Verdict::{Anomalous, Normal};

    #[test]
    fn verdicts_are_counted_by_kind_and_range() {
        let some = reliability([
            (Normal, 0.99, true),
            (Anomalous, 0.95, true),
            (Anomalous, 1.0, false),
            (Anomalous, 0.0, false),
            (Normal, 0.97, true),
            (Normal, 0.5, false),
        ]);
        let told: Vec<_> = some.iter().map(|r| (r.verdict, r.from, r.to, r.events, (100.0 * r.confidence).round(), r.right)).collect();
        let expected = [
            ("anomalous", 0.95, 1.0, 2, 98.0, 0.5),
            ("anomalous", 0.0, 0.5, 1, 0.0, 0.0),
            ("normal", 0.95, 1.0, 2, 98.0, 1.0),
            ("normal", 0.5, 0.8, 1, 50.0, 0.0),
        ];
        assert_eq!(told, expected);
        assert_eq!(reliability([]), []);
    }
}
