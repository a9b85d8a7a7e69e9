//! What a detector instance is told.

use crate::Workers;
use bartizan_core::{Contamination, Identity, Seed, Tracking, TrustedProxies};
use bartizan_estimators::RawParams;
use bartizan_estimators::thresholds::FalseAlarmBudget;
use std::sync::Arc;

/// What happens to an event while there is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColdStart {
    /// Refuse to judge; keep the event as history.
    Refuse,
    /// Answer `Normal` with confidence 0 but to what is an attack by what it carries, and train when there is history enough; again as it
    /// doubles, until [`Settings::learn_days`] are covered.
    Learn,
}

/// Which verdicts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPolicy {
    /// Every one.
    All,
    /// The anomalous ones, and of the normal ones a random sample as large as training needs; the rest is counted.
    Anomalies,
}

/// Settings of one detector instance.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, which is also its mount: `requests`.
    pub name: Arc<str>,
    /// Algorithm and its parameters, for trainings that do not say otherwise.
    pub params: RawParams,
    /// Expected share of anomalies in training.
    pub contamination: Contamination,
    /// Most false alarms; `None` leaves the threshold to the contamination.
    pub false_alarms: Option<FalseAlarmBudget>,
    /// False alarms in a day, instead of both.
    pub alarms_per_day: Option<u64>,
    /// Fewest events to train on.
    pub min_training_samples: usize,
    /// Most unlabelled events to train on, the newest; and as many of those that are labelled.
    pub max_training_samples: usize,
    /// Largest share of the unlabelled events to train on that may come from one client; 1 sets no bound. Where there are few
    /// clients, it is two parts of an equal division.
    pub max_client_share: f64,
    /// Longest that one training may take, in seconds.
    pub max_training_secs: u64,
    /// Where heavy work runs; shared by the detectors of a process.
    pub workers: Arc<Workers>,
    /// Fewest labels to retrain on.
    pub min_corrected_labels: usize,
    /// Without a model.
    pub cold_start: ColdStart,
    /// With [`ColdStart::Learn`]: days of history that are to be covered until it is not learned again when there is twice as much.
    pub learn_days: u32,
    /// What is kept.
    pub record: RecordPolicy,
    /// Most clients tracked in the sliding windows.
    pub max_tracked_clients: usize,
    /// What tells clients of one address apart.
    pub identity: Identity,
    /// How far ahead of the clock an event's own time is believed, in seconds; beyond that, it counts at its arrival.
    pub max_ahead_secs: u64,
    /// Whose entries in a list of addresses are believed.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// Days that unlabelled detections are kept; `None` for ever.
    pub retention_days: Option<u32>,
    /// Most unlabelled detections kept; `None` without limit.
    pub retention_rows: Option<u64>,
    /// Most bytes of unlabelled detections kept; `None` without limit.
    pub retention_bytes: Option<u64>,
    /// Most accepted events that may wait to be judged.
    pub max_waiting_events: u64,
    /// Most bytes of them, as they are stored.
    pub max_waiting_bytes: u64,
    /// A format of access logs of one's own, in words, for what is accepted.
    pub log_format: Option<Arc<str>>,
    /// The field or header that says who the user of a line of a log is.
    pub user_field: Option<Arc<str>>,
    /// Which of the kind's sets of features is learned from; empty for the default.
    pub feature_set: &'static str,
    /// Seed of everything random in training.
    pub seed: Seed,
}

impl Settings {
    /// The defaults for an instance called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            params: RawParams::default(),
            contamination: crate::default_contamination(),
            false_alarms: None,
            alarms_per_day: None,
            min_training_samples: 100,
            max_training_samples: 10_000,
            max_client_share: 0.1,
            max_training_secs: 600,
            workers: Workers::new(1, || ()),
            min_corrected_labels: 10,
            cold_start: ColdStart::Refuse,
            learn_days: 7,
            record: RecordPolicy::All,
            max_tracked_clients: 100_000,
            identity: Identity::default(),
            max_ahead_secs: 300,
            trusted_proxies: Arc::default(),
            retention_days: Some(90),
            retention_rows: Some(10_000_000),
            retention_bytes: Some(20 << 30),
            max_waiting_events: 1_000_000,
            max_waiting_bytes: 1 << 30,
            log_format: None,
            user_field: None,
            feature_set: "",
            seed: Seed(0),
        }
    }

    /// What the sliding windows track.
    pub(crate) fn tracking(&self) -> Tracking {
        Tracking { max_entities: self.max_tracked_clients, identity: self.identity.clone() }
    }
}
