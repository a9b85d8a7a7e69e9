//! The shelf: every algorithm by name, with its parameters checked, and what it looks like fitted.

use crate::format::FormatError;
use crate::params::Params;
use crate::reach::{Reach, Reaching};
use crate::{
    Auto, Copod, Ecod, Ensemble, ExtendedIsolationForest, FittedAuto, FittedDistance, FittedEnsemble, FittedExtendedForest, FittedForest,
    FittedMixture, FittedNeighbours, FittedOneClassSvm, FittedOutlierFactor, FittedRandomCutForest, FittedRandomForest, FittedRobustZ,
    FittedRules, FittedSteps, FittedTails, GaussianMixture, Hbos, IsolationForest, KNearestNeighbours, LocalOutlierFactor, Mahalanobis,
    OneClassSvm, ParamError, ParamValue, Pca, RandomCutForest, RandomForest, RawParams, RobustZ, Rules, Tails,
};
use bartizan_core::{Detector, Estimator, FeatureSchema, FitError, Samples, Seed, Stop, Threshold};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// Longest name repeated in an error.
const MAX_SHOWN: usize = 64;

/// Makes both enums from one list. The place in it is part of the model format: **add at the end only**.
macro_rules! shelf {
    ($($variant:ident $name:literal $fitted:ty;)*) => {
        /// An estimator with checked parameters, not fitted.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Algorithm {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($variant),)*
        }

        /// A fitted algorithm as it is stored: the closed list of what a model file can hold.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum FittedAlgorithm {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($fitted),)*
        }

        impl Algorithm {
            /// All names.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            fn read(name: &str, params: &mut Params<'_>) -> Result<Self, ParamError> {
                match name {
                    $($name => Ok(Self::$variant($variant::from_params(params)?)),)*
                    other => Err(ParamError::Algorithm { got: other.chars().take(MAX_SHOWN).collect() }),
                }
            }

            /// Its name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Its parameters, by name.
            #[must_use]
            pub fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
                match self {
                    $(Self::$variant(a) => a.parameters(),)*
                }
            }

            fn fit_alone(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedAlgorithm, FitError> {
                stop.check()?;
                Ok(match self {
                    $(Self::$variant(a) => FittedAlgorithm::$variant(Estimator::fit_until(a, schema, train, seed, stop)?),)*
                })
            }
        }

        impl FittedAlgorithm {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            fn detector(&self) -> &dyn Detector {
                match self {
                    $(Self::$variant(d) => d,)*
                }
            }

            fn into_detector(self) -> Arc<dyn Detector> {
                match self {
                    $(Self::$variant(d) => Arc::new(d),)*
                }
            }

            fn validate(&self) -> Result<(), String> {
                match self {
                    $(Self::$variant(d) => d.validate(),)*
                }
            }
        }
    };
}

/// A fitted detector as it is stored: an algorithm, and what keeps its scores from ending and tying.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredDetector {
    fitted: FittedAlgorithm,
    /// Stored behind the model: files before version 3 have none, and their scores stay as they were.
    #[serde(skip)]
    pub(crate) reach: Option<Reach>,
}

impl From<FittedAlgorithm> for StoredDetector {
    /// The algorithm on its own: what it scores alike stays alike.
    fn from(fitted: FittedAlgorithm) -> Self {
        Self { fitted, reach: None }
    }
}

impl StoredDetector {
    /// With what the rows that it was fitted on say of far and near; scores that have a threshold of their own stay as they are.
    fn reaching(fitted: FittedAlgorithm, train: Samples<'_>) -> Self {
        if fitted.detector().own_threshold().is_some() {
            return fitted.into();
        }
        let suspicious_side = matches!(fitted, FittedAlgorithm::Tails(_));
        let reach = Reach::fit(fitted.detector(), train, suspicious_side);
        Self { fitted, reach: Some(reach) }
    }

    /// The algorithm in it.
    #[must_use]
    pub fn fitted(&self) -> &FittedAlgorithm {
        &self.fitted
    }

    /// Name of its algorithm.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.fitted.name()
    }

    /// The columns that it was fitted on.
    #[must_use]
    pub fn schema(&self) -> &FeatureSchema {
        self.fitted.detector().schema()
    }

    /// The threshold that its scores have by their meaning; see [`Detector::own_threshold`].
    #[must_use]
    pub fn own_threshold(&self) -> Option<Threshold> {
        self.fitted.detector().own_threshold().filter(|_| self.reach.is_none())
    }

    /// Makes it ready to score.
    #[must_use]
    pub fn into_detector(self) -> Arc<dyn Detector> {
        let detector = self.fitted.into_detector();
        match self.reach {
            None => detector,
            Some(reach) => Arc::new(Reaching::new(detector, reach)),
        }
    }

    /// Checks what a damaged or hostile file could have wrong: indices, lengths, numbers that are not finite.
    ///
    /// # Errors
    /// With a message about the fault.
    pub fn validate(&self) -> Result<(), FormatError> {
        self.fitted.validate().map_err(FormatError::Body)?;
        self.reach.iter().try_for_each(|reach| reach.validate(self.schema().width())).map_err(FormatError::Body)
    }

    /// Memory that it takes beyond what it takes in a file, once it is laid out for scoring and explaining; about that of the
    /// file where nothing is laid out.
    #[must_use]
    pub(crate) fn footprint(&self) -> u64 {
        match &self.fitted {
            FittedAlgorithm::IsolationForest(forest) => forest.footprint(),
            FittedAlgorithm::Ensemble(ensemble) => ensemble.footprint(),
            FittedAlgorithm::RandomForest(forest) => forest.footprint(),
            _ => 0,
        }
    }
}

