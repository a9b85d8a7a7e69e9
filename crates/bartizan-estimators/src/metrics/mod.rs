//! How good scores and verdicts are, where the truth is known.
//!
//! Scores rise with anomaly; `truth` is true for anomalies. Ties are handled as groups, so that the order of equal scores
//! never matters; a NaN score counts as lowest, for no threshold flags it. Lengths must agree; the shorter is taken
//! otherwise. Undefined figures (one class only, nothing flagged, no rows) are NaN.

mod classes;
mod probabilities;

pub use classes::{ClassConfusion, ClassFigures};
pub use probabilities::expected_calibration_error;

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

#[cfg(test)]
mod tests {
    use super::{average_precision, recall_at_fpr, roc_auc};

    /// Values by scikit-learn 1.9.1: `tests/reference/metrics.py`.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let scores = [0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9];
        let truth = [false, false, true, true, false, false, true, true];
        assert!((roc_auc(&scores, &truth) - 0.71875).abs() < 1e-12, "{}", roc_auc(&scores, &truth));
        assert!((average_precision(&scores, &truth) - 0.75).abs() < 1e-12, "{}", average_precision(&scores, &truth));
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
    }
}
