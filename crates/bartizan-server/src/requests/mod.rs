//! Detectors of kind `requests`: one API request, judged while a gateway waits.

mod analyze;
mod explain;
mod records;
mod train;

use crate::{
    http::table::Shortcut,
    mount::Mount,
    mounts::Attached,
    routes::{at, audit, label, retrain},
};
use aide::axum::ApiRouter;
use bartizan_domains::requests::Requests;
use bartizan_pipeline::Instance;
use hyper::Method;
use std::sync::Arc;

/// Name of the kind.
pub(crate) const KIND: &str = "requests";

/// Paths of every detector that this kind answers in its own way.
pub(crate) const OWN: &[&str] = &["/retrain"];

/// One mounted instance, as these routes see it.
pub(crate) type Here = crate::here::Here<Requests>;

/// The routes of an instance under its mount.
pub(crate) fn attach(mount: Arc<Mount>, instance: Arc<Instance<Requests>>) -> Attached {
    let prefix = mount.prefix.clone();
    let here = Arc::new(Here { mount: Arc::clone(&mount), instance });
    let own = routes(&prefix).with_state(Arc::clone(&here));
    let shortcut = Shortcut { path: at(&prefix, analyze::PATH), method: Method::POST, to: here };
    Attached { routes: own.merge(aliases(&prefix).with_state(mount)), shortcuts: vec![shortcut] }
}

/// The routes that only this kind has.
pub(crate) fn routes(prefix: &str) -> ApiRouter<Arc<Here>> {
    let at = |path| at(prefix, path);
    ApiRouter::new()
        .api_route(&at(analyze::PATH), analyze::route())
        .api_route(&at("/explain"), explain::route())
        .api_route(&at("/train"), train::route())
        .api_route(&at("/training/train"), train::alias("/train"))
}

/// What this kind has in its own way, and paths that deployed clients call by an older name.
pub(crate) fn aliases(prefix: &str) -> ApiRouter<Arc<Mount>> {
    ApiRouter::new()
        .api_route(&at(prefix, "/audit/requests"), audit::alias("/audit"))
        .api_route(&at(prefix, "/labeling/label/{id}"), label::alias("/label/{id}"))
        .api_route(&at(prefix, "/retrain"), retrain::named())
        .api_route(&at(prefix, "/training/retrain"), retrain::alias("/retrain"))
}
