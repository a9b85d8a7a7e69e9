//! Corrections: what people said of single events, applied to what is like them.

use bartizan_core::Threshold;
use serde::{Deserialize, Serialize};

/// Most corrections kept: the newest.
const MAX_CORRECTIONS: usize = 256;
/// Widest rows that are read.
const MAX_WIDTH: usize = 65_536;
/// Part of the weight that all features have alike; the rest goes by what made the labelled event stand out.
const ALIKE: f32 = 0.2;
/// Most that one feature counts as apart, in units of its scale: a row is like another in what matters, or it is not.
const MOST_APART: f32 = 4.0;
/// Farthest that a row is like a labelled one, in units of the features' scales.
const FARTHEST: f32 = 1.0;
/// A correction that reaches no farther than this speaks of its own event alone.
const NEAREST: f32 = 0.05;

/// One labelled event that the detector judges otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Correction {
    row: Vec<f32>,
    /// How much each feature counts; they sum to 1.
    weights: Vec<f32>,
    /// How far it reaches.
    radius: f32,
    /// The threshold within its reach: above the event's own score where it was called legitimate, below it where anomalous.
    threshold: f64,
    anomalous: bool,
}

/// Thresholds of their own around labelled events.
///
/// # Algorithm
/// A label says something of its event and of what is like it, and nothing of the rest. Two rows are alike when they differ little in the
/// features that made the labelled one stand out (its attribution), each difference in units of the feature's scale, which is no less
/// than its resolution. Within the reach of a correction the threshold is another one: just above the score of an event called
/// legitimate, just below that of one called anomalous. A row in reach of several follows the nearest.
///
/// A correction reaches no farther than half of the way to an event labelled the other way, and one that calls an event anomalous no
/// farther than half of the way to the first held-back row that the whole of them may not flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Corrections {
    scales: Vec<f32>,
    corrections: Vec<Correction>,
}

/// A labelled event to learn a correction from.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    /// Its sample.
    pub row: &'a [f32],
    /// Its score.
    pub score: f64,
    /// What was said.
    pub anomalous: bool,
}

/// What a correction must not change.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// The detector's threshold.
    pub threshold: Threshold,
    /// How far a correction's threshold lies from the score of its event.
    pub margin: f64,
    /// Samples of ordinary events that the detector has not seen, one after the other.
    pub ordinary: &'a [f32],
    /// How many of them may be flagged because of corrections, in all.
    pub most_flagged: usize,
}

/// What was learned from labelled events.
#[derive(Clone, Debug)]
pub struct Learned {
    /// What holds around them.
    pub corrections: Corrections,
    /// The labelled event that each correction is of.
    pub from: Vec<usize>,
    /// Those that cannot be followed without flagging ordinary events, or letting events labelled anomalous pass.
    pub unmet: Vec<usize>,
}

