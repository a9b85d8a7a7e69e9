//! What the life cycle answers: plain values that a server or a command line turns into its own words.

use crate::{ClassVerdict, Reliability};
use bartizan_core::{Attribution, Timestamp, Verdict};
use bartizan_estimators::thresholds::Budgeted;
use bartizan_estimators::{ParamValue, RawParams};
use bartizan_storage::Statistics;
use serde::Serialize;
use std::sync::Arc;

/// The answer about one event.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Row id in the store; `None` when the recording policy only counted it.
    pub id: Option<i64>,
    /// What is said.
    pub verdict: Verdict,
    /// The detector's score; `None` while learning.
    pub score: Option<f64>,
    /// On the product-wide scale, [0, 1].
    pub grade: f64,
    /// Probability that the verdict is right, [0, 1].
    pub confidence: f64,
    /// Model that judged, or `learning`.
    pub model_version: Arc<str>,
    /// When.
    pub analyzed_at: Timestamp,
    /// Its class, for kinds that tell classes apart.
    pub class: Option<ClassVerdict>,
    /// How far the score lies below the threshold: positive is normal, negative anomalous; `None` while learning.
    pub margin: Option<f64>,
    /// Why, worst first; empty unless explained.
    pub reasons: Vec<Reason>,
    /// Whether it was asked why, and whether this is among the events of its batch that are explained.
    pub explained: bool,
}

/// One feature's part in a score.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// Name of the feature.
    pub feature: String,
    /// Its value in the sample; `None` when missing.
    pub value: Option<f64>,
    /// Its share of the score; the base and all shares sum to the score. Before there is a model, the grade. Where a kind tells classes apart and the class is
    /// not normal, its share of the probability of that.
    pub share: f64,
    /// A sentence for a person.
    pub text: String,
}

/// A whole explanation.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Shares in schema order; they sum to the score.
    pub attribution: Attribution,
    /// Whether they are what the algorithm adds up, or its Shapley values; else they are an approximation.
    pub exact: bool,
    /// The features that pushed towards anomalous, or towards a class that is not normal, worst first, at most five.
    pub reasons: Vec<Reason>,
}

/// What to train.
#[derive(Clone, Debug, Default)]
pub struct TrainRequest {
    /// Its version; `None` for the next one.
    pub version: Option<String>,
    /// Learn from labels.
    pub use_labels: bool,
    /// Expected share of anomalies; `None` for the instance's setting.
    pub contamination: Option<f64>,
    /// One false alarm in how many normal events, 2 or more; `None` for the instance's setting.
    pub one_false_alarm_in: Option<u64>,
    /// False alarms in a day, 1 or more: one in as many events as come in a day for each of them.
    pub alarms_per_day: Option<u64>,
    /// Algorithm and parameters; unset ones from the instance's settings.
    pub params: RawParams,
    /// Activate the model whatever the comparison with the active one says.
    pub force: bool,
}

/// What training did.
#[derive(Clone, Debug)]
pub struct TrainReport {
    /// The new version.
    pub version: String,
    /// Why it was stored and not activated; `None` when it is active now.
    pub refused: Option<String>,
    /// Rows that were not learned from, because they are labelled anomalous, or were flagged and nobody cleared them.
    pub kept_out: usize,
    /// Events that would have been looked at and that exclusions keep out, labelled or not; no other number counts them.
    pub excluded: usize,
    /// Rows whose labels cannot be followed within the share of alarms that was asked for.
    pub unmet_labels: Vec<i64>,
    /// The version before, if any.
    pub old_version: Option<String>,
    /// Rows learned from.
    pub samples: usize,
    /// How long it took.
    pub duration_secs: f64,
    /// Events that were given and left out, as more than `max_training_samples` of them; the newest are learned from.
    pub left_out: usize,
    /// Share of labelled rows judged right by detectors that had not seen them; `None` without labels.
    pub accuracy: Option<f64>,
    /// The old model's accuracy on the labelled rows that [`improvement`](Self::improvement) is about.
    pub old_accuracy: Option<f64>,
    /// How much more of the labelled rows the new model judges right than the old one, on the same rows and as rows not seen:
    /// those recorded since the old model was trained, or all where there are none. `None` without labels or old model.
    pub improvement: Option<f64>,
    /// Labelled rows used.
    pub labels: usize,
    /// What is promised of false alarms, where a budget was asked for and labels have not overruled it.
    pub promise: Option<Budgeted>,
    /// Whether the threshold is the algorithm's own, whatever share of the events lies above it.
    pub own_threshold: bool,
}

/// A model that was brought in from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its version.
    pub version: String,
    /// Whether it took the place of another one.
    pub replaced: bool,
    /// Whether it is the active one, in the place of the one before.
    pub active: bool,
}

/// What is known of a model.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// Version.
    pub version: String,
    /// Algorithm, such as `ensemble`.
    pub algorithm: String,
    /// Whether it is the active one.
    pub is_active: bool,
    /// When it was trained.
    pub trained_at: Timestamp,
    /// Rows it was trained on.
    pub training_samples: u64,
    /// Features it takes.
    pub n_features: u32,
    /// Length of the stored model in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the stored model.
    pub sha256: String,
    /// Share of labelled rows judged right.
    pub accuracy: Option<f64>,
    /// Parameters, by name.
    pub parameters: Vec<(String, ParamValue)>,
    /// Metrics where known, by name.
    pub metrics: Vec<(String, f64)>,
    /// Where nobody asked for it: the seconds of event time that its history covers.
    pub by_itself: Option<i64>,
}

impl ModelInfo {
    /// The share of rows held back in its training that it judges normal; `None` of models of releases that did not keep it.
    #[must_use]
    pub fn held_back_normal(&self) -> Option<f64> {
        self.metrics.iter().find(|(name, _)| name == crate::training::HELD_BACK_NORMAL).map(|(_, share)| *share)
    }
}

/// Totals, with the active model.
#[derive(Clone, Debug)]
pub struct StatisticsReport {
    /// The totals.
    pub totals: Statistics,
    /// The active model, if any.
    pub active: Option<ModelInfo>,
    /// Whether confidence holds, by the newest labels.
    pub reliability: Vec<Reliability>,
    /// Hours since the instance was opened.
    pub uptime_hours: f64,
}
