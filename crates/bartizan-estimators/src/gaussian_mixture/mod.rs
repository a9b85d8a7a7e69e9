//! Gaussian mixture: how dense normal rows lie where a row lies.

mod component;
mod fit;
mod kernel;

use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Preparation, Scaling};
use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use component::Component;
use fit::Data;
use kernel::{BLOCK, SMALL};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Widest rows that get a full covariance: each component keeps half the square of the width.
const MAX_FULL_WIDTH: usize = 256;
/// Most components.
const MAX_COMPONENTS: usize = 64;
/// Most rows fitted on; more are drawn from by the seed.
const MAX_ROWS: usize = 20_000;
/// Most numbers fitted on: of rows wider than 1,677 features fewer than [`MAX_ROWS`] are drawn.
const MAX_NUMBERS: usize = 1 << 25;
/// Most multiplications of all rounds: the components times the rounds times the rows times the numbers of a component's shape.
const MAX_WORK: usize = 1 << 39;
/// Fewest rows for each component.
const MIN_ROWS: usize = 4;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 1_024;

/// How the features of a component may depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Covariance {
    /// Any two may.
    Full,
    /// None does.
    Diagonal,
}

/// A mixture of normal distributions; a row is as anomalous as it is unlikely.
///
/// # Parameters
/// - `components`: 1 to 64; 8. There are never more than one for every `width` rows, nor for every four.
/// - `covariance`: `full` or `diag`; full. Rows wider than 256 features are fitted as `diag`.
/// - `regularisation`: added to every variance, 1e-9 to 10; 0.001.
/// - `tolerance`: least rise of the mean log-likelihood that is worth another round, 0 to 1; 0.001.
/// - `max_iter`: most rounds, 1 to 1,000; 50.
/// - `scaling`: see [`Scaling`]; signed logarithms.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value; more work than 2^39 multiplications, `components` times
/// `max_iter` times rows times `width (width + 1) / 2` (`diag`: `width`).
///
/// # Algorithm
/// Expectation and maximisation from k-means++ clusters, on at most 20,000 rows and 2^25 numbers, drawn by the seed. The score is minus the
/// logarithm of the density. A component's part of it splits among features as `(x - m)_j (S⁻¹ (x - m))_j / 2`, weighted by
/// how far each component is responsible; the base is the rest, which depends on the row, so shares are an approximation.
/// A missing value is read as the feature's median.
///
/// # Weak where
/// Rows are few for their width; features are mostly zero, or take few values; the data has more clumps than components.
///
/// # References
/// Dempster, Laird, Rubin: Maximum likelihood from incomplete data via the EM algorithm, JRSS B 39, 1977. Bishop: Pattern
/// Recognition and Machine Learning, 2006, section 9.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianMixture {
    /// Most components.
    pub components: usize,
    /// Their shape.
    pub covariance: Covariance,
    /// Added to every variance.
    pub regularisation: f64,
    /// Least rise of the mean log-likelihood.
    pub tolerance: f64,
    /// Most rounds.
    pub max_iter: usize,
    /// How columns are scaled.
    pub scaling: Scaling,
}

impl Default for GaussianMixture {
    fn default() -> Self {
        Self {
            components: 8,
            covariance: Covariance::Full,
            regularisation: 1e-3,
            tolerance: 1e-3,
            max_iter: 50,
            scaling: Scaling::SignedLog,
        }
    }
}

impl GaussianMixture {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        Ok(Self {
            components: params.count("components", default.components, 1..=MAX_COMPONENTS)?,
            covariance: params.choice("covariance", default.covariance, &[("full", Covariance::Full), ("diag", Covariance::Diagonal)])?,
            regularisation: params.number("regularisation", default.regularisation, 1e-9..=10.0)?,
            tolerance: params.number("tolerance", default.tolerance, 0.0..=1.0)?,
            max_iter: params.count("max_iter", default.max_iter, 1..=1_000)?,
            scaling: params.scaling(default.scaling)?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let covariance = if self.covariance == Covariance::Full { "full" } else { "diag" };
        vec![
            ("components", self.components.into()),
            ("covariance", covariance.into()),
            ("regularisation", self.regularisation.into()),
            ("tolerance", self.tolerance.into()),
            ("max_iter", self.max_iter.into()),
            ("scaling", self.scaling.name().into()),
        ]
    }

    /// Refuses what could take more than [`MAX_WORK`].
    fn check_work(&self, components: usize, rows: usize, width: usize, full: bool) -> Result<(), FitError> {
        let shape = if full { kernel::start(width) } else { width };
        let limit = (MAX_WORK / (rows * shape * self.max_iter).max(1)).max(1);
        if components <= limit {
            return Ok(());
        }
        Err(FitError::TooMuch { what: "components", got: components, limit, rows, width })
    }
}

impl Estimator for GaussianMixture {
    type Fitted = FittedMixture;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedMixture, FitError> {
        rows::check(schema, train, 2)?;
        let preparation = self.scaling.fit(schema, train);
        let (width, chosen) = (train.width(), rows::drawn(train, MAX_ROWS.min(MAX_NUMBERS / train.width()).max(2), seed));
        let full = self.covariance == Covariance::Full && width <= MAX_FULL_WIDTH;
        let values = preparation.apply(chosen.samples());
        let data = Data { values: &values, width, full, regularisation: self.regularisation };
        let rows = values.len() / width;
        let components = self.components.min(rows / width.max(MIN_ROWS)).max(1);
        self.check_work(components, rows, width, full)?;
        let components = data.fit(self, components, seed.derive(1), stop)?;
        Ok(FittedMixture { schema: schema.clone(), preparation, components })
    }
}

/// A fitted mixture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedMixture {
    schema: FeatureSchema,
    preparation: Preparation,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_COMPONENTS>")]
    components: Vec<Component>,
}

