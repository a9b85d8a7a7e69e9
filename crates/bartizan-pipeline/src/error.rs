//! What can go wrong, one enum per operation where they differ.

use crate::Stopped;
use bartizan_core::{FitError, RangeError};
use bartizan_estimators::thresholds::BudgetError;
use bartizan_estimators::{ParamError, format::FormatError};
use bartizan_storage::StoreError;
use thiserror::Error;

/// Why an event was not judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// There is no model, and the instance does not learn by itself. The event is recorded.
    #[error("no active model found; train a model first")]
    NoModel,
    /// The process stops.
    #[error("the service stops")]
    Stopped(#[from] Stopped),
    /// The verdict could not be recorded, so it is not given.
    #[error("the verdict could not be recorded: {0}")]
    Store(#[from] StoreError),
}

/// Why a life-cycle step failed.
#[derive(Debug, Error)]
pub enum LifeCycleError {
    /// Too little history.
    #[error("Insufficient training data. Need at least {needed} samples, got {got}")]
    InsufficientData {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Enough history, but too little of it that is not labelled anomalous.
    #[error("Insufficient training data. Need at least {needed} samples that are not labelled anomalous, got {got} among {of}")]
    InsufficientNormal {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
        /// How many there are with the anomalous ones.
        of: usize,
    },
    /// Too few labels to retrain on.
    #[error("Insufficient corrected labels. Need at least {needed}, got {got}")]
    InsufficientLabels {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// The classes of the kind could not be learned.
    #[error("the classes {classes} cannot be told apart yet: need at least {needed} events with a known class, of two classes or more")]
    NoClasses {
        /// Their names.
        classes: String,
        /// Fewest events.
        needed: usize,
    },
    /// A number is out of its range.
    #[error("{0}")]
    Range(#[from] RangeError),
    /// A parameter of the algorithm is wrong.
    #[error("{0}")]
    Param(#[from] ParamError),
    /// A budget of false alarms that is none.
    #[error("one_false_alarm_in: {0}")]
    Budget(#[from] BudgetError),
    /// A version name that cannot be stored.
    #[error("model_version must be 1 to 64 printable characters, and neither none nor learning, got {got:?}")]
    Version {
        /// What was given, shortened.
        got: String,
    },
    /// A model with that version is there, and is not to be replaced.
    #[error("there is a model {version} already{}", if *active { ", and it is the active one" } else { "" })]
    VersionTaken {
        /// Its version.
        version: String,
        /// Whether it is the active one.
        active: bool,
    },
    /// As many trainings as may be are under way.
    #[error("{under_way} trainings of this detector are under way; wait for them or cancel them")]
    Busy {
        /// How many.
        under_way: usize,
    },
    /// Somebody ended the training.
    #[error("Training was cancelled")]
    Cancelled,
    /// The training took longer than is allowed.
    #[error(
        "training took longer than {max_secs} s (training.max_secs) and was ended; lower max_training_samples, n_estimators or max_samples"
    )]
    TooLong {
        /// The limit.
        max_secs: u64,
    },
    /// The training would take more memory than is allowed.
    #[error("training on {rows} rows of {width} features would take about {needed} bytes, more than {limit}; lower max_training_samples")]
    TooLarge {
        /// Rows to learn from.
        rows: usize,
        /// Features of each.
        width: usize,
        /// About how much it would take.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// What was trained is larger than a model may be.
    #[error("the trained model cannot be kept: {0}; lower n_estimators, max_samples or max_train")]
    ModelTooLarge(FormatError),
    /// No such version.
    #[error("Model version not found")]
    NoSuchModel,
    /// Nothing is stored.
    #[error("No trained model found on disk")]
    NothingStored,
    /// The stored model does not pass its checks.
    #[error("the stored model {version} is damaged: {reason}")]
    Damaged {
        /// Its version.
        version: String,
        /// The check that failed.
        reason: FormatError,
    },
    /// The stored model was made for other features.
    #[error("model {version} does not fit: it was made for {expected}, this detector has {got}")]
    SchemaMismatch {
        /// Its version.
        version: String,
        /// The kind and fingerprint it was made for.
        expected: String,
        /// The kind and fingerprint here.
        got: String,
    },
    /// The estimator could not learn.
    #[error("training failed: {0}")]
    Fit(#[from] FitError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A training was stopped with the process.
    #[error("training was interrupted")]
    Interrupted,
}

impl From<Stopped> for LifeCycleError {
    fn from(_: Stopped) -> Self {
        Self::Interrupted
    }
}
