//! Robust random cut forest.

mod checks;
mod tree;

use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Preparation, Scaling};
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tree::Tree;

/// Trees times points times features: 64 MiB of boxes.
const MAX_CELLS: usize = 1 << 22;
/// Most trees.
const MAX_TREES: usize = 1_000;
/// Fewest trees that wide samples are left with.
const FEWEST_TREES: usize = 8;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 64;

/// Robust random cut forest: how many other points a row would push down in trees of random cuts.
///
/// # Parameters
/// - `trees` (`n_estimators`): how many trees, 1 to 1,000; 100.
/// - `tree_size`: points sampled in each, 2 to 4,096; 256.
/// - `time_decay`: how fast older rows lose their place in the samples: a row counts `e^time_decay` times as much as
///   the one before it, 0 to 1; 0, where all rows count the same. For rows in the order of time that change with it,
///   1 / (10 × `tree_size`) is usual.
/// - `scaling`: see [`Scaling`]; `standard`.
///
/// Trees × `tree_size` × features is at most 2^22: of wider samples fewer trees are grown (at least 8), then of fewer
/// points.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Each tree holds a random sample of the rows so far (a weighted reservoir). A cut falls on a feature with a chance
/// proportional to the extent of the points in it, so a feature without extent is never cut and one point far out is
/// cut off early. Points enter and leave a tree in time proportional to its depth, and it stays distributed as one
/// grown anew. A row's score is its collusive displacement, expected over the cuts that its insertion could draw and
/// averaged over the trees: the largest ratio, over all groups of points that hold the row, of the points that would
/// move up to the points that would leave. It is between 0 and `tree_size`; scoring changes nothing. The share of a
/// feature is the part of the displacement from cuts in it; a row equal to a sampled point is not cut off, and its
/// displacement belongs to no feature.
///
/// Rows are learned in their order.
///
/// # Weak where
/// Features that say nothing have a large extent (they take the cuts); anomalies in the sample are many.
///
/// # References
/// Guha, Mishra, Roy, Schrijvers: Robust random cut forest based anomaly detection on streams, ICML 2016, sections 2
/// and 3; Efraimidis, Spirakis: Weighted random sampling with a reservoir, Information Processing Letters 97, 2006.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomCutForest {
    /// How many trees.
    pub trees: usize,
    /// Points sampled in each.
    pub tree_size: usize,
    /// How fast older rows lose their place.
    pub time_decay: f64,
    /// How features are brought to one scale.
    pub scaling: Scaling,
}

impl Default for RandomCutForest {
    fn default() -> Self {
        Self { trees: 100, tree_size: 256, time_decay: 0.0, scaling: Scaling::Standard }
    }
}

impl RandomCutForest {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        let usual = Self::default();
        Ok(Self {
            trees: p.count("n_estimators", usual.trees, 1..=MAX_TREES)?,
            tree_size: p.count("tree_size", usual.tree_size, 2..=4_096)?,
            time_decay: p.number("time_decay", usual.time_decay, 0.0..=1.0)?,
            scaling: p.scaling(usual.scaling)?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        vec![
            ("n_estimators", self.trees.into()),
            ("tree_size", self.tree_size.into()),
            ("time_decay", self.time_decay.into()),
            ("scaling", self.scaling.name().into()),
        ]
    }

    /// Without a row yet.
    fn start(&self, schema: &FeatureSchema, preparation: Preparation, seed: Seed) -> FittedRandomCutForest {
        let width = schema.width().max(1);
        let tree_size = self.tree_size.min((MAX_CELLS / width / FEWEST_TREES).max(2));
        let trees = self.trees.min((MAX_CELLS / width / tree_size).max(FEWEST_TREES));
        FittedRandomCutForest {
            schema: schema.clone(),
            preparation,
            seed,
            seen: 0,
            tree_size,
            time_decay: self.time_decay,
            trees: vec![Tree::new(); trees],
        }
    }
}

impl Estimator for RandomCutForest {
    type Fitted = FittedRandomCutForest;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedRandomCutForest, FitError> {
        rows::check(schema, train, 2)?;
        let mut forest = self.start(schema, self.scaling.fit(schema, train), seed);
        forest.learn(train, stop)?;
        Ok(forest)
    }
}

/// A fitted random cut forest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedRandomCutForest {
    schema: FeatureSchema,
    preparation: Preparation,
    seed: Seed,
    /// Rows learned.
    seen: u64,
    tree_size: usize,
    time_decay: f64,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_TREES>")]
    trees: Vec<Tree>,
}

impl FittedRandomCutForest {
    fn width(&self) -> usize {
        self.schema.width()
    }

    /// Learns rows in their order. What each tree draws depends only on the seed, the tree and the row's number, so
    /// trees learn on any thread.
    fn learn(&mut self, rows: Samples<'_>, stop: &Stop) -> Result<(), FitError> {
        let points = self.preparation.apply(rows);
        let (width, capacity, decay, seed) = (self.width(), self.tree_size, self.time_decay, self.seed);
        self.trees.par_iter_mut().enumerate().try_for_each(|(index, tree)| {
            let seed = seed.derive(index as u64);
            for (number, point) in (0..).zip(points.chunks_exact(width)) {
                stop.check()?;
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.derive(number).0);
                // The top `capacity` of ln(u) / weight, on a scale where weights of far later rows stay finite.
                let exponential = -(1.0 - rng.random::<f64>()).max(f64::MIN_POSITIVE).ln();
                let priority = decay * number as f64 - exponential.max(f64::MIN_POSITIVE).ln();
                tree.offer(point, priority, capacity, &mut rng);
            }
            Ok::<_, FitError>(())
        })?;
        self.seen = rows.rows() as u64;
        Ok(())
    }

    /// Scores rows tree by tree, so that a tree is read while it is in the cache.
    fn score_chunk(&self, values: &[f32], out: &mut [AnomalyScore]) {
        let width = self.width();
        let mut points = vec![0.0; values.len()];
        for (row, point) in values.chunks_exact(width).zip(points.chunks_exact_mut(width)) {
            self.preparation.apply_row(row, point);
        }
        out.fill(AnomalyScore(0.0));
        for tree in &self.trees {
            for (out, point) in out.iter_mut().zip(points.chunks_exact(width)) {
                out.0 += tree.displacement(point, None).0;
            }
        }
        out.iter_mut().for_each(|out| out.0 /= self.trees.len() as f64);
    }
}

impl Detector for FittedRandomCutForest {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.width(), samples, out)?;
        let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * self.width()));
        chunks.for_each(|(out, values)| self.score_chunk(values, out));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedRandomCutForest {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.width() {
            return Err(ScoreError::Width { expected: self.width(), got: row.len() });
        }
        let mut point = vec![0.0; row.len()];
        self.preparation.apply_row(row, &mut point);
        let mut shares = vec![0.0; row.len()];
        let base: f64 = self.trees.iter().map(|tree| tree.displacement(&point, Some(&mut shares)).1).sum();
        let trees = self.trees.len() as f64;
        shares.iter_mut().for_each(|share| *share /= trees);
        Ok(Attribution { base: base / trees, shares })
    }
}

#[cfg(test)]
mod tests;
