//! How good scores and verdicts are, where the truth is known.
//!
//! Scores rise with anomaly; `truth` is true for anomalies. Ties are handled as groups, so that the order of equal scores
//! never matters; a NaN score counts as lowest, for no threshold flags it. Lengths must agree; the shorter is taken
//! otherwise. Undefined figures (one class only, nothing flagged, no rows) are NaN.

mod classes;
mod curves;
mod probabilities;

pub use classes::{ClassConfusion, ClassFigures, class_log_loss};
pub use curves::{CurvePoint, precision_recall_curve, roc_curve};
pub use probabilities::{ReliabilityBin, brier, expected_calibration_error, log_loss, reliability};

/// Area under the receiver operating characteristic: the chance that an anomaly scores above a normal row, ties half.
#[must_use]
pub fn roc_auc(scores: &[f64], truth: &[bool]) -> f64 {
    let (mut area, mut negatives_below, mut positives, mut negatives) = (0.0, 0.0, 0.0, 0.0);
    for Group { anomalous: p, normal: n, .. } in groups(scores, truth).into_iter().rev() {
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
    let positives: f64 = groups.iter().map(|g| g.anomalous).sum();
    let (mut found, mut passed, mut sum) = (0.0, 0.0, 0.0);
    for Group { anomalous, normal, .. } in groups {
        found += anomalous;
        passed += anomalous + normal;
        sum += anomalous * found / passed;
    }
    sum / positives
}

/// Highest recall among thresholds whose false-positive rate is at most `rate`, and that threshold (scores strictly above
/// it are flagged; infinite where none may be). Recall is NaN without an anomaly.
#[must_use]
pub fn recall_at_fpr(scores: &[f64], truth: &[bool], rate: f64) -> (f64, f64) {
    let groups = groups(scores, truth);
    let positives: f64 = groups.iter().map(|g| g.anomalous).sum();
    let negatives: f64 = groups.iter().map(|g| g.normal).sum();
    let (mut found, mut wrong, mut best) = (0.0, 0.0, (0.0 / positives, f64::INFINITY));
    for (i, group) in groups.iter().enumerate() {
        found += group.anomalous;
        wrong += group.normal;
        let next = groups.get(i + 1).map_or(f64::NEG_INFINITY, |g| g.score);
        if next < group.score && wrong <= rate * negatives {
            best = (found / positives, next);
        }
    }
    best
}

/// Of the `k` highest scores, how many are anomalies; of equal scores of which only some are among them, the share expected.
/// With fewer rows, of all; NaN for none.
#[must_use]
pub fn precision_at_k(scores: &[f64], truth: &[bool], k: usize) -> f64 {
    let rows = scores.len().min(truth.len()).min(k) as f64;
    let (mut found, mut left) = (0.0, rows);
    for group in groups(scores, truth) {
        let size = group.anomalous + group.normal;
        found += group.anomalous * (left / size).min(1.0);
        left = (left - size).max(0.0);
    }
    found / rows
}

/// Rows of equal score.
#[derive(Clone, Copy, Debug)]
struct Group {
    score: f64,
    anomalous: f64,
    normal: f64,
}

/// Highest score first.
fn groups(scores: &[f64], truth: &[bool]) -> Vec<Group> {
    let lowest = |score: &f64| if score.is_nan() { f64::NEG_INFINITY } else { *score };
    let mut order: Vec<(f64, bool)> = scores.iter().map(lowest).zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let of = |same: &[(f64, bool)]| {
        let anomalous = same.iter().filter(|row| row.1).count() as f64;
        Group { score: same[0].0, anomalous, normal: same.len() as f64 - anomalous }
    };
    order.chunk_by(|a, b| a.0 == b.0).map(of).collect()
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

    /// Correlation of verdicts with the truth, [-1, 1]: 0 for verdicts that know nothing, however rare anomalies are
    /// (Matthews 1975). NaN where all rows are of one class or have one verdict.
    #[must_use]
    pub fn matthews(&self) -> f64 {
        let [tp, fp, tn, fn_] = [self.true_positives, self.false_positives, self.true_negatives, self.false_negatives].map(|n| n as f64);
        // One root for each factor: their product may not be finite.
        let spread = [tp + fp, tp + fn_, tn + fp, tn + fn_].map(f64::sqrt);
        (tp * tn - fp * fn_) / spread.iter().product::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Confusion, average_precision, brier, expected_calibration_error, log_loss, precision_at_k, recall_at_fpr, roc_auc};

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
    fn equal_scores_share_the_places_left() {
        let scores = [4.0, 3.0, 3.0, 3.0, f64::NAN];
        let truth = [true, true, false, false, true];
        for (k, expected) in [(1, 1.0), (2, (1.0 + 1.0 / 3.0) / 2.0), (4, 0.5), (5, 0.6), (99, 0.6)] {
            assert!((precision_at_k(&scores, &truth, k) - expected).abs() < 1e-12, "{k}");
        }
        assert!(precision_at_k(&scores, &truth, 0).is_nan());
    }

    #[test]
    fn what_is_undefined_is_nan_and_nan_scores_are_never_flagged() {
        for truth in [vec![], vec![true; 3], vec![false; 3]] {
            assert!(roc_auc(&[1.0, 2.0, 3.0], &truth).is_nan(), "{truth:?}");
        }
        assert!(average_precision(&[1.0], &[false]).is_nan() && recall_at_fpr(&[1.0], &[false], 0.5).0.is_nan());
        let scores = [f64::NAN, 2.0, -f64::NAN, 1.0];
        assert_eq!(roc_auc(&scores, &[true, false, true, false]), 0.0);
        assert_eq!(roc_auc(&scores, &[false, true, false, true]), 1.0);
        assert_eq!(roc_auc(&scores, &[true, false, false, false]), 1.0 / 6.0);
        assert_eq!(recall_at_fpr(&scores, &[true, false, true, true], 1.0), (1.0 / 3.0, f64::NEG_INFINITY));
        assert!(Confusion::count(&[false], &[true]).precision().is_nan() && Confusion::default().accuracy().is_nan());
    }

    #[test]
    fn matthews_is_that_of_scikit_learn() {
        let c = Confusion { true_positives: 2, false_positives: 1, true_negatives: 3, false_negatives: 2 };
        assert!((c.matthews() - 0.258_198_889_747_161_1).abs() < 1e-12, "{}", c.matthews());
        let many = u64::MAX / 4;
        let all_right = Confusion { true_positives: many, true_negatives: many, ..Confusion::default() };
        assert!((all_right.matthews() - 1.0).abs() < 1e-12);
        assert!(Confusion { true_positives: 3, ..Confusion::default() }.matthews().is_nan());
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