impl Corrections {
    /// Learns from labelled events, oldest first. `explain` gives the shares of the score of one of them, by feature; it is asked of those
    /// that become corrections, `MAX_CORRECTIONS` at most.
    #[must_use]
    pub fn learn(scales: Vec<f32>, labelled: &[Labelled<'_>], bounds: Bounds<'_>, explain: impl Fn(usize) -> Vec<f64>) -> Learned {
        let is_wrong = |l: &Labelled<'_>| (l.score > bounds.threshold.0) != l.anomalous;
        let wrong: Vec<usize> = (0..labelled.len()).filter(|&i| is_wrong(&labelled[i])).collect();
        let wrong = &wrong[wrong.len().saturating_sub(MAX_CORRECTIONS)..];
        let attacks = wrong.iter().filter(|&&i| labelled[i].anomalous).count();
        let each = bounds.most_flagged / attacks.max(1);
        let mut this = Self { scales, corrections: Vec::with_capacity(wrong.len()) };
        let (mut from, mut unmet) = (Vec::new(), Vec::new());
        for &i in wrong {
            let l = &labelled[i];
            let weights = weights(&explain(i));
            let apart = |row: &[f32]| this.apart(row, l.row, &weights);
            let others = labelled.iter().filter(|other| other.anomalous != l.anomalous);
            let mut radius = others.map(|other| apart(other.row) / 2.0).fold(FARTHEST, f32::min);
            if l.anomalous {
                let mut near: Vec<f32> = bounds.ordinary.chunks_exact(l.row.len()).map(apart).filter(|d| *d < FARTHEST).collect();
                near.sort_by(f32::total_cmp);
                radius = near.get(each).map_or(radius, |first| radius.min(first / 2.0));
            }
            if radius < NEAREST {
                unmet.push(i);
                continue;
            }
            let threshold = l.score + if l.anomalous { -bounds.margin } else { bounds.margin };
            this.corrections.push(Correction { row: l.row.to_vec(), weights, radius, threshold, anomalous: l.anomalous });
            from.push(i);
        }
        Learned { corrections: this, from, unmet }
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.corrections.is_empty()
    }

    /// The threshold for a row with this score, where `threshold` is the detector's: only corrections that would turn the verdict are
    /// looked at.
    #[must_use]
    pub fn threshold(&self, row: &[f32], score: f64, threshold: Threshold) -> Threshold {
        self.threshold_without(None, row, score, threshold)
    }

    /// The same as if the correction at this place were not there.
    #[must_use]
    pub fn threshold_without(&self, left_out: Option<usize>, row: &[f32], score: f64, threshold: Threshold) -> Threshold {
        let flagged = score > threshold.0;
        let others = self.corrections.iter().enumerate().filter(|(place, _)| Some(*place) != left_out).map(|(_, c)| c);
        let turning = others.filter(|c| c.anomalous != flagged);
        let within = turning.map(|c| (self.apart(row, &c.row, &c.weights), c)).filter(|(apart, c)| *apart <= c.radius);
        match within.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((_, c)) if c.anomalous => Threshold(threshold.0.min(c.threshold)),
            Some((_, c)) => Threshold(threshold.0.max(c.threshold)),
            None => threshold,
        }
    }

    /// How far two rows lie apart.
    fn apart(&self, row: &[f32], other: &[f32], weights: &[f32]) -> f32 {
        let each = row.iter().zip(other).zip(weights).zip(&self.scales);
        let sum: f32 = each
            .map(|(((a, b), weight), scale)| {
                let apart = match (a.is_nan(), b.is_nan()) {
                    (false, false) => ((a - b).abs() / scale).min(MOST_APART),
                    (true, true) => 0.0,
                    _ => FARTHEST,
                };
                weight * apart * apart
            })
            .sum();
        sum.sqrt()
    }

    /// Checks what a damaged or hostile file could have wrong.
    ///
    /// # Errors
    /// With a message about the fault.
    pub fn validate(&self, width: usize) -> Result<(), String> {
        let scales = self.scales.len() == width && self.scales.iter().all(|scale| *scale > 0.0 && scale.is_finite());
        let sound = |c: &Correction| {
            let lengths = c.row.len() == width && c.weights.len() == width;
            let weights = c.weights.iter().all(|weight| (0.0..=1.0).contains(weight));
            lengths && weights && (0.0..=FARTHEST).contains(&c.radius) && c.threshold.is_finite()
        };
        let fine = (scales || self.corrections.is_empty()) && self.corrections.iter().all(sound);
        if fine && self.corrections.len() <= MAX_CORRECTIONS && width <= MAX_WIDTH {
            Ok(())
        } else {
            Err("corrections are out of order".to_owned())
        }
    }
}

/// How much each feature counts, of the shares of a score.
fn weights(shares: &[f64]) -> Vec<f32> {
    let sum: f64 = shares.iter().map(|share| share.max(0.0)).sum();
    let alike = 1.0 / shares.len().max(1) as f32;
    let own = |share: f64| if sum > 0.0 { (share.max(0.0) / sum) as f32 } else { alike };
    shares.iter().map(|share| ALIKE * alike + (1.0 - ALIKE) * own(*share)).collect()
}

