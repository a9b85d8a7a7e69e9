//! Sequential minimal optimisation of the dual among some rows, the weights of all others held fixed.

use super::cache::Cache;
use super::kernel::Function;
use crate::matrix::Packed;
use bartizan_core::Stop;

/// Least curvature along a pair: what is flat, or bent the wrong way by a kernel that is no scalar product.
const LEAST_CURVATURE: f64 = 1e-12;

/// The rows that are worked on, with their weights in [0, 1] and the gradient `sum of weight × kernel` over all rows.
pub(super) struct Part<'a> {
    pub(super) function: Function,
    pub(super) width: usize,
    pub(super) values: &'a [f32],
    pub(super) weights: &'a mut [f64],
    pub(super) gradient: &'a mut [f64],
}

/// The ends of the range in which no weight wants to move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Least gradient of a row whose weight can grow, and its place.
    pub(super) grow: (f64, usize),
    /// Greatest gradient of a row whose weight can shrink, and its place.
    pub(super) shrink: (f64, usize),
}

impl Range {
    pub(super) fn of(weights: &[f64], gradient: &[f64]) -> Self {
        let mut range = Self { grow: (f64::INFINITY, 0), shrink: (f64::NEG_INFINITY, 0) };
        for (i, (weight, gradient)) in weights.iter().zip(gradient).enumerate() {
            if *weight < 1.0 && *gradient < range.grow.0 {
                range.grow = (*gradient, i);
            }
            if *weight > 0.0 && *gradient > range.shrink.0 {
                range.shrink = (*gradient, i);
            }
        }
        range
    }

    /// How far the weights are from the optimum.
    pub(super) fn gap(&self) -> f64 {
        self.shrink.0 - self.grow.0
    }
}

impl Part<'_> {
    /// Moves pairs of weights until the gap is below `tolerance`, `max_iter` is reached or `stop` is set; returns how many it moved.
    pub(super) fn solve(&mut self, tolerance: f64, max_iter: usize, (cache_bytes, stop): (usize, &Stop)) -> usize {
        let packed = Packed::new(self.values, self.width);
        let own = self.function.of_itself(self.values, self.width);
        let mut cache = Cache::new(self.weights.len(), packed.places(), cache_bytes);
        let (function, values, width) = (self.function, self.values, self.width);
        let compute = |row: usize, out: &mut [f32]| function.values(&values[row * width..(row + 1) * width], &packed, out);
        let mut range = Range::of(self.weights, self.gradient);
        for iteration in 0..max_iter {
            if range.gap() < tolerance || stop.is_set() {
                return iteration;
            }
            let grow = range.grow.1;
            let grow_slot = cache.slot(grow, compute);
            let Some(shrink) = self.partner(grow, cache.row(grow_slot), &own) else { return iteration };
            let shrink_slot = cache.slot(shrink, compute);
            let (a, b) = (cache.row(grow_slot), cache.row(shrink_slot));
            let curvature = (own[grow] + own[shrink] - 2.0 * f64::from(a[shrink])).max(LEAST_CURVATURE);
            let wanted = (self.gradient[shrink] - self.gradient[grow]) / curvature;
            let step = wanted.min(1.0 - self.weights[grow]).min(self.weights[shrink]);
            self.shift(grow, shrink, step);
            range = self.follow(step, a, b);
        }
        max_iter
    }

    /// The row that gains most by giving weight to `grow`, by the second-order estimate.
    fn partner(&self, grow: usize, kernel: &[f32], own: &[f64]) -> Option<usize> {
        let (least, curvature) = (self.gradient[grow], own[grow]);
        let mut best = (0.0, None);
        for (i, (weight, gradient)) in self.weights.iter().zip(self.gradient.iter()).enumerate() {
            let lead = gradient - least;
            if *weight > 0.0 && lead > 0.0 {
                let bend = (curvature + own[i] - 2.0 * f64::from(kernel[i])).max(LEAST_CURVATURE);
                let gain = lead * lead / bend;
                if gain > best.0 {
                    best = (gain, Some(i));
                }
            }
        }
        best.1
    }

    /// Moves weight; what reaches a bound lies on it exactly.
    fn shift(&mut self, grow: usize, shrink: usize, step: f64) {
        let room = 1.0 - self.weights[grow];
        self.weights[grow] = if step >= room { 1.0 } else { self.weights[grow] + step };
        self.weights[shrink] = if step >= self.weights[shrink] { 0.0 } else { self.weights[shrink] - step };
    }

    /// Brings the gradient up to date and finds the new range.
    fn follow(&mut self, step: f64, grow: &[f32], shrink: &[f32]) -> Range {
        for ((gradient, a), b) in self.gradient.iter_mut().zip(grow).zip(shrink) {
            *gradient += step * (f64::from(*a) - f64::from(*b));
        }
        Range::of(self.weights, self.gradient)
    }
}
