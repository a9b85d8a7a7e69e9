//! Which detectors are served where, and the one assembly that makes both the routes that are served and the document that
//! describes them.

use crate::{
    config::ServerConfig,
    docs,
    http::table::Shortcut,
    mount::{Mount, Shared},
    mount_state::MountState,
    routes,
    server::{BindError, check_mounts},
};
use aide::{
    axum::ApiRouter,
    openapi::{OpenApi, ReferenceOr},
};
use axum::Router;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, LifeCycle};
use std::{collections::HashSet, sync::Arc};

/// How a kind is served to its clients: one folder of this crate.
pub(crate) trait Wire: Kind + Sized {
    /// Paths that every detector has and that this kind answers in its own way.
    const OWN: &'static [&'static str] = &[];

    /// Returns the routes that only this kind has, or has in its own way.
    fn routes(prefix: &str) -> ApiRouter<Arc<MountState<Self>>>;

    /// Returns routes that every detector has, in another form or under another name.
    fn aliases(prefix: &str) -> ApiRouter<Arc<Mount>> {
        let _ = prefix;
        ApiRouter::new()
    }

    /// Returns routes that are answered without passing the router.
    fn shortcuts(state: &Arc<MountState<Self>>) -> Vec<Shortcut> {
        let _ = state;
        Vec::new()
    }
}

/// The detectors to serve, of any kind, each under its name.
#[derive(Default)]
pub struct Mounts {
    all: Vec<Mounted>,
}

impl Mounts {
    /// Adds a detector, to be served under the name in its settings.
    #[expect(private_bounds, reason = "only this crate defines how a kind is served")]
    pub fn add<K: Wire>(&mut self, instance: Arc<Instance<K>>) {
        let name = instance.name().to_owned();
        self.all.push(Mounted::new::<K>(name, Some(instance)));
    }

    /// Returns the mounts with one more detector.
    #[must_use]
    #[expect(private_bounds, reason = "only this crate defines how a kind is served")]
    pub fn with<K: Wire>(mut self, instance: Arc<Instance<K>>) -> Self {
        self.add(instance);
        self
    }

    pub(crate) fn into_all(self) -> Vec<Mounted> {
        self.all
    }
}

/// Detectors that are described and not served: names and kinds, without instances.
#[derive(Default)]
pub struct Outline {
    all: Vec<Mounted>,
}

impl Outline {
    /// Adds a detector of this name.
    #[expect(private_bounds, reason = "only this crate defines how a kind is served")]
    pub fn add<K: Wire>(&mut self, name: &str) {
        self.all.push(Mounted::new::<K>(name.to_owned(), None));
    }

    /// Checks that a server can have these detectors, before any of them is opened.
    ///
    /// # Errors
    /// [`BindError::UnknownRoot`], [`BindError::MountName`] and [`BindError::RootPath`].
    pub fn check(&self, config: &ServerConfig) -> Result<(), BindError> {
        check_mounts(config, &self.all)
    }

    /// Returns the OpenAPI document of a server with these detectors.
    #[must_use]
    pub fn openapi(&self, config: &ServerConfig) -> serde_json::Value {
        serde_json::to_value(assemble(&self.all, config, None).api).unwrap_or_default()
    }
}

/// Adds the routes of one detector's kind under a prefix, to run behind a mount if there is one.
type Attach = Box<dyn Fn(&mut Assembled, &str, Option<&Arc<Mount>>) + Send + Sync>;

/// One detector and how it is attached.
pub(crate) struct Mounted {
    pub(crate) name: String,
    kind: &'static str,
    own: &'static [&'static str],
    /// None where it is only described.
    pub(crate) detector: Option<Arc<dyn LifeCycle>>,
    attach: Attach,
}

