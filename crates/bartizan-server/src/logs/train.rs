//! `POST /train` of a logs detector: learns from entries in the body alone, or from the stored history.

use super::{MountState, detect::entries};
use crate::{
    docs,
    http::{body, refusal::Refusal},
    input::{content::object, described, fault::note, fields::Fields},
    mount_state::run_blocking,
    routes::train::{self, Answer, Naming, Params, TrainBody, check, default_true, document, read_train_body},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{
    Json,
    extract::{Request, State},
};
use bartizan_core::{Record, Verdict};
use bartizan_domains::{
    faults::{Fault, MAX_FAULTS},
    logs::{
        LogEvent,
        body::{BodyError, parse_batch, parse_logs},
    },
};
use bartizan_pipeline::{Lesson, LifeCycle};
use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Share of the entries that are held back to see how many the model flags, where a body does not say otherwise.
const TEST_SIZE: f64 = 0.2;

#[derive(JsonSchema)]
#[schemars(rename = "LogsTrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct LogsTrainBody {
    /// Name of the new version; the next minor version if left out.
    #[schemars(schema_with = "described::version_or_null", default)]
    model_version: Option<String>,
    /// Learn from what people said; true if left out.
    #[schemars(schema_with = "described::truth", default = "default_true")]
    use_corrected_labels: bool,
    /// Activate the model also where it would let pass what was flagged and nobody cleared, or judges labelled events worse.
    #[serde(default)]
    force: bool,
    training_params: Option<Params>,
    /// Entries to learn from, each with a `label` where it is known, at least as many as `min_training_samples` (100 unless set otherwise);
    /// the stored history if left out.
    #[schemars(schema_with = "entries", default)]
    logs: Option<Vec<LogEvent>>,
    /// Share of the entries, the newest, that `test_anomalies` and `model_accuracy` are about: above 0 and below 1.
    #[schemars(schema_with = "test_size", default)]
    test_size: Option<f64>,
}

fn test_size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "string", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": TEST_SIZE })
}

/// What this kind's clients read of a training.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogsTrained")]
struct LogsTrained {
    /// `success`.
    status: &'static str,
    message: String,
    /// All entries given; of the stored history, those that were learned from.
    training_samples: usize,
    /// Entries before the held-back part that the model flags; null where the history was learned from.
    train_anomalies: Option<usize>,
    /// Entries of the held-back part that the model flags.
    test_anomalies: Option<usize>,
    /// Share of the held-back part that the model judges normal.
    model_accuracy: Option<f64>,
    timestamp: String,
    /// What every training answers, but for what is above.
    #[serde(flatten)]
    usual: Map<String, Value>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<MountState>> {
    post_with(handler, |op| docs::body_is_optional(document(op).input::<Json<LogsTrainBody>>()))
}

async fn handler(State(state): State<Arc<MountState>>, request: Request) -> Result<Json<LogsTrained>, Refusal> {
    let shared = &state.mount.shared;
    let body = body::receive(request, &shared.limits).await?;
    let life = Arc::clone(&state.mount.detector);
    let parse = move |bytes: &Bytes| read(bytes, life.as_ref()).map(|read| (read, bytes.clone()));
    let (parsed, reservation) = body.parse(parse).await;
    let ((TrainBody { request, ignored }, given, test_size), bytes) = parsed?;
    check(&request)?;
    let total = given.as_ref().map(Vec::len);
    // The memory of the body is held until its entries have been judged: they are read again, which takes less of it than to keep them twice.
    let report = state.instance.learn(given.map_or(Lesson::History, Lesson::Given), request, reservation.clone()).await?;
    let (version, activated, samples) = (report.version.clone(), report.refused.is_none(), report.samples);
    let usual = Answer::of(report, ignored, "log entries");
    let mut trained = LogsTrained {
        status: "success",
        message: "Model trained successfully".to_owned(),
        training_samples: total.unwrap_or(samples),
        train_anomalies: None,
        test_anomalies: None,
        model_accuracy: None,
        timestamp: shared.clock.now().to_string(),
        usual: Map::new(),
    };
    if let Ok(Value::Object(mut usual)) = serde_json::to_value(usual) {
        let said = usual.remove("message");
        if !activated && let Some(Value::String(why)) = said {
            trained.message = why;
        }
        usual.remove("training_samples");
        trained.usual = usual;
    }
    if total.is_some() {
        let again = run_blocking(move || parse_batch(&bytes, usize::MAX)).await;
        let events = again.map(|batch| batch.events).unwrap_or_default();
        let verdicts = state.instance.verdicts_of(&version, events).await?;
        let held = ((test_size * verdicts.len() as f64).round() as usize).clamp(1, verdicts.len().max(1));
        let (train, test) = verdicts.split_at(verdicts.len().saturating_sub(held));
        let flagged = |verdicts: &[Verdict]| verdicts.iter().filter(|verdict| verdict.is_anomalous()).count();
        trained.train_anomalies = Some(flagged(train));
        trained.test_anomalies = Some(flagged(test));
        trained.model_accuracy = Some(1.0 - flagged(test) as f64 / test.len().max(1) as f64);
    }
    drop(reservation);
    Ok(Json(trained))
}

/// What to train, the entries to learn from, and the share of them that is held back.
type Read = (TrainBody, Option<Vec<Record<LogEvent>>>, f64);

/// Reads a JSON body; none, or an empty one, asks for the stored history.
fn read(bytes: &[u8], life: &dyn LifeCycle) -> Result<Read, Refusal> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let [version, labels, params, force] = train::NAMES;
    let object = object(bytes, &[version, labels, params, force, "logs", "test_size"])?;
    let mut faults = Vec::new();
    let mut fields = Fields::of_body(object, &mut faults);
    let body = read_train_body(&mut fields, Naming::Service, life);
    let test_size = read_test_size(&mut fields).unwrap_or(TEST_SIZE);
    let given = fields.raw("logs").map(|_| parse_logs(bytes, usize::MAX)).transpose();
    let given = given.unwrap_or_else(|error| {
        if let BodyError::Faults(found) = error {
            let found = found.into_iter().map(|fault| fault.within(["body".into()]));
            found.take(MAX_FAULTS).for_each(|fault| note(&mut faults, fault));
        }
        None
    });
    if faults.is_empty() { Ok((body, given, test_size)) } else { Err(Refusal::Invalid(faults)) }
}

fn read_test_size(fields: &mut Fields<'_>) -> Option<f64> {
    let share = fields.float_if_any("test_size")?;
    let shown = fields.raw("test_size").map_or(Value::Null, |raw| raw.shown());
    let fault = |kind, msg: &str, bound: (&str, f64)| {
        let ctx = Some(json!({ bound.0: bound.1 }));
        Fault { ctx, ..Fault::new(kind, vec!["body".into(), "test_size".into()], msg, shown.clone()) }
    };
    if share > 0.0 && share < 1.0 {
        return Some(share);
    }
    fields.fault(if share >= 1.0 {
        fault("less_than", "Input should be less than 1", ("lt", 1.0))
    } else {
        fault("greater_than", "Input should be greater than 0", ("gt", 0.0))
    });
    None
}
