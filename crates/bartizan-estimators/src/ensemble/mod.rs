//! Ensemble: an isolation forest and tails, each on the scale of its own training scores.

use crate::params::{ParamError, ParamValue, Params};
use crate::{FittedForest, FittedTails, IsolationForest, Tails};
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use serde::{Deserialize, Serialize};

/// Rows whose scores set the members' scales.
const SCALE_ROWS: usize = 4_096;

/// Isolation forest and tails together: the one sees odd combinations, the other a single feature far out, which among
/// many features a forest dilutes.
///
/// # Parameters
/// - `forest`: as [`IsolationForest`].
///
/// # Errors
/// As its members.
///
/// # Algorithm
/// Each member's score is shifted and scaled by mean and standard deviation over (at most 4,096 of) the training rows;
/// the score is the sum. Shares are the members' shares on the same scale, so they sum to the score.
///
/// # Weak where
/// Both members are.
///
/// # References
/// Aggarwal, Sathe: Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17(1), 2015.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ensemble {
    /// The forest among its members.
    pub forest: IsolationForest,
}

impl Ensemble {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self { forest: IsolationForest::from_params(params)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        self.forest.parameters()
    }
}

/// A fitted ensemble.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedEnsemble {
    forest: FittedForest,
    tails: FittedTails,
    forest_scale: Scale,
    tails_scale: Scale,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    fn of(detector: &dyn Detector, train: Samples<'_>) -> Result<Self, ScoreError> {
        let step = train.rows().div_ceil(SCALE_ROWS).max(1);
        let mut out = vec![AnomalyScore(0.0); train.rows().div_ceil(step)];
        let values: Vec<f32> = train.iter().step_by(step).flatten().copied().collect();
        let samples = Samples::new(&values, train.width()).map_err(|e| ScoreError::Width { expected: train.width(), got: e.len })?;
        detector.score(samples, &mut out)?;
        let n = out.len() as f64;
        let mean = out.iter().map(|s| s.0).sum::<f64>() / n;
        let variance = out.iter().map(|s| (s.0 - mean).powi(2)).sum::<f64>() / n;
        // Scores that never vary in training say nothing of scale: leave them on their own.
        Ok(Self { mean, deviation: if variance > 1e-18 { variance.sqrt() } else { 1.0 } })
    }

    fn apply(self, score: f64) -> f64 {
        (score - self.mean) / self.deviation
    }
}

impl Estimator for Ensemble {
    type Fitted = FittedEnsemble;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedEnsemble, FitError> {
        let forest = self.forest.fit_until(schema, train, seed, stop)?;
        let tails = Tails.fit(schema, train, seed)?;
        let shape = |_| FitError::Width { expected: schema.width(), got: train.width() };
        let (forest_scale, tails_scale) = (Scale::of(&forest, train).map_err(shape)?, Scale::of(&tails, train).map_err(shape)?);
        Ok(FittedEnsemble { forest, tails, forest_scale, tails_scale })
    }
}

impl FittedEnsemble {
    /// Memory that its forest takes, laid out for scoring.
    pub(crate) fn footprint(&self) -> u64 {
        self.forest.footprint()
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        for scale in [self.forest_scale, self.tails_scale] {
            if !(scale.mean.is_finite() && scale.deviation > 0.0 && scale.deviation.is_finite()) {
                return Err(format!("a member's scale is {} ± {}", scale.mean, scale.deviation));
            }
        }
        if self.forest.schema().fingerprint() != self.tails.schema().fingerprint() {
            return Err("the members were fitted on different features".to_owned());
        }
        self.forest.validate()?;
        self.tails.validate()
    }
}

impl Detector for FittedEnsemble {
    fn schema(&self) -> &FeatureSchema {
        self.forest.schema()
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        self.forest.score(samples, out)?;
        let mut one = [AnomalyScore(0.0)];
        for (out, row) in out.iter_mut().zip(samples.iter()) {
            let row = Samples::new(row, samples.width()).map_err(|e| ScoreError::Width { expected: samples.width(), got: e.len })?;
            self.tails.score(row, &mut one)?;
            out.0 = self.forest_scale.apply(out.0) + self.tails_scale.apply(one[0].0);
        }
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedEnsemble {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let (forest, tails) = (self.forest.explain(row)?, self.tails.explain(row)?);
        let shares = forest.shares.iter().zip(&tails.shares);
        Ok(Attribution {
            base: self.forest_scale.apply(forest.base) + self.tails_scale.apply(tails.base),
            shares: shares.map(|(f, t)| f / self.forest_scale.deviation + t / self.tails_scale.deviation).collect(),
        })
    }
}
