//! Detections: what was judged, the verdict, and the labels that people gave it.

use crate::{HistoryEntry, HistoryQuery, StoreError, StoredEvent};
use async_trait::async_trait;
use bartizan_core::{Label, Timestamp, Verdict};
use std::borrow::Cow;
use std::sync::Arc;

/// The judgement part of a detection; absent while there is no model.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The detector's score.
    pub score: f64,
    /// The threshold used.
    pub threshold: f64,
    /// The score on the product-wide scale, [0, 1].
    pub grade: f64,
    /// Probability that the verdict is right, [0, 1].
    pub confidence: f64,
    /// What was answered.
    pub verdict: Verdict,
    /// Version of the model that judged; `learning` while a first one is being learned.
    pub model_version: Arc<str>,
    /// True for a verdict given while learning: counted, but left out of the average confidence.
    pub learning: bool,
    /// The class of the event, for detectors that tell classes apart.
    pub class: Option<JudgedClass>,
}

/// The class that an event was judged to have.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedClass {
    /// Its name, such as `BruteForce`.
    pub name: Cow<'static, str>,
    /// Probability that the event has this class, [0, 1].
    pub probability: f64,
}

/// A detection to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDetection {
    /// Name of the detector instance, such as `requests`.
    pub detector: Arc<str>,
    /// The sender's name for the event; empty when it has none; repeats are allowed.
    pub event_id: String,
    /// Entity that caused the event (who).
    pub entity: String,
    /// Object of the event (on what).
    pub resource: String,
    /// Action of the event (doing what).
    pub action: String,
    /// When it happened.
    pub event_time: Timestamp,
    /// When it was judged (or imported).
    pub analyzed_at: Timestamp,
    /// The judgement; `None` keeps the event as history only.
    pub judged: Option<Judged>,
    /// The sample judged, in schema order; empty when unjudged.
    pub sample: Vec<f32>,
    /// The whole event with its window features, as the pipeline encodes both.
    pub event: Vec<u8>,
    /// A label that came with imported history.
    pub label: Option<Label>,
    /// Whether the row belongs to a uniform sample of the traffic, which is what can be learned from: false for an anomalous verdict that
    /// is kept although the sample, where not every verdict is kept, does not have it.
    pub sampled: bool,
}

/// A detection as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Row id: positive, growing in the order of recording, never used twice.
    pub id: i64,
    /// What was recorded; `label` is the newest one.
    pub detection: NewDetection,
}

/// How a detection is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetectionKey {
    /// By row id.
    Id(i64),
    /// By the sender's name for the event: its newest row.
    EventId(String),
}

/// Which detections to list. Bounds are inclusive; `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// Exact entity.
    pub entity: Option<String>,
    /// Anomalous (`true`) or normal verdicts.
    pub is_anomaly: Option<bool>,
    /// Lowest confidence.
    pub min_confidence: Option<f64>,
    /// Highest confidence.
    pub max_confidence: Option<f64>,
    /// Earliest `analyzed_at`.
    pub from: Option<Timestamp>,
    /// Latest `analyzed_at`.
    pub to: Option<Timestamp>,
    /// With a label (`true`) or without.
    pub has_label: Option<bool>,
    /// Exactly this class ([`JudgedClass::name`]).
    pub class: Option<String>,
    /// Unjudged rows too. They have no verdict, confidence or class, so a filter on any of these excludes them.
    pub include_unjudged: bool,
}

/// One page of a listing, newest (highest id) first.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// Rows that match, on all pages.
    pub total: u64,
    /// This page's rows. `event` and `sample` may be left empty, and texts of more than [`AUDIT_TEXT_BYTES`] are cut.
    pub rows: Vec<Detection>,
}

/// Longest text of a row in a listing, in bytes; of longer ones it has the beginning and `…`.
pub const AUDIT_TEXT_BYTES: usize = 4096;

/// A person's correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// What they say.
    pub label: Label,
    /// Who changed it.
    pub changed_by: String,
    /// When.
    pub changed_at: Timestamp,
}

/// What a correction met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelOutcome {
    /// The row.
    pub id: i64,
    /// The model's verdict on it; `None` when unjudged.
    pub verdict: Option<Verdict>,
    /// The label before.
    pub previous: Option<Label>,
}

