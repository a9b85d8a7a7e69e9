//! From score to threshold, grade and confidence.
//!
//! Everything rests on the **tail**: the share of held-back scores (of rows that the detector had not seen) at or above a
//! score, smoothed, and carried on as an exponential beyond both ends so that it falls strictly.

use crate::labels::LabelCalibration;
use bartizan_core::{AnomalyScore, Confidence, Contamination, Grade, Threshold, Verdict};
use serde::{Deserialize, Serialize};

/// Quantiles kept of the held-back scores.
const MAX_KNOTS: usize = 1_024;
/// How fast belief turns around the threshold; see [`Calibration::confidence`].
const STEEPNESS: f64 = 3.0;
/// Smallest tail: what is rarer is not told apart from it.
const LEAST_TAIL: f64 = 1e-300;

/// Calibration of scores from held-back scores, and later from labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Scores, strictly rising.
    scores: Vec<f64>,
    /// Smoothed share of held-back scores at or above each, strictly falling.
    tails: Vec<f64>,
    /// Scale of the exponentials beyond both ends.
    scale: f64,
    /// Slope and offset on the log-odds, fitted on labels: of models of format version 1, later ones keep them beside.
    labels: Option<(f64, f64)>,
}

impl Calibration {
    /// From scores of rows that the detector has not seen, in any order; NaN are ignored.
    #[must_use]
    pub fn fit(held_back: &[f64], _contamination: Contamination) -> Self {
        let mut sorted: Vec<f64> = held_back.iter().copied().filter(|s| s.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            return Self { scores: vec![0.0], tails: vec![0.5], scale: 1.0, labels: None };
        }
        let rows = sorted.len();
        let (mut scores, mut tails): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for place in knots(rows) {
            let score = sorted[place];
            let at_or_above = rows - sorted.partition_point(|s| *s < score);
            if scores.last().is_none_or(|last| score > *last) {
                scores.push(score);
                tails.push((at_or_above as f64 - 0.5) / rows as f64);
            }
        }
        let upper = &sorted[rows * 19 / 20..];
        let excess = upper.iter().map(|s| s - upper[0]).sum::<f64>() / upper.len() as f64;
        let whole = sorted[rows - 1] - sorted[0];
        let scale = [excess, whole, sorted[0].abs(), 1.0].into_iter().find(|s| *s > 1e-12).unwrap_or(1.0);
        Self { scores, tails, scale, labels: None }
    }

    /// About how many held-back scores it rests on.
    #[must_use]
    pub fn rows(&self) -> f64 {
        (0.5 / self.tails.last().copied().unwrap_or(0.5)).round().max(1.0)
    }

    /// The score with this [`tail`](Self::tail), which is in (0, 1).
    #[must_use]
    pub fn score_at(&self, tail: f64) -> AnomalyScore {
        let (tail, last) = (tail.clamp(LEAST_TAIL, 1.0 - f64::EPSILON), self.scores.len() - 1);
        if tail <= self.tails[last] {
            return AnomalyScore(self.scores[last] + self.scale * (self.tails[last] / tail).ln());
        }
        if tail >= self.tails[0] {
            return AnomalyScore(self.scores[0] - self.scale * ((1.0 - self.tails[0]) / (1.0 - tail)).ln());
        }
        let right = self.tails.partition_point(|t| *t > tail).clamp(1, last);
        let part = (self.tails[right - 1] - tail) / (self.tails[right - 1] - self.tails[right]);
        AnomalyScore(self.scores[right - 1] + part * (self.scores[right] - self.scores[right - 1]))
    }

    /// The lowest held-back score that has no more than this [`tail`](Self::tail) strictly above it. Where many held-back scores are equal, a
    /// threshold below theirs flags all of them: none for so small a tail may lie there. Negative infinity where the tail is that of all.
    #[must_use]
    pub fn lowest_at(&self, tail: f64) -> AnomalyScore {
        let right = self.tails.partition_point(|t| *t > tail);
        AnomalyScore(right.checked_sub(1).map_or(f64::NEG_INFINITY, |at| self.scores[at]))
    }