impl FittedMixture {
    fn score_block<const L: usize>(&self, rows: &[f32], out: &mut [AnomalyScore]) {
        let width = self.preparation.width();
        let (mut x, mut work) = (vec![[0.0; L]; width], vec![[0.0; L]; width]);
        let mut logs = vec![[0.0; L]; self.components.len()];
        for (rows, out) in rows.chunks(L * width).zip(out.chunks_mut(L)) {
            transpose(rows, width, out.len(), &mut x);
            for (logs, component) in logs.iter_mut().zip(&self.components) {
                *logs = component.log_density(&x, &mut work);
            }
            for (row, out) in out.iter_mut().enumerate() {
                let most = logs.iter().map(|log| log[row]).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logs.iter().map(|log| (log[row] - most).exp()).sum();
                *out = AnomalyScore(-(most + sum.ln()));
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        self.preparation.validate()?;
        let width = self.schema.width();
        if self.preparation.width() != width || self.components.is_empty() {
            return Err(format!("a mixture of {} components over {} of {width} features", self.components.len(), self.preparation.width()));
        }
        match self.components.iter().position(|component| !component.is_sound(width)) {
            None => Ok(()),
            Some(index) => Err(format!("component {index} is out of order")),
        }
    }
}

impl Detector for FittedMixture {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        let width = self.preparation.width();
        rows::check_shape(width, samples, out)?;
        let parts = samples.values().par_chunks(PARALLEL_ROWS * width).zip(out.par_chunks_mut(PARALLEL_ROWS));
        parts.for_each(|(values, out)| {
            let prepared = self.preparation.apply(rows::shaped(values, width));
            if out.len() > SMALL { self.score_block::<BLOCK>(&prepared, out) } else { self.score_block::<SMALL>(&prepared, out) }
        });
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedMixture {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let mut score = [AnomalyScore(0.0)];
        if row.len() != self.schema.width() {
            return Err(ScoreError::Width { expected: self.schema.width(), got: row.len() });
        }
        self.score(rows::shaped(row, row.len()), &mut score)?;
        let mut prepared = vec![0.0; row.len()];
        self.preparation.apply_row(row, &mut prepared);
        let (mut x, mut work) = (vec![[0.0; SMALL]; row.len()], vec![[0.0; SMALL]; row.len()]);
        transpose(&prepared, row.len(), 1, &mut x);
        let logs: Vec<f64> = self.components.iter().map(|component| component.log_density(&x, &mut work)[0]).collect();
        let total = log_sum(&logs);
        let mut shares = vec![0.0; row.len()];
        for (component, log) in self.components.iter().zip(logs) {
            let responsible = (log - total).exp();
            shares.iter_mut().zip(component.parts(&prepared)).for_each(|(share, part)| *share += responsible * part);
        }
        Ok(Attribution { base: score[0].0 - shares.iter().sum::<f64>(), shares })
    }

    fn exact(&self) -> bool {
        false
    }
}

/// Rows side by side, `x[feature][row]`; places beyond `rows` are zero.
fn transpose<const L: usize>(values: &[f32], width: usize, rows: usize, x: &mut [[f64; L]]) {
    x.fill([0.0; L]);
    for (row, values) in values.chunks_exact(width).take(rows).enumerate() {
        for (x, value) in x.iter_mut().zip(values) {
            x[row] = f64::from(*value);
        }
    }
}

/// Logarithm of the sum of what these are logarithms of.
fn log_sum(logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::{FitError, GaussianMixture};

    #[test]
    fn more_work_than_one_fit_may_take_is_refused_with_the_most_that_is_not() {
        for (name, components, max_iter, rows, width, full, limit) in [
            ("as it comes, on flows", 8, 50, 20_000, 78, true, None),
            ("as it comes, on the widest rows with a full covariance", 8, 50, 20_000, 256, true, None),
            ("all components, on flows", 64, 50, 20_000, 78, true, None),
            ("all rounds, on flows", 8, 1_000, 20_000, 78, true, None),
            ("both, on few rows", 64, 1_000, 500, 78, true, None),
            ("both, on flows", 64, 1_000, 20_000, 78, true, Some(8)),
            ("all components of the widest rows", 64, 50, 20_000, 256, true, Some(16)),
            ("both, on wide rows", 64, 1_000, 20_000, 1_677, false, Some(16)),
            ("one component is always fitted", 1, 1_000, 20_000, 256, true, None),
        ] {
            let checked = GaussianMixture { max_iter, ..GaussianMixture::default() }.check_work(components, rows, width, full);
            let expected = limit.map(|limit| FitError::TooMuch { what: "components", got: components, limit, rows, width });
            assert_eq!(checked.err(), expected, "{name}");
        }
    }
}
