//! Estimators, calibration, metrics and the stored model format.
//!
//! One folder per algorithm. All stand behind the two traits of `bartizan-core`, take randomness only as a seed, and
//! know no domain. [`Algorithm`] is the closed list of what can be asked for by name, [`StoredDetector`] of what can lie
//! in a model file.

mod algorithm;
pub mod calibration;
mod ensemble;
mod extended;
pub mod format;
mod isolation_forest;
pub mod metrics;
mod rows;
mod stored;
mod tails;
mod treeshap;

pub use algorithm::{Algorithm, ParamError, RawParams};
pub use ensemble::{Ensemble, FittedEnsemble};
pub use extended::{ExtendedIsolationForest, FittedExtendedForest};
pub use isolation_forest::{FittedForest, IsolationForest, Kernel, kernel_name};
pub use stored::StoredDetector;
pub use tails::{FittedTails, Tails};