/// Exact totals of one detector, kept up to date in the same transactions that record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Judged detections (learning ones included), also those that retention has removed.
    pub judged: u64,
    /// Of these, anomalous.
    pub anomalous: u64,
    /// Mean confidence over the judged without the learning ones; 0 when there are none.
    pub average_confidence: f64,
    /// Rows with a label.
    pub labelled: u64,
    /// Labelled legitimate, judged anomalous.
    pub false_positives: u64,
    /// Labelled anomalous, judged normal.
    pub false_negatives: u64,
    /// Rows held now, unjudged included.
    pub stored: u64,
    /// Bytes of their names, samples and events; the tables and indices around them come on top.
    pub stored_bytes: u64,
}

/// Judged events of which no row is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// How many.
    pub judged: u64,
    /// Of these, anomalous.
    pub anomalous: u64,
    /// Sum of their confidences.
    pub confidence_sum: f64,
}

/// Limits on what is kept. Labelled rows are kept beyond all limits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retention {
    /// Remove rows analysed before this time.
    pub analyzed_before: Option<Timestamp>,
    /// Largest share of the rows held that may go at once because of `analyzed_before`, at least one row; `None` sets no bound.
    pub max_aged_share: Option<f64>,
    /// Keep at most this many unlabelled rows, the newest.
    pub max_rows: Option<u64>,
    /// Keep at most this many bytes of unlabelled rows (as [`Statistics::stored_bytes`] counts), the newest.
    pub max_bytes: Option<u64>,
}

/// The result of one round of retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows removed.
    pub removed: u64,
    /// Rows past `analyzed_before` that `max_aged_share` left for later.
    pub spared: u64,
}

/// Stores detections.
#[async_trait]
pub trait DetectionRepository: Send + Sync {
    /// Records detections in one transaction and returns their ids in order. When it returns, they are as durable as the
    /// engine is configured to be; on an error, none of them is stored. Concurrent calls share transactions.
    async fn record(&self, detections: Vec<NewDetection>) -> Result<Vec<i64>, StoreError>;

    /// Records one part of a batch as [`record`](Self::record) does, and in the same transaction adds `counted` to the totals of `detector`.
    /// Where `record` refuses because too much waits to be written, this waits until there is space: pass it parts of a few thousand.
    /// `judged` are the ids of the parts of the inbox of `detector` that these are the verdicts on: the same transaction removes them. When
    /// one of them is not there any more, somebody else has judged it: nothing is stored, and that is an error.
    async fn record_part(
        &self,
        detections: Vec<NewDetection>,
        detector: &str,
        counted: Counted,
        judged: &[i64],
    ) -> Result<Vec<i64>, StoreError>;

    /// Adds to the totals of `detector` without storing rows (`record = "anomalies"`).
    async fn count(&self, detector: &str, judged: u64, anomalous: u64, confidence_sum: f64) -> Result<(), StoreError>;

    /// Returns one detection with its sample and event.
    async fn find(&self, detector: &str, key: &DetectionKey) -> Result<Option<Detection>, StoreError>;

    /// Lists detections, newest first, `offset` rows skipped, at most `limit`. Ends with [`StoreError::TimedOut`] when it takes
    /// longer than the engine is configured to let it.
    async fn audit(&self, detector: &str, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError>;

    /// Lists the rows to learn from or to replay, without their events.
    async fn history_index(&self, detector: &str, query: HistoryQuery) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Returns the events of these rows, in the order of `ids`; rows that no longer exist are left out. All are in memory at once: see
    /// [`chunks`](crate::chunks).
    async fn events(&self, detector: &str, ids: &[i64]) -> Result<Vec<StoredEvent>, StoreError>;

    /// Returns the number of rows to learn from (judged or not).
    async fn stored(&self, detector: &str) -> Result<u64, StoreError>;

    /// Sets a label and keeps the change (who, when, from, to). `None` when there is no such detection.
    async fn label(&self, detector: &str, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError>;

    /// Returns all changes of one detection's label, oldest first.
    async fn label_changes(&self, detector: &str, id: i64) -> Result<Vec<(Option<Label>, LabelChange)>, StoreError>;

    /// Returns the totals of a detector.
    async fn statistics(&self, detector: &str) -> Result<Statistics, StoreError>;

    /// Returns verdict, confidence and label of the newest labelled rows, at most so many; not of those judged while learning.
    async fn labelled_verdicts(&self, detector: &str, most: usize) -> Result<Vec<(Verdict, f64, Label)>, StoreError>;

    /// Removes rows beyond the limits, in steps small enough not to delay recording.
    async fn prune(&self, detector: &str, retention: Retention) -> Result<Pruned, StoreError>;

    /// Returns when the database can be written to, or the error of the last attempt when it cannot (for `/health`).
    async fn ping(&self) -> Result<(), StoreError>;
}
