//! A logistic curve.

use super::{Targets, finite};
use serde::{Deserialize, Serialize};

/// Largest log-odds: probabilities stay within 1e-12 of 0 and 1 and off them.
const MAX_LOG_ODDS: f64 = 27.6;

/// `1 / (1 + exp(-(slope z + offset)))` of the standardised score `z`.
///
/// # Algorithm
/// Maximum likelihood of smoothed targets, by Newton's method. The slope is never negative.
///
/// # References
/// Platt: Probabilistic outputs for support vector machines, 1999. Lin, Lin, Weng: A note on Platt's probabilistic outputs
/// for support vector machines, Machine Learning 68, 2007.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    center: f64,
    scale: f64,
    slope: f64,
    offset: f64,
}

impl Logistic {
    /// From labelled scores, `(score, anomalous)`; those that are not finite are ignored. `None` without any.
    #[must_use]
    pub fn fit(labelled: &[(f64, bool)]) -> Option<Self> {
        let mut points = finite(labelled);
        let count = points.len() as f64;
        if points.is_empty() {
            return None;
        }
        // Divided by the largest first, so that no sum of squares overflows; a flat curve where scores never vary.
        let largest = points.iter().map(|p| p.0.abs()).fold(f64::MIN_POSITIVE, f64::max);
        let center = points.iter().map(|p| p.0 / largest).sum::<f64>() / count;
        let deviation = (points.iter().map(|p| (p.0 / largest - center).powi(2)).sum::<f64>() / count).sqrt();
        let scale = if deviation > 1e-12 && deviation * largest > f64::MIN_POSITIVE { deviation * largest } else { largest };
        let mut curve = Self { center: center * largest, scale, slope: 0.0, offset: 0.0 };
        for point in &mut points {
            point.0 = curve.standardised(point.0);
        }
        (curve.slope, curve.offset) = platt(&points);
        Some(curve)
    }

    fn standardised(&self, score: f64) -> f64 {
        score / self.scale - self.center / self.scale
    }

    /// See [`super::LabelCalibration::probability`].
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let score = if score.is_nan() { f64::MIN } else { score.clamp(f64::MIN, f64::MAX) };
        let steep = if self.slope > 0.0 { self.slope * self.standardised(score) } else { 0.0 };
        1.0 / (1.0 + (-(steep + self.offset).clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)).exp())
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        let numbers = [self.center, self.scale, self.slope, self.offset].iter().all(|n| n.is_finite());
        let fine = numbers && self.scale >= f64::MIN_POSITIVE && self.slope >= 0.0;
        if fine { Ok(()) } else { Err("the logistic curve of labels is out of order".to_owned()) }
    }
}

/// Slope (not negative) and offset of the logistic fit.
fn platt(points: &[(f64, bool)]) -> (f64, f64) {
    let positives = points.iter().filter(|p| p.1).count() as f64;
    let negatives = points.len() as f64 - positives;
    let targets = Targets::new(points);
    let target = |y: bool| targets.of(y);
    let (mut slope, mut offset) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let loss = |slope: f64, offset: f64| -> f64 {
        points.iter().map(|&(x, y)| softplus(slope * x + offset) - target(y) * (slope * x + offset)).sum()
    };
    let mut best = loss(slope, offset);
    for _ in 0..100 {
        let (mut g, mut h) = ([0.0; 2], [1e-12, 0.0, 1e-12]);
        for &(x, y) in points {
            let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
            let (d, w) = (p - target(y), (p * (1.0 - p)).max(1e-12));
            g = [g[0] + d * x, g[1] + d];
            h = [h[0] + w * x * x, h[1] + w * x, h[2] + w];
        }
        let determinant = (h[0] * h[2] - h[1] * h[1]).max(1e-300);
        let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        let mut part = 1.0;
        let taken = loop {
            let (s, o) = (slope - part * step[0], offset - part * step[1]);
            let l = loss(s, o);
            if l < best - 1e-12 {
                break Some((s, o, l));
            }
            part /= 2.0;
            if part < 1e-10 {
                break None;
            }
        };
        let Some((s, o, l)) = taken else { break };
        (slope, offset, best) = (s, o, l);
    }
    if slope >= 0.0 { (slope, offset) } else { (0.0, ((positives + 1.0) / (negatives + 1.0)).ln()) }
}

fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::Logistic;

    /// The unit and the origin of scores do not matter.
    #[test]
    fn any_scale_gives_the_same_curve() {
        let labelled: Vec<(f64, bool)> = (0..200).map(|i| (f64::from(i) / 100.0 - 1.0, (i * 37) % 200 < i)).collect();
        let plain = Logistic::fit(&labelled).unwrap();
        assert!(plain.probability(1.0) > 0.85 && plain.probability(-1.0) < 0.15, "{plain:?}");
        for (factor, shift) in [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e6), (1e300, 1e303)] {
            let moved: Vec<(f64, bool)> = labelled.iter().map(|(s, y)| (s * factor + shift, *y)).collect();
            let curve = Logistic::fit(&moved).unwrap();
            for ((score, _), (was, _)) in moved.iter().zip(&labelled) {
                assert!((curve.probability(*score) - plain.probability(*was)).abs() < 1e-6, "{factor} {shift}");
            }
        }
    }

    #[test]
    fn one_kind_of_labels_makes_nothing_certain() {
        for (labels, low, high) in [(1, 0.6, 0.7), (98, 0.98, 0.995)] {
            let p = Logistic::fit(&vec![(1.0, true); labels]).unwrap().probability(1.0);
            assert!((low..high).contains(&p), "{labels}: {p}");
        }
    }
}
