//! `POST /train`: learns from records in the body, or from the stored history. What every kind reads and answers alike.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{described, fields::Fields},
};
use aide::transform::TransformOperation;
use bartizan_core::Contamination;
use bartizan_domains::{
    faults::Loc,
    raw::{Raw, RawObject},
};
use bartizan_pipeline::{Algorithm, LifeCycle, ParamValue, RequestError, TrainReport, TrainRequest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};
use std::ops::ControlFlow;

#[derive(JsonSchema)]
#[schemars(rename = "TrainingParams")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
pub(crate) struct Params {
    /// Expected share of anomalies, above 0 and at most 0.5.
    #[schemars(schema_with = "described::contamination", default)]
    contamination: Option<f64>,
    /// One false alarm in how many normal events: sets the threshold instead of the contamination.
    #[schemars(schema_with = "described::whole_or_null::<2, { i64::MAX }>", default)]
    one_false_alarm_in: Option<u64>,
    /// False alarms in a day: sets the threshold instead of the contamination, by how many events of the history came in a day.
    #[schemars(schema_with = "described::whole_or_null::<1, { i64::MAX }>", default)]
    alarms_per_day: Option<u64>,
    /// Trees; 100 if left out. A random cut forest has at most 1,000; in the others, trees and rows multiply to at most 8,388,608.
    #[schemars(schema_with = "described::whole_or_null::<1, MAX_TREES>", default)]
    n_estimators: Option<u64>,
    /// Rows in a tree's sample; 256 if left out.
    #[schemars(schema_with = "described::whole_or_null::<2, MAX_ROWS>", default)]
    max_samples: Option<u64>,
    #[schemars(schema_with = "algorithm", default)]
    algorithm: Option<String>,
    /// Activate the model also where it would let pass what was flagged and nobody cleared, or judges labelled events worse.
    #[serde(default)]
    force: bool,
    /// Any other parameter of the algorithm, by name.
    #[schemars(flatten)]
    others: std::collections::BTreeMap<String, Value>,
}

/// The name of an algorithm, or null for the detector's own choice.
fn algorithm(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<Value> = Algorithm::NAMES.iter().map(|name| Value::from(*name)).chain([Value::Null]).collect();
    json_schema!({ "enum": names })
}

/// Default of `use_corrected_labels`.
pub(crate) fn default_true() -> bool {
    true
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
    /// False where the model was stored and not activated; the message says why.
    activated: bool,
    /// Events that were not learned from, because they are labelled anomalous, or were flagged and nobody cleared them.
    kept_out: usize,
    /// Events that would have been looked at and that exclusions keep out, labelled or not: see `/exclusions`.
    excluded: usize,
    /// Rows, at most 100, whose labels cannot be followed within the share of alarms that was asked for.
    unmet_labels: Vec<i64>,
    /// Names in `training_params` that are no parameter of any algorithm, at most 100.
    ignored: Vec<String>,
    /// What a kind adds.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

/// A training as the body describes it.
pub(crate) struct TrainBody {
    pub(crate) request: TrainRequest,
    /// Names in `training_params` that no algorithm has.
    pub(crate) ignored: Vec<String>,
}

/// The fields that [`read_train_body`] reads.
pub(crate) const NAMES: [&str; 4] = ["model_version", "use_corrected_labels", "training_params", "force"];

const PARAMS: &str = NAMES[2];
/// Parameters of every training; all others belong to algorithms.
const GENERAL: [&str; 7] = ["contamination", "one_false_alarm_in", "alarms_per_day", "algorithm", "n_estimators", "max_samples", "force"];
/// Most trees, and most rows in a tree's sample, that a body may ask of any algorithm, also of one that has none; some bound them further.
const MAX_TREES: i64 = 10_000;
const MAX_ROWS: i64 = 65_536;
/// Most names that are listed as ignored, and most characters of each.
const MAX_IGNORED: usize = 100;
/// Most rows that are listed of which the label could not be followed.
const MAX_UNMET: usize = 100;
const MAX_IGNORED_CHARS: usize = 64;

/// Reads what to train from the body. Everything that no training could satisfy is a fault at its place, but for a contamination out of
/// range, which [`check`] answers with another status.
pub(crate) fn read_train_body(fields: &mut Fields<'_>, naming: Naming, life: &dyn LifeCycle) -> TrainBody {
    let version = version(fields, naming);
    let use_labels = fields.boolean_or("use_corrected_labels", true);
    let force = fields.boolean_or("force", false);
    let mut request = TrainRequest { version, use_labels, force, ..TrainRequest::default() };
    let names: Vec<&'static str> = GENERAL.into_iter().chain(algorithms_own()).collect();
    fields.object_if_any(PARAMS, &names, |params| {
        request.contamination = params.float_if_any("contamination");
        request.force |= params.boolean_or("force", false);
        request.params.algorithm = params.string_if_any("algorithm");
        // Callers of the service that this replaces always send these: an algorithm without trees passes over them.
        for (name, bounds) in [("n_estimators", 1..=MAX_TREES), ("max_samples", 2..=MAX_ROWS)] {
            if let Some(count) = params.count_if_any(name, bounds) {
                request.params.fallback.insert(name.to_owned(), ParamValue::Number(count as f64));
            }
        }
        request.one_false_alarm_in = params.count_if_any("one_false_alarm_in", 2..=i64::MAX);
        request.alarms_per_day = params.count_if_any("alarms_per_day", 1..=i64::MAX);
        for name in algorithms_own() {
            if let Some(value) = params.param_if_any(name) {
                request.params.values.insert(name.to_owned(), value);
            }
        }
    });
    let given = fields.raw(PARAMS);
    let params = given.and_then(|given| RawObject::read(given, &names));
    for error in life.check(&request) {
        // What is refused with a sentence alone waits for `check`.
        let Refusal::Invalid(faults) = Refusal::from(error) else { continue };
        for mut fault in faults {
            if let (Some(params), [.., Loc::Key(name)]) = (&params, &fault.loc[..])
                && let Some(value) = params.get(name)
            {
                fault.input = value.shown();
            }
            fields.fault(fault);
        }
    }
    TrainBody { request, ignored: given.map_or_else(Vec::new, |given| ignored(given, &names)) }
}

/// Returns the parameters that only some algorithms have.
fn algorithms_own() -> impl Iterator<Item = &'static str> {
    Algorithm::parameter_names().iter().copied().filter(|name| !GENERAL.contains(name))
}

