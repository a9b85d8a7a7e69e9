//! Peaks over threshold: a limit that scores pass with a given, small probability, even one smaller than was ever seen.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Peaks that the tail is fitted on; of more, the newest.
const MAX_PEAKS: usize = 1_000;
/// Fewest scores to begin with.
const MIN_SCORES: usize = 100;
/// Intervals on either side of 0 in which roots are looked for.
const INTERVALS: usize = 32;
/// Halvings of an interval.
const HALVINGS: usize = 60;

/// SPOT: the extreme quantile of a stream of scores, kept up to date.
///
/// # Parameters
/// - `level`: share of scores that are not peaks, 0.5 to 0.999; the paper's 0.98.
/// - `risk`: probability that a normal score passes the limit, above 0 and below `1 - level`.
///
/// # Errors
/// A parameter out of range, or fewer than 100 finite scores.
///
/// # Algorithm
/// Scores above the quantile `level` are peaks. What they exceed it by follows, in the limit, a generalised Pareto
/// distribution, whatever the scores follow; it is fitted by maximum likelihood (Grimshaw's reduction to one equation). Its
/// quantile is the limit. A score above it is an alarm and changes nothing; a peak below it refits the tail.
/// When all peaks exceed the level by the same, or not at all, an exponential tail is assumed.
///
/// # Weak where
/// Scores drift; fewer than 20 peaks; the tail has steps; it ends abruptly, as a uniform one does (the limit lies beyond the end);
/// `risk` is within a factor of ten of `1 - level` (alarms are kept out of the tail, which then looks shorter than it is).
///
/// # References
/// Siffer, Fouque, Termier, Largouët: Anomaly detection in streams with extreme value theory, KDD 2017, algorithms 1 and 2.
/// Grimshaw: Computing maximum likelihood estimates for the generalized Pareto distribution, Technometrics 35(2), 1993.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spot {
    risk: f64,
    level: f64,
    limit: f64,
    seen: u64,
    /// How many of all that were seen are peaks, kept or not.
    peaks_seen: u64,
    /// What the newest peaks exceed the level by.
    peaks: Vec<f64>,
}

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Up to the level.
    Normal,
    /// Above the level, not above the limit.
    Peak,
    /// Above the limit.
    Alarm,
}

/// There is no limit to be had.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum SpotError {
    /// The level is out of range.
    #[error("level must be in [0.5, 0.999], got {0}")]
    Level(f64),
    /// The risk is out of range.
    #[error("risk must be above 0 and below 1 - level, got {0}")]
    Risk(f64),
    /// Too little to begin with.
    #[error("need at least {MIN_SCORES} finite scores to begin with, got {0}")]
    TooFew(usize),
}

impl Spot {
    /// Begins with a batch of scores, in the order they came.
    ///
    /// # Errors
    /// See [`SpotError`].
    pub fn fit(scores: &[f64], level: f64, risk: f64) -> Result<Self, SpotError> {
        if !(0.5..=0.999).contains(&level) {
            return Err(SpotError::Level(level));
        }
        if !(risk > 0.0 && risk < 1.0 - level) {
            return Err(SpotError::Risk(risk));
        }
        let finite: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
        if finite.len() < MIN_SCORES {
            return Err(SpotError::TooFew(finite.len()));
        }
        let mut sorted = finite.clone();
        sorted.sort_by(f64::total_cmp);
        let level = sorted[((level * finite.len() as f64) as usize).min(finite.len() - 1)];
        let all: Vec<f64> = finite.iter().filter(|score| **score > level).map(|score| score - level).collect();
        let peaks = all[all.len().saturating_sub(MAX_PEAKS)..].to_vec();
        let mut spot = Self { risk, level, limit: level, seen: finite.len() as u64, peaks_seen: all.len() as u64, peaks };
        spot.refit();
        Ok(spot)
    }