shelf! {
    IsolationForest "isolation_forest" FittedForest;
    ExtendedIsolationForest "extended_isolation_forest" FittedExtendedForest;
    Tails "tails" FittedTails;
    Ensemble "ensemble" FittedEnsemble;
    Copod "copod" FittedSteps;
    Ecod "ecod" FittedSteps;
    Hbos "hbos" FittedSteps;
    RobustZ "robust_z" FittedRobustZ;
    GaussianMixture "gaussian_mixture" FittedMixture;
    Mahalanobis "mahalanobis" FittedDistance;
    Pca "pca" FittedDistance;
    RandomCutForest "random_cut_forest" FittedRandomCutForest;
    KNearestNeighbours "knn" FittedNeighbours;
    LocalOutlierFactor "lof" FittedOutlierFactor;
    Auto "auto" FittedAuto;
    RandomForest "random_forest" FittedRandomForest;
    OneClassSvm "one_class_svm" FittedOneClassSvm;
    Rules "rules" FittedRules;
}

impl Algorithm {
    /// Checks parameters; `default` is the algorithm when none is named.
    ///
    /// # Errors
    /// For the first parameter that is wrong, or that the algorithm does not have.
    pub fn from_raw(raw: &RawParams, default: &str) -> Result<Self, ParamError> {
        let mut params = Params::new(raw);
        let algorithm = Self::read(raw.algorithm.as_deref().unwrap_or(default), &mut params)?;
        params.finish(algorithm.name())?;
        Ok(algorithm)
    }

    /// Everything that is wrong with parameters; nothing is when [`Self::from_raw`] takes them.
    #[must_use]
    pub fn faults(raw: &RawParams, default: &str) -> Vec<ParamError> {
        let (mut raw, mut faults) = (raw.clone(), Vec::new());
        while let Err(error) = Self::from_raw(&raw, default) {
            // Without this parameter the next one is met; without an algorithm there is nothing to ask of the others.
            let name = error.parameter();
            let goes_on = raw.values.remove(name).is_some() | raw.fallback.remove(name).is_some();
            faults.push(error);
            if !goes_on {
                break;
            }
        }
        faults
    }

