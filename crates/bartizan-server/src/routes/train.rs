//! `POST /train`: learns from records in the body, or from the stored history. What every kind reads and answers alike.

use crate::{config::Scope, docs, http::refusal::Refusal, input::fields::Fields};
use aide::transform::TransformOperation;
use bartizan_core::Contamination;
use bartizan_pipeline::{LifeCycleError, ParamValue, TrainReport, TrainRequest};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(JsonSchema)]
#[schemars(rename = "TrainingParams")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
pub(crate) struct Params {
    /// Expected share of anomalies, above 0 and at most 0.5.
    contamination: Option<f64>,
    /// One false alarm in how many normal events, 2 or more: sets the threshold instead of the contamination.
    one_false_alarm_in: Option<u64>,
    /// Trees; 100 if left out.
    n_estimators: Option<u64>,
    /// Rows in a tree's sample; 256 if left out.
    max_samples: Option<u64>,
    algorithm: Option<String>,
    /// Any other parameter of the algorithm, by name.
    #[schemars(flatten)]
    others: std::collections::BTreeMap<String, Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Trained")]
pub(crate) struct Answer {
    success: bool,
    model_version: String,
    training_samples: usize,
    training_duration_seconds: f64,
    /// On labelled rows, as rows that were not learned from; null without any.
    accuracy_score: Option<f64>,
    message: String,
    /// What a kind adds.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

/// Reads what to train from the body; the version is checked by the caller.
pub(crate) fn request(fields: &mut Fields<'_>, version: Option<String>) -> TrainRequest {
    let use_labels = fields.boolean_or("use_corrected_labels", true);
    let mut request = TrainRequest { version, use_labels, ..TrainRequest::default() };
    fields.object_if_any("training_params", |params| {
        request.contamination = params.float_if_any("contamination");
        request.params.algorithm = params.string_if_any("algorithm");
        // Callers of the service that this replaces always send these: an algorithm without trees passes over them.
        for name in ["n_estimators", "max_samples"] {
            if let Some(count) = params.count_if_any(name, 1) {
                request.params.fallback.insert(name.to_owned(), ParamValue::Number(count as f64));
            }
        }
        request.one_false_alarm_in = params.count_if_any("one_false_alarm_in", 2);
        params.others(&["one_false_alarm_in", "contamination", "algorithm", "n_estimators", "max_samples"], &mut request.params.values);
    });
    request
}

/// Refuses a request that no training could satisfy, before records are taken in.
pub(crate) fn check(request: &TrainRequest) -> Result<(), Refusal> {
    if let Some(contamination) = request.contamination {
        Contamination::try_from(contamination).map_err(LifeCycleError::from)?;
    }
    Ok(())
}

pub(crate) fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::checks_input(docs::needs(op, Scope::Manage)).summary("Train a model on the records given, or on the stored history");
    let op = docs::refuses::<400>(op, "Too little to learn from, or the contamination is out of range");
    docs::refuses::<409>(op, "Two trainings are under way already, or this one was cancelled")
}

/// Runs on when the client has gone: what is begun is finished.
pub(crate) async fn to_its_end(work: impl Future<Output = Result<TrainReport, Refusal>> + Send + 'static) -> Result<TrainReport, Refusal> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(LifeCycleError::Interrupted.into()),
    }
}

impl Answer {
    /// About a finished training; `events` is what the kind calls its events.
    pub(crate) fn of(report: TrainReport, events: &str) -> Self {
        let mut message = format!("Model {} was trained on {} {events} and is active", report.version, report.samples);
        if report.left_out > 0 {
            message += &format!("; {} older ones were left out", report.left_out);
        }
        if let Some(accuracy) = report.accuracy {
            message += &format!("; {:.1} % of {} labelled ones are judged right as events not seen", 100.0 * accuracy, report.labels);
        }
        if let Some(promise) = report.promise {
            message += &format!("; {promise}");
        }
        Self {
            success: true,
            model_version: report.version,
            training_samples: report.samples,
            training_duration_seconds: report.duration_secs,
            accuracy_score: report.accuracy,
            message,
            more: Map::new(),
        }
    }
}
