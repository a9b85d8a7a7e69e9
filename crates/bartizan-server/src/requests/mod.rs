//! Detectors of kind `requests`: one API request, judged while a gateway waits.

mod analyze;
mod explain;
mod records;
mod train;

use crate::{
    http::table::Shortcut,
    mount::Mount,
    mounts::Wire,
    routes::{at, audit, label, retrain},
};
use aide::axum::ApiRouter;
use bartizan_domains::requests::Requests;
use hyper::Method;
use std::sync::Arc;

/// The state of these routes: a mount with its instance.
pub(crate) type MountState = crate::mount_state::MountState<Requests>;

impl Wire for Requests {
    const OWN: &'static [&'static str] = &["/retrain"];

    fn routes(prefix: &str) -> ApiRouter<Arc<MountState>> {
        let at = |path| at(prefix, path);
        ApiRouter::new()
            .api_route(&at(analyze::PATH), analyze::route())
            .api_route(&at("/explain"), explain::route())
            .api_route(&at("/train"), train::route())
            .api_route(&at("/training/train"), train::alias("/train"))
    }

    /// What this kind has in its own way, and paths that deployed clients call by an older name.
    fn aliases(prefix: &str) -> ApiRouter<Arc<Mount>> {
        ApiRouter::new()
            .api_route(&at(prefix, "/audit/requests"), audit::alias("/audit"))
            .api_route(&at(prefix, "/labeling/label/{id}"), label::alias("/label/{id}"))
            .api_route(&at(prefix, "/retrain"), retrain::named())
            .api_route(&at(prefix, "/training/retrain"), retrain::alias("/retrain"))
    }

    fn shortcuts(state: &Arc<MountState>) -> Vec<Shortcut> {
        let path = at(&state.mount.prefix, analyze::PATH);
        vec![Shortcut { path, method: Method::POST, to: Arc::clone(state) as _ }]
    }
}
