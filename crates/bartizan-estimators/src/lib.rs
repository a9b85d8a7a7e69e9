//! Estimators, calibration, metrics and the stored model format.
//!
//! One folder per algorithm. All stand behind the two traits of `bartizan-core`, take randomness only as a seed, and
//! know no domain. [`Algorithm`] is the closed list of algorithms by name, [`StoredDetector`] of what can lie
//! in a model file.

mod algorithm;
mod auto;
pub mod calibration;
mod copod;
mod ecod;
mod ensemble;
mod extended;
pub mod format;
mod gaussian_mixture;
mod hbos;
mod isolation_forest;
pub mod labels;
mod matrix;
pub mod metrics;
mod neighbours;
mod one_class_svm;
mod params;
pub mod preparation;
mod random_cut_forest;
mod random_forest;
mod reach;
#[cfg(test)]
mod reference;
mod robust_z;
mod rows;
mod rules;
pub mod search;
mod steps;
mod subspace;
mod tails;
pub mod thresholds;
mod treeshap;

pub use algorithm::{Algorithm, FittedAlgorithm, StoredDetector};
pub use auto::{Auto, FittedAuto};
pub use copod::Copod;
pub use ecod::Ecod;
pub use ensemble::{Ensemble, FittedEnsemble};
pub use extended::{ExtendedIsolationForest, FittedExtendedForest};
pub use gaussian_mixture::{Covariance, FittedMixture, GaussianMixture};
pub use hbos::{Bins, Hbos};
pub use isolation_forest::{FittedForest, IsolationForest, Kernel, kernel_name};
pub use neighbours::{FittedNeighbours, FittedOutlierFactor, KNearestNeighbours, LocalOutlierFactor, NeighbourDistance};
pub use one_class_svm::{FittedOneClassSvm, Gamma, OneClassSvm, SvmKernel, SvmScore, SvmSolver};
pub use params::{NumberOr, ParamError, ParamValue, Params, RawParams};
pub use random_cut_forest::{FittedRandomCutForest, RandomCutForest};
pub use random_forest::{ClassError, ClassWeight, FittedRandomForest, MaxFeatures, RandomForest};
pub use robust_z::{Combine, FittedRobustZ, RobustZ};
pub use rules::{FittedRules, Rules};
pub use steps::FittedSteps;
pub use subspace::{FittedDistance, Mahalanobis, Pca, PcaScore, Support};
pub use tails::{FittedTails, Tails};
