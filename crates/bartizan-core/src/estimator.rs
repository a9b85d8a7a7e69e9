//! What can be fitted, and what a fitted one can do.

use crate::{AnomalyScore, FeatureSchema, Samples, Seed, Stop, Threshold};
use thiserror::Error;

/// Checked parameters, not fitted.
pub trait Estimator {
    /// What fitting gives.
    type Fitted: Detector;

    /// Learns what is normal from `train`, whose columns are described by `schema`.
    ///
    /// Reads no clock and no other randomness than `seed`: the same arguments give the same detector, bit for bit, on
    /// one thread or many.
    ///
    /// # Errors
    /// When the samples cannot be learned from; see [`FitError`].
    fn fit(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<Self::Fitted, FitError> {
        self.fit_until(schema, train, seed, &Stop::default())
    }

    /// As [`fit`](Self::fit), and ends early once `stop` is set: what takes longer than about a second looks at it on the way.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`FitError::Stopped`].
    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<Self::Fitted, FitError>;
}

/// Fitted and immutable; scores samples.
pub trait Detector: Send + Sync {
    /// The columns it was fitted on.
    fn schema(&self) -> &FeatureSchema;

    /// Writes the anomaly score of each row into `out`; every score is finite.
    ///
    /// # Errors
    /// When a row has another width than the schema, or `out` another length than there are rows.
    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError>;

    /// The threshold that its scores have by their meaning, whatever share of the events lies above it; `None` where a threshold is set on
    /// held-back scores.
    fn own_threshold(&self) -> Option<Threshold> {
        None
    }

    /// How a score comes about, where the algorithm can say.
    fn explainer(&self) -> Option<&dyn Explain> {
        None
    }
}

/// Says which features made a score.
pub trait Explain {
    /// Per-feature shares of one row's score; see [`Attribution`].
    ///
    /// # Errors
    /// When the row has another width than the schema.
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError>;

    /// Whether the shares are what the algorithm itself adds up, or Shapley values of it; else they are an approximation,
    /// scaled so that they sum to the score.
    fn exact(&self) -> bool {
        true
    }
}

/// `base` plus all `shares` is the score of the row explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The score expected of a row of which nothing is known.
    pub base: f64,
    /// One per feature, in schema order; positive pushed the score towards anomalous.
    pub shares: Vec<f64>,
}

impl Attribution {
    /// The score that the shares sum to.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.base + self.shares.iter().sum::<f64>()
    }
}

/// Why fitting failed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FitError {
    /// Fewer rows than the algorithm needs.
    #[error("too few samples to fit: need at least {needed}, got {got}")]
    TooFewSamples {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// It learns from labels, and there are too few of one kind.
    #[error("{algorithm} learns from labels: need at least {needed} samples of each kind, got {normal} normal and {anomalous} anomalous")]
    TooFewLabels {
        /// The algorithm.
        algorithm: &'static str,
        /// How many are needed of each kind.
        needed: usize,
        /// Rows that are taken for normal.
        normal: usize,
        /// Rows labelled anomalous.
        anomalous: usize,
    },
    /// Rows of another width than the schema's.
    #[error("samples have {got} features, the schema has {expected}")]
    Width {
        /// The schema's.
        expected: usize,
        /// The samples'.
        got: usize,
    },
    /// A value that is neither finite nor missing (NaN).
    #[error("sample {row} has {value} in feature {column}; expected a finite number or NaN for missing")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// What stood there.
        value: f32,
    },
    /// More work or memory than one fit may take.
    #[error("{what} = {got} is too much for {rows} rows of {width} features: the limit is {limit}")]
    TooMuch {
        /// The parameter that asks for it.
        what: &'static str,
        /// Its value.
        got: usize,
        /// The largest that these rows allow.
        limit: usize,
        /// How many rows there are.
        rows: usize,
        /// How many features they have.
        width: usize,
    },
    /// It looks at the features that the kind marks for it, and there are none.
    #[error("{algorithm} looks at features that are marked for it, and this kind of event has none")]
    NothingMarked {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// Somebody asked for the end.
    #[error("fitting was stopped")]
    Stopped,
}

/// Why scoring failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScoreError {
    /// A row of another width than the schema's.
    #[error("sample has {got} features, the detector was fitted on {expected}")]
    Width {
        /// The detector's.
        expected: usize,
        /// The sample's.
        got: usize,
    },
    /// The output has another length than there are rows.
    #[error("{rows} samples cannot be scored into {out} places")]
    Output {
        /// Rows given.
        rows: usize,
        /// Places given.
        out: usize,
    },
}
