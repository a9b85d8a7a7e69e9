//! `GET /docs`, `/redoc` and `/openapi.json`, all from the binary: nothing is fetched from elsewhere.

use crate::{docs, mount::Shared, routes::at};
use aide::{
    axum::{
        ApiRouter, IntoApiResponse,
        routing::{ApiMethodRouter, get_with},
    },
    redoc::Redoc,
    swagger::Swagger,
};
use axum::{
    extract::State,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::IntoResponse,
};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// Policy of the pages: they may use their own content and call this server, and nothing else.
const POLICY: &str = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'";
/// A logo that the bundled ReDoc would fetch, and a picture of nothing in its place.
const FETCHED_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const EMPTY_LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";

pub(crate) fn routes(prefix: &str) -> ApiRouter<Arc<Shared>> {
    let document = at(prefix, "/openapi.json");
    let (swagger, redoc) = (document.clone(), document.clone());
    ApiRouter::new()
        .api_route(&document, openapi(prefix.to_owned()))
        .api_route(
            &at(prefix, "/docs"),
            page("Documentation to try out (Swagger UI)", move || Swagger::new(&swagger).with_title("Bartizan").html()),
        )
        .api_route(
            &at(prefix, "/redoc"),
            page("Documentation to read (ReDoc)", move || {
                Redoc::new(&redoc).with_title("Bartizan").html().replace(FETCHED_LOGO, EMPTY_LOGO)
            }),
        )
}

fn openapi(prefix: String) -> ApiMethodRouter<Arc<Shared>> {
    let handler = async move |State(shared): State<Arc<Shared>>| -> axum::response::Response {
        let document = shared.documents.get().map(|documents| documents.under(&prefix));
        ([(CONTENT_TYPE, "application/json")], document.unwrap_or_default()).into_response()
    };
    get_with(handler, |op| docs::answers_object(op.summary("The OpenAPI document"), "OpenAPI 3.1"))
}

/// The page is built at the first request and then shared: it has more than a megabyte.
fn page(summary: &'static str, html: impl Fn() -> String + Clone + Send + Sync + 'static) -> ApiMethodRouter<Arc<Shared>> {
    let made: Arc<OnceLock<Bytes>> = Arc::default();
    let handler = async move || respond(made.get_or_init(|| html().into()).clone());
    get_with(handler, move |op| docs::answers_text(op.summary(summary), "text/html", "A page"))
}

fn respond(html: Bytes) -> impl IntoApiResponse {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], html).into_response()
}
