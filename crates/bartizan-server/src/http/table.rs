//! The routes as the guard sees them: read from the OpenAPI document, so that every path is written once.

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

/// The body of an answer: bytes at hand, or whatever a route made.
pub(crate) type ReplyBody = Either<Full<Bytes>, axum::body::Body>;
/// An answer.
pub(crate) type Reply = Response<ReplyBody>;

/// A route that is answered without passing the router.
pub(crate) trait Direct: Send + Sync {
    /// Answers.
    fn answer(&self, request: Request<RequestBody>) -> BoxFuture<'_, Reply>;
}

/// A path and method to be answered so.
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

/// What a request's path and method meet.
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
    /// Reads the routes; counters are made in `routes`.
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

    /// Finds the route; `HEAD` is answered like `GET`.
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
    /// What the caller must show; unknown paths and methods are as closed as anything.
    pub(crate) fn access(&self) -> Access {
        match self {
            Self::Endpoint(endpoint) => endpoint.access,
            _ => Access::Needs(Scope::Read),
        }
    }

    /// True where the work goes on for as long as it takes.
    pub(crate) fn is_unhurried(&self) -> bool {
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
