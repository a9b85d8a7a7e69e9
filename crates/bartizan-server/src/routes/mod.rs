//! The routes that every mount has, one file each, and those of the server's root.

pub(crate) mod activate;
pub(crate) mod audit;
mod cancel_training;
pub(crate) mod detection;
mod exclusions;
pub(crate) mod features;
pub(crate) mod health;
mod info;
pub(crate) mod ingest;
pub(crate) mod label;
mod load_model;
mod metrics;
pub(crate) mod model_info;
mod models;
mod pages;
mod readyz;
pub(crate) mod retrain;
mod server_health;
mod server_info;
pub(crate) mod statistics;
mod status;
pub(crate) mod train;

use crate::mount::{Mount, Shared};
use aide::axum::ApiRouter;
use std::sync::Arc;

/// Returns the path of a route under a mount's prefix.
pub(crate) fn at(prefix: &str, path: &str) -> String {
    match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "/") => prefix.to_owned(),
        (prefix, path) => format!("{prefix}{path}"),
    }
}

/// Returns the routes of the server itself, without those of [`shared`].
pub(crate) fn server() -> ApiRouter<Arc<Shared>> {
    ApiRouter::new().api_route("/", server_info::route()).api_route("/health", server_health::route())
}

/// Returns the routes at the root of the server, which exist whatever detector is mounted there.
pub(crate) fn root() -> ApiRouter<Arc<Shared>> {
    ApiRouter::new().api_route("/readyz", readyz::route())
}

/// Returns the routes that exist under every prefix alike: its counters and its documentation.
pub(crate) fn shared(prefix: &str, with_pages: bool) -> ApiRouter<Arc<Shared>> {
    let routes = ApiRouter::new().api_route(&at(prefix, "/metrics"), metrics::route());
    if with_pages { routes.merge(pages::routes(prefix)) } else { routes }
}

/// Returns the routes that every detector has, without those paths that its kind answers in its own way.
pub(crate) fn mount(prefix: &str, own: &[&str]) -> ApiRouter<Arc<Mount>> {
    let at = |path| at(prefix, path);
    let shaped = [
        ("/health", health::route()),
        ("/features", features::route()),
        ("/model/info", model_info::route()),
        ("/retrain", retrain::route()),
    ];
    let shaped = shaped.into_iter().filter(|(path, _)| !own.contains(path));
    shaped
        .fold(ApiRouter::new(), |router, (path, route)| router.api_route(&at(path), route))
        .api_route(&at("/"), info::route())
        .api_route(&at("/train"), cancel_training::route())
        .api_route(&at("/status"), status::route())
        .api_route(&at("/load-model"), load_model::route())
        .api_route(&at("/models"), models::route())
        .api_route(&at("/models/{version}/activate"), activate::route())
        .api_route(&at("/audit"), audit::route())
        .api_route(&at("/label/{id}"), label::route())
        .api_route(&at("/exclusions"), exclusions::route())
        .api_route(&at("/exclusions/{id}"), exclusions::one())
        .api_route(&at("/statistics"), statistics::route())
}
