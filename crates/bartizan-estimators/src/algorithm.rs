//! Algorithms by name, with their parameters checked.

use crate::params::Params;
use crate::{
    Copod, Ecod, Ensemble, ExtendedIsolationForest, Hbos, IsolationForest, Mahalanobis, ParamError, ParamValue, Pca, RandomCutForest,
    RawParams, RobustZ, StoredDetector, Tails,
};
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed};

/// Longest name repeated in an error.
const MAX_SHOWN: usize = 64;

/// An estimator with checked parameters, not fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// See [`Copod`].
    Copod(Copod),
    /// See [`Ecod`].
    Ecod(Ecod),
    /// See [`Ensemble`].
    Ensemble(Ensemble),
    /// See [`ExtendedIsolationForest`].
    ExtendedIsolationForest(ExtendedIsolationForest),
    /// See [`Hbos`].
    Hbos(Hbos),
    /// See [`IsolationForest`].
    IsolationForest(IsolationForest),
    /// See [`Mahalanobis`].
    Mahalanobis(Mahalanobis),
    /// See [`Pca`].
    Pca(Pca),
    /// See [`RandomCutForest`].
    RandomCutForest(RandomCutForest),
    /// See [`RobustZ`].
    RobustZ(RobustZ),
    /// See [`Tails`].
    Tails(Tails),
}

