//! Local outlier factor.

use super::index::Index;
use super::search::Neighbour;
use super::{MAX_FOUND, MAX_NEIGHBOURS, MAX_TRAIN_ROWS, PARALLEL_ROWS, TRAIN_ROWS, add_shares, kept};
use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Preparation, Scaling};
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Added to mean distances, so that many equal rows are dense and not infinitely so; scikit-learn's number.
const LEAST_DISTANCE: f64 = 1e-10;
/// Greatest distance that is believed of a stored model.
const MAX_DISTANCE: f64 = 1e15;

/// How much thinner training rows lie around a row than around its neighbours: 1 is as dense, 2 is half as dense.
///
/// # Parameters
/// - `n_neighbours`: how many, 1 to 1,000; 20. All other training rows when there are fewer.
/// - `max_train`: training rows kept, 2 to 1,000,000; 100,000. More are drawn from by the seed, and so are rows
///   of more than 67 million numbers together.
/// - `scaling`: see [`Scaling`]; signed logarithms.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// The density at a row is one over its mean reachability distance from its neighbours (its distance, and no less than
/// the neighbour's own distance to its farthest neighbour); the score is the mean density at the neighbours over that at the row.
/// Rows are new ones: one that was trained on finds itself among its neighbours, as in scikit-learn with `novelty=True`.
/// Search is exact. A missing value is read as the feature's median. Shares split each reachability distance by the features'
/// parts of the squared distance; neighbours' densities belong to no feature, so shares are an approximation.
///
/// # Weak where
/// More equal rows than neighbours: their density is bounded only by 1e-10, and everything beside them has a huge score. Groups
/// of anomalies larger than `n_neighbours`. A model holds all training rows that are kept.
///
/// # References
/// Breunig, Kriegel, Ng, Sander: LOF: identifying density-based local outliers, SIGMOD 2000, definitions 5 to 7.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalOutlierFactor {
    /// How many neighbours.
    pub n_neighbours: usize,
    /// Most training rows kept.
    pub max_train: usize,
    /// How columns are scaled.
    pub scaling: Scaling,
}

impl Default for LocalOutlierFactor {
    fn default() -> Self {
        Self { n_neighbours: 20, max_train: TRAIN_ROWS, scaling: Scaling::SignedLog }
    }
}

impl LocalOutlierFactor {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        Ok(Self {
            n_neighbours: params.count("n_neighbours", default.n_neighbours, 1..=MAX_NEIGHBOURS)?,
            max_train: params.count("max_train", default.max_train, 2..=MAX_TRAIN_ROWS)?,
            scaling: params.scaling(default.scaling)?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        vec![("n_neighbours", self.n_neighbours.into()), ("max_train", self.max_train.into()), ("scaling", self.scaling.name().into())]
    }
}

impl Estimator for LocalOutlierFactor {
    type Fitted = FittedOutlierFactor;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedOutlierFactor, FitError> {
        rows::check(schema, train, 2)?;
        let preparation = self.scaling.fit(schema, train);
        let values = preparation.apply(kept(train, self.max_train, seed).samples());
        let index = Index::new(&values, train.width());
        let count = self.n_neighbours.min(index.rows - 1);
        if count > MAX_FOUND / index.rows {
            let (rows, width, limit) = (index.rows, index.width, MAX_FOUND / index.rows);
            return Err(FitError::TooMuch { what: "n_neighbours", got: count, limit, rows, width });
        }
        let mut found = vec![Neighbour::NONE; index.rows * count];
        let chunks = found.par_chunks_mut(PARALLEL_ROWS * count).enumerate();
        chunks.try_for_each(|(chunk, found)| {
            stop.check()?;
            index.nearest_others(chunk * PARALLEL_ROWS, count, found);
            Ok::<_, FitError>(())
        })?;
        let reaches: Vec<f64> = found.par_chunks_exact(count).map(|found| found[count - 1].distance()).collect();
        let densities = found.par_chunks_exact(count).map(|found| 1.0 / (mean_reach(found, &reaches) + LEAST_DISTANCE)).collect();
        Ok(FittedOutlierFactor { schema: schema.clone(), preparation, count, index, reaches, densities })
    }
}

/// How far a neighbour is, and no less than how far its own farthest neighbour is.
fn reach(neighbour: Neighbour, reaches: &[f64]) -> f64 {
    neighbour.distance().max(reaches[neighbour.position as usize])
}

fn mean_reach(found: &[Neighbour], reaches: &[f64]) -> f64 {
    found.iter().map(|neighbour| reach(*neighbour, reaches)).sum::<f64>() / found.len() as f64
}

/// Training rows with their densities.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedOutlierFactor {
    schema: FeatureSchema,
    preparation: Preparation,
    count: usize,
    index: Index,
    /// Distance of each row from its farthest neighbour.
    reaches: Vec<f64>,
    /// Local reachability density of each row.
    densities: Vec<f64>,
}

impl FittedOutlierFactor {
    fn neighbours_density(&self, found: &[Neighbour]) -> f64 {
        found.iter().map(|neighbour| self.densities[neighbour.position as usize]).sum::<f64>() / found.len() as f64
    }

    fn factor(&self, found: &[Neighbour]) -> f64 {
        (mean_reach(found, &self.reaches) + LEAST_DISTANCE) * self.neighbours_density(found)
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let (width, rows) = (self.schema.width(), self.index.rows);
        if self.preparation.width() != width || self.index.width != width {
            return Err(format!("rows of {} features for {width}", self.index.width));
        }
        if !(1..=(rows - 1).min(MAX_NEIGHBOURS)).contains(&self.count) || self.reaches.len() != rows || self.densities.len() != rows {
            return Err(format!("{} neighbours and {} densities of {rows} rows", self.count, self.densities.len()));
        }
        let sound = |numbers: &[f64], most: f64| numbers.iter().all(|v| (0.0..=most).contains(v));
        if !sound(&self.reaches, MAX_DISTANCE) || !sound(&self.densities, 1.001 / LEAST_DISTANCE) {
            return Err("a density is out of range".to_owned());
        }
        self.preparation.validate()
    }
}

impl Detector for FittedOutlierFactor {
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
            out.iter_mut().zip(found.chunks_exact(self.count)).for_each(|(out, found)| out.0 = self.factor(found));
        });
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedOutlierFactor {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.index.width {
            return Err(ScoreError::Width { expected: self.index.width, got: row.len() });
        }
        let mut prepared = vec![0.0; row.len()];
        self.preparation.apply_row(row, &mut prepared);
        let mut found = vec![Neighbour::NONE; self.count];
        self.index.nearest(&prepared, self.count, &mut found);
        let weight = self.neighbours_density(&found) / self.count as f64;
        let mut shares = vec![0.0; row.len()];
        for neighbour in &found {
            add_shares(&mut shares, weight * reach(*neighbour, &self.reaches), &self.index, &prepared, *neighbour);
        }
        // The reach of neighbours that are equal to the row comes from no feature.
        let base = self.factor(&found) - shares.iter().sum::<f64>();
        Ok(Attribution { base, shares })
    }

    fn exact(&self) -> bool {
        false
    }
}
