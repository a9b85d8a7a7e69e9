//! Curves over all thresholds, thinned for plots.

use super::groups;

/// One threshold's place on a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// False-positive rate, or recall.
    pub x: f64,
    /// Recall, or precision.
    pub y: f64,
    /// Scores at or above it are flagged here; infinite where nothing is.
    pub at_least: f64,
}

/// Receiver operating characteristic from (0, 0) to (1, 1): false-positive rate and recall. Empty with one class only.
///
/// At most `most` points (2 at least): of longer curves those after equal steps along the curve.
#[must_use]
pub fn roc_curve(scores: &[f64], truth: &[bool], most: usize) -> Vec<CurvePoint> {
    let groups = groups(scores, truth);
    let (positives, negatives) = (groups.iter().map(|g| g.anomalous).sum::<f64>(), groups.iter().map(|g| g.normal).sum::<f64>());
    if positives == 0.0 || negatives == 0.0 {
        return Vec::new();
    }
    let (mut found, mut wrong) = (0.0, 0.0);
    let mut points = vec![CurvePoint { x: 0.0, y: 0.0, at_least: f64::INFINITY }];
    for group in groups {
        found += group.anomalous;
        wrong += group.normal;
        points.push(CurvePoint { x: wrong / negatives, y: found / positives, at_least: group.score });
    }
    thin(points, most, |p| (p.x + p.y) / 2.0)
}

/// Recall and precision at each score that an anomaly has, from the highest score on. Empty without an anomaly.
///
/// Where thresholds have the same recall, the highest one stands, whose precision is the best; at most `most` points (2 at
/// least): of longer curves those after equal steps of recall.
#[must_use]
pub fn precision_recall_curve(scores: &[f64], truth: &[bool], most: usize) -> Vec<CurvePoint> {
    let groups = groups(scores, truth);
    let positives: f64 = groups.iter().map(|g| g.anomalous).sum();
    let (mut found, mut passed) = (0.0, 0.0);
    let mut points = Vec::new();
    for group in groups {
        found += group.anomalous;
        passed += group.anomalous + group.normal;
        if group.anomalous > 0.0 {
            points.push(CurvePoint { x: found / positives, y: found / passed, at_least: group.score });
        }
    }
    thin(points, most, |p| p.x)
}

/// The first point, the last, and between them those where `travelled`, which rises to 1 along the curve, has passed another
/// equal step.
fn thin(points: Vec<CurvePoint>, most: usize, travelled: impl Fn(&CurvePoint) -> f64) -> Vec<CurvePoint> {
    let most = most.max(2);
    if points.len() <= most {
        return points;
    }
    let last = points.len() - 1;
    let step = |point: &CurvePoint| (travelled(point) * (most - 1) as f64) as usize;
    let mut reached = 0;
    let mut kept = |(at, point): &(usize, CurvePoint)| {
        let keep = *at == 0 || *at == last || (step(point) > reached && step(point) < most - 1);
        reached = reached.max(step(point));
        keep
    };
    points.into_iter().enumerate().filter(|p| kept(p)).map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::{precision_recall_curve, roc_curve};
    use crate::metrics::roc_auc;
    use proptest::prelude::*;

    fn places(points: &[super::CurvePoint]) -> Vec<(f64, f64, f64)> {
        points.iter().map(|p| (p.x, p.y, p.at_least)).collect()
    }

    /// Values by scikit-learn 1.9.1: `tests/reference/metrics.py`.
    #[test]
    fn points_are_those_of_scikit_learn() {
        let scores = [0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.35, 0.9];
        let truth = [false, false, true, true, false, false, true, true];
        let roc = [
            (0.0, 0.0, f64::INFINITY),
            (0.0, 0.25, 0.9),
            (0.25, 0.5, 0.8),
            (0.5, 0.5, 0.4),
            (0.5, 1.0, 0.35),
            (0.75, 1.0, 0.2),
            (1.0, 1.0, 0.1),
        ];
        assert_eq!(places(&roc_curve(&scores, &truth, 100)), roc);
        let pr = places(&precision_recall_curve(&scores, &truth, 100));
        assert_eq!(pr, [(0.25, 1.0, 0.9), (0.5, 2.0 / 3.0, 0.8), (1.0, 4.0 / 6.0, 0.35)]);
    }

    #[test]
    fn one_class_has_no_curve() {
        assert!(roc_curve(&[1.0, 2.0], &[true, true], 10).is_empty() && roc_curve(&[], &[], 10).is_empty());
        assert!(roc_curve(&[1.0, 2.0], &[false, false], 10).is_empty());
        assert!(precision_recall_curve(&[1.0, 2.0], &[false, false], 10).is_empty());
    }

    proptest! {
        #[test]
        fn thinned_curves_are_short_and_near(
            rows in prop::collection::vec((prop_oneof![(0..50_i32).prop_map(f64::from), 0.0..50.0_f64, Just(f64::NAN)], any::<bool>()), 2..600),
            most in 2..60_usize,
        ) {
            let (scores, truth): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
            prop_assume!(truth.contains(&true) && truth.contains(&false));
            let (whole, thinned) = (roc_curve(&scores, &truth, usize::MAX), roc_curve(&scores, &truth, most));
            prop_assert!(thinned.len() <= most, "{} points", thinned.len());
            prop_assert!(thinned.is_sorted_by(|a, b| a.x <= b.x && a.y <= b.y));
            prop_assert_eq!((thinned[0], thinned[thinned.len() - 1]), (whole[0], whole[whole.len() - 1]));
            let area = |points: &[super::CurvePoint]| -> f64 { points.windows(2).map(|w| (w[1].x - w[0].x) * f64::midpoint(w[0].y, w[1].y)).sum() };
            prop_assert!((area(&whole) - roc_auc(&scores, &truth)).abs() < 1e-9);
            let recall = precision_recall_curve(&scores, &truth, most);
            prop_assert!(recall.len() <= most && recall.is_sorted_by(|a, b| a.x < b.x) && recall[recall.len() - 1].x == 1.0);
        }
    }
}