    /// The parameters of any algorithm, each once, in alphabetical order.
    #[must_use]
    pub fn parameter_names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
            let names: BTreeSet<_> = Algorithm::NAMES.iter().flat_map(|name| Algorithm::parameters_of(name)).collect();
            names.into_iter().collect()
        });
        &NAMES
    }

    /// The parameters that the algorithm of this name reads; none when there is no such algorithm.
    #[must_use]
    pub fn parameters_of(name: &str) -> Vec<&'static str> {
        let raw = RawParams::default();
        let mut params = Params::new(&raw);
        Self::read(name, &mut params).map_or_else(|_| Vec::new(), |_| params.into_known())
    }

    /// Fits it on rows that are taken for normal.
    ///
    /// # Errors
    /// As [`Estimator::fit`], and [`FitError::TooFewLabels`] from what learns from labels.
    pub fn fit(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<StoredDetector, FitError> {
        self.fit_until(schema, train, seed, &Stop::default())
    }

    /// As [`fit`](Self::fit), and ends early once `stop` is set.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`FitError::Stopped`].
    pub fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<StoredDetector, FitError> {
        Ok(StoredDetector::reaching(self.fit_alone(schema, train, seed, stop)?, train))
    }

    /// Whether it learns from labelled anomalies; the others learn from normal rows alone.
    #[must_use]
    pub fn is_supervised(&self) -> bool {
        matches!(self, Self::RandomForest(_))
    }

    /// Whether it is there to be compared with: it is not among what is tried to find the best.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        matches!(self, Self::Rules(_))
    }

    /// Fits it on rows of which some are labelled anomalous; what learns from normal rows alone leaves them out.
    ///
    /// # Errors
    /// As [`Self::fit_until`].
    pub fn fit_labelled(
        &self,
        schema: &FeatureSchema,
        train: Samples<'_>,
        anomalous: &[bool],
        seed: Seed,
        stop: &Stop,
    ) -> Result<StoredDetector, FitError> {
        if let Self::RandomForest(forest) = self {
            let fitted = FittedAlgorithm::RandomForest(forest.fit_labelled(schema, train, anomalous, seed, stop)?);
            return Ok(StoredDetector::reaching(fitted, train));
        }
        let rows = train.iter().zip(anomalous).filter(|(_, anomalous)| !**anomalous);
        let normal: Vec<f32> = rows.flat_map(|(row, _)| row).copied().collect();
        let width = train.width();
        let normal = Samples::new(&normal, width).unwrap_or_else(|e| unreachable!("whole rows are left out: {e}"));
        self.fit_until(schema, normal, seed, stop)
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm;
    use crate::{ParamError, RawParams};

    #[test]
    fn every_bad_value_is_named() {
        for (algorithm, name, value, expected) in [
            ("isolation_forest", "n_estimators", 0, "n_estimators must be in [1, 10000], got 0"),
            ("isolation_forest", "n_estimators", 10_001, "n_estimators must be in [1, 10000], got 10001"),
            ("ensemble", "max_samples", 1, "max_samples must be in [2, 65536], got 1"),
            ("ensemble", "max_samples", 65_537, "max_samples must be in [2, 65536], got 65537"),
            ("extended_isolation_forest", "extension", 1024, "extension must be in [0, 1023], got 1024"),
            ("gaussian_mixture", "components", 65, "components must be in [1, 64], got 65"),
            ("tails", "n_estimators", 100, "tails has no parameter \"n_estimators\"; it has none"),
        ] {
            let raw = RawParams::named(algorithm).with(name, value as usize);
            assert_eq!(Algorithm::from_raw(&raw, "ensemble").unwrap_err().to_string(), expected);
        }
        for name in ["isolation_forest", "extended_isolation_forest", "ensemble"] {
            let both = RawParams::named(name).with("n_estimators", 10_000_usize).with("max_samples", 65_536_usize);
            let expected =
                "max_samples must be at most 838 with n_estimators = 10000 (8388608 is the most that both may multiply to), got 65536";
            assert_eq!(Algorithm::from_raw(&both, "").unwrap_err().to_string(), expected, "{name}");
            for (alone, value) in [("n_estimators", 10_000_usize), ("max_samples", 65_536)] {
                assert!(Algorithm::from_raw(&RawParams::named(name).with(alone, value), "").is_ok(), "{name}: {alone}");
            }
        }
        let unknown = Algorithm::from_raw(&RawParams::named("magic"), "ensemble").unwrap_err().to_string();
        assert!(unknown.starts_with("unknown algorithm \"magic\"; expected one of isolation_forest, "), "{unknown}");
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let raw = RawParams::named("gaussian_mixture")
            .with("components", 65_usize)
            .with("tolerance", 7.0)
            .with("nu", 0.1)
            .with("max_iter", 10_usize);
        let found = Algorithm::faults(&raw, "ensemble");
        assert_eq!(found.iter().map(ParamError::parameter).collect::<Vec<_>>(), ["components", "tolerance", "nu"]);
        assert_eq!(found[2].to_string().split(';').next(), Some("gaussian_mixture has no parameter \"nu\""));
        assert!(Algorithm::faults(&RawParams::default(), "ensemble").is_empty());
        let of_none = RawParams::named("magic").with("nu", 7.0);
        assert_eq!(Algorithm::faults(&of_none, "ensemble").iter().map(ParamError::parameter).collect::<Vec<_>>(), ["algorithm"]);
        // A name that the error shortens ends the search instead of being met for ever.
        assert_eq!(Algorithm::faults(&RawParams::named("tails").with(&"x".repeat(100), 1.0), "").len(), 1);
    }

    #[test]
    fn parameters_are_known_by_their_algorithms() {
        assert_eq!(Algorithm::parameters_of("isolation_forest"), ["n_estimators", "max_samples"]);
        assert!(Algorithm::parameters_of("tails").is_empty() && Algorithm::parameters_of("magic").is_empty());
        let all = Algorithm::parameter_names();
        assert!(all.is_sorted() && ["nu", "n_estimators", "trim", "scaling"].iter().all(|name| all.contains(name)));
        assert!(!all.contains(&"recalculate_features") && !all.contains(&"contamination"));
        for name in Algorithm::NAMES {
            let algorithm = Algorithm::from_raw(&RawParams::named(name), "").unwrap();
            for (parameter, _) in algorithm.parameters() {
                assert!(Algorithm::parameters_of(name).contains(&parameter), "{name} reads {parameter}");
            }
        }
    }

    #[test]
    fn every_algorithm_accepts_the_parameters_that_it_lists() {
        for name in Algorithm::NAMES {
            let algorithm = Algorithm::from_raw(&RawParams::named(name), "ensemble").unwrap();
            assert_eq!(algorithm.name(), *name);
            let all = algorithm.parameters().into_iter().fold(RawParams::named(name), |raw, (name, value)| raw.with(name, value));
            assert_eq!(Algorithm::from_raw(&all, "ensemble"), Ok(algorithm));
        }
    }
}
