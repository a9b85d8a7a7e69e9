//! A detector at work: score, decide, record, label, train, activate. No HTTP, no SQL.

mod active;
mod alarms_a_day;
mod apart;
mod background;
mod batch;
mod check;
mod classes;
mod codec;
mod cold_start;
mod error;
mod excluded;
mod feed;
mod history;
mod inbox;
mod instance;
mod judge;
mod learning;
mod lesson;
mod lifecycle;
mod live;
mod manage;
mod offline;
mod packed;
mod reliability;
mod report;
mod rows;
mod settings;
mod threshold;
mod training;
mod trainings;
mod tune;
mod version;
mod windows;
mod workers;

pub use apart::Apart;
pub use bartizan_estimators::thresholds::{Budgeted, FalseAlarmBudget};
pub use bartizan_estimators::{Algorithm, ParamError, ParamValue, RawParams};
pub use batch::MAX_EXPLAINED;
pub use classes::ClassVerdict;
pub use cold_start::Learning;
pub use error::{
    AcceptError, ActivateError, ExcludeError, ExclusionFault, ImportError, JudgeError, LoadError, RecordError, ReloadError, RequestError,
    TrainError, VersionError,
};
pub use excluded::{Exclude, MAX_NOTE_CHARS};
pub use feed::Detected;
pub use inbox::{Incoming, TooMuch};
pub use instance::Instance;
pub use lesson::Lesson;
pub use lifecycle::{Counters, LifeCycle};
pub use live::{Drift, Held};
pub use offline::{Offline, OfflineVerdict};
pub use reliability::{Reliability, reliability};
pub use report::{Explanation, Imported, Judgement, ModelInfo, Reason, StatisticsReport, TrainReport, TrainRequest};
pub use settings::{ColdStart, RecordPolicy, Settings};
pub use tune::{Criterion, Outcome, Trial, Tuning, tune};
pub use workers::{Stopped, Workers, aside};

use bartizan_core::{Contamination, Timestamp};

/// The current time, as an argument: only the binary reads the machine's.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// 0.1, as the `requests` contract has it.
pub(crate) fn default_contamination() -> Contamination {
    Contamination::try_from(0.1).unwrap_or_else(|_| unreachable!("0.1 is in (0, 0.5]"))
}

/// A clock that stands still, for tests.
#[cfg(test)]
pub(crate) struct Fixed;

#[cfg(test)]
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_770_000_000)
    }
}