    /// The score that leaves the contamination strictly above it among the held-back scores.
    #[must_use]
    pub fn quantile_threshold(held_back: &[f64], contamination: Contamination) -> Threshold {
        let mut sorted: Vec<f64> = held_back.iter().copied().filter(|s| s.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let above = (contamination.get() * sorted.len() as f64).floor() as usize;
        Threshold(sorted.len().checked_sub(above + 1).map_or(0.0, |at| sorted[at]))
    }

    /// Share of held-back scores at or above `score`, in (0, 1), strictly falling.
    #[must_use]
    pub fn tail(&self, score: AnomalyScore) -> f64 {
        let (first, last) = (0, self.scores.len() - 1);
        let s = score.0;
        if s >= self.scores[last] {
            return (self.tails[last] * (-(s - self.scores[last]) / self.scale).exp()).max(LEAST_TAIL);
        }
        if s <= self.scores[first] {
            return 1.0 - (1.0 - self.tails[first]) * (-(self.scores[first] - s) / self.scale).exp();
        }
        let right = self.scores.partition_point(|k| *k <= s).min(last);
        let (a, b) = (right - 1, right);
        let part = (s - self.scores[a]) / (self.scores[b] - self.scores[a]);
        self.tails[a] + part * (self.tails[b] - self.tails[a])
    }

    /// The score on the product-wide scale. Below the threshold it is half the share of scores passed on the way to it,
    /// above it `p(threshold) / (p(threshold) + p)`: 0.91 for a score ten times rarer than the threshold, 0.99 for a
    /// hundred times.
    #[must_use]
    pub fn grade(&self, score: AnomalyScore, threshold: Threshold) -> Grade {
        let (p, at) = (self.tail(score), self.tail(AnomalyScore(threshold.0)));
        let grade =
            if threshold.decide(score).is_anomalous() { at / (at + p) } else { 0.5 * (1.0 - p) / (1.0 - at).max(f64::MIN_POSITIVE) };
        Grade::try_from(if grade.is_finite() { grade.clamp(0.0, 1.0) } else { 0.5 }).unwrap_or_else(|e| unreachable!("{e}"))
    }

    /// Probability that the verdict on this score is right.
    ///
    /// Without labels: tails of normal events are uniform, those of anomalies pile up near 0; the odds of an anomaly are
    /// taken as `(p(threshold) / p)^3`, even at the threshold. The mean of that probability over normal traffic is 1.2
    /// times the contamination, so it claims hardly more anomalies than were announced. (A two-group model on p-values,
    /// as in Efron, Large-Scale Inference, 2010, chapter 5.) Where labels say otherwise, see [`Self::confidence_by`].
    #[must_use]
    pub fn confidence(&self, score: AnomalyScore, threshold: Threshold) -> Confidence {
        let odds = self.log_odds(score, threshold);
        let odds = self.labels.map_or(odds, |(slope, offset)| slope * odds + offset);
        right(1.0 / (1.0 + (-odds).exp()), threshold.decide(score))
    }

    /// The same by a curve over [`Self::log_odds`] that was learned from labels, instead.
    #[must_use]
    pub fn confidence_by(&self, labels: &LabelCalibration, score: AnomalyScore, threshold: Threshold) -> Confidence {
        right(labels.probability(self.log_odds(score, threshold)), threshold.decide(score))
    }

    /// Log-odds of an anomaly without labels, 0 at the threshold; see [`Self::confidence`]. What curves over labels are to be
    /// fitted on: its unit is the same for all detectors.
    #[must_use]
    pub fn log_odds(&self, score: AnomalyScore, threshold: Threshold) -> f64 {
        let score = if score.0.is_nan() { AnomalyScore(threshold.0) } else { score };
        STEEPNESS * (self.tail(AnomalyScore(threshold.0)) / self.tail(score)).ln()
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let rising = self.scores.windows(2).all(|w| w[0] < w[1]) && self.scores.iter().all(|s| s.is_finite());
        let shares = self.tails.len() == self.scores.len() && self.tails.iter().all(|t| *t > 0.0 && *t < 1.0);
        let labels = self.labels.is_none_or(|(slope, offset)| slope >= 0.0 && slope.is_finite() && offset.is_finite());
        let fine = !self.scores.is_empty() && rising && shares && labels && self.scale > 0.0 && self.scale.is_finite();
        if fine { Ok(()) } else { Err("the calibration is out of order".to_owned()) }
    }
}

/// Places of the knots among so many scores in order: all of the highest, where thresholds lie, and others evenly.
fn knots(rows: usize) -> impl Iterator<Item = usize> {
    let highest = rows.saturating_sub(MAX_KNOTS / 2);
    let others = highest.min(MAX_KNOTS / 2);
    (0..others).map(move |knot| knot * highest / others).chain(highest..rows)
}

/// Probability that a verdict is right, of the probability of an anomaly.
#[must_use]
pub fn right(anomalous: f64, verdict: Verdict) -> Confidence {
    let right = if verdict.is_anomalous() { anomalous } else { 1.0 - anomalous };
    Confidence::try_from(right.clamp(0.0, 1.0)).unwrap_or_else(|_| unreachable!("clamped"))
}

#[cfg(test)]
mod tests {
    use super::Calibration;
    use crate::labels::LabelCalibration;
    use crate::metrics::expected_calibration_error;
    use bartizan_core::{AnomalyScore, Contamination, Threshold};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn no_threshold_lies_below_equal_scores_for_less_than_their_share() {
        let held_back: Vec<f64> = (0..100).map(|i| if i < 90 { 2.0 } else { f64::from(i) }).collect();
        let calibration = Calibration::fit(&held_back, tenth());
        for (tail, lowest) in [(0.001, 99.0), (0.05, 94.0), (0.1, 2.0), (0.5, 2.0), (0.9, 2.0), (0.999, f64::NEG_INFINITY)] {
            assert_eq!(calibration.lowest_at(tail).0, lowest, "{tail}");
        }
        let equal = Calibration::fit(&[2.0; 50], tenth());
        assert_eq!((equal.lowest_at(0.2).0, equal.lowest_at(0.001).0), (2.0, 2.0));
        let different: Vec<f64> = (0..1_000).map(f64::from).collect();
        let different = Calibration::fit(&different, tenth());
        for tail in [0.002, 0.01, 0.1, 0.2] {
            let (lowest, at) = (different.lowest_at(tail).0, different.score_at(tail).0);
            assert!(lowest <= at && at < lowest + 1.0, "{tail}: {lowest} {at}");
        }
    }

