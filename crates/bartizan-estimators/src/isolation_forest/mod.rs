//! Isolation forest.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
mod layout;
mod paths;
pub(crate) mod tree;

pub use kernel::{Kernel, kernel_name};

use crate::params::{ParamError, ParamValue, Params, check_product};
use crate::rows;
use crate::treeshap::shap;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use layout::Layout;
use paths::Paths;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tree::{Node, Tree, average_path};

/// Most features: a cut keeps its feature in 16 bits, one of which marks a leaf.
const MAX_WIDTH: usize = u16::MAX as usize;
/// Highest tree: `max_samples` is at most 2^16.
pub(crate) const MAX_HEIGHT: usize = 16;
/// Most trees.
pub(crate) const MAX_TREES: usize = 10_000;
/// Most memory for the tables that explanations are read from; of a larger forest they are made tree by tree, each time.
const MAX_PATHS_BYTES: u64 = 256 << 20;
/// Most rows that all trees draw together: what a forest takes to grow, to keep and to score grows with them.
const MAX_DRAWN: usize = 1 << 23;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 4_096;

/// Isolation forest: anomalies are few and different, so random cuts part them from the rest early.
///
/// # Parameters
/// - `trees`: how many trees, 1 to 10,000; 100.
/// - `max_samples`: rows that each tree is grown on, 2 to 65,536; 256. Training sets with fewer rows are used whole.
///
/// `trees` × `max_samples` is at most 8,388,608.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Each tree is grown on rows drawn without replacement: a feature is drawn among those that still vary, a cut uniformly
/// within its range, until a row is alone or the height is ceil(log2(psi)). A row's score is `2^(-E(h) / c(psi))` over the
/// trees, in (0, 1): near 1 for anomalies, well below 0.5 for the usual. A missing value is read as the feature's median
/// over the training rows, so that it says nothing.
///
/// # Weak where
/// Anomalies lie between clusters but inside every feature's range; the anomaly shows in one feature of very many; many
/// anomalies lie close together (masking).
///
/// # References
/// Liu, Ting, Zhou: Isolation Forest, ICDM 2008; Isolation-based anomaly detection, TKDD 6(1), 2012.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsolationForest {
    /// How many trees.
    pub trees: usize,
    /// Rows that each tree is grown on.
    pub max_samples: usize,
}

impl Default for IsolationForest {
    fn default() -> Self {
        Self { trees: 100, max_samples: 256 }
    }
}

impl IsolationForest {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let trees = params.count("n_estimators", 100, 1..=MAX_TREES)?;
        let max_samples = params.count("max_samples", 256, 2..=65_536)?;
        check_product("max_samples", max_samples, ("n_estimators", trees), MAX_DRAWN)?;
        Ok(Self { trees, max_samples })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        vec![("n_estimators", self.trees.into()), ("max_samples", self.max_samples.into())]
    }
}

impl Estimator for IsolationForest {
    type Fitted = FittedForest;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedForest, FitError> {
        rows::check(schema, train, 2)?;
        if train.width() >= MAX_WIDTH {
            return Err(FitError::Width { expected: MAX_WIDTH - 1, got: train.width() });
        }
        let psi = self.max_samples.min(train.rows());
        let medians = rows::medians(train);
        let grow = |t| stop.check().map(|()| tree::grow(train, &medians, psi, seed.derive(t)));
        let trees = (0..self.trees as u64).into_par_iter().map(grow).collect::<Result<_, _>>()?;
        Ok(FittedForest::from(Stored { schema: schema.clone(), psi: psi as u32, medians, trees }))
    }
}

/// What is kept of a forest in a model file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    schema: FeatureSchema,
    psi: u32,
    medians: Vec<f32>,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_TREES>")]
    trees: Vec<Tree>,
}

/// A fitted isolation forest.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct FittedForest {
    stored: Arc<Stored>,
    /// Made on first use: a stored forest is validated before.
    layout: Arc<std::sync::OnceLock<Layout>>,
    /// Built at the first explanation.
    paths: Arc<std::sync::OnceLock<Option<Paths>>>,
    /// 1 / (trees · c(psi)).
    scale: f64,
}

impl From<Stored> for FittedForest {
    fn from(stored: Stored) -> Self {
        let scale = 1.0 / (stored.trees.len().max(1) as f64 * average_path(f64::from(stored.psi)));
        Self { stored: Arc::new(stored), layout: Arc::default(), paths: Arc::default(), scale }
    }
}

impl From<FittedForest> for Stored {
    fn from(fitted: FittedForest) -> Self {
        Arc::unwrap_or_clone(fitted.stored)
    }
}

impl std::fmt::Debug for FittedForest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FittedForest").field("trees", &self.stored.trees.len()).field("psi", &self.stored.psi).finish_non_exhaustive()
    }
}

impl FittedForest {
    fn layout(&self) -> &Layout {
        self.layout.get_or_init(|| Layout::new(&self.stored.trees))
    }

    fn width(&self) -> usize {
        self.stored.schema.width()
    }

    /// The median that a missing value is read as.
    fn present(&self, value: f32, feature: usize) -> f32 {
        if value.is_nan() { self.stored.medians[feature] } else { value }
    }

