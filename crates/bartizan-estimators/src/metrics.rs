//! How good scores and verdicts are, where the truth is known.
//!
//! Scores rise with anomaly; `truth` is true for anomalies. Ties are handled as groups, so that the order of equal scores
//! never matters. Lengths must agree; the shorter is taken otherwise. Undefined figures (one class only) are NaN.

/// Area under the receiver operating characteristic: the chance that an anomaly scores above a normal row, ties half.
#[must_use]
pub fn roc_auc(scores: &[f64], truth: &[bool]) -> f64 {
    let (mut area, mut negatives_below, mut positives, mut negatives) = (0.0, 0.0, 0.0, 0.0);
    for (p, n) in groups(scores, truth).into_iter().rev() {
        area += p * (negatives_below + n / 2.0);
        negatives_below += n;
        positives += p;
        negatives += n;
    }
    area / (positives * negatives)
}

/// Average precision: precision at each threshold, weighted by the recall gained there.
#[must_use]
pub fn average_precision(scores: &[f64], truth: &[bool]) -> f64 {
    let groups = groups(scores, truth);
    let positives: f64 = groups.iter().map(|g| g.0).sum();
    let (mut found, mut passed, mut sum) = (0.0, 0.0, 0.0);
    for (p, n) in groups {
        found += p;
        passed += p + n;
        sum += p * found / passed;
    }
    sum / positives
}

/// Highest recall among thresholds whose false-positive rate is at most `rate`, and that threshold (scores strictly above
/// it are flagged).
#[must_use]
pub fn recall_at_fpr(scores: &[f64], truth: &[bool], rate: f64) -> (f64, f64) {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = truth.iter().filter(|t| **t).count() as f64;
    let negatives = truth.len() as f64 - positives;
    let (mut found, mut wrong, mut recall, mut threshold) = (0.0, 0.0, 0.0, f64::INFINITY);
    for (i, &(score, anomalous)) in order.iter().enumerate() {
        if anomalous {
            found += 1.0
        } else {
            wrong += 1.0
        }
        let next = order.get(i + 1).map_or(f64::NEG_INFINITY, |o| o.0);
        if next < score && wrong <= rate * negatives {
            (recall, threshold) = (found / positives, next);
        }
    }
    (recall, threshold)
}

/// Anomalies and normal rows at each different score, highest first.
fn groups(scores: &[f64], truth: &[bool]) -> Vec<(f64, f64)> {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut groups: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for (score, anomalous) in order {
        if last != Some(score) {
            groups.push((0.0, 0.0));
            last = Some(score);
        }
        if let Some(group) = groups.last_mut() {
            if anomalous { group.0 += 1.0 } else { group.1 += 1.0 }
        }
    }
    groups
}

/// Verdicts against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Anomalies flagged.
    pub true_positives: u64,
    /// Normal rows flagged.
    pub false_positives: u64,
    /// Normal rows passed.
    pub true_negatives: u64,
    /// Anomalies passed.
    pub false_negatives: u64,
}

impl Confusion {
    /// Counts verdicts (true: flagged) against the truth.
    #[must_use]
    pub fn count(flagged: &[bool], truth: &[bool]) -> Self {
        let mut c = Self::default();
        for (f, t) in flagged.iter().zip(truth) {
            match (f, t) {
                (true, true) => c.true_positives += 1,
                (true, false) => c.false_positives += 1,
                (false, false) => c.true_negatives += 1,
                (false, true) => c.false_negatives += 1,
            }
        }
        c
    }

    /// Of the flagged, how many are anomalies.
    #[must_use]
    pub fn precision(&self) -> f64 {
        self.true_positives as f64 / (self.true_positives + self.false_positives) as f64
    }

    /// Of the anomalies, how many are flagged.
    #[must_use]
    pub fn recall(&self) -> f64 {
        self.true_positives as f64 / (self.true_positives + self.false_negatives) as f64
    }

    /// Harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let tp = 2.0 * self.true_positives as f64;
        tp / (tp + (self.false_positives + self.false_negatives) as f64)
    }

    /// Of all, how many are right.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right = self.true_positives + self.true_negatives;
        right as f64 / (right + self.false_positives + self.false_negatives) as f64
    }
}

/// Mean squared distance of claimed probabilities from what came true (Brier 1950).
#[must_use]
pub fn brier(claimed: &[f64], came_true: &[bool]) -> f64 {
    let sum: f64 = claimed.iter().zip(came_true).map(|(p, t)| (p - f64::from(u8::from(*t))).powi(2)).sum();
    sum / claimed.len() as f64
}

/// Mean negative log-likelihood of what came true; probabilities are kept 1e-15 away from 0 and 1.
#[must_use]
pub fn log_loss(claimed: &[f64], came_true: &[bool]) -> f64 {
    let loss = |(p, t): (&f64, &bool)| -(if *t { *p } else { 1.0 - p }).clamp(1e-15, 1.0 - 1e-15).ln();
    claimed.iter().zip(came_true).map(loss).sum::<f64>() / claimed.len() as f64
}

/// Mean gap between claimed probability and frequency over `bins` equal bins of the claim (Naeini, Cooper, Hauskrecht 2015).
#[must_use]
pub fn expected_calibration_error(claimed: &[f64], came_true: &[bool], bins: usize) -> f64 {
    let mut sums = vec![(0.0, 0.0); bins.max(1)];
    for (p, t) in claimed.iter().zip(came_true) {
        let bin = ((p * bins as f64) as usize).min(bins.max(1) - 1);
        sums[bin].0 += p;
        sums[bin].1 += f64::from(u8::from(*t));
    }
    sums.iter().map(|(p, t)| (p - t).abs()).sum::<f64>() / claimed.len() as f64
}

#[cfg(test)]
mod tests {
    use super::{Confusion, average_precision, brier, expected_calibration_error, log_loss, recall_at_fpr, roc_auc};

    /// Values by scikit-learn 1.9.1: `tests/reference/metrics.py`.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let scores = [0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9];
        let truth = [false, false, true, true, false, false, true, true];
        assert!((roc_auc(&scores, &truth) - 0.71875).abs() < 1e-12, "{}", roc_auc(&scores, &truth));
        assert!((average_precision(&scores, &truth) - 0.75).abs() < 1e-12, "{}", average_precision(&scores, &truth));
        assert!((brier(&scores, &truth) - 0.218_125).abs() < 1e-12);
        assert!((log_loss(&scores, &truth) - 0.609_614_489_892_689_8).abs() < 1e-9, "{}", log_loss(&scores, &truth));
    }

    #[test]
    fn recall_is_taken_at_the_last_threshold_within_the_rate() {
        let scores = [4.0, 3.0, 2.0, 2.0, 1.0];
        let truth = [true, false, true, false, false];
        assert_eq!(recall_at_fpr(&scores, &truth, 0.0).0, 0.5);
        assert_eq!(recall_at_fpr(&scores, &truth, 0.5).0, 0.5);
        assert_eq!(recall_at_fpr(&scores, &truth, 0.67).0, 1.0);
    }

    #[test]
    fn confusion_and_calibration() {
        let c = Confusion::count(&[true, true, false, false, true], &[true, false, false, true, true]);
        assert_eq!((c.true_positives, c.false_positives, c.true_negatives, c.false_negatives), (2, 1, 1, 1));
        assert!((c.f1() - 2.0 / 3.0).abs() < 1e-12 && (c.accuracy() - 0.6).abs() < 1e-12);
        assert!(
            (expected_calibration_error(&[0.8; 10], &[true, true, true, true, true, true, true, true, false, false], 10)).abs() < 1e-12
        );
    }
}
