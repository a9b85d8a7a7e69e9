//! Expectation and maximisation.

use super::component::{Component, Shape};
use super::kernel::{self, BLOCK};
use super::{GaussianMixture, log_sum};
use bartizan_core::{FitError, Seed, Stop};
use nalgebra::{Cholesky, DMatrix};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Rounds of nearest-centre assignment before the first expectation.
const LLOYD_ROUNDS: usize = 100;
/// Rows that one thread takes at a time; fixed, so that sums are added in the same order on any number of threads.
const CHUNK: usize = 512;
/// What a component is responsible for by less says nothing of it.
const LEAST: f64 = 1e-6;

/// Rows being fitted.
pub(super) struct Data<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
    pub(super) full: bool,
    pub(super) regularisation: f64,
}

impl Data<'_> {
    fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// Runs until the mean log-likelihood rises by less than the tolerance, or the rounds are over.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub(super) fn fit(&self, settings: &GaussianMixture, components: usize, seed: Seed, stop: &Stop) -> Result<Vec<Component>, FitError> {
        let assigned = self.clusters(components, seed, stop)?;
        let mut responsible = vec![0.0; self.rows() * components];
        for (row, cluster) in assigned.into_iter().enumerate() {
            responsible[row * components + cluster] = 1.0;
        }
        let mut mixture = self.maximise(&responsible, components, stop)?;
        let mut last = f64::NEG_INFINITY;
        for _ in 0..settings.max_iter {
            stop.check()?;
            let mean = self.expect(&mixture, &mut responsible[..self.rows() * mixture.len()], stop)?;
            if mean - last < settings.tolerance {
                break;
            }
            last = mean;
            mixture = self.maximise(&responsible[..self.rows() * mixture.len()], mixture.len(), stop)?;
        }
        Ok(mixture)
    }

    /// The cluster of each row: centres drawn far apart (k-means++, Arthur and Vassilvitskii 2007), then Lloyd's rounds.
    fn clusters(&self, count: usize, seed: Seed, stop: &Stop) -> Result<Vec<usize>, FitError> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
        let rows = self.rows();
        let first = rng.random_range(0..rows);
        let mut centres: Vec<Vec<f64>> = vec![self.row(first).iter().map(|v| f64::from(*v)).collect()];
        let mut nearest: Vec<f64> = vec![f64::INFINITY; rows];
        while centres.len() < count {
            let centre = &centres[centres.len() - 1];
            nearest.par_iter_mut().enumerate().for_each(|(row, near)| *near = near.min(distance(self.row(row), centre)));
            let total: f64 = nearest.iter().sum();
            let mut left = rng.random::<f64>() * total;
            let drawn = nearest.iter().position(|near| {
                left -= near;
                left <= 0.0 && *near > 0.0
            });
            let drawn = drawn.unwrap_or_else(|| rng.random_range(0..rows));
            centres.push(self.row(drawn).iter().map(|v| f64::from(*v)).collect());
        }
        let mut assigned = self.assign(&centres);
        for _ in 0..LLOYD_ROUNDS {
            stop.check()?;
            centres = self.means(&assigned, &centres);
            let next = self.assign(&centres);
            if next == assigned {
                break;
            }
            assigned = next;
        }
        Ok(assigned)
    }

    fn assign(&self, centres: &[Vec<f64>]) -> Vec<usize> {
        let nearest = |row: usize| {
            let distances = centres.iter().map(|centre| distance(self.row(row), centre));
            distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(cluster, _)| cluster)
        };
        (0..self.rows()).into_par_iter().map(nearest).collect()
    }

    fn means(&self, assigned: &[usize], old: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; self.width]; old.len()];
        let mut counts = vec![0.0; old.len()];
        for (row, cluster) in assigned.iter().enumerate() {
            counts[*cluster] += 1.0;
            for (sum, value) in sums[*cluster].iter_mut().zip(self.row(row)) {
                *sum += f64::from(*value);
            }
        }
        let mean = |(sum, (count, old)): (Vec<f64>, (f64, &Vec<f64>))| {
            if count > 0.0 { sum.into_iter().map(|s| s / count).collect() } else { old.clone() }
        };
        sums.into_iter().zip(counts.into_iter().zip(old)).map(mean).collect()
    }

    /// Writes how far each component is responsible for each row; returns the mean log-likelihood.
    fn expect(&self, mixture: &[Component], responsible: &mut [f64], stop: &Stop) -> Result<f64, FitError> {
        let count = mixture.len();
        let chunks = responsible.par_chunks_mut(CHUNK * count).enumerate().map(|(chunk, out)| {
            stop.check()?;
            let (mut x, mut work) = (vec![[0.0; BLOCK]; self.width], vec![[0.0; BLOCK]; self.width]);
            let mut sum = 0.0;
            for (block, out) in out.chunks_mut(BLOCK * count).enumerate() {
                let (first, rows) = (chunk * CHUNK + block * BLOCK, out.len() / count);
                super::transpose(&self.values[first * self.width..], self.width, rows, &mut x);
                for (k, component) in mixture.iter().enumerate() {
                    let logs = component.log_density(&x, &mut work);
                    (0..rows).for_each(|row| out[row * count + k] = logs[row]);
                }
                for logs in out.chunks_exact_mut(count) {
                    let total = log_sum(logs);
                    sum += total;
                    logs.iter_mut().for_each(|log| *log = (*log - total).exp());
                }
            }
            Ok(sum)
        });
        Ok(chunks.collect::<Result<Vec<f64>, FitError>>()?.iter().sum::<f64>() / self.rows() as f64)
    }

    /// The components that make what they are responsible for most likely; one that has lost all rows is dropped.
    fn maximise(&self, responsible: &[f64], count: usize, stop: &Stop) -> Result<Vec<Component>, FitError> {
        let component = |k: usize| {
            stop.check()?;
            let shares = || responsible.iter().skip(k).step_by(count).enumerate().filter(|(_, share)| **share > LEAST);
            let weight: f64 = shares().map(|(_, share)| share).sum();
            let mut mean = vec![0.0; self.width];
            for (row, share) in shares() {
                mean.iter_mut().zip(self.row(row)).for_each(|(m, v)| *m += share * f64::from(*v));
            }
            mean.iter_mut().for_each(|m| *m /= weight);
            let mut centred = vec![0.0; self.width];
            let mut sums = vec![0.0; if self.full { kernel::start(self.width) } else { self.width }];
            for (row, share) in shares() {
                centred.iter_mut().zip(self.row(row)).zip(&mean).for_each(|((c, v), m)| *c = f64::from(*v) - m);
                if self.full {
                    kernel::add_outer(&mut sums, *share, &centred);
                } else {
                    sums.iter_mut().zip(&centred).for_each(|(s, c)| *s += share * c * c);
                }
            }
            sums.iter_mut().for_each(|s| *s /= weight);
            Ok((weight >= 1.0).then(|| Component::new(weight / self.rows() as f64, mean, self.shape(sums))))
        };
        let fitted: Vec<Component> =
            (0..count).into_par_iter().filter_map(|k| component(k).transpose()).collect::<Result<_, FitError>>()?;
        // The last resort when every one is responsible for less than a row: one component over all rows.
        if fitted.is_empty() { self.maximise(&vec![1.0; self.rows()], 1, stop) } else { Ok(fitted) }
    }

    fn shape(&self, covariance: Vec<f64>) -> Shape {
        if !self.full {
            return Shape::Diagonal(covariance.into_iter().map(|v| (v + self.regularisation).sqrt().recip()).collect());
        }
        let width = self.width;
        let at = |row: usize, column: usize| covariance[kernel::start(row.max(column)) + row.min(column)];
        let mut ridge = self.regularisation;
        loop {
            let matrix = DMatrix::from_fn(width, width, |r, c| at(r, c) + if r == c { ridge } else { 0.0 });
            if let Some(inverse) = Cholesky::new(matrix).and_then(|c| c.l().solve_lower_triangular(&DMatrix::identity(width, width)))
                && inverse.iter().all(|v| v.abs() < 1e12)
            {
                return Shape::Full((0..width).flat_map(|r| (0..=r).map(move |c| (r, c))).map(|place| inverse[place]).collect());
            }
            // Rounding made it indefinite: what lies far apart needs a wider ridge.
            let largest = (0..width).map(|i| at(i, i)).fold(0.0, f64::max);
            ridge = (ridge * 10.0).max(largest * 1e-12);
        }
    }
}

fn distance(row: &[f32], centre: &[f64]) -> f64 {
    row.iter().zip(centre).map(|(v, c)| (f64::from(*v) - c).powi(2)).sum()
}