/// Returns the names of an object that are not among `known`.
fn ignored(params: Raw<'_>, known: &[&str]) -> Vec<String> {
    let mut ignored: Vec<String> = Vec::new();
    // Where a name is no text the list ends: it is there to help.
    let _ = params.fields(|name, _| {
        let shown: String = name.chars().take(MAX_IGNORED_CHARS).collect();
        if !known.contains(&&*name) && !ignored.contains(&shown) {
            ignored.push(shown);
        }
        if ignored.len() < MAX_IGNORED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    ignored
}

/// Whether the client must name a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The client must.
    Client,
    /// The client may; the service does where it does not.
    Service,
}

/// Reads the name of the new version.
pub(crate) fn version(fields: &mut Fields<'_>, naming: Naming) -> Option<String> {
    match naming {
        Naming::Client => fields.string("model_version"),
        Naming::Service => fields.string_if_any("model_version"),
    }
}

/// Refuses a contamination that no training could satisfy, before records are read.
pub(crate) fn check(request: &TrainRequest) -> Result<(), Refusal> {
    if let Some(contamination) = request.contamination {
        Contamination::try_from(contamination).map_err(RequestError::from)?;
    }
    Ok(())
}

pub(crate) fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::reads_body(docs::checks_input(docs::needs(op, Scope::Manage)))
        .summary("Train a model on the records given, or on the stored history");
    let op = docs::refuses::<400>(op, "Too little to learn from, or the contamination is out of range");
    docs::refuses::<409>(op, "Two trainings are under way already, or this one was cancelled")
}

impl Answer {
    /// Adds to the message that the events were a sample of more: `met_and_kept` has how many were read and how many kept.
    pub(crate) fn sampled(mut self, met_and_kept: Option<(u64, usize)>) -> Self {
        if let Some((met, _)) = met_and_kept.filter(|(met, kept)| *met > *kept as u64) {
            self.message += &format!("; sampled from {met}");
        }
        self
    }

    /// Returns the answer about a finished training; `events` is what the kind calls its events.
    pub(crate) fn of(report: TrainReport, ignored: Vec<String>, events: &str) -> Self {
        let mut message = match &report.refused {
            None => format!("Model {} was trained on {} {events} and is active", report.version, report.samples),
            Some(why) => format!(
                "Model {} was trained on {} {events} and is not active: {why}. The one before stays at work; with \"force\": true this one is activated",
                report.version, report.samples
            ),
        };
        if report.kept_out > 0 {
            message += &format!("; {} were kept out, labelled anomalous or flagged and not cleared", report.kept_out);
        }
        if report.excluded > 0 {
            message += &format!("; {} are excluded from training", report.excluded);
        }
        if !report.unmet_labels.is_empty() {
            let rows = report.unmet_labels.len();
            message += &format!("; rows whose labels cannot be followed without flagging too many events like them: {rows}");
        }
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
            activated: report.refused.is_none(),
            kept_out: report.kept_out,
            excluded: report.excluded,
            unmet_labels: report.unmet_labels.into_iter().take(MAX_UNMET).collect(),
            ignored,
            more: Map::new(),
        }
    }
}
