//! Checks around the routes: every request and every response passes here.

use crate::{
    http::{
        auth::{Access, Keys},
        body::{self, Limits},
        cors::{self, Origin, Origins},
        host::Hosts,
        refusal::{Cause, Refusal},
        request_body::RequestBody,
        request_id::{REQUEST_ID, RequestIds},
        table::{Found, Reply, ReplyBody, Table},
    },
    metrics::Metrics,
};
use axum::Router;
use bytes::Bytes;
use futures::FutureExt;
use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
    http::uri::PathAndQuery,
};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tower::ServiceExt;

/// The checks around the routes, and the routes themselves.
pub(crate) struct Guard {
    pub(crate) table: Table,
    pub(crate) router: Router,
    pub(crate) keys: Keys,
    pub(crate) origins: Origins,
    pub(crate) hosts: Hosts,
    /// Whether web pages of other origins may change nothing, because no token is required.
    pub(crate) refuses_foreign_pages: bool,
    pub(crate) ids: RequestIds,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) request_time: Duration,
    pub(crate) max_concurrent: u64,
}

impl Guard {
    /// Answers one request; a panic is answered with 500.
    pub(crate) async fn handle(&self, mut request: Request<RequestBody>) -> Reply {
        let begun = Instant::now();
        let id = self.ids.of(request.headers());
        let origin = self.origins.judge(request.headers());
        trim_slash(request.uri_mut());
        let found = self.table.find(request.method(), request.uri().path());
        let _in_flight = self.metrics.in_flight.enter();
        let answered = AssertUnwindSafe(self.within_time(&found, &origin, request)).catch_unwind().await;
        let mut reply = answered.unwrap_or_else(|panic| Refusal::Internal(format!("panic: {}", message(&*panic))).answer_bytes());
        if let Some(Cause(cause)) = reply.extensions_mut().remove() {
            tracing::error!(request_id = id.to_str().unwrap_or(""), cause, "a request failed");
        }
        let headers = reply.headers_mut();
        headers.insert(REQUEST_ID, id);
        if !headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
            protect(headers);
        }
        origin.add_headers(headers);
        let counter = if let Found::Endpoint(endpoint) = &found { &endpoint.counter } else { &self.metrics.unmatched };
        counter.count();
        self.metrics.answered(reply.status(), begun.elapsed());
        reply
    }

    async fn within_time(&self, found: &Found<'_>, origin: &Origin, request: Request<RequestBody>) -> Reply {
        if found.has_no_time_limit() {
            return self.answer(found, origin, request).await;
        }
        match tokio::time::timeout(self.request_time, self.answer(found, origin, request)).await {
            Ok(reply) => reply,
            Err(_) => Refusal::TryAgain("The request took too long".into()).answer_bytes(),
        }
    }

    async fn answer(&self, found: &Found<'_>, origin: &Origin, request: Request<RequestBody>) -> Reply {
        if let Err(refusal) = self.hosts.check(&request) {
            return refusal.answer_bytes();
        }
        if cors::is_preflight(request.method(), request.headers()) {
            return preflight(origin, &request);
        }
        if let Err(refusal) = self.admit(found, origin, &request) {
            return refusal.answer_bytes();
        }
        match found {
            Found::Endpoint(endpoint) => match &endpoint.direct {
                Some(direct) if request.method() != Method::HEAD => direct.answer(request).await,
                _ => self.route(request).await,
            },
            Found::OtherMethod { allow } => {
                let mut reply: Reply = Refusal::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").answer_bytes();
                reply.headers_mut().insert(ALLOW, (*allow).clone());
                reply
            }
            Found::Nothing => Refusal::text(StatusCode::NOT_FOUND, "Not Found").answer_bytes(),
        }
    }

    /// Checks everything that is decided before the body is read.
    fn admit(&self, found: &Found<'_>, origin: &Origin, request: &Request<RequestBody>) -> Result<(), Refusal> {
        let access = found.access();
        self.keys.check(access, request.headers())?;
        if self.refuses_foreign_pages && *origin == Origin::Foreign && !request.method().is_safe() {
            return Err(Refusal::text(StatusCode::FORBIDDEN, "Origin not allowed"));
        }
        // The open routes answer at any load, so that an operator can still look.
        // Those whose bodies are still on their way do not count: clients that send slowly keep no others out.
        let at_work = self.metrics.in_flight.now().saturating_sub(self.limits.arriving.load(Relaxed));
        if access != Access::Open && at_work > self.max_concurrent {
            return Err(Refusal::TryAgain("Too many requests at once. Try again later.".into()));
        }
        let limit = self.limits.body_bytes;
        match (found, body::declared_length(request.headers())) {
            (Found::Endpoint(_), Some(length)) if length > limit as u64 => Err(Refusal::TooLarge { limit }),
            _ => Ok(()),
        }
    }

    async fn route(&self, request: Request<RequestBody>) -> Reply {
        match self.router.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => response.map(Either::Right),
            Err(never) => match never {},
        }
    }
}

impl Refusal {
    pub(crate) fn answer_bytes(self) -> Reply {
        self.answer::<Full<Bytes>>().map(Either::Left)
    }
}

fn preflight(origin: &Origin, request: &Request<RequestBody>) -> Reply {
    if *origin == Origin::Foreign {
        return Refusal::text(StatusCode::BAD_REQUEST, "Disallowed CORS origin").answer_bytes();
    }
    cors::preflight(request.headers(), ReplyBody::Left(Full::default()))
}

/// Headers that keep a browser from taking an answer for something else, from showing it in a frame, and from telling others its
/// address. A page that has a policy of its own keeps it.
fn protect(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("frame-ancestors 'none'"));
}

/// Removes trailing slashes from the path: `/audit/` is `/audit`.
fn trim_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return;
    }
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let text = uri.query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
    if let Ok(path_and_query) = PathAndQuery::try_from(text) {
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(path_and_query);
        *uri = Uri::from_parts(parts).unwrap_or_default();
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// The headers of most answers, with an entry for the request id: copying them costs less than inserting each.
static JSON_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REQUEST_ID, HeaderValue::from_static(""));
    protect(&mut headers);
    headers
});

/// Returns a 200 response with this JSON.
pub(crate) fn ok_json(bytes: Bytes) -> Reply {
    let mut reply = Reply::new(Either::Left(Full::new(bytes)));
    reply.headers_mut().clone_from(&JSON_HEADERS);
    reply
}

#[cfg(test)]
mod tests {
    use super::trim_slash;
    use hyper::Uri;

    #[test]
    fn trailing_slashes_go_and_queries_stay() {
        for (given, expected) in [
            ("/", "/"),
            ("/audit", "/audit"),
            ("/audit/", "/audit"),
            ("/audit/?page=2", "/audit?page=2"),
            ("/audit//", "/audit"),
            ("//", "/"),
            ("http://host/audit/?a=/", "http://host/audit?a=/"),
            ("/label/a%2Fb/", "/label/a%2Fb"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            trim_slash(&mut uri);
            assert_eq!(uri.to_string(), expected.parse::<Uri>().unwrap().to_string(), "{given}");
        }
    }
}
