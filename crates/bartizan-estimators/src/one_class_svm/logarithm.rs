//! Logarithms of kernel sums, which go on where the sums themselves are too small for 32 bits.

use super::kernel::Function;
use crate::matrix::{Line, Packed};

/// Sums below it are computed again by their largest term: kernel values are not told apart below e^-86, nor are sums near that.
const LEAST: f64 = 1e-30;
/// Where weights have both signs, no less than this part of the sum of their sizes counts as the sum.
const CANCELLED: f64 = 1e-3;
/// Rows whose distances are held at a time.
const ROWS: usize = 64;

/// Support rows and what they weigh.
pub(super) struct Weighted<'a> {
    pub(super) function: Function,
    pub(super) support: &'a Packed,
    pub(super) weights: &'a [f32],
}

impl Weighted<'_> {
    /// Sums of weight × kernel value for rows that are prepared.
    pub(super) fn sums(&self, rows: &[f32]) -> Vec<f64> {
        let mut out = vec![0.0; rows.len() / self.support.width()];
        self.function.weighted(rows, self.support, &Line::all(self.weights), &mut out);
        out
    }

    /// Logarithms of these sums, each finite and growing less with the distance for ever.
    pub(super) fn logarithms(&self, rows: &[f32]) -> Vec<f64> {
        let width = self.support.width();
        let mut out = self.sums(rows);
        // A sum of sizes is at most the sum of the weights' sizes: above this part of it a sum counts as it is.
        let surely: f64 = self.weights.iter().map(|w| f64::from(w.abs())).sum::<f64>() * CANCELLED;
        let positive = self.weights.iter().all(|w| *w >= 0.0);
        let enough = if positive { LEAST } else { surely.max(LEAST) };
        let rest: Vec<usize> = (0..out.len()).filter(|i| out[*i] <= enough).collect();
        out.iter_mut().for_each(|sum| *sum = sum.max(f64::MIN_POSITIVE).ln());
        for part in rest.chunks(ROWS) {
            let far: Vec<f32> = part.iter().flat_map(|i| &rows[i * width..(i + 1) * width]).copied().collect();
            for (i, log) in part.iter().zip(self.by_distance(&far)) {
                out[*i] = log;
            }
        }
        out
    }

    /// The same by distances: what the nearest row adds is taken out of the sum, so that the rest is in range.
    fn by_distance(&self, rows: &[f32]) -> Vec<f64> {
        let places = self.support.places();
        let mut squares = vec![0.0; rows.len() / self.support.width() * places];
        Function::squares(rows, self.support, &mut squares);
        squares.chunks_exact(places).map(|squares| self.log_sum(&squares[..self.weights.len()])).collect()
    }

    fn log_sum(&self, squares: &[f32]) -> f64 {
        let gamma = f64::from(self.function.gamma);
        let nearest = squares.iter().zip(self.weights).filter(|(_, w)| **w != 0.0).map(|(s, _)| *s).fold(f32::MAX, f32::min);
        let (mut sum, mut size) = (0.0, 0.0);
        for (square, weight) in squares.iter().zip(self.weights) {
            let part = f64::from(*weight) * (gamma * (f64::from(nearest) - f64::from(*square))).exp();
            sum += part;
            size += part.abs();
        }
        sum.max(CANCELLED * size).max(f64::MIN_POSITIVE).ln() - gamma * f64::from(nearest)
    }
}