impl Algorithm {
    /// All names.
    pub const NAMES: &'static [&'static str] = &[
        "copod",
        "ecod",
        "ensemble",
        "extended_isolation_forest",
        "hbos",
        "isolation_forest",
        "mahalanobis",
        "pca",
        "random_cut_forest",
        "robust_z",
        "tails",
    ];

    /// Checks parameters; `default` is the algorithm when none is named.
    ///
    /// # Errors
    /// For the first parameter that is wrong, or that the algorithm does not have.
    pub fn from_raw(raw: &RawParams, default: &str) -> Result<Self, ParamError> {
        let mut params = Params::new(raw);
        let algorithm = match raw.algorithm.as_deref().unwrap_or(default) {
            "copod" => Self::Copod(Copod),
            "ecod" => Self::Ecod(Ecod),
            "ensemble" => Self::Ensemble(Ensemble::from_params(&mut params)?),
            "extended_isolation_forest" => Self::ExtendedIsolationForest(ExtendedIsolationForest::from_params(&mut params)?),
            "hbos" => Self::Hbos(Hbos::from_params(&mut params)?),
            "isolation_forest" => Self::IsolationForest(IsolationForest::from_params(&mut params)?),
            "mahalanobis" => Self::Mahalanobis(Mahalanobis::from_params(&mut params)?),
            "pca" => Self::Pca(Pca::from_params(&mut params)?),
            "random_cut_forest" => Self::RandomCutForest(RandomCutForest::from_params(&mut params)?),
            "robust_z" => Self::RobustZ(RobustZ::from_params(&mut params)?),
            "tails" => Self::Tails(Tails),
            other => return Err(ParamError::Algorithm { got: other.chars().take(MAX_SHOWN).collect() }),
        };
        params.finish(algorithm.name())?;
        Ok(algorithm)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Copod(_) => "copod",
            Self::Ecod(_) => "ecod",
            Self::Ensemble(_) => "ensemble",
            Self::ExtendedIsolationForest(_) => "extended_isolation_forest",
            Self::Hbos(_) => "hbos",
            Self::IsolationForest(_) => "isolation_forest",
            Self::Mahalanobis(_) => "mahalanobis",
            Self::Pca(_) => "pca",
            Self::RandomCutForest(_) => "random_cut_forest",
            Self::RobustZ(_) => "robust_z",
            Self::Tails(_) => "tails",
        }
    }

    /// Its parameters, by name.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        match self {
            Self::Copod(_) => Vec::new(),
            Self::Ecod(_) => Vec::new(),
            Self::Ensemble(a) => a.parameters(),
            Self::ExtendedIsolationForest(a) => a.parameters(),
            Self::Hbos(a) => a.parameters(),
            Self::IsolationForest(a) => a.parameters(),
            Self::Mahalanobis(a) => a.parameters(),
            Self::Pca(a) => a.parameters(),
            Self::RandomCutForest(a) => a.parameters(),
            Self::RobustZ(a) => a.parameters(),
            Self::Tails(_) => Vec::new(),
        }
    }

    /// Whether it learns from labelled anomalies; the others learn from normal rows alone.
    #[must_use]
    pub fn is_supervised(&self) -> bool {
        false
    }

    /// Fits it on rows of which some are labelled anomalous; what learns from normal rows alone leaves them out.
    ///
    /// # Errors
    /// As [`Estimator::fit`], and [`FitError::TooFewLabels`].
    pub fn fit_labelled(
        &self,
        schema: &FeatureSchema,
        train: Samples<'_>,
        anomalous: &[bool],
        seed: Seed,
    ) -> Result<StoredDetector, FitError> {
        let rows = train.iter().zip(anomalous).filter(|(_, anomalous)| !**anomalous);
        let normal: Vec<f32> = rows.flat_map(|(row, _)| row).copied().collect();
        let width = train.width();
        let normal = Samples::new(&normal, width).unwrap_or_else(|e| unreachable!("whole rows are left out: {e}"));
        self.fit(schema, normal, seed)
    }

    /// Fits it on rows that are taken for normal.
    ///
    /// # Errors
    /// As [`Estimator::fit`], and [`FitError::TooFewLabels`] from what learns from labels.
    pub fn fit(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<StoredDetector, FitError> {
        Ok(match self {
            Self::Copod(a) => StoredDetector::Copod(a.fit(schema, train, seed)?),
            Self::Ecod(a) => StoredDetector::Ecod(a.fit(schema, train, seed)?),
            Self::Ensemble(a) => StoredDetector::Ensemble(a.fit(schema, train, seed)?),
            Self::ExtendedIsolationForest(a) => StoredDetector::ExtendedIsolationForest(a.fit(schema, train, seed)?),
            Self::Hbos(a) => StoredDetector::Hbos(a.fit(schema, train, seed)?),
            Self::IsolationForest(a) => StoredDetector::IsolationForest(a.fit(schema, train, seed)?),
            Self::Mahalanobis(a) => StoredDetector::Mahalanobis(a.fit(schema, train, seed)?),
            Self::Pca(a) => StoredDetector::Pca(a.fit(schema, train, seed)?),
            Self::RandomCutForest(a) => StoredDetector::RandomCutForest(a.fit(schema, train, seed)?),
            Self::RobustZ(a) => StoredDetector::RobustZ(a.fit(schema, train, seed)?),
            Self::Tails(a) => StoredDetector::Tails(a.fit(schema, train, seed)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm;
    use crate::RawParams;

    #[test]
    fn every_bad_value_is_named() {
        for (algorithm, name, value, expected) in [
            ("isolation_forest", "n_estimators", 0, "n_estimators must be in [1, 10000], got 0"),
            ("isolation_forest", "n_estimators", 10_001, "n_estimators must be in [1, 10000], got 10001"),
            ("ensemble", "max_samples", 1, "max_samples must be in [2, 65536], got 1"),
            ("ensemble", "max_samples", 65_537, "max_samples must be in [2, 65536], got 65537"),
            ("extended_isolation_forest", "extension", 1024, "extension must be in [0, 1023], got 1024"),
            ("tails", "n_estimators", 100, "tails has no parameter \"n_estimators\"; it has none"),
        ] {
            let raw = RawParams::named(algorithm).with(name, value as usize);
            assert_eq!(Algorithm::from_raw(&raw, "ensemble").unwrap_err().to_string(), expected);
        }
        let unknown = Algorithm::from_raw(&RawParams::named("magic"), "ensemble").unwrap_err().to_string();
        assert!(unknown.starts_with("unknown algorithm \"magic\"; expected one of "), "{unknown}");
    }

    #[test]
    fn every_name_is_known() {
        assert!(Algorithm::NAMES.is_sorted());
        for name in Algorithm::NAMES {
            assert_eq!(Algorithm::from_raw(&RawParams::named(name), "ensemble").unwrap().name(), *name);
        }
    }
}
