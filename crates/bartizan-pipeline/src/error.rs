//! What can go wrong, one enum for each operation. What clients are told of it, and with which status, is the server's.

use crate::Stopped;
use bartizan_core::{FitError, RangeError, Timestamp};
use bartizan_estimators::thresholds::BudgetError;
use bartizan_estimators::{ParamError, format::FormatError};
use bartizan_storage::StoreError;
use thiserror::Error;

/// Why an event was not judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// There is no model, and the instance does not learn by itself. The event is recorded.
    #[error("there is no active model")]
    NoModel,
    /// The process stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The verdict could not be recorded, so it is not given.
    #[error("the verdict could not be recorded: {0}")]
    Store(#[from] StoreError),
}

/// Why a batch was not accepted.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// As much as may wait to be judged does.
    #[error("{waiting} events wait to be judged, and no more are taken")]
    Full {
        /// How many wait.
        waiting: u64,
    },
    /// The process stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The batch could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why history was not recorded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The process stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A name that no version of a model can have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a version is 1 to 64 printable characters, and neither none nor learning; got {got:?}")]
pub struct VersionError {
    /// What was given, shortened.
    pub got: String,
}

/// What is wrong with a request to train, whatever there is to learn from.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The contamination is out of its range.
    #[error(transparent)]
    Contamination(#[from] RangeError),
    /// A parameter of the algorithm is wrong.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A budget of false alarms that is none.
    #[error("one_false_alarm_in: {0}")]
    Budget(#[from] BudgetError),
    /// Alarms a day that cannot be counted.
    #[error(
        "alarms_per_day: at least 1, and of a detector that records every verdict (record = \"all\"), since the events of a day are counted in its history"
    )]
    AlarmsPerDay,
    /// More than one thing that sets the threshold.
    #[error("contamination, one_false_alarm_in and alarms_per_day set the same threshold: say one of them")]
    TwoBudgets,
    /// The version is no name.
    #[error(transparent)]
    Version(#[from] VersionError),
}

/// What is wrong with an exclusion, whatever is stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExclusionFault {
    /// It would keep out everything.
    #[error("an exclusion names an entity, the beginning of a time range, or its end, or several of them")]
    NamesNothing,
    /// The entity is a text that no event has as its entity.
    #[error("{entity:?} names no entity: write one as events have it, not a network or a blank text")]
    NoEntity {
        /// The text, shortened.
        entity: String,
    },
    /// The range holds no instant.
    #[error("the beginning {from} must be before the end {to}, which is not part of the range")]
    Order {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// The note is too long.
    #[error("a note has at most {limit} characters, got {got}")]
    LongNote {
        /// How many it may have.
        limit: usize,
        /// How many it has.
        got: usize,
    },
}

/// Why nothing was excluded.
#[derive(Debug, Error)]
pub enum ExcludeError {
    /// The exclusion is none.
    #[error(transparent)]
    Fault(#[from] ExclusionFault),
    /// There are as many as there may be.
    #[error("a detector has at most {limit} exclusions: remove those that are no longer needed, or cover several by one longer time range")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why there is no new model.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The request cannot be satisfied.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Too few events.
    #[error("too few events to learn from: at least {needed} are needed, and there are {got}{}", besides(*excluded))]
    TooFewEvents {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
        /// How many exclusions keep out.
        excluded: usize,
    },
    /// Enough events, but too few of them that are normal: not labelled anomalous, and not flagged unless somebody cleared them.
    #[error(
        "too few events to learn from: at least {needed} that are neither labelled anomalous nor flagged and not cleared are needed, and there are {got} among {of}"
    )]
    TooFewNormal {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
        /// How many there are with the anomalous ones.
        of: usize,
    },
    /// Alarms a day were asked for, and it is not known how many events there are in a day.
    #[error(
        "alarms_per_day: the {events} events took less than an hour, which does not tell how many come in a day; give one_false_alarm_in"
    )]
    NoDay {
        /// How many there are.
        events: usize,
    },
    /// More alarms a day were asked for than half of the events of a day.
    #[error("alarms_per_day: {alarms} are more than half of the {events} events that come in a day")]
    MostOfADay {
        /// Alarms.
        alarms: u64,
        /// Events of a day, about.
        events: u64,
    },
    /// Too few labels to retrain on.
    #[error("too few labels to learn from: at least {needed} are needed, and there are {got}")]
    TooFewLabels {
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
    /// As many trainings as may be are under way.
    #[error("{under_way} trainings of this detector are under way; wait for them or cancel them")]
    Busy {
        /// How many.
        under_way: usize,
    },
    /// Somebody ended the training.
    #[error("the training was cancelled")]
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
    /// What was trained cannot be put to work.
    #[error("the trained model cannot be used: {0}")]
    Unusable(LoadError),
    /// The estimator could not learn.
    #[error("training failed: {0}")]
    Fit(#[from] FitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<RecordError> for TrainError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Stopped(stopped) => stopped.into(),
            RecordError::Store(error) => error.into(),
        }
    }
}

/// Why a stored model or a model file cannot be put to work.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It does not pass its checks.
    #[error("the stored model {version} is damaged: {reason}")]
    Damaged {
        /// Its version.
        version: String,
        /// The check that failed.
        reason: FormatError,
    },
    /// It was made for other features.
    #[error(
        "model {version} does not fit: it was made for {expected}, this detector has {got}; if the kind of this detector was changed, train it anew"
    )]
    Mismatch {
        /// Its version.
        version: String,
        /// The kind and fingerprint it was made for.
        expected: String,
        /// The kind and fingerprint here.
        got: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a version was not activated.
#[derive(Debug, Error)]
pub enum ActivateError {
    /// There is none such.
    #[error("there is no such model version")]
    NoSuchModel,
    /// It cannot be put to work.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why the active model was not read again.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// No model is active.
    #[error("no active model is stored")]
    NothingStored,
    /// It cannot be put to work.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why a model file was not brought in.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The version is no name.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A model with that version is there, and is not to be replaced.
    #[error("there is a model {version} already{}", if *active { ", and it is the active one" } else { "" })]
    VersionTaken {
        /// Its version.
        version: String,
        /// Whether it is the active one.
        active: bool,
    },
    /// It cannot be put to work.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What a step that also reads or writes the store may end with.
macro_rules! through_load {
    ($($error:ident),*) => {$(
        impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Load(error.into())
            }
        }

        impl From<Stopped> for $error {
            fn from(stopped: Stopped) -> Self {
                Self::Load(stopped.into())
            }
        }
    )*};
}

through_load!(ActivateError, ReloadError, ImportError);

/// Says what exclusions keep out, where they do.
fn besides(excluded: usize) -> String {
    if excluded == 0 { String::new() } else { format!(" besides {excluded} that are excluded from training") }
}