    /// The score that a normal one passes with the probability `risk`.
    #[must_use]
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// Judges the next score of the stream and, unless it is an alarm, learns from it. One that is not finite is an alarm.
    pub fn observe(&mut self, score: f64) -> Observation {
        if !score.is_finite() || score > self.limit {
            return Observation::Alarm;
        }
        self.seen += 1;
        if score <= self.level {
            return Observation::Normal;
        }
        if self.peaks.len() == MAX_PEAKS {
            self.peaks.remove(0);
        }
        self.peaks.push(score - self.level);
        self.peaks_seen += 1;
        self.refit();
        Observation::Peak
    }

    /// The paper's equation 1.
    fn refit(&mut self) {
        let Some(tail) = Tail::fit(&self.peaks) else { return };
        let ratio = self.risk * self.seen as f64 / self.peaks_seen as f64;
        let beyond = if tail.shape.abs() < 1e-9 { -ratio.ln() } else { (ratio.powf(-tail.shape) - 1.0) / tail.shape };
        self.limit = self.level + tail.scale * beyond.max(0.0);
    }
}

/// A generalised Pareto distribution.
#[derive(Clone, Copy, Debug)]
struct Tail {
    shape: f64,
    scale: f64,
}

impl Tail {
    /// The most likely one, `None` without a peak.
    fn fit(peaks: &[f64]) -> Option<Self> {
        let count = peaks.len() as f64;
        let (least, most) = peaks.iter().fold((f64::MAX, 0.0_f64), |(l, m), y| (l.min(*y), m.max(*y)));
        if peaks.is_empty() || most <= 0.0 {
            return None;
        }
        let mean = peaks.iter().sum::<f64>() / count;
        let exponential = Self { shape: 0.0, scale: mean };
        // Roots of u(x) v(x) = 1 with x = shape / scale: each is a candidate, and so is the exponential tail, x = 0.
        let logs = |x: f64| peaks.iter().map(|y| (x * y).ln_1p()).sum::<f64>() / count;
        let w: &dyn Fn(f64) -> f64 = &|x: f64| peaks.iter().map(|y| 1.0 / (1.0 + x * y)).sum::<f64>() / count * (1.0 + logs(x)) - 1.0;
        let low = (-1.0 / most * (1.0 - 1e-8), -1e-8 / most);
        let high = (1e-8 / most, (2.0 * (mean - least) / (least * least)).clamp(1e-6 / mean, 100.0 / mean));
        let roots = [low, high].into_iter().flat_map(|(from, to)| roots(w, from, to));
        let candidates = roots.map(|x| Self { shape: logs(x), scale: logs(x) / x }).filter(|t| t.scale > 0.0 && t.shape > -1.0);
        let all = candidates.chain([exponential]);
        all.max_by(|a, b| a.log_likelihood(peaks).total_cmp(&b.log_likelihood(peaks)))
    }

    fn log_likelihood(self, peaks: &[f64]) -> f64 {
        let count = peaks.len() as f64;
        if self.shape.abs() < 1e-9 {
            return -count * self.scale.ln() - peaks.iter().sum::<f64>() / self.scale;
        }
        let logs: f64 = peaks.iter().map(|y| (self.shape / self.scale * y).ln_1p()).sum();
        -count * self.scale.ln() - (1.0 + 1.0 / self.shape) * logs
    }
}

