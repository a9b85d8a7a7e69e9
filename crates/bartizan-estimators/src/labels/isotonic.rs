//! The rising curve that is nearest to labels.

use super::{Targets, finite};
use serde::{Deserialize, Serialize};

/// Knots kept; more labels than the square of it make hardly more.
const MAX_KNOTS: usize = 2_048;

/// Rising steps fitted to labels and joined by straight lines.
///
/// # Algorithm
/// Pool adjacent violators: labels in order of score (equal scores as one), and neighbours that fall are pooled to their
/// mean until none falls. Each pool is flat from its first to its last score; between pools the curve is straight. Labels
/// count as Platt's smoothed targets rather than 0 and 1, so the ends stay off 0 and 1 by about one label's weight. At most
/// 2,048 knots are kept, evenly by rank.
///
/// # Weak where
/// Labels are few: it then follows their noise.
///
/// # References
/// Zadrozny, Elkan: Transforming classifier scores into accurate multiclass probability estimates, KDD 2002, section 3.
/// Ayer, Brunk, Ewing, Reid, Silverman: An empirical distribution function for sampling with incomplete information, Annals
/// of Mathematical Statistics 26(4), 1955.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Strictly rising.
    scores: Vec<f64>,
    /// Never falling, in (0, 1).
    probabilities: Vec<f64>,
}

/// Labels that share one value.
struct Pool {
    first: f64,
    last: f64,
    sum: f64,
    weight: f64,
}

impl Pool {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

impl Isotonic {
    /// From labelled scores, `(score, anomalous)`, in any order; those that are not finite are ignored. `None` without any.
    #[must_use]
    pub fn fit(labelled: &[(f64, bool)]) -> Option<Self> {
        let mut points = finite(labelled);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let targets = Targets::new(&points);
        let mut curve = Self { scores: Vec::new(), probabilities: Vec::new() };
        let all: Vec<(f64, f64)> = pools(&points, targets)
            .iter()
            .flat_map(|pool| {
                [(pool.first, pool.mean()), (pool.last, pool.mean())].into_iter().take(1 + usize::from(pool.last > pool.first))
            })
            .collect();
        let kept = MAX_KNOTS.min(all.len());
        for knot in 0..kept {
            let (score, probability) = all[knot * (all.len() - 1) / (kept - 1).max(1)];
            curve.scores.push(score);
            curve.probabilities.push(probability);
        }
        (!curve.scores.is_empty()).then_some(curve)
    }

    /// See [`super::LabelCalibration::probability`].
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let right = if score.is_nan() { 0 } else { self.scores.partition_point(|s| *s <= score) };
        let (Some(left), Some(to)) = (right.checked_sub(1), self.scores.get(right)) else {
            return self.probabilities[right.saturating_sub(1)];
        };
        let (from, low, high) = (self.scores[left], self.probabilities[left], self.probabilities[right]);
        // Halved: the distance of two finite scores may not be finite.
        let part = (score / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0);
        (low + part * (high - low)).clamp(low, high)
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        let scores = self.scores.windows(2).all(|w| w[0] < w[1]) && self.scores.iter().all(|s| s.is_finite());
        let rising = self.probabilities.is_sorted() && self.probabilities.iter().all(|p| *p > 0.0 && *p < 1.0);
        let lengths = self.scores.len() == self.probabilities.len() && (1..=MAX_KNOTS).contains(&self.scores.len());
        if scores && rising && lengths { Ok(()) } else { Err("the rising curve of labels is out of order".to_owned()) }
    }
}

/// Pools with rising means, of points in order of score.
fn pools(points: &[(f64, bool)], targets: Targets) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    for same in points.chunk_by(|a, b| a.0 == b.0) {
        let sum = same.iter().map(|p| targets.of(p.1)).sum();
        let mut pool = Pool { first: same[0].0, last: same[0].0, sum, weight: same.len() as f64 };
        while let Some(before) = pools.pop_if(|before| before.mean() >= pool.mean()) {
            pool = Pool { first: before.first, last: pool.last, sum: before.sum + pool.sum, weight: before.weight + pool.weight };
        }
        pools.push(pool);
    }
    pools
}

#[cfg(test)]
mod tests {
    use super::{Isotonic, MAX_KNOTS};

    /// Values by scikit-learn 1.9.1: `tests/reference/isotonic.py`, moved from targets 0 and 1 to the smoothed ones.
    #[test]
    fn curves_are_those_of_scikit_learn() {
        let mut lines = include_str!("../../tests/reference/isotonic.csv").lines().skip(1);
        let mut labelled = Vec::new();
        let mut probes = Vec::new();
        for line in lines.by_ref() {
            let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            if cells[0] == 0.0 { labelled.push((cells[1], cells[2] == 1.0)) } else { probes.push((cells[1], cells[2])) }
        }
        let curve = Isotonic::fit(&labelled).unwrap();
        let positives = labelled.iter().filter(|l| l.1).count() as f64;
        let (low, high) = (1.0 / (labelled.len() as f64 - positives + 2.0), (positives + 1.0) / (positives + 2.0));
        assert!(labelled.len() >= 300 && probes.len() >= 50);
        for (score, expected) in probes {
            let got = (curve.probability(score) - low) / (high - low);
            assert!((got - expected).abs() < 1e-9, "{score}: {got} for {expected}");
        }
    }

    #[test]
    fn pools_are_means() {
        for (name, labelled, probe, expected) in [
            ("one label", vec![(1.0, true)], 5.0, 2.0 / 3.0),
            ("equal scores", vec![(1.0, true), (1.0, false)], 1.0, 0.5),
            ("falling labels", vec![(1.0, true), (2.0, false)], -9.0, 0.5),
            ("between two pools", vec![(0.0, false), (4.0, true)], 1.0, 1.0 / 3.0 + 1.0 / 12.0),
            ("far apart", vec![(-f64::MAX, false), (f64::MAX, true)], 0.0, 0.5),
        ] {
            let got = Isotonic::fit(&labelled).unwrap().probability(probe);
            assert!((got - expected).abs() < 1e-12, "{name}: {got}");
        }
    }

    /// The most steps that labels can make: each score has another share of anomalies, all different fractions in order.
    #[test]
    fn knots_are_bounded() {
        let mut fractions: Vec<(u32, u32)> = (1..100).flat_map(|whole| (0..whole).map(move |part| (part, whole))).collect();
        fractions.sort_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)));
        fractions.dedup_by(|a, b| a.0 * b.1 == b.0 * a.1);
        let group = |(at, (part, whole)): (usize, &(u32, u32))| {
            let (at, part) = (at as f64, *part);
            (0..*whole).map(move |label| (at, label < part))
        };
        let labelled: Vec<(f64, bool)> = fractions.iter().enumerate().flat_map(group).collect();
        let curve = Isotonic::fit(&labelled).unwrap();
        assert!(fractions.len() > MAX_KNOTS && curve.scores.len() == MAX_KNOTS && curve.validate().is_ok());
        assert_eq!((curve.scores[0], curve.scores[MAX_KNOTS - 1]), (0.0, fractions.len() as f64 - 1.0));
    }
}
