//! Minimum covariance determinant: the rows that lie closest together.

use super::chi2;
use bartizan_core::{FitError, Seed, Stop};
use nalgebra::{Cholesky, DMatrix, DVector};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Added to every variance while subsets are compared, in units of the scaled features: many subsets have none in some
/// direction.
const RIDGE: f64 = 1e-6;
/// Subsets that are tried, with fewer for wide rows.
const MAX_TRIALS: usize = 500;
/// Multiplications that all trials may cost together, roughly.
const TRIAL_COST: usize = 4_000_000_000;
/// Multiplications that ending the best subsets may cost together, roughly: of wide rows it ends after fewer steps.
const END_COST: usize = 1 << 37;
/// Rows that trials look at.
const TRIAL_ROWS: usize = 600;
/// Subsets carried on with.
const BEST: usize = 10;
/// Most steps to the end of one subset; a handful are usual.
const MAX_STEPS: usize = 50;
/// Rows farther out than all but 1 in 40 of normal ones are left out in the end.
const INNER: f64 = 0.975;

/// The rows (one a column) that are left when the odd ones are taken away, and what their covariance must be multiplied
/// by.
///
/// FastMCD with one random part of the rows instead of five merged: on at most 600 (or 5 a feature) of the rows many
/// random subsets take two steps of concentration; the best ten go on with all rows. The best is corrected for
/// consistency at the normal distribution, and the rows within its 97.5 % are returned.
///
/// # Errors
/// [`FitError::Stopped`].
pub(super) fn inner_rows(rows: &DMatrix<f64>, support: f64, seed: Seed, stop: &Stop) -> Result<(DMatrix<f64>, f64), FitError> {
    let (width, n) = rows.shape();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
    let some = draw(n, n.min(TRIAL_ROWS.max(5 * width)), &mut rng);
    let few = rows.select_columns(&some);
    let cost = 2 * few.ncols() * width * width;
    let trials = (TRIAL_COST / cost.max(1)).clamp(BEST, MAX_TRIALS);

    let started = (0..trials as u64).into_par_iter().map(|t| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.derive(t).0);
        let first = draw(few.ncols(), (width + 1).min(few.ncols()), &mut rng);
        concentrate(&few, Shape::of(&few, &first), support, 2, stop)
    });
    let mut best = started.collect::<Result<Vec<Shape>, FitError>>()?;
    best.sort_by(|a, b| a.log_determinant.total_cmp(&b.log_determinant));
    best.truncate(BEST);
    let steps = (END_COST / (2 * BEST * n * width * width).max(1)).clamp(1, MAX_STEPS);
    let ended = best.into_par_iter().map(|shape| concentrate(rows, shape, support, steps, stop));
    let ended = ended.collect::<Result<Vec<Shape>, FitError>>()?;
    let Some(best) = ended.into_iter().min_by(|a, b| a.log_determinant.total_cmp(&b.log_determinant)) else {
        return Ok((rows.clone(), 1.0));
    };

    let correction = chi2::consistency(kept(n, support) as f64 / n as f64, width);
    let limit = chi2::quantile(INNER, width) * correction;
    let inner: Vec<usize> = best.distances(rows).iter().enumerate().filter(|(_, d)| **d < limit).map(|(i, _)| i).collect();
    if inner.len() <= width + 1 {
        return Ok((rows.clone(), 1.0));
    }
    Ok((rows.select_columns(&inner), chi2::consistency(INNER, width)))
}

/// `count` of the numbers below `n`, none twice.
fn draw(n: usize, count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    for i in 0..count {
        let other = rng.random_range(i..n);
        all.swap(i, other);
    }
    all.truncate(count);
    all
}

fn kept(n: usize, support: f64) -> usize {
    ((n as f64 * support) as usize).clamp(1, n)
}

/// Mean and covariance of some rows.
struct Shape {
    mean: DVector<f64>,
    factor: Cholesky<f64, nalgebra::Dyn>,
    log_determinant: f64,
}

impl Shape {
    fn of(rows: &DMatrix<f64>, chosen: &[usize]) -> Self {
        let mut part = rows.select_columns(chosen);
        let mean = part.column_mean();
        part.column_iter_mut().for_each(|mut row| row -= &mean);
        let mut covariance = &part * part.transpose() / chosen.len() as f64;
        // Rounding of large variances must not outweigh the ridge.
        let ridge = RIDGE.max(covariance.trace() * 1e-12);
        (0..mean.len()).for_each(|i| covariance[(i, i)] += ridge);
        let size = mean.len();
        let factor = Cholesky::new(covariance).unwrap_or_else(|| Cholesky::pack_dirty(DMatrix::identity(size, size)));
        let log_determinant = 2.0 * factor.l_dirty().diagonal().iter().map(|v| v.ln()).sum::<f64>();
        Self { mean, factor, log_determinant }
    }

    /// Squared distances of all rows.
    fn distances(&self, rows: &DMatrix<f64>) -> Vec<f64> {
        let mut centred = rows.clone();
        centred.column_iter_mut().for_each(|mut row| row -= &self.mean);
        self.factor.l_dirty().solve_lower_triangular_mut(&mut centred);
        centred.column_iter().map(|row| row.norm_squared()).collect()
    }
}

/// Takes the nearest rows and their covariance, again and again while its determinant falls.
fn concentrate(rows: &DMatrix<f64>, mut shape: Shape, support: f64, steps: usize, stop: &Stop) -> Result<Shape, FitError> {
    let keep = kept(rows.ncols(), support);
    let mut last = f64::INFINITY;
    for _ in 0..steps {
        stop.check()?;
        let distances = shape.distances(rows);
        let mut order: Vec<usize> = (0..rows.ncols()).collect();
        order.select_nth_unstable_by(keep - 1, |a, b| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b)));
        // In their own order, so that sums are the same whatever the selection left.
        order.truncate(keep);
        order.sort_unstable();
        shape = Shape::of(rows, &order);
        if shape.log_determinant >= last - 1e-12 {
            break;
        }
        last = shape.log_determinant;
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::{FitError, Stop, inner_rows};
    use bartizan_core::Seed;
    use nalgebra::DMatrix;

    #[test]
    fn it_ends_when_it_is_to_stop() {
        let rows = DMatrix::from_fn(3, 200, |i, j| ((i * 200 + j) as f64 * 0.618_034).fract());
        let stop = Stop::default();
        assert!(inner_rows(&rows, 0.6, Seed(1), &stop).is_ok());
        stop.set();
        assert_eq!(inner_rows(&rows, 0.6, Seed(1), &stop).err(), Some(FitError::Stopped));
    }
}
