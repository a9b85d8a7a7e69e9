//! Learning row by row.

mod random_cut_forest;
mod shingle;

pub use random_cut_forest::{FittedRandomCutForest, RandomCutForest, RandomCutStream};
pub use shingle::{Shingle, shingle};

use bartizan_core::AnomalyScore;
use thiserror::Error;

/// Learns one row at a time and can score at any time, once it has seen enough.
pub trait Learn {
    /// Takes in a row. An infinite value counts as missing.
    ///
    /// # Errors
    /// When the row has another width than those before; nothing is learned then.
    fn learn(&mut self, row: &[f32]) -> Result<(), NotScored>;

    /// Whether it can score.
    fn state(&self) -> State;

    /// The anomaly score of a row, which is not learned by this.
    ///
    /// # Errors
    /// While warming up, and for a row of another width.
    fn score(&self, row: &[f32]) -> Result<AnomalyScore, NotScored>;
}

/// Whether a learner can score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet: there is no score, not a low one.
    WarmingUp {
        /// Rows seen.
        seen: usize,
        /// Rows needed.
        needed: usize,
    },
    /// Yes.
    Ready,
}

/// Why there is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotScored {
    /// Too few rows were learned.
    #[error("warming up: {seen} of {needed} rows seen")]
    WarmingUp {
        /// Rows seen.
        seen: usize,
        /// Rows needed.
        needed: usize,
    },
    /// A row of another width.
    #[error("row has {got} features, expected {expected}")]
    Width {
        /// The learner's.
        expected: usize,
        /// The row's.
        got: usize,
    },
}
