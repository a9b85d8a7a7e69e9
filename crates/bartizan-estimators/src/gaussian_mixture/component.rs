//! One component of a mixture.

use super::kernel;
use serde::{Deserialize, Serialize};

const LN_TWO_PI: f64 = 1.837_877_066_409_345_3;

/// A normal distribution and its share of the mixture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Component {
    /// Logarithm of the share.
    pub(super) log_weight: f64,
    pub(super) mean: Vec<f64>,
    pub(super) shape: Shape,
    /// Half the logarithm of the determinant of the inverse covariance, less the constant of the density.
    pub(super) log_scale: f64,
}

/// What turns a centred row into one of independent standard normal numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Shape {
    /// One over the deviation of each feature.
    Diagonal(Vec<f64>),
    /// Inverse of the Cholesky factor of the covariance: a lower triangle, row after row.
    Full(Vec<f64>),
}

impl Component {
    pub(super) fn new(weight: f64, mean: Vec<f64>, shape: Shape) -> Self {
        let width = mean.len();
        let logs: f64 = match &shape {
            Shape::Diagonal(inverse) => inverse.iter().map(|d| d.ln()).sum(),
            Shape::Full(triangle) => (0..width).map(|row| triangle[kernel::start(row) + row].ln()).sum(),
        };
        Self { log_weight: weight.ln(), mean, shape, log_scale: logs - 0.5 * width as f64 * LN_TWO_PI }
    }

    /// Log of share times density for each of `L` rows; `x[feature][row]`.
    pub(super) fn log_density<const L: usize>(&self, x: &[[f64; L]], work: &mut [[f64; L]]) -> [f64; L] {
        let squares = match &self.shape {
            Shape::Diagonal(inverse) => kernel::diagonal(inverse, &self.mean, x),
            Shape::Full(triangle) => kernel::full(triangle, &self.mean, x, work),
        };
        squares.map(|square| self.log_weight + self.log_scale - 0.5 * square)
    }

    /// Per-feature parts of half the squared distance: `(x - m)_j (S⁻¹ (x - m))_j / 2`.
    pub(super) fn parts(&self, row: &[f32]) -> Vec<f64> {
        let centred: Vec<f64> = row.iter().zip(&self.mean).map(|(x, m)| f64::from(*x) - m).collect();
        match &self.shape {
            Shape::Diagonal(inverse) => centred.iter().zip(inverse).map(|(c, i)| 0.5 * (c * i).powi(2)).collect(),
            Shape::Full(triangle) => {
                let mut solved = vec![0.0; centred.len()];
                for r in 0..centred.len() {
                    let line = &triangle[kernel::start(r)..kernel::start(r + 1)];
                    let white: f64 = line.iter().zip(&centred).map(|(t, c)| t * c).sum();
                    for (solved, t) in solved.iter_mut().zip(line) {
                        *solved += t * white;
                    }
                }
                solved.iter().zip(&centred).map(|(s, c)| 0.5 * s * c).collect()
            }
        }
    }

    pub(super) fn is_sound(&self, width: usize) -> bool {
        let (numbers, length) = match &self.shape {
            Shape::Diagonal(inverse) => (inverse, width),
            Shape::Full(triangle) => (triangle, kernel::start(width)),
        };
        let all = numbers.iter().chain(&self.mean).chain([&self.log_weight, &self.log_scale]);
        self.mean.len() == width && numbers.len() == length && all.into_iter().all(|v| v.abs() < 1e15)
    }
}
