//! Algorithms by name, with their parameters checked.

use crate::{Ensemble, ExtendedIsolationForest, IsolationForest, StoredDetector, Tails};
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Parameters as people give them; `None` means the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawParams {
    /// One of [`Algorithm::NAMES`].
    pub algorithm: Option<String>,
    /// Trees, 1 to 10,000; 100.
    pub n_estimators: Option<u64>,
    /// Rows that each tree is grown on, 2 to 65,536; 256.
    pub max_samples: Option<u64>,
    /// Extended forest: features in a cut beyond the first, 0 to the number of features less one; 1.
    pub extension: Option<u64>,
}

/// A parameter is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParamError {
    /// No such algorithm.
    #[error("unknown algorithm {got:?}; expected one of {}", Algorithm::NAMES.join(", "))]
    Algorithm {
        /// What was asked for, shortened.
        got: String,
    },
    /// Too few or too many trees.
    #[error("n_estimators must be in [1, 10000], got {0}")]
    Trees(u64),
    /// Too few or too many rows a tree.
    #[error("max_samples must be in [2, 65536], got {0}")]
    MaxSamples(u64),
    /// Too many features in a cut.
    #[error("extension must be in [0, 1023], got {0}")]
    Extension(u64),
}

/// An estimator with checked parameters, not fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// See [`IsolationForest`].
    IsolationForest(IsolationForest),
    /// See [`ExtendedIsolationForest`].
    ExtendedIsolationForest(ExtendedIsolationForest),
    /// See [`Tails`].
    Tails(Tails),
    /// See [`Ensemble`].
    Ensemble(Ensemble),
}

impl Algorithm {
    /// All names.
    pub const NAMES: &'static [&'static str] = &["ensemble", "extended_isolation_forest", "isolation_forest", "tails"];

    /// Checks parameters; `default` is the algorithm when none is named.
    ///
    /// # Errors
    /// For the first parameter that is wrong.
    pub fn from_raw(raw: &RawParams, default: &str) -> Result<Self, ParamError> {
        let within = |v: u64, low: u64, high: u64| (low..=high).contains(&v);
        let trees = raw.n_estimators.unwrap_or(100);
        if !within(trees, 1, 10_000) {
            return Err(ParamError::Trees(trees));
        }
        let max_samples = raw.max_samples.unwrap_or(256);
        if !within(max_samples, 2, 65_536) {
            return Err(ParamError::MaxSamples(max_samples));
        }
        let extension = raw.extension.unwrap_or(1);
        if !within(extension, 0, 1023) {
            return Err(ParamError::Extension(extension));
        }
        let forest = IsolationForest { trees: trees as usize, max_samples: max_samples as usize };
        match raw.algorithm.as_deref().unwrap_or(default) {
            "isolation_forest" => Ok(Self::IsolationForest(forest)),
            "extended_isolation_forest" => {
                Ok(Self::ExtendedIsolationForest(ExtendedIsolationForest { forest, extension: extension as usize }))
            }
            "tails" => Ok(Self::Tails(Tails)),
            "ensemble" => Ok(Self::Ensemble(Ensemble { forest })),
            other => Err(ParamError::Algorithm { got: other.chars().take(64).collect() }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::IsolationForest(_) => "isolation_forest",
            Self::ExtendedIsolationForest(_) => "extended_isolation_forest",
            Self::Tails(_) => "tails",
            Self::Ensemble(_) => "ensemble",
        }
    }

    /// Its parameters, by name.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let forest = |f: &IsolationForest| vec![("n_estimators", f.trees as f64), ("max_samples", f.max_samples as f64)];
        match self {
            Self::IsolationForest(f) => forest(f),
            Self::ExtendedIsolationForest(e) => {
                let mut all = forest(&e.forest);
                all.push(("extension", e.extension as f64));
                all
            }
            Self::Tails(_) => Vec::new(),
            Self::Ensemble(e) => forest(&e.forest),
        }
    }

    /// Fits it.
    ///
    /// # Errors
    /// As [`Estimator::fit`].
    pub fn fit(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<StoredDetector, FitError> {
        Ok(match self {
            Self::IsolationForest(a) => StoredDetector::IsolationForest(a.fit(schema, train, seed)?),
            Self::ExtendedIsolationForest(a) => StoredDetector::ExtendedIsolationForest(a.fit(schema, train, seed)?),
            Self::Tails(a) => StoredDetector::Tails(a.fit(schema, train, seed)?),
            Self::Ensemble(a) => StoredDetector::Ensemble(a.fit(schema, train, seed)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, ParamError, RawParams};

    #[test]
    fn every_bad_value_is_named() {
        let raw = RawParams::default;
        for (params, expected) in [
            (RawParams { n_estimators: Some(0), ..raw() }, ParamError::Trees(0)),
            (RawParams { n_estimators: Some(10_001), ..raw() }, ParamError::Trees(10_001)),
            (RawParams { max_samples: Some(1), ..raw() }, ParamError::MaxSamples(1)),
            (RawParams { max_samples: Some(65_537), ..raw() }, ParamError::MaxSamples(65_537)),
            (RawParams { extension: Some(1024), ..raw() }, ParamError::Extension(1024)),
            (RawParams { algorithm: Some("magic".into()), ..raw() }, ParamError::Algorithm { got: "magic".into() }),
        ] {
            assert_eq!(Algorithm::from_raw(&params, "ensemble").unwrap_err(), expected);
        }
        assert_eq!(ParamError::Trees(0).to_string(), "n_estimators must be in [1, 10000], got 0");
    }

    #[test]
    fn every_name_is_known() {
        for name in Algorithm::NAMES {
            let raw = RawParams { algorithm: Some((*name).to_owned()), ..RawParams::default() };
            assert_eq!(Algorithm::from_raw(&raw, "ensemble").unwrap().name(), *name);
        }
    }
}
