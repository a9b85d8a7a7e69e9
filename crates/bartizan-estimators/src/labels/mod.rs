//! From score to the probability of an anomaly, learned from labels.

mod corrections;
mod isotonic;
mod logistic;

pub use corrections::{Bounds, Corrections, Labelled, Learned, scales};
pub use isotonic::Isotonic;
pub use logistic::Logistic;
use serde::{Deserialize, Serialize};

/// Labels from which on the form of the curve is left to them.
const ISOTONIC_FROM: usize = 1_000;
/// And so many of either kind: what few labels of one kind leave is steps.
const EITHER_FROM: usize = 50;

/// A rising curve from score to probability, of one of two kinds.
///
/// # Algorithm
/// With 1,000 labels, 50 of either kind among them, [`Isotonic`], which takes any rising form; with fewer [`Logistic`], whose two
/// numbers few labels can bear out.
///
/// # Weak where
/// Labels are not drawn as events are: people label what was flagged, and then the curve holds for flagged events only.
///
/// # References
/// Niculescu-Mizil, Caruana: Predicting good probabilities with supervised learning, ICML 2005, section 5: isotonic
/// regression is the better from about 1,000 cases on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabelCalibration {
    /// A logistic curve (Platt).
    Platt(Logistic),
    /// Rising steps, joined.
    Isotonic(Isotonic),
}

impl LabelCalibration {
    /// From labelled scores, `(score, anomalous)`, in any order; scores that are not finite are ignored. `None` without any.
    #[must_use]
    pub fn fit(labelled: &[(f64, bool)]) -> Option<Self> {
        let finite = || labelled.iter().filter(|(score, _)| score.is_finite());
        let (labels, positives) = (finite().count(), finite().filter(|(_, anomalous)| *anomalous).count());
        if labels >= ISOTONIC_FROM && positives.min(labels - positives) >= EITHER_FROM {
            Isotonic::fit(labelled).map(Self::Isotonic)
        } else {
            Logistic::fit(labelled).map(Self::Platt)
        }
    }

    /// Probability that an event with this score is an anomaly, in (0, 1), never falling as scores rise. NaN is read as
    /// the lowest score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Self::Platt(curve) => curve.probability(score),
            Self::Isotonic(curve) => curve.probability(score),
        }
    }

    /// Checks what a damaged or hostile file could have wrong.
    ///
    /// # Errors
    /// With a message about the fault.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            Self::Platt(curve) => curve.validate(),
            Self::Isotonic(curve) => curve.validate(),
        }
    }
}

/// What a label counts as: not quite 0 or 1, so that no number of equal labels makes anything certain (Platt 1999).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    anomalous: f64,
    normal: f64,
}

impl Targets {
    pub(crate) fn new(labelled: &[(f64, bool)]) -> Self {
        let positives = labelled.iter().filter(|p| p.1).count() as f64;
        let negatives = labelled.len() as f64 - positives;
        Self { anomalous: (positives + 1.0) / (positives + 2.0), normal: 1.0 / (negatives + 2.0) }
    }

    pub(crate) fn of(self, anomalous: bool) -> f64 {
        if anomalous { self.anomalous } else { self.normal }
    }
}

fn finite(labelled: &[(f64, bool)]) -> Vec<(f64, bool)> {
    labelled.iter().copied().filter(|(score, _)| score.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::LabelCalibration;
    use crate::metrics::expected_calibration_error;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// Scores with a true probability that no logistic curve has: three plateaus.
    fn plateaus(seed: u64, count: usize) -> Vec<(f64, bool)> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut draw = || {
            let score = rng.random::<f64>() * 3.0;
            (score, rng.random::<f64>() < [0.05, 0.5, 0.6][score as usize])
        };
        (0..count).map(|_| draw()).collect()
    }

    #[test]
    fn labels_decide_the_kind() {
        let few_positives: Vec<(f64, bool)> = (0..2_000).map(|i| (f64::from(i), i >= 1_960)).collect();
        for (name, labelled, isotonic) in
            [("999", plateaus(1, 999), false), ("1,000", plateaus(1, 1_000), true), ("few of one kind", few_positives, false)]
        {
            let curve = LabelCalibration::fit(&labelled).unwrap();
            assert_eq!(matches!(curve, LabelCalibration::Isotonic(_)), isotonic, "{name}");
        }
        assert_eq!(LabelCalibration::fit(&[]), None);
        assert_eq!(LabelCalibration::fit(&[(f64::NAN, true); 2_000]), None);
    }

    #[test]
    fn probabilities_come_true_on_fresh_scores() {
        let fresh = plateaus(9, 50_000);
        let truth: Vec<bool> = fresh.iter().map(|l| l.1).collect();
        let measure = |labels: usize| {
            let curve = LabelCalibration::fit(&plateaus(3, labels)).unwrap();
            let claimed: Vec<f64> = fresh.iter().map(|l| curve.probability(l.0)).collect();
            let squares = claimed.iter().zip(&truth).map(|(p, t)| (p - f64::from(u8::from(*t))).powi(2));
            (expected_calibration_error(&claimed, &truth, 10), squares.sum::<f64>() / truth.len() as f64)
        };
        let (few, many) = (measure(400), measure(5_000));
        assert!(many.0 < 0.02 && few.0 < 0.12, "{few:?} {many:?}");
        assert!(many.1 < few.1, "{few:?} {many:?}");
    }

    proptest! {
        #[test]
        fn curves_rise_within_0_and_1(
            labelled in prop::collection::vec((prop_oneof![(-5..5_i32).prop_map(f64::from), any::<f64>()], any::<bool>()), 1..80),
            repeat in prop_oneof![Just(1_usize), Just(60)],
            probes in prop::collection::vec(any::<f64>().prop_filter("a number", |p| !p.is_nan()), 1..40),
        ) {
            let Some(curve) = LabelCalibration::fit(&labelled.repeat(repeat)) else { return Ok(()) };
            prop_assert!(curve.validate().is_ok(), "{curve:?}");
            let mut probes = probes;
            probes.extend(labelled.iter().map(|l| l.0).filter(|s| !s.is_nan()));
            probes.sort_by(f64::total_cmp);
            let got: Vec<f64> = probes.iter().map(|p| curve.probability(*p)).collect();
            prop_assert!(got.is_sorted() && got.iter().all(|p| *p > 0.0 && *p < 1.0), "{curve:?}: {got:?}");
            prop_assert!(curve.probability(f64::NAN) <= got[0]);
        }
    }
}