/// The scale of each feature: the width of the middle 90 % of its values, but no less than `least`.
#[must_use]
pub fn scales(rows: &[f32], width: usize, least: &[f32]) -> Vec<f32> {
    let scale = |column: usize| {
        let mut values: Vec<f32> = rows.iter().skip(column).step_by(width).copied().filter(|v| v.is_finite()).collect();
        values.sort_by(f32::total_cmp);
        let at = |part: usize| values.get(values.len().saturating_sub(1) * part / 100).copied().unwrap_or(0.0);
        let sizes = [(at(95) - at(5)).max(least[column]), at(50).abs(), 1.0];
        sizes.into_iter().find(|size| *size > 0.0 && size.is_finite()).unwrap_or(1.0)
    };
    (0..width).map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Corrections, Labelled, scales};
    use bartizan_core::Threshold;

    /// Ordinary rows in [0, 1] x [0, 1], whose score is the sum.
    fn ordinary() -> Vec<f32> {
        (0..400).flat_map(|i| [(i % 20) as f32 / 20.0, (i / 20) as f32 / 20.0]).collect()
    }

    fn learn(labelled: &[([f32; 2], f64, bool)], most_flagged: usize) -> (Corrections, Vec<usize>) {
        let ordinary = ordinary();
        let labelled: Vec<Labelled<'_>> =
            labelled.iter().map(|(row, score, anomalous)| Labelled { row, score: *score, anomalous: *anomalous }).collect();
        let bounds = Bounds { threshold: Threshold(1.8), margin: 0.1, ordinary: &ordinary, most_flagged };
        let learned = Corrections::learn(scales(&ordinary, 2, &[0.0, 0.0]), &labelled, bounds, |_| vec![1.0, 1.0]);
        (learned.corrections, learned.unmet)
    }

    fn flagged(corrections: &Corrections, row: [f32; 2], score: f64) -> bool {
        score > corrections.threshold(&row, score, Threshold(1.8)).0
    }

    #[test]
    fn a_label_changes_what_is_like_its_event_and_nothing_else() {
        let (corrections, unmet) = learn(&[([5.0, 5.0], 10.0, false), ([-3.0, 2.0], 1.0, true)], 0);
        assert!(unmet.is_empty() && corrections.validate(2).is_ok() && corrections.validate(3).is_err());
        assert!(!flagged(&corrections, [5.1, 5.0], 10.05), "like the one called legitimate");
        assert!(flagged(&corrections, [5.1, 5.0], 12.0), "much more anomalous than it");
        assert!(flagged(&corrections, [9.0, 1.0], 10.0), "unlike it");
        assert!(flagged(&corrections, [-3.0, 2.1], 0.95), "like the missed attack");
        assert!(!flagged(&corrections, [0.5, 0.5], 1.0), "ordinary");
    }

    #[test]
    fn a_wrong_label_flags_no_more_ordinary_rows_than_may_be() {
        for (most_flagged, left) in [(0, 1), (40, 0)] {
            let (corrections, unmet) = learn(&[([0.5, 0.5], 1.0, true)], most_flagged);
            assert_eq!(unmet.len(), left, "{most_flagged}");
            let found = ordinary().chunks(2).filter(|row| flagged(&corrections, [row[0], row[1]], f64::from(row[0] + row[1]))).count();
            assert!(found <= 3 + most_flagged, "three are above the threshold anyway: {found}");
        }
        let (corrections, unmet) = learn(&[([5.0, 5.0], 10.0, false), ([5.0, 5.01], 10.0, true)], 0);
        assert!(corrections.is_empty() && unmet == [0], "two people who do not agree: the attack stays one");
    }

    #[test]
    fn what_already_holds_needs_no_correction() {
        assert!(learn(&[([5.0, 5.0], 10.0, true), ([0.5, 0.5], 1.0, false)], 0).0.is_empty());
    }
}