/// Where a function changes its sign on intervals that shrink towards 0, where its roots crowd.
fn roots(w: &dyn Fn(f64) -> f64, from: f64, to: f64) -> Vec<f64> {
    let step = (to / from).powf(1.0 / INTERVALS as f64);
    let edge = |i: usize| from * step.powi(i as i32);
    let between = |i: usize| {
        let (mut a, mut b) = (edge(i), edge(i + 1));
        let (at_a, at_b) = (w(a), w(b));
        if at_a * at_b >= 0.0 || at_a.is_nan() || at_b.is_nan() {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(a, b);
            if w(middle) * at_a > 0.0 { a = middle } else { b = middle }
        }
        Some(f64::midpoint(a, b))
    };
    (0..INTERVALS).filter_map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::{Observation, Spot, SpotError, Tail};
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn uniform(count: usize, seed: u64) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..count).map(|_| rng.random::<f64>()).collect()
    }

    /// Quantile functions of distributions whose tails have shape 0, 1/3, -1 and -1/2.
    type Quantile = fn(f64) -> f64;
    const TAILS: [(&str, f64, Quantile); 4] = [
        ("exponential", 0.0, |u| -(1.0 - u).ln()),
        ("pareto", 1.0 / 3.0, |u| (1.0 - u).powf(-1.0 / 3.0)),
        ("uniform", -1.0, |u| u),
        ("triangle", -0.5, |u| 1.0 - (1.0 - u).sqrt()),
    ];

    #[test]
    fn the_limit_is_passed_as_often_as_was_asked() {
        for (name, shape, quantile) in TAILS {
            for risk in [1e-3, 1e-4] {
                let rates: Vec<f64> = (0..20)
                    .map(|seed| {
                        let scores: Vec<f64> = uniform(20_000, seed).into_iter().map(quantile).collect();
                        let limit = Spot::fit(&scores, 0.98, risk).unwrap().limit();
                        // The share above the limit, from the quantile function by bisection.
                        let (mut low, mut high) = (0.0, 1.0);
                        for _ in 0..60 {
                            let middle = f64::midpoint(low, high);
                            if quantile(middle) < limit { low = middle } else { high = middle }
                        }
                        (1.0 - low) / risk
                    })
                    .collect();
                let mean = rates.iter().sum::<f64>() / 20.0;
                let least = if shape == -1.0 { 0.0 } else { 0.5 };
                assert!((least..2.0).contains(&mean), "{name} at {risk}: {mean} {rates:?}");
            }
        }
    }

    #[test]
    fn the_shape_of_the_tail_is_found() {
        for (name, shape, quantile) in TAILS {
            let peaks: Vec<f64> = uniform(5_000, 9).into_iter().map(|u| quantile(0.9 + u / 10.0) - quantile(0.9)).collect();
            let tail = Tail::fit(&peaks).unwrap();
            assert!((tail.shape - shape).abs() < 0.12, "{name}: {tail:?}");
        }
    }

    #[test]
    fn a_stream_raises_alarms_and_learns_from_peaks() {
        let scores: Vec<f64> = uniform(5_000, 2).into_iter().map(|u| -(1.0 - u).ln()).collect();
        let mut spot = Spot::fit(&scores, 0.98, 1e-4).unwrap();
        let (before, mut alarms, mut peaks) = (spot.limit(), 0, 0);
        for u in uniform(50_000, 3) {
            match spot.observe(-(1.0 - u).ln()) {
                Observation::Alarm => alarms += 1,
                Observation::Peak => peaks += 1,
                Observation::Normal => {}
            }
        }
        assert!((1..20).contains(&alarms) && peaks > 500, "{alarms} alarms, {peaks} peaks");
        assert_ne!(spot.limit(), before);
        assert_eq!(spot.observe(100.0), Observation::Alarm);
        assert_eq!(spot.observe(f64::NAN), Observation::Alarm);
    }

    #[test]
    fn odd_beginnings_have_a_limit_or_an_error() {
        for scores in
            [vec![3.0; 200], (0..200).map(|i| f64::from(i % 2)).collect(), (0..200).map(|i| if i == 5 { 1e300 } else { 0.0 }).collect()]
        {
            let mut spot = Spot::fit(&scores, 0.98, 1e-4).unwrap();
            assert!(spot.limit().is_finite());
            spot.observe(spot.limit() + 1e-9);
            assert!(spot.limit().is_finite());
        }
        assert_eq!(Spot::fit(&[1.0; 99], 0.98, 1e-4).unwrap_err(), SpotError::TooFew(99));
        assert_eq!(Spot::fit(&[1.0; 200], 0.2, 1e-4).unwrap_err(), SpotError::Level(0.2));
        assert_eq!(Spot::fit(&[1.0; 200], 0.98, 0.03).unwrap_err(), SpotError::Risk(0.03));
    }
}
