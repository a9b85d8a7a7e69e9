//! The exact dual: from a good start, in rounds over the rows that may still move.

use super::kernel::Function;
use super::smo::{Part, Range};
use crate::matrix::{Line, Packed};
use bartizan_core::{Seed, Stop};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Fewer rows than this are all worked on at once.
const FEW: usize = 2_000;
/// The start comes from one in so many rows.
const PART: usize = 8;
/// Most rounds.
const MAX_ROUNDS: usize = 100;
/// Gaps below this part of the gradient are rounding of 32-bit kernel values.
const ROUNDING: f64 = 3e-7;
/// Where kernel values of both signs cancel, the rounding of this part of their size stays.
const CANCELLED: f64 = 0.1;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 480;

/// The dual of one-class classification: weights in [0, 1] that sum to `nu × rows`.
pub(super) struct Dual<'a> {
    pub(super) function: Function,
    pub(super) width: usize,
    pub(super) values: &'a [f32],
    pub(super) nu: f64,
    pub(super) tolerance: f64,
    pub(super) max_iter: usize,
    pub(super) cache_bytes: usize,
    /// Where it is set, what is found so far is given back.
    pub(super) stop: &'a Stop,
}

/// Its solution.
pub(super) struct Solution {
    pub(super) weights: Vec<f64>,
    pub(super) rho: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

/// Weighted kernel sums of many rows, in parallel.
pub(super) fn sums(function: Function, rows: &[f32], packed: &Packed, weights: &[f32]) -> Vec<f64> {
    let lines = Line::all(weights);
    let mut out = vec![0.0; rows.len() / packed.width()];
    let parts = rows.par_chunks(PARALLEL_ROWS * packed.width()).zip(out.par_chunks_mut(PARALLEL_ROWS));
    parts.for_each(|(rows, out)| function.weighted(rows, packed, &lines, out));
    out
}

impl Dual<'_> {
    fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn gather(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|row| &self.values[row * self.width..(row + 1) * self.width]).copied().collect()
    }

    /// Solves it.
    pub(super) fn solve(&self, seed: Seed) -> Solution {
        let mut weights = self.start(seed);
        let mut gradient = vec![0.0; self.rows()];
        self.add(&mut gradient, None, &weights);
        let own = self.function.of_itself(self.values, self.width);
        let parts = CANCELLED * self.nu * own.iter().map(|k| k.abs()).sum::<f64>();
        let mut iterations = 0;
        let mut tolerance = self.tolerance;
        for _ in 0..MAX_ROUNDS {
            let gap = Range::of(&weights, &gradient).gap();
            let size = gradient.iter().map(|g| g.abs()).fold(parts, f64::max);
            tolerance = self.tolerance.max(ROUNDING * size);
            if gap < tolerance || iterations >= self.max_iter || self.stop.is_set() {
                break;
            }
            iterations += self.round(&mut weights, &mut gradient, tolerance, self.max_iter - iterations);
        }
        let range = Range::of(&weights, &gradient);
        let converged = range.gap() < tolerance;
        Solution { rho: rho(&weights, &gradient, range), weights, iterations, converged }
    }

    /// Adds to the gradient of the rows not in `known` what changes of weights make of it.
    fn add(&self, gradient: &mut [f64], known: Option<&[bool]>, changes: &[f64]) {
        let moved: Vec<usize> = (0..changes.len()).filter(|i| changes[*i] != 0.0).collect();
        let packed = Packed::new(&self.gather(&moved), self.width);
        let changes: Vec<f32> = moved.iter().map(|i| changes[*i] as f32).collect();
        let Some(known) = known else {
            let all = sums(self.function, self.values, &packed, &changes);
            gradient.iter_mut().zip(all).for_each(|(gradient, sum)| *gradient += sum);
            return;
        };
        let others: Vec<usize> = (0..gradient.len()).filter(|i| !known[*i]).collect();
        let sums = sums(self.function, &self.gather(&others), &packed, &changes);
        others.into_iter().zip(sums).for_each(|(i, sum)| gradient[i] += sum);
    }

    /// Weights 1 for the rows that look farthest out to the solution of a part, as many as the sum allows.
    fn start(&self, seed: Seed) -> Vec<f64> {
        let rows = self.rows();
        let mut order: Vec<usize> = (0..rows).collect();
        if rows > FEW {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
            order.shuffle(&mut rng);
            let mut chosen = order[..rows / PART].to_vec();
            chosen.sort_unstable();
            let values = self.gather(&chosen);
            let part = Dual { values: &values, ..*self }.solve(seed.derive(0));
            let support: Vec<usize> = (0..chosen.len()).filter(|i| part.weights[*i] > 0.0).collect();
            let weights: Vec<f32> = support.iter().map(|i| part.weights[*i] as f32).collect();
            let support: Vec<usize> = support.into_iter().map(|i| chosen[i]).collect();
            let sums = sums(self.function, self.values, &Packed::new(&self.gather(&support), self.width), &weights);
            order.sort_by(|a, b| sums[*a].total_cmp(&sums[*b]));
        }
        let sum = self.nu * rows as f64;
        let mut weights = vec![0.0; rows];
        for (place, row) in order.into_iter().enumerate() {
            weights[row] = (sum - place as f64).clamp(0.0, 1.0);
        }
        weights
    }

    /// Works on the rows that violate the conditions and those nearest to violating them; returns how many pairs moved.
    fn round(&self, weights: &mut [f64], gradient: &mut [f64], tolerance: f64, max_iter: usize) -> usize {
        let active = self.active(weights, gradient);
        let before: Vec<f64> = active.iter().map(|i| weights[*i]).collect();
        let mut part_weights = before.clone();
        let mut part_gradient: Vec<f64> = active.iter().map(|i| gradient[*i]).collect();
        let values = self.gather(&active);
        let mut part =
            Part { function: self.function, width: self.width, values: &values, weights: &mut part_weights, gradient: &mut part_gradient };
        let iterations = part.solve(0.5 * tolerance, max_iter, (self.cache_bytes, self.stop));
        let mut known = vec![false; weights.len()];
        let mut changes = vec![0.0; weights.len()];
        for (place, row) in active.iter().enumerate() {
            known[*row] = true;
            changes[*row] = part_weights[place] - before[place];
            weights[*row] = part_weights[place];
            gradient[*row] = part_gradient[place];
        }
        if active.len() < weights.len() {
            self.add(gradient, Some(&known), &changes);
        }
        iterations.max(1)
    }

    /// Rows whose weight is between the bounds or on the wrong one, and the nearest to that, in order.
    fn active(&self, weights: &[f64], gradient: &[f64]) -> Vec<usize> {
        let mut sorted = gradient.to_vec();
        let at = ((self.nu * sorted.len() as f64) as usize).min(sorted.len() - 1);
        let middle = *sorted.select_nth_unstable_by(at, f64::total_cmp).1;
        let slack = |i: usize| match weights[i] {
            0.0 => gradient[i] - middle,
            1.0 => middle - gradient[i],
            _ => f64::NEG_INFINITY,
        };
        let mut order: Vec<(f64, usize)> = (0..weights.len()).map(|i| (slack(i), i)).collect();
        let moving = order.iter().filter(|(slack, _)| *slack <= 0.0).count();
        let many = (2 * moving).max(weights.len() / PART).max(FEW).min(weights.len());
        if many < order.len() {
            order.select_nth_unstable_by(many, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order.truncate(many);
        }
        let range = Range::of(weights, gradient);
        let mut active: Vec<usize> = order.into_iter().map(|(_, i)| i).chain([range.grow.1, range.shrink.1]).collect();
        active.sort_unstable();
        active.dedup();
        active
    }
}

/// Where the decision function is zero: the gradient of the rows between the bounds, or the middle of what is possible.
fn rho(weights: &[f64], gradient: &[f64], range: Range) -> f64 {
    let free = || weights.iter().zip(gradient).filter(|(w, _)| **w > 0.0 && **w < 1.0).map(|(_, g)| *g);
    match free().count() {
        0 if range.grow.0.is_finite() => (range.grow.0 + range.shrink.0) / 2.0,
        0 => range.shrink.0,
        count => free().sum::<f64>() / count as f64,
    }
}
