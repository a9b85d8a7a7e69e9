//! A fitted boundary: scoring and shares.

use super::kernel::{Function, Kind};
use super::logarithm::Weighted;
use crate::matrix::Packed;
use crate::preparation::Preparation;
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Explain, FeatureSchema, Samples, ScoreError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 480;
/// Farthest that a number of a support row lies from zero, see [`Preparation::apply`] and the shift by the mean.
const FARTHEST: f32 = 2.1e9;
/// More than weights ever sum to; with kernel values of at most 1e24 every sum stays finite in 32 bits.
const HEAVIEST: f32 = 1e13;

/// No boundary lies where the kernel sum is less: approximations can end at 0 or below.
const LEAST_RHO: f64 = 1e-30;

/// Support rows that are tried as the one that lies deepest inside.
const MOST_INSIDE: usize = 256;

/// A fitted one-class support vector machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedOneClassSvm {
    schema: FeatureSchema,
    preparation: Preparation,
    /// Taken from prepared rows.
    center: Vec<f32>,
    function: Function,
    support: Packed,
    weights: Vec<f32>,
    rho: f64,
    /// A row that lies deep inside, and its score: what explanations compare with.
    inside: Vec<f32>,
    inside_score: f64,
    iterations: usize,
    converged: bool,
}

impl FittedOneClassSvm {
    pub(super) fn new(
        schema: FeatureSchema,
        preparation: Preparation,
        center: Vec<f32>,
        function: Function,
        support: Packed,
        weights: Vec<f32>,
        rho: f64,
    ) -> Self {
        let inside = mean(&support, &weights);
        let mut fitted = Self {
            schema,
            preparation,
            center,
            function,
            support,
            weights,
            rho,
            inside,
            inside_score: 0.0,
            iterations: 0,
            converged: true,
        };
        fitted.inside_score = fitted.scores(&fitted.inside)[0];
        fitted.go_inside();
        fitted
    }

    /// The mean support row lies in none of several clusters: then a support row that scores better stands for what is inside.
    fn go_inside(&mut self) {
        let step = self.support.rows().div_ceil(MOST_INSIDE).max(1);
        for row in (0..self.support.rows()).step_by(step) {
            let row: Vec<f32> = self.support.row(row).collect();
            let score = self.scores(&row)[0];
            if score < self.inside_score {
                (self.inside, self.inside_score) = (row, score);
            }
        }
    }

    /// The same, as the exact solver left it.
    pub(super) fn after(mut self, iterations: usize, converged: bool) -> Self {
        (self.iterations, self.converged) = (iterations, converged);
        self
    }

    /// How many rows the boundary is made of.
    #[must_use]
    pub fn support_rows(&self) -> usize {
        self.support.rows()
    }

    /// The kernel sum at the boundary.
    #[cfg(test)]
    pub(super) fn rho(&self) -> f64 {
        self.rho
    }

    /// Pairs of weights that the exact solver moved.
    #[must_use]
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// False if the exact solver stopped at `max_iter`, or where 32-bit kernel values do not tell rows apart.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Scores of rows that are prepared and shifted.
    fn scores(&self, rows: &[f32]) -> Vec<f64> {
        let weighted = Weighted { function: self.function, support: &self.support, weights: &self.weights };
        let (mut out, at_boundary) = if self.function.kernel == Kind::LogRbf {
            (weighted.logarithms(rows), self.rho.max(LEAST_RHO).ln())
        } else {
            (weighted.sums(rows), self.rho)
        };
        out.iter_mut().for_each(|value| *value = at_boundary - *value);
        out
    }

    fn prepared(&self, values: &[f32]) -> Vec<f32> {
        let mut prepared = self.preparation.apply(rows::shaped(values, self.center.len()));
        for row in prepared.chunks_exact_mut(self.center.len()) {
            row.iter_mut().zip(&self.center).for_each(|(value, center)| *value -= center);
        }
        prepared
    }

    fn score_part(&self, values: &[f32], out: &mut [AnomalyScore]) {
        let scores = self.scores(&self.prepared(values));
        out.iter_mut().zip(scores).for_each(|(out, score)| *out = AnomalyScore(score));
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        self.preparation.validate()?;
        let width = self.schema.width();
        if [self.preparation.width(), self.center.len(), self.support.width(), self.inside.len()] != [width; 4] {
            return Err(format!("a boundary in another space than that of {width} features"));
        }
        if self.support.rows() == 0 || self.support.rows() != self.weights.len() {
            return Err(format!("{} weights for {} support rows", self.weights.len(), self.support.rows()));
        }
        let near = |values: &[f32]| values.iter().all(|v| v.abs() <= FARTHEST);
        if !self.support.within(FARTHEST) || !near(&self.center) || !near(&self.inside) {
            return Err("a support row is out of range".to_owned());
        }
        let finite = self.rho.is_finite() && self.inside_score.is_finite() && self.weights.iter().map(|w| w.abs()).sum::<f32>() < HEAVIEST;
        if !finite || !self.function.is_sound() {
            return Err("the kernel or a weight is out of range".to_owned());
        }
        Ok(())
    }
}

/// The mean row by the size of its weight.
fn mean(support: &Packed, weights: &[f32]) -> Vec<f32> {
    let sum: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
    let mut mean = vec![0.0_f64; support.width()];
    for (row, weight) in weights.iter().enumerate() {
        let part = f64::from(weight.abs()) / sum.max(f64::MIN_POSITIVE);
        mean.iter_mut().zip(support.row(row)).for_each(|(mean, value)| *mean += part * f64::from(value));
    }
    mean.into_iter().map(|v| v as f32).collect()
}

impl Detector for FittedOneClassSvm {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.center.len(), samples, out)?;
        if out.len() <= PARALLEL_ROWS {
            self.score_part(samples.values(), out);
            return Ok(());
        }
        let parts = samples.values().par_chunks(PARALLEL_ROWS * samples.width()).zip(out.par_chunks_mut(PARALLEL_ROWS));
        parts.for_each(|(values, out)| self.score_part(values, out));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedOneClassSvm {
    /// A feature's share goes by how much the score falls if it alone is set to its value in a row deep inside; only
    /// features count that move the score the way in which it differs from that row's.
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let width = self.center.len();
        if row.len() != width {
            return Err(ScoreError::Width { expected: width, got: row.len() });
        }
        let prepared = self.prepared(row);
        let score = self.scores(&prepared)[0];
        let without = |feature: usize| {
            let mut changed = prepared.clone();
            changed[feature] = self.inside[feature];
            score - self.scores(&changed)[0]
        };
        let total = score - self.inside_score;
        let mut shares: Vec<f64> = (0..width).map(|feature| (without(feature) * total.signum()).max(0.0)).collect();
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 {
            shares.iter_mut().for_each(|share| *share *= total / sum);
            return Ok(Attribution { base: self.inside_score, shares });
        }
        // No feature moves the score: then none has a share in it.
        Ok(Attribution { base: score, shares })
    }

    fn exact(&self) -> bool {
        false
    }
}
