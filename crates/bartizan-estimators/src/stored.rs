//! The closed list of detectors that a model file can hold.

use crate::format::FormatError;
use crate::{
    FittedDistance, FittedEnsemble, FittedExtendedForest, FittedForest, FittedRandomCutForest, FittedRobustZ, FittedSteps, FittedTails,
};
use bartizan_core::Detector;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fitted detector as it is stored. New kinds are added at the end: the position is part of the format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StoredDetector {
    /// See [`crate::IsolationForest`].
    IsolationForest(FittedForest),
    /// See [`crate::ExtendedIsolationForest`].
    ExtendedIsolationForest(FittedExtendedForest),
    /// See [`crate::Tails`].
    Tails(FittedTails),
    /// See [`crate::Ensemble`].
    Ensemble(FittedEnsemble),
    /// See [`crate::Copod`].
    Copod(FittedSteps),
    /// See [`crate::Ecod`].
    Ecod(FittedSteps),
    /// See [`crate::Hbos`].
    Hbos(FittedSteps),
    /// See [`crate::RobustZ`].
    RobustZ(FittedRobustZ),
    /// See [`crate::Mahalanobis`].
    Mahalanobis(FittedDistance),
    /// See [`crate::Pca`].
    Pca(FittedDistance),
    /// See [`crate::RandomCutForest`].
    RandomCutForest(FittedRandomCutForest),
}

impl StoredDetector {
    /// Name of its algorithm.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::IsolationForest(_) => "isolation_forest",
            Self::ExtendedIsolationForest(_) => "extended_isolation_forest",
            Self::Tails(_) => "tails",
            Self::Ensemble(_) => "ensemble",
            Self::Copod(_) => "copod",
            Self::Ecod(_) => "ecod",
            Self::Hbos(_) => "hbos",
            Self::RobustZ(_) => "robust_z",
            Self::Mahalanobis(_) => "mahalanobis",
            Self::Pca(_) => "pca",
            Self::RandomCutForest(_) => "random_cut_forest",
        }
    }

    /// Makes it ready to score.
    #[must_use]
    pub fn into_detector(self) -> Arc<dyn Detector> {
        match self {
            Self::IsolationForest(d) => Arc::new(d),
            Self::ExtendedIsolationForest(d) => Arc::new(d),
            Self::Tails(d) => Arc::new(d),
            Self::Ensemble(d) => Arc::new(d),
            Self::Copod(d) => Arc::new(d),
            Self::Ecod(d) => Arc::new(d),
            Self::Hbos(d) => Arc::new(d),
            Self::RobustZ(d) => Arc::new(d),
            Self::Mahalanobis(d) => Arc::new(d),
            Self::Pca(d) => Arc::new(d),
            Self::RandomCutForest(d) => Arc::new(d),
        }
    }

    /// Checks what a damaged or hostile file could have wrong: indices, lengths, numbers that are not finite.
    ///
    /// # Errors
    /// With a sentence that says what is wrong.
    pub fn validate(&self) -> Result<(), FormatError> {
        let checked = match self {
            Self::IsolationForest(d) => d.validate(),
            Self::ExtendedIsolationForest(d) => d.validate(),
            Self::Tails(d) => d.validate(),
            Self::Ensemble(d) => d.validate(),
            Self::Copod(d) => d.validate(),
            Self::Ecod(d) => d.validate(),
            Self::Hbos(d) => d.validate(),
            Self::RobustZ(d) => d.validate(),
            Self::Mahalanobis(d) => d.validate(),
            Self::Pca(d) => d.validate(),
            Self::RandomCutForest(d) => d.validate(),
        };
        checked.map_err(FormatError::Body)
    }
}