impl Mounted {
    fn new<K: Wire>(name: String, instance: Option<Arc<Instance<K>>>) -> Self {
        let detector = instance.clone().map(|instance| instance as Arc<dyn LifeCycle>);
        let attach: Attach = Box::new(move |assembled, prefix, mount| {
            let state = mount.zip(instance.as_ref()).map(|(mount, instance)| {
                let (mount, instance) = (Arc::clone(mount), Arc::clone(instance));
                Arc::new(MountState { mount, instance })
            });
            assembled.shortcuts.extend(state.iter().flat_map(K::shortcuts));
            assembled.add(routes::detection::routes::<K>(prefix), state.clone());
            assembled.add(routes::ingest::routes::<K>(prefix), state.clone());
            assembled.add(K::routes(prefix), state);
            assembled.add(K::aliases(prefix), mount.cloned());
        });
        Self { name, kind: K::NAME, own: K::OWN, detector, attach }
    }

    /// Returns the first segments of its paths when it is mounted at the root, which no other mount can have as its name.
    pub(crate) fn segments_at_root(&self, with_pages: bool) -> HashSet<String> {
        let mut assembled = Assembled::begin("");
        assembled.mount(self, "", with_pages, None);
        let paths = assembled.api.paths.iter().flat_map(|paths| paths.paths.keys());
        paths.filter_map(|path| path.split('/').nth(1)).map(str::to_owned).collect()
    }
}

/// Everything that is served, and its description.
pub(crate) struct Assembled {
    pub(crate) router: Router,
    pub(crate) api: OpenApi,
    pub(crate) shortcuts: Vec<Shortcut>,
}

/// Assembles the routes: those of the server, and those of every detector under its name and perhaps at `/`. Without `shared`, only
/// their description comes of it.
pub(crate) fn assemble(mounted: &[Mounted], config: &ServerConfig, shared: Option<&Arc<Shared>>) -> Assembled {
    let root = config.root.as_deref();
    let mut assembled = Assembled::begin(config.version);
    let own = match root {
        Some(_) => routes::root(),
        None => routes::server().merge(routes::root()).merge(routes::shared("", config.docs)),
    };
    assembled.add(own, shared.cloned());
    let mut tags = vec![(docs::SERVER_TAG.to_owned(), "The service as a whole".to_owned())];
    for mounted in mounted {
        let Mounted { name, kind, .. } = mounted;
        tags.push((name.clone(), format!("Detector `{name}`, of kind {kind}")));
        let prefixes = [Some(format!("/{name}")), (root == Some(name)).then(String::new)];
        for prefix in prefixes.into_iter().flatten() {
            assembled.mount(mounted, &prefix, config.docs, shared);
        }
    }
    let _ = ApiRouter::<()>::new().finish_api_with(&mut assembled.api, |api| docs::finish(api, &tags));
    assembled
}

impl Assembled {
    fn begin(version: &str) -> Self {
        Self { router: Router::new(), api: docs::begin(version), shortcuts: Vec::new() }
    }

    /// Adds one detector under a prefix.
    fn mount(&mut self, mounted: &Mounted, prefix: &str, with_pages: bool, shared: Option<&Arc<Shared>>) {
        let mount = shared.zip(mounted.detector.as_ref()).map(|(shared, detector)| {
            let (detector, shared) = (Arc::clone(detector), Arc::clone(shared));
            Arc::new(Mount { prefix: prefix.to_owned(), detector, shared })
        });
        self.add(routes::mount(prefix, mounted.own), mount.clone());
        self.add(routes::shared(prefix, with_pages), shared.cloned());
        (mounted.attach)(self, prefix, mount.as_ref());
    }

    /// Describes these routes, and serves them where there is a state to serve them with. Methods of one path may come from several
    /// routers.
    fn add<S: Clone + Send + Sync + 'static>(&mut self, routes: ApiRouter<S>, state: Option<S>) {
        let before = self.api.paths.take().unwrap_or_default();
        let routes = routes.finish_api(&mut self.api);
        let added = self.api.paths.replace(before).unwrap_or_default();
        let all = self.api.paths.get_or_insert_default();
        for (path, item) in added.paths {
            match (all.paths.get_mut(&path), item) {
                (Some(ReferenceOr::Item(there)), ReferenceOr::Item(item)) => there.merge_with(item),
                (_, item) => drop(all.paths.insert(path, item)),
            }
        }
        if let Some(state) = state {
            self.router = std::mem::take(&mut self.router).merge(routes.with_state(state));
        }
    }
}
