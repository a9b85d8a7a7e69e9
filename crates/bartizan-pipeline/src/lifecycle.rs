//! The life cycle as every detector has it, whatever its kind: what the generic routes and commands call.

use crate::{
    ActivateError, Detected, Exclude, ExcludeError, Held, ImportError, Imported, Learning, LoadError, ModelInfo, ReloadError, RequestError,
    StatisticsReport, TrainError, TrainReport, TrainRequest, Workers,
};
use async_trait::async_trait;
use bartizan_core::FeatureSchema;
use bartizan_storage::{AuditFilter, AuditPage, Detection, DetectionKey, Exclusion, LabelChange, LabelOutcome, StoreError};
use std::sync::Arc;

/// What an instance has counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Verdicts recorded.
    pub judged: u64,
    /// Of these, anomalous.
    pub anomalous: u64,
    /// Events whose time was too far ahead of the clock to be believed: they counted at their arrival.
    pub dated_ahead: u64,
    /// Clients in the sliding windows now.
    pub tracked_clients: usize,
    /// Clients forgotten because there were too many.
    pub forgotten_clients: u64,
    /// Detections that listeners were too slow for.
    pub missed_by_listeners: u64,
    /// Events accepted to be judged in the background.
    pub ingested: u64,
    /// Records that came with them and could not be read.
    pub ingest_rejected: u64,
    /// Accepted events that wait to be judged now.
    pub ingest_waiting: u64,
}

/// One mounted detector, of any kind.
#[async_trait]
pub trait LifeCycle: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// Its kind: `requests`.
    fn kind(&self) -> &'static str;

    /// The columns of its samples.
    fn schema(&self) -> &FeatureSchema;

    /// The active model; read from memory, answers at once.
    fn active(&self) -> Option<ModelInfo>;

    /// All stored models, newest first.
    async fn models(&self) -> Result<Vec<ModelInfo>, StoreError>;

    /// Makes a stored version the active one; gives the version that was active before.
    async fn activate(&self, version: &str) -> Result<Option<String>, ActivateError>;

    /// Reads the active model from the store again.
    async fn reload(&self) -> Result<(), ReloadError>;

    /// Everything about a request that no training could satisfy, whatever there is to learn from.
    fn check(&self, request: &TrainRequest) -> Vec<RequestError>;

    /// Trains on the stored history and activates the result. One training runs and one waits its turn; a third is refused.
    /// It goes on when the caller has gone.
    async fn train(&self, request: TrainRequest) -> Result<TrainReport, TrainError>;

    /// Ends the trainings that are under way; gives how many. Their callers get [`TrainError::Cancelled`].
    fn cancel_trainings(&self) -> usize;

    /// How many trainings are under way: the one that runs and the one that waits its turn.
    fn trainings_under_way(&self) -> usize;

    /// Ends the trainings that are under way and refuses others: the process is about to stop.
    fn close_trainings(&self);

    /// Begins what a detector does as long as it serves: judging what was accepted, retention every hour, a checkpoint of the sliding windows every minute.
    fn start(&self);

    /// Ends what [`start`](Self::start) began, waits for what was begun and must be finished, and stores the windows. Comes before the
    /// store is closed.
    async fn close(&self);

    /// Trains again, from corrected labels.
    async fn retrain(&self, version: Option<String>) -> Result<TrainReport, TrainError>;

    /// Lists detections, newest first.
    async fn audit(&self, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError>;

    /// Corrects one detection; `None` when there is none such.
    async fn label(&self, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError>;

    /// Keeps events out of every training from now on, whether they are stored, or given with it, and whatever they are labelled.
    async fn exclude(&self, exclude: Exclude) -> Result<Exclusion, ExcludeError>;

    /// What is kept out of training, oldest first.
    async fn exclusions(&self) -> Result<Vec<Exclusion>, StoreError>;

    /// Removes an exclusion: the next training learns from its events again. `false` when there is none of that id.
    async fn remove_exclusion(&self, id: i64) -> Result<bool, StoreError>;

    /// One stored detection, whole.
    async fn find(&self, key: &DetectionKey) -> Result<Option<Detection>, StoreError>;

    /// Totals and the active model.
    async fn statistics(&self) -> Result<StatisticsReport, StoreError>;

    /// A model as a file that can be carried to another machine; `None` when there is no such version.
    async fn export_model(&self, version: &str) -> Result<Option<Vec<u8>>, LoadError>;

    /// Stores a model file, checked, without activating it; gives its version. One that is there is replaced only if `replace`
    /// says so; if it is the active one, the imported model is at work at once.
    async fn import_model(&self, file: &[u8], version: Option<String>, replace: bool) -> Result<Imported, ImportError>;

    /// Deletes a version that is not active; `false` when there is none such or it is active.
    async fn delete_model(&self, version: &str) -> Result<bool, StoreError>;

    /// Removes what retention no longer keeps; gives how many rows went.
    async fn prune(&self) -> Result<u64, StoreError>;

    /// Answers when the store does.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Where its heavy work runs.
    fn workers(&self) -> &Arc<Workers>;

    /// What was counted since the start; read from memory, answers at once.
    fn counters(&self) -> Counters;

    /// How far learning is that nobody asked for; `None` where it does not take place, or no more.
    fn learning(&self) -> Option<Learning>;

    /// How the rate of alarms of the active model is held; `None` without one.
    fn held(&self) -> Option<Held>;

    /// Hands `each` what is detected from now on, in a task of its own that ends when the detector is closed.
    fn listen(&self, each: Box<dyn FnMut(&Detected) + Send>);
}
