//! `POST /train`: learns from the stored history, and from records in the body if there are any.

use crate::{
    config::Scope,
    docs,
    http::refusal::Refusal,
    input::{
        content::{Content, FromBody},
        fields::Fields,
    },
    requests::{
        Here,
        analyze::{Described, aside},
        records,
    },
};
use aide::{
    axum::routing::{ApiMethodRouter, post_with},
    transform::TransformOperation,
};
use axum::{Json, extract::State};
use bartizan_core::Contamination;
use bartizan_pipeline::{LifeCycle, LifeCycleError, ParamValue, TrainReport, TrainRequest};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(JsonSchema)]
#[schemars(rename = "TrainBody")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; what is read of it is in `Asked`")]
struct Body {
    /// Name of the new version; one that exists is replaced.
    model_version: String,
    /// Learn from what people said; true if left out.
    use_corrected_labels: Option<bool>,
    training_params: Option<Params>,
    /// Records to take into the history first.
    requests: Option<Vec<Described>>,
}

#[derive(JsonSchema)]
#[schemars(rename = "TrainingParams")]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct Params {
    /// Expected share of anomalies, above 0 and at most 0.5; 0.1 if left out.
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
    others: std::collections::BTreeMap<String, serde_json::Value>,
}

/// What is asked for.
struct Asked(TrainRequest);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Trained")]
struct Answer {
    success: bool,
    model_version: String,
    training_samples: usize,
    training_duration_seconds: f64,
    /// On labelled rows; null without any.
    accuracy_score: Option<f64>,
    message: String,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, document)
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, move |op| docs::alias(document(op), of))
}

fn document(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = docs::checks_input(docs::needs(op, Scope::Manage)).summary("Train a model on the stored history").input::<Json<Body>>();
    docs::refuses::<400>(op, "Too little history, or the contamination is out of range")
}

async fn handler(State(here): State<Arc<Here>>, Content { read, records }: Content<Asked>) -> Result<Json<Answer>, Refusal> {
    let Asked(request) = read;
    if let Some(contamination) = request.contamination {
        Contamination::try_from(contamination).map_err(LifeCycleError::from)?;
    }
    let report = to_its_end(async move {
        if let Some(records) = records {
            take_in(&here, records).await?;
        }
        here.instance.train(request).await.map_err(Refusal::from)
    });
    Ok(Json(report.await?.into()))
}

/// Runs on when the client has gone: what is begun is finished.
pub(crate) async fn to_its_end(work: impl Future<Output = Result<TrainReport, Refusal>> + Send + 'static) -> Result<TrainReport, Refusal> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(LifeCycleError::Interrupted.into()),
    }
}

async fn take_in(here: &Here, bytes: Bytes) -> Result<(), Refusal> {
    let now = here.mount.shared.clock.now();
    let events = aside(move || records::parse(&bytes, now)).await?;
    here.instance.import(events).await?;
    Ok(())
}

impl FromBody for Asked {
    const RECORDS: Option<&'static str> = Some("requests");

    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.string("model_version");
        let use_labels = fields.boolean_or("use_corrected_labels", true);
        let mut request = TrainRequest { use_labels, ..TrainRequest::default() };
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
        Some(Self(TrainRequest { version: Some(version?), ..request }))
    }
}

impl From<TrainReport> for Answer {
    fn from(report: TrainReport) -> Self {
        let mut message = format!("Model {} was trained on {} requests and is active", report.version, report.samples);
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
        }
    }
}

impl JsonSchema for Asked {
    fn schema_id() -> std::borrow::Cow<'static, str> {
        Body::schema_id()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Body::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Body::json_schema(generator)
    }
}