    /// Scores with a chosen kernel on the calling thread only: for benchmarks and comparisons.
    ///
    /// # Errors
    /// As [`Detector::score`].
    pub fn score_with(&self, kernel: Kernel, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.width(), samples, out)?;
        self.score_chunk(kernel, samples.values(), out);
        Ok(())
    }

    fn score_chunk(&self, kernel: Kernel, values: &[f32], out: &mut [AnomalyScore]) {
        let (width, layout) = (self.width(), self.layout());
        let mut sums = [0.0_f32; kernel::BLOCK_ROWS];
        let mut filled = Vec::new();
        for (out, values) in out.chunks_mut(kernel::BLOCK_ROWS).zip(values.chunks(kernel::BLOCK_ROWS * width)) {
            let values = if values.iter().any(|v| v.is_nan()) {
                filled.clear();
                filled.extend(values.iter().enumerate().map(|(i, v)| self.present(*v, i % width)));
                &filled
            } else {
                values
            };
            let sums = &mut sums[..out.len()];
            kernel::sum_paths(kernel, layout, values, width, sums);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = AnomalyScore(self.score_of(f64::from(*sum)));
            }
        }
    }

    /// `2^(-E(h) / c(psi))` for a sum of path lengths.
    fn score_of(&self, sum: f64) -> f64 {
        (-sum * self.scale).exp2()
    }

    /// Memory that it takes, laid out for scoring.
    pub(crate) fn footprint(&self) -> u64 {
        let nodes: u64 = self.stored.trees.iter().map(|tree| tree.nodes.len() as u64).sum();
        nodes * size_of::<Node>() as u64 + layout::bytes(&self.stored.trees)
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let (width, stored) = (self.width(), &self.stored);
        if width == 0 || width >= MAX_WIDTH || stored.medians.len() != width || stored.psi < 2 || stored.trees.is_empty() {
            return Err(format!("{} features, {} medians, psi {}, {} trees", width, stored.medians.len(), stored.psi, stored.trees.len()));
        }
        if let Some(bad) = stored.medians.iter().find(|m| !m.is_finite()) {
            return Err(format!("a median is {bad}"));
        }
        stored.trees.iter().try_for_each(|tree| tree.validate(width, MAX_HEIGHT))
    }
}

impl Detector for FittedForest {
    fn schema(&self) -> &FeatureSchema {
        &self.stored.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.width(), samples, out)?;
        if out.len() < 2 * PARALLEL_ROWS {
            self.score_chunk(Kernel::Auto, samples.values(), out);
        } else {
            let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * self.width()));
            chunks.for_each(|(out, values)| self.score_chunk(Kernel::Auto, values, out));
        }
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

/// Exact path-dependent TreeSHAP of the path length, mapped to the score.
///
/// A feature's share is the Shapley value of the mean path length, where an unknown feature follows both sides of a cut as
/// often as the training rows did (Lundberg et al., Nature Machine Intelligence 2, 2020; [`FittedForest::depth_shares`]).
/// The score is a monotone function of the path length; one factor, the slope of the line through the score at the expected
/// path length (the base) and the row's, turns shares of the one into shares of the other, which sum to the score.
impl Explain for FittedForest {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let Attribution { base, mut shares } = self.depth_shares(row)?;
        let filled: Vec<f32> = row.iter().enumerate().map(|(i, v)| self.present(*v, i)).collect();
        let mut score = [AnomalyScore(0.0)];
        self.score_chunk(Kernel::Auto, &filled, &mut score);
        let base = self.score_of(base * self.stored.trees.len() as f64);
        let total: f64 = shares.iter().sum();
        // Where the shares cancel out to nothing, what is left of the score belongs to no feature.
        let (base, factor) = if total.abs() > 1e-6 { (base, (score[0].0 - base) / total) } else { (score[0].0, 0.0) };
        shares.iter_mut().for_each(|s| *s *= factor);
        Ok(Attribution { base, shares })
    }
}

impl FittedForest {
    /// Shapley values of the mean path length of a row over the trees, in levels; positive is deeper, more usual. The base
    /// is the mean expected of the training rows drawn.
    ///
    /// # Errors
    /// When the row has another width than the schema.
    pub fn depth_shares(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.width() {
            return Err(ScoreError::Width { expected: self.width(), got: row.len() });
        }
        let filled: Vec<f32> = row.iter().enumerate().map(|(i, v)| self.present(*v, i)).collect();
        let mut shares = vec![0.0; row.len()];
        let trees = &self.stored.trees;
        // Whether there are tables is decided once too: it takes a walk through all trees.
        let tables = self.paths.get_or_init(|| (paths::bytes(trees) <= MAX_PATHS_BYTES).then(|| Paths::new(trees)));
        let expected = match tables {
            Some(tables) => tables.shares(&filled, &mut shares),
            None => trees.iter().map(|tree| shap(&paths::unfolded(tree), &filled, &mut shares)).sum(),
        };
        let mean = 1.0 / self.stored.trees.len() as f64;
        shares.iter_mut().for_each(|s| *s *= mean);
        Ok(Attribution { base: expected * mean, shares })
    }
}

#[cfg(test)]
mod tests;
