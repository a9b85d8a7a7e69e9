//! Distances in the axes of a covariance: principal components and Mahalanobis.

mod chi2;
mod mahalanobis;
mod mcd;
mod pca;
mod spectrum;

pub use mahalanobis::{Mahalanobis, Support};
pub use pca::{Pca, PcaScore};

use crate::preparation::Preparation;
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Explain, FeatureSchema, Samples, ScoreError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use spectrum::Spectrum;

/// Rows whose products are taken at once.
const BLOCK: usize = 8;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 512;
/// Greatest weight: squares of prepared values times it stay finite in any number.
const MAX_WEIGHT: f64 = 1e15;

/// A fitted squared distance: weighted squares along some directions, and one weight for all that is left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedDistance {
    schema: FeatureSchema,
    preparation: Preparation,
    /// Of the prepared rows.
    center: Vec<f64>,
    /// Orthonormal, one after the other.
    directions: Vec<f64>,
    /// Of the square along each direction.
    weights: Vec<f64>,
    /// Of the square of what no direction shows.
    rest: f64,
}

impl FittedDistance {
    fn width(&self) -> usize {
        self.center.len()
    }

    /// The row prepared and centred, written into one lane of a block.
    fn centred<const N: usize>(&self, row: &[f32], scratch: &mut [f32], lanes: &mut [[f64; N]], lane: usize) {
        self.preparation.apply_row(row, scratch);
        for ((value, center), lanes) in scratch.iter().zip(&self.center).zip(lanes) {
            lanes[lane] = f64::from(*value) - center;
        }
    }

    /// Distances of `N` rows at once. Every lane adds in the same order whatever `N`, so one row scores as it does among many.
    fn distances<const N: usize>(&self, lanes: &[[f64; N]]) -> [f64; N] {
        let (mut sum, mut left) = ([0.0; N], [0.0; N]);
        for values in lanes {
            for (left, value) in left.iter_mut().zip(values) {
                *left += value * value;
            }
        }
        for (direction, weight) in self.directions.chunks_exact(self.width()).zip(&self.weights) {
            let along = products(direction, lanes);
            for ((sum, left), along) in sum.iter_mut().zip(&mut left).zip(along) {
                *sum += weight * along * along;
                *left -= along * along;
            }
        }
        for (sum, left) in sum.iter_mut().zip(left) {
            *sum += self.rest * left.max(0.0);
        }
        sum
    }

    fn score_chunk(&self, values: &[f32], out: &mut [AnomalyScore]) {
        let width = self.width();
        let mut scratch = vec![0.0; width];
        let (mut block, mut single) = (vec![[0.0; BLOCK]; width], vec![[0.0; 1]; width]);
        for (values, out) in values.chunks(BLOCK * width).zip(out.chunks_mut(BLOCK)) {
            let rows = values.chunks_exact(width).enumerate();
            if out.len() == BLOCK {
                rows.for_each(|(lane, row)| self.centred(row, &mut scratch, &mut block, lane));
                out.iter_mut().zip(self.distances(&block)).for_each(|(out, distance)| out.0 = distance);
            } else {
                for (i, row) in rows {
                    self.centred(row, &mut scratch, &mut single, 0);
                    out[i].0 = self.distances(&single)[0];
                }
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let (width, count) = (self.schema.width(), self.weights.len());
        if width == 0 || self.center.len() != width || self.preparation.width() != width || self.directions.len() != count * width {
            return Err(format!("{count} directions of {width} features have {} numbers", self.directions.len()));
        }
        let weights = self.weights.iter().chain([&self.rest]).all(|w| (0.0..=MAX_WEIGHT).contains(w));
        let centers = self.center.iter().all(|c| c.abs() <= 1e9);
        let directions = self.directions.iter().all(|d| d.abs() <= 1.0 + 1e-6);
        if !(weights && centers && directions) {
            return Err("a weight, a center or a direction is out of range".to_owned());
        }
        self.preparation.validate()
    }
}

/// Inner products of a direction with every lane, on two sums each for speed.
fn products<const N: usize>(direction: &[f64], lanes: &[[f64; N]]) -> [f64; N] {
    let mut sums = [[0.0; N]; 2];
    let mut pairs = direction.chunks_exact(2).zip(lanes.chunks_exact(2));
    for (d, values) in &mut pairs {
        for lane in 0..N {
            sums[0][lane] += d[0] * values[0][lane];
            sums[1][lane] += d[1] * values[1][lane];
        }
    }
    if let (Some(d), Some(values), true) = (direction.last(), lanes.last(), direction.len() % 2 == 1) {
        for lane in 0..N {
            sums[0][lane] += d * values[lane];
        }
    }
    std::array::from_fn(|lane| sums[0][lane] + sums[1][lane])
}

impl Detector for FittedDistance {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.width(), samples, out)?;
        let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * self.width()));
        chunks.for_each(|(out, values)| self.score_chunk(values, out));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

/// With M the distance's matrix and x the centred row, feature j's share is `x_j (M x)_j`: its own square and half of every product with another feature.
/// These are the Shapley values of the distance with the center as background; correlated features can have negative ones.
impl Explain for FittedDistance {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let width = self.width();
        if row.len() != width {
            return Err(ScoreError::Width { expected: width, got: row.len() });
        }
        let mut x = vec![[0.0; 1]; width];
        self.centred(row, &mut vec![0.0; width], &mut x, 0);
        // (M x), direction by direction; `rest` applies to what is left of x.
        let mut pull: Vec<f64> = x.iter().map(|x| self.rest * x[0]).collect();
        for (direction, weight) in self.directions.chunks_exact(width).zip(&self.weights) {
            let [along] = products(direction, &x);
            for (pull, d) in pull.iter_mut().zip(direction) {
                *pull += (weight - self.rest) * along * d;
            }
        }
        let shares: Vec<f64> = pull.iter().zip(&x).map(|(pull, x)| pull * x[0]).collect();
        // What is left can be 0 but for rounding; that rounding belongs to no feature.
        let base = self.distances(&x)[0] - shares.iter().sum::<f64>();
        Ok(Attribution { base, shares })
    }
}