    fn tenth() -> Contamination {
        Contamination::try_from(0.1).unwrap()
    }

    #[test]
    fn the_threshold_leaves_the_contamination_above() {
        let scores: Vec<f64> = (0..1000).map(f64::from).collect();
        let threshold = Calibration::quantile_threshold(&scores, tenth());
        assert_eq!(scores.iter().filter(|s| **s > threshold.0).count(), 100);
        assert_eq!(Calibration::quantile_threshold(&[3.0; 50], tenth()).0, 3.0);
    }

    proptest! {
        #[test]
        fn grades_rise_with_scores(scores in prop::collection::vec(-1e3..1e3_f64, 2..400), probes in prop::collection::vec(-2e3..2e3_f64, 2..50)) {
            let calibration = Calibration::fit(&scores, tenth());
            prop_assert!(calibration.validate().is_ok());
            let threshold = Calibration::quantile_threshold(&scores, tenth());
            let mut probes = probes;
            probes.push(threshold.0);
            probes.sort_by(f64::total_cmp);
            let grades: Vec<f64> = probes.iter().map(|s| calibration.grade(AnomalyScore(*s), threshold).get()).collect();
            prop_assert!(grades.is_sorted(), "{grades:?}");
            for tail in [1e-9, 0.001, 0.1, 0.5, 0.9, 0.999] {
                let back = calibration.tail(calibration.score_at(tail));
                prop_assert!((back / tail - 1.0).abs() < 1e-6, "{tail}: {back}");
            }
            prop_assert!((calibration.grade(AnomalyScore(threshold.0), threshold).get() - 0.5).abs() < 1e-9);
            for s in probes {
                let confidence = calibration.confidence(AnomalyScore(s), threshold).get();
                prop_assert!((0.499..=1.0).contains(&confidence), "{confidence}");
            }
        }
    }

    /// Scores whose true odds are known: what is claimed after labelling must come true on fresh ones.
    #[test]
    fn labelled_confidence_comes_true() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let mut draw = |n: usize| -> Vec<(f64, bool)> {
            (0..n)
                .map(|_| {
                    let anomalous = rng.random::<f64>() < 0.4;
                    let noise: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                    (noise + if anomalous { 1.5 } else { 0.0 }, anomalous)
                })
                .collect()
        };
        let (train, fresh) = (draw(400), draw(20_000));
        let threshold = Threshold(0.8);
        let scores: Vec<f64> = train.iter().map(|p| p.0).collect();
        let calibration = Calibration::fit(&scores, tenth());
        let odds: Vec<(f64, bool)> = train.iter().map(|&(s, y)| (calibration.log_odds(AnomalyScore(s), threshold), y)).collect();
        let labels = LabelCalibration::fit(&odds).unwrap();
        let judged = fresh.iter().map(|&(s, y)| {
            let s = AnomalyScore(s);
            (calibration.confidence_by(&labels, s, threshold).get(), threshold.decide(s).is_anomalous() == y)
        });
        let (claimed, right): (Vec<f64>, Vec<bool>) = judged.unzip();
        let error = expected_calibration_error(&claimed, &right, 10);
        assert!(error < 0.06, "{error}");
    }
}
