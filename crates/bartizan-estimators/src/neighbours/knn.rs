//! Distance to the nearest training rows.

use super::index::Index;
use super::search::Neighbour;
use super::{MAX_NEIGHBOURS, MAX_TRAIN_ROWS, PARALLEL_ROWS, TRAIN_ROWS, add_shares, kept};
use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Preparation, Scaling};
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Which of the distances to the nearest rows is the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeighbourDistance {
    /// To the farthest of them.
    Largest,
    /// Their mean.
    Mean,
    /// Their median.
    Median,
}

const METHODS: &[(&str, NeighbourDistance)] =
    &[("largest", NeighbourDistance::Largest), ("mean", NeighbourDistance::Mean), ("median", NeighbourDistance::Median)];

/// Euclidean distance to the nearest training rows.
///
/// # Parameters
/// - `n_neighbours`: how many, 1 to 1,000; 5. All training rows when there are fewer.
/// - `method`: `largest`, `mean` or `median` of their distances; largest.
/// - `max_train`: training rows kept, 2 to 1,000,000; 100,000. More are drawn from by the seed, and so are rows
///   of more than 33 million numbers together.
/// - `scaling`: see [`Scaling`]; signed logarithms.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Training rows are kept, ordered in boxes; search is exact and looks only into boxes that are near enough, or at every
/// row where boxes would not help. A row that was trained on finds itself at distance 0. A missing value is read as the
/// feature's median. A distance splits among features by their part of its square, so shares are exact with base 0.
///
/// # Weak where
/// Normal rows are dense in one place and thin in another (see [`LocalOutlierFactor`](crate::LocalOutlierFactor)); most of
/// many features are noise; anomalies in training lie close together. A model holds all training rows that are kept.
///
/// # References
/// Ramaswamy, Rastogi, Shim: Efficient algorithms for mining outliers from large data sets, SIGMOD 2000, section 3 (largest).
/// Angiulli, Pizzuti: Fast outlier detection in high dimensional spaces, PKDD 2002, section 2 (mean).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KNearestNeighbours {
    /// How many neighbours.
    pub n_neighbours: usize,
    /// What of their distances.
    pub method: NeighbourDistance,
    /// Most training rows kept.
    pub max_train: usize,
    /// How columns are scaled.
    pub scaling: Scaling,
}

impl Default for KNearestNeighbours {
    fn default() -> Self {
        Self { n_neighbours: 5, method: NeighbourDistance::Largest, max_train: TRAIN_ROWS, scaling: Scaling::SignedLog }
    }
}

impl KNearestNeighbours {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        Ok(Self {
            n_neighbours: params.count("n_neighbours", default.n_neighbours, 1..=MAX_NEIGHBOURS)?,
            method: params.choice("method", default.method, METHODS)?,
            max_train: params.count("max_train", default.max_train, 2..=MAX_TRAIN_ROWS)?,
            scaling: params.scaling(default.scaling)?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let method = METHODS.iter().find(|(_, method)| *method == self.method).map_or("", |(name, _)| name);
        vec![
            ("n_neighbours", self.n_neighbours.into()),
            ("method", method.into()),
            ("max_train", self.max_train.into()),
            ("scaling", self.scaling.name().into()),
        ]
    }
}

impl Estimator for KNearestNeighbours {
    type Fitted = FittedNeighbours;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, _: &Stop) -> Result<FittedNeighbours, FitError> {
        rows::check(schema, train, 2)?;
        let preparation = self.scaling.fit(schema, train);
        let values = preparation.apply(kept(train, self.max_train, seed).samples());
        let index = Index::new(&values, train.width());
        Ok(FittedNeighbours { schema: schema.clone(), preparation, count: self.n_neighbours.min(index.rows), method: self.method, index })
    }
}

/// Training rows, ready to be searched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedNeighbours {
    schema: FeatureSchema,
    preparation: Preparation,
    count: usize,
    method: NeighbourDistance,
    index: Index,
}

impl FittedNeighbours {
    /// How much of each distance, nearest first, is in the score: what is not in it weighs nothing.
    fn weight(&self, nth: usize) -> f64 {
        let (count, last) = (self.count, self.count - 1);
        match self.method {
            NeighbourDistance::Largest => f64::from(u8::from(nth == last)),
            NeighbourDistance::Mean => 1.0 / count as f64,
            NeighbourDistance::Median => (f64::from(u8::from(nth == last / 2)) + f64::from(u8::from(nth == count / 2))) / 2.0,
        }
    }

    fn combined(&self, found: &[Neighbour]) -> f64 {
        found.iter().enumerate().map(|(nth, neighbour)| self.weight(nth) * neighbour.distance()).sum()
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let width = self.schema.width();
        if self.preparation.width() != width || self.index.width != width {
            return Err(format!("rows of {} features for {width}", self.index.width));
        }
        if !(1..=self.index.rows.min(MAX_NEIGHBOURS)).contains(&self.count) {
            return Err(format!("{} neighbours of {} rows", self.count, self.index.rows));
        }
        self.preparation.validate()
    }
}

impl Detector for FittedNeighbours {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        let width = self.index.width;
        rows::check_shape(width, samples, out)?;
        let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * width));
        chunks.for_each(|(out, values)| {
            let prepared = self.preparation.apply(rows::shaped(values, width));
            let mut found = vec![Neighbour::NONE; out.len() * self.count];
            self.index.nearest(&prepared, self.count, &mut found);
            out.iter_mut().zip(found.chunks_exact(self.count)).for_each(|(out, found)| out.0 = self.combined(found));
        });
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedNeighbours {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.index.width {
            return Err(ScoreError::Width { expected: self.index.width, got: row.len() });
        }
        let mut prepared = vec![0.0; row.len()];
        self.preparation.apply_row(row, &mut prepared);
        let mut found = vec![Neighbour::NONE; self.count];
        self.index.nearest(&prepared, self.count, &mut found);
        let mut shares = vec![0.0; row.len()];
        for (nth, neighbour) in found.iter().enumerate() {
            add_shares(&mut shares, self.weight(nth) * neighbour.distance(), &self.index, &prepared, *neighbour);
        }
        // Squares too small for 32 bits leave a distance of 0, and nothing to share.
        Ok(Attribution { base: 0.0, shares })
    }
}
