//! `POST /train`: learns from the stored history, and from records in the body if there are any.

use crate::{
    docs,
    here::aside,
    http::refusal::Refusal,
    input::{
        content::{Content, FromBody},
        fields::Fields,
    },
    requests::{Here, analyze::Described, records},
    routes::train::{Answer, Params, check, document, request, to_its_end},
};
use aide::axum::routing::{ApiMethodRouter, post_with};
use axum::{Json, extract::State};
use bartizan_pipeline::{LifeCycle, TrainRequest};
use bytes::Bytes;
use schemars::JsonSchema;
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

/// What is asked for.
struct Asked(TrainRequest);

pub(crate) fn route() -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, |op| document(op).input::<Json<Body>>())
}

/// The same under another name.
pub(crate) fn alias(of: &'static str) -> ApiMethodRouter<Arc<Here>> {
    post_with(handler, move |op| docs::alias(document(op).input::<Json<Body>>(), of))
}

async fn handler(State(here): State<Arc<Here>>, Content { read, records, room }: Content<Asked>) -> Result<Json<Answer>, Refusal> {
    let Asked(request) = read;
    check(&request)?;
    let report = to_its_end(async move {
        if let Some(records) = records {
            take_in(&here, records).await?;
        }
        drop(room);
        here.instance.train(request).await.map_err(Refusal::from)
    });
    Ok(Json(Answer::of(report.await?, "requests")))
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
        let request = request(fields, version.clone());
        version.map(|_| Self(request))
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
