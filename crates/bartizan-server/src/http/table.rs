//! The table of routes, built from the OpenAPI document, so that every path is written once.

use crate::{
    config::Scope,
    docs::scope_of,
    http::{auth::Access, request_body::RequestBody},
    metrics::{RouteCounter, Routes},
};
use aide::openapi::{OpenApi, ReferenceOr};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{Either, Full};
use hyper::{Method, Request, Response, header::HeaderValue};
use std::sync::Arc;

/// The body of an answer: bytes, or the body that a route returned.
pub(crate) type ReplyBody = Either<Full<Bytes>, axum::body::Body>;
/// An answer.
pub(crate) type Reply = Response<ReplyBody>;

/// A route that is answered without passing the router.
pub(crate) trait Direct: Send + Sync {
    /// Answers a request.
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'_, Reply>;
}

/// A path and a method answered by a [`Direct`] route.
pub(crate) struct Shortcut {
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) to: Arc<dyn Direct>,
}

/// One method of one path.
pub(crate) struct Endpoint {
    method: Method,
    pub(crate) access: Access,
    pub(crate) counter: Arc<RouteCounter>,
    pub(crate) direct: Option<Arc<dyn Direct>>,
}

struct Methods {
    endpoints: Vec<Endpoint>,
    allow: HeaderValue,
}

/// The result of looking up a path and a method.
pub(crate) enum Found<'a> {
    Endpoint(&'a Endpoint),
    OtherMethod { allow: &'a HeaderValue },
    Nothing,
}

/// All routes.
pub(crate) struct Table {
    paths: matchit::Router<Methods>,
}

impl Table {
    /// Builds the table from the document; counters are added to `routes`.
    pub(crate) fn new(api: &OpenApi, routes: &mut Routes, shortcuts: &[Shortcut]) -> Result<Self, matchit::InsertError> {
        let mut paths = matchit::Router::new();
        for (path, item) in api.paths.iter().flat_map(|paths| paths.iter()) {
            let ReferenceOr::Item(item) = item else { continue };
            let endpoints: Vec<_> = item
                .iter()
                .filter_map(|(name, operation)| {
                    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok()?;
                    let access = scope_of(operation).map_or(Access::Open, Access::Needs);
                    let counter = routes.add(&method, path);
                    let direct = shortcuts.iter().find(|s| s.path == *path && s.method == method).map(|s| Arc::clone(&s.to));
                    Some(Endpoint { method, access, counter, direct })
                })
                .collect();
            let allow = allow(&endpoints);
            paths.insert(path.as_str(), Methods { endpoints, allow })?;
        }
        Ok(Self { paths })
    }

    /// Looks up the route; `HEAD` is answered like `GET`.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let Ok(matched) = self.paths.at(path) else { return Found::Nothing };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        match matched.value.endpoints.iter().find(|endpoint| endpoint.method == *wanted) {
            Some(endpoint) => Found::Endpoint(endpoint),
            None => Found::OtherMethod { allow: &matched.value.allow },
        }
    }
}

impl Found<'_> {
    /// Returns the access that the caller needs; unknown paths and methods need a token that reads.
    pub(crate) fn access(&self) -> Access {
        match self {
            Self::Endpoint(endpoint) => endpoint.access,
            _ => Access::Needs(Scope::Read),
        }
    }

    /// Returns whether the request may take as long as it needs.
    pub(crate) fn has_no_time_limit(&self) -> bool {
        self.access() == Access::Needs(Scope::Manage)
    }
}

fn allow(endpoints: &[Endpoint]) -> HeaderValue {
    let mut names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
