//! Extractor of the one parameter that a path may have.

use crate::http::refusal::Refusal;
use aide::{
    OperationInput,
    generate::GenContext,
    openapi::Operation,
    operation::{ParamLocation, add_parameters, parameters_from_schema},
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use bartizan_domains::faults::Fault;
use schemars::JsonSchema;
use std::marker::PhantomData;

/// The parameter's text, percent-decoded, and `T`, which documents it.
pub(crate) struct Segment<T> {
    pub(crate) text: String,
    documented_by: PhantomData<fn() -> T>,
}

impl<S: Send + Sync, T> FromRequestParts<S> for Segment<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::Invalid(vec![Fault::value_error(vec!["path".into()], "the path is not UTF-8")]))?;
        let text = params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
        Ok(Self { text, documented_by: PhantomData })
    }
}

impl<T: JsonSchema> OperationInput for Segment<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Path);
        add_parameters(ctx, operation, parameters);
    }
}
