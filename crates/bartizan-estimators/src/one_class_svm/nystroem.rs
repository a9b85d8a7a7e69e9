//! Approximate training in the space that some landmark rows span, block after block.

use super::exact::sums;
use super::kernel::Function;
use crate::matrix::Packed;
use bartizan_core::{FitError, Seed, Stop};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Rows of a block: one step of the descent. A multiple of the rows that products are taken of at a time.
const BLOCK: usize = 960;
/// Blocks whose kernel values are held at a time.
const AHEAD: usize = 16;
/// Fewest steps; few rows are gone through more than once.
const STEPS: usize = 300;
/// Rows that the threshold is taken from.
const MAX_THRESHOLD_ROWS: usize = 65_536;
/// Added to the diagonal, as part of its mean: what landmarks nearly repeat must not make weights large.
const RIDGE: f64 = 1e-4;
/// Greatest weight of a landmark; those of usual rows are near 1 over their number.
const MOST_WEIGHT: f64 = 1e3;

/// What is trained.
pub(super) struct Approximation {
    pub(super) function: Function,
    pub(super) nu: f64,
    /// How many landmarks.
    pub(super) components: usize,
}

/// Landmarks, their weights (for weights of training rows that sum to 1) and the threshold.
pub(super) struct Trained {
    pub(super) landmarks: Packed,
    pub(super) weights: Vec<f32>,
    pub(super) rho: f64,
}

impl Approximation {
    /// Trains on `rows` rows, of which `fetch` writes any.
    ///
    /// The optimum is the mean of the images of the rows that score lowest, `nu` of all. Each step goes from the present mean
    /// towards that of the lowest `nu` of a block (the method of Frank and Wolfe on the dual, one block at a time), by
    /// `2 / (step + 2)` of the way.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub(super) fn train(
        &self,
        rows: usize,
        width: usize,
        fetch: impl Fn(usize, &mut [f32]) + Sync,
        seed: Seed,
        stop: &Stop,
    ) -> Result<Trained, FitError> {
        let gather = |rows: &[u32]| {
            let mut values = vec![0.0; rows.len() * width];
            rows.iter().zip(values.chunks_exact_mut(width)).for_each(|(row, out)| fetch(*row as usize, out));
            values
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.shuffle(&mut rng);
        let chosen = gather(&order[..self.components.min(rows)]);
        let landmarks = Packed::new(&chosen, width);
        let inverse = self.inverse(&chosen, &landmarks);
        let mut weights = DVector::from_element(landmarks.rows(), 1.0 / landmarks.rows() as f64);
        let mut step = 0;
        while step < STEPS {
            order.shuffle(&mut rng);
            for blocks in order.chunks(AHEAD * BLOCK) {
                stop.check()?;
                let values = |block: &[u32]| {
                    let mut out = vec![0.0; block.len() * landmarks.places()];
                    self.function.values(&gather(block), &landmarks, &mut out);
                    out
                };
                let kernels: Vec<Vec<f32>> = blocks.par_chunks(BLOCK).map(values).collect();
                for kernel in kernels {
                    let far = inverse.solve(&self.mean_of_lowest(&kernel, landmarks.places(), &weights));
                    let part = 2.0 / (step as f64 + 2.0);
                    weights = weights * (1.0 - part) + far * part;
                    step += 1;
                }
            }
        }
        let weights: Vec<f32> = weights.iter().map(|w| w.clamp(-MOST_WEIGHT, MOST_WEIGHT) as f32).collect();
        let mut scores = Vec::new();
        for rows in order[..rows.min(MAX_THRESHOLD_ROWS)].chunks(AHEAD * BLOCK) {
            scores.extend(sums(self.function, &gather(rows), &landmarks, &weights));
        }
        let at = ((self.nu * scores.len() as f64) as usize).min(scores.len() - 1);
        let rho = *scores.select_nth_unstable_by(at, f64::total_cmp).1;
        Ok(Trained { landmarks, weights, rho })
    }

    /// The landmarks' own kernel matrix, made so that it can be solved with.
    fn inverse(&self, chosen: &[f32], landmarks: &Packed) -> Cholesky<f64, Dyn> {
        let (count, places) = (landmarks.rows(), landmarks.places());
        let mut own = vec![0.0; count * places];
        self.function.values(chosen, landmarks, &mut own);
        let matrix = DMatrix::from_fn(count, count, |r, c| f64::from(own[r * places + c]));
        let mean = (matrix.diagonal().iter().map(|v| v.abs()).sum::<f64>() / count as f64).max(f64::MIN_POSITIVE.sqrt());
        let mut ridge = RIDGE;
        loop {
            let solvable = &matrix + DMatrix::identity(count, count) * (ridge * mean);
            // A kernel that is no scalar product (sigmoid) may need much; `count` times the greatest value always suffices.
            match Cholesky::new(solvable) {
                Some(found) => return found,
                None => ridge *= 10.0,
            }
        }
    }

    /// Mean kernel values of the rows of a block that score lowest.
    fn mean_of_lowest(&self, kernel: &[f32], places: usize, weights: &DVector<f64>) -> DVector<f64> {
        let weights32: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        let mut scored: Vec<(f32, usize)> = kernel.chunks_exact(places).enumerate().map(|(i, row)| (dot(&weights32, row), i)).collect();
        let lowest = ((self.nu * scored.len() as f64).round() as usize).clamp(1, scored.len());
        scored.select_nth_unstable_by(lowest - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut mean = DVector::zeros(weights.len());
        for (_, row) in &scored[..lowest] {
            let row = &kernel[row * places..];
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value));
        }
        mean / lowest as f64
    }
}

/// The product of two rows, in eight sums side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum()
}
