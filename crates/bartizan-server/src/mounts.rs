//! Which detectors are served where, and the document that describes it all.

use crate::{
    behavior, docs, flows,
    http::table::Shortcut,
    mount::{Detector, Mount, Shared},
    requests, routes,
};
use aide::{
    axum::ApiRouter,
    openapi::{OpenApi, ReferenceOr},
};
use axum::Router;
use bartizan_core::Domain;
use bartizan_domains::{behavior::Behavior, flows::Flows, requests::Requests};
use bartizan_pipeline::{Instance, LifeCycle};
use std::sync::Arc;

/// The detectors to serve, each under its name.
#[derive(Default)]
pub struct Mounts {
    /// API requests, judged one by one.
    pub requests: Vec<Arc<Instance<Requests>>>,
    /// Network flows.
    pub flows: Vec<Arc<Instance<Flows>>>,
    /// Sessions.
    pub behavior: Vec<Arc<Instance<Behavior>>>,
}

/// Adds one detector's routes under a mount.
type Attach = Box<dyn Fn(&Arc<Mount>) -> Attached + Send + Sync>;

/// The routes of one mount, ready to run.
pub(crate) struct Attached {
    pub(crate) routes: ApiRouter,
    pub(crate) shortcuts: Vec<Shortcut>,
}

/// One detector and how it is attached.
pub(crate) struct Mounted {
    pub(crate) detector: Arc<Detector>,
    pub(crate) attach: Attach,
    /// Paths of every detector that this kind answers in its own way.
    pub(crate) own: &'static [&'static str],
}

impl Mounts {
    /// All of them, whatever their kind.
    pub(crate) fn into_all(self) -> Vec<Mounted> {
        let requests = self.requests.into_iter().map(|instance| mounted(instance, requests::attach, requests::OWN));
        let flows = self.flows.into_iter().map(|instance| mounted(instance, flows::attach, flows::OWN));
        let behavior = self.behavior.into_iter().map(|instance| mounted(instance, behavior::attach, behavior::OWN));
        requests.chain(flows).chain(behavior).collect()
    }
}

fn mounted<D: Domain>(
    instance: Arc<Instance<D>>,
    attach: fn(Arc<Mount>, Arc<Instance<D>>) -> Attached,
    own: &'static [&'static str],
) -> Mounted {
    let detector = Detector::new(Arc::clone(&instance) as Arc<dyn LifeCycle>);
    Mounted { detector, attach: Box::new(move |mount| attach(Arc::clone(mount), Arc::clone(&instance))), own }
}

/// Everything that is served.
pub(crate) struct Assembled {
    pub(crate) router: Router,
    pub(crate) api: OpenApi,
    pub(crate) shortcuts: Vec<Shortcut>,
}

/// Puts the routers together; `root` is the name of the mount that is also served at `/`.
pub(crate) fn assemble(mounted: &[Mounted], shared: &Arc<Shared>, root: Option<&str>, with_pages: bool) -> Assembled {
    let mut api = docs::begin(shared.version);
    let mut router = routes::root().finish_api(&mut api).with_state(Arc::clone(shared));
    if root.is_none() {
        let own = routes::server().merge(routes::shared("", with_pages));
        router = router.merge(own.finish_api(&mut api).with_state(Arc::clone(shared)));
    }
    let mut shortcuts = Vec::new();
    let mut tags = vec![(docs::SERVER_TAG.to_owned(), "The service as a whole".to_owned())];
    for Mounted { detector, attach, own } in mounted {
        let name = detector.life.name();
        tags.push((name.to_owned(), format!("Detector `{name}`, of kind {}", detector.life.kind())));
        let prefixes = [Some(format!("/{name}")), (root == Some(name)).then(String::new)];
        for prefix in prefixes.into_iter().flatten() {
            let mount = Arc::new(Mount { prefix, detector: Arc::clone(detector), shared: Arc::clone(shared) });
            let attached = attach(&mount);
            router = router.merge(routes::shared(&mount.prefix, with_pages).finish_api(&mut api).with_state(Arc::clone(shared)));
            router = router
                .merge(documented(routes::mount(&mount.prefix, own), &mut api).with_state(mount))
                .merge(documented(attached.routes, &mut api));
            shortcuts.extend(attached.shortcuts);
        }
    }
    let _ = ApiRouter::<()>::new().finish_api_with(&mut api, |api| docs::finish(api, &tags));
    Assembled { router, api, shortcuts }
}

/// Adds the operations of a router to the document. Methods of one path may come from several routers.
fn documented<S: Clone + Send + Sync + 'static>(router: ApiRouter<S>, api: &mut OpenApi) -> Router<S> {
    let before = api.paths.take().unwrap_or_default();
    let router = router.finish_api(api);
    let added = api.paths.replace(before).unwrap_or_default();
    let all = api.paths.get_or_insert_default();
    for (path, item) in added.paths {
        match (all.paths.get_mut(&path), item) {
            (Some(ReferenceOr::Item(there)), ReferenceOr::Item(item)) => there.merge_with(item),
            (_, item) => drop(all.paths.insert(path, item)),
        }
    }
    router
}

/// The OpenAPI document of a server with these kinds, each mounted under the kind's name.
#[must_use]
pub fn openapi(kinds: &[&str], version: &str) -> serde_json::Value {
    let mut api = docs::begin(version);
    let _ = routes::server().merge(routes::root()).merge(routes::shared("", true)).finish_api(&mut api);
    let mut tags = vec![(docs::SERVER_TAG.to_owned(), "The service as a whole".to_owned())];
    for kind in kinds {
        tags.push(((*kind).to_owned(), format!("Detector `{kind}`, of kind {kind}")));
        let prefix = format!("/{kind}");
        let own = match *kind {
            requests::KIND => requests::OWN,
            flows::KIND => flows::OWN,
            behavior::KIND => behavior::OWN,
            _ => &[],
        };
        let _ = documented(routes::mount(&prefix, own), &mut api);
        let _ = routes::shared(&prefix, true).finish_api(&mut api);
        match *kind {
            requests::KIND => {
                let _ = documented(requests::routes(&prefix), &mut api);
                let _ = documented(requests::aliases(&prefix), &mut api);
            }
            flows::KIND => drop(documented(flows::routes(&prefix), &mut api)),
            behavior::KIND => drop(documented(behavior::routes(&prefix), &mut api)),
            _ => {}
        }
    }
    let _ = ApiRouter::<()>::new().finish_api_with(&mut api, |api| docs::finish(api, &tags));
    serde_json::to_value(api).unwrap_or_default()
}
