//! How far the nearest training rows are: distance to them, and that distance compared to theirs.

mod index;
mod knn;
mod lof;
mod search;
#[cfg(test)]
mod tests;

pub use knn::{FittedNeighbours, KNearestNeighbours, NeighbourDistance};
pub use lof::{FittedOutlierFactor, LocalOutlierFactor};

use crate::rows::{self, Drawn};
use bartizan_core::{Samples, Seed};
use index::Index;
use search::Neighbour;

/// Most neighbours.
const MAX_NEIGHBOURS: usize = 1_000;
/// Default number of training rows kept.
const TRAIN_ROWS: usize = 100_000;
/// Most training rows kept.
const MAX_TRAIN_ROWS: usize = 1_000_000;
/// Most numbers kept, so that a model file stays within what is read back: 335,544 rows of 100 features.
const MAX_NUMBERS: usize = 1 << 25;
/// Most neighbours of training rows held at once: rows times neighbours of each.
const MAX_FOUND: usize = 1 << 25;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 64;

/// The training rows that are kept.
fn kept(train: Samples<'_>, max_train: usize, seed: Seed) -> Drawn<'_> {
    rows::drawn(train, max_train.min(MAX_NUMBERS / train.width()).max(2), seed)
}

/// Adds `weight` of the distance to one neighbour to the features that it comes from, by their part of the squared distance.
fn add_shares(shares: &mut [f64], weight: f64, index: &Index, row: &[f32], neighbour: Neighbour) {
    let squares = || row.iter().enumerate().map(|(f, v)| (f64::from(*v) - f64::from(index.value(neighbour.position as usize, f))).powi(2));
    let total: f64 = squares().sum();
    if total > 0.0 {
        shares.iter_mut().zip(squares()).for_each(|(share, square)| *share += weight * square / total);
    }
}
