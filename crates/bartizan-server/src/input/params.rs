//! Extractor of a checked query.

use crate::{http::refusal::Refusal, input::query::Query};
use aide::{
    OperationInput,
    generate::GenContext,
    openapi::Operation,
    operation::{ParamLocation, add_parameters, parameters_from_schema},
};
use axum::{extract::FromRequestParts, http::request::Parts};
use schemars::JsonSchema;

/// What a route reads from its query.
pub(crate) trait FromQuery: Sized {
    /// Reads it; faults go to the query.
    fn from_query(query: &mut Query<'_>) -> Self;
}

/// The query of a request, read and without faults.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Sync, T: FromQuery> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut query = Query::new(parts.uri.query());
        let read = T::from_query(&mut query);
        if query.faults.is_empty() { Ok(Self(read)) } else { Err(Refusal::Invalid(query.faults)) }
    }
}

impl<T: JsonSchema> OperationInput for Params<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
        add_parameters(ctx, operation, parameters);
    }
}
