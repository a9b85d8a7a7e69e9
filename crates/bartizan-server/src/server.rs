//! The server: listens, accepts connections, and stops.

use crate::{
    config::ServerConfig,
    docs::{self, Documents},
    http::{
        auth::Keys,
        body::Limits,
        connection::{self, Phase, Timeouts},
        connections::{Admission, Connections},
        cors::Origins,
        guard::Guard,
        host::Hosts,
        request_id::RequestIds,
        table::Table,
    },
    metrics::{Detections, Metrics, Routes},
    mount::Shared,
    mounts::{Mounted, Mounts, assemble},
};
use bartizan_pipeline::{Clock, LifeCycle, Workers};
use futures::FutureExt;
use std::{
    collections::HashSet,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, OnceLock, atomic::Ordering::Relaxed},
    time::Duration,
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The address can be reached from other machines, and no token is set.
    #[error(
        "{0} can be reached from other machines and no token is set: set AUTH_TOKEN, or --token-file FILE, or server.token in the configuration \
         file; or listen on 127.0.0.1"
    )]
    TokenRequired(SocketAddr),
    /// A token is empty.
    #[error("the token is empty: set AUTH_TOKEN, --token-file or server.token to a secret, or leave it out")]
    EmptyToken,
    /// Another process listens there.
    #[error("{0} is in use by another process: stop it, or choose another port with --listen or API_PORT")]
    InUse(SocketAddr),
    /// The system denies permission to listen there.
    #[error("no permission to listen on {0}: choose a port above 1023")]
    Denied(SocketAddr),
    /// Any other error of the system.
    #[error("cannot listen on {0}: {1}")]
    Io(SocketAddr, #[source] io::Error),
    /// The mount to be served at `/` does not exist.
    #[error("the root mount {0:?} does not exist: there are {1}")]
    UnknownRoot(String, String),
    /// Two mounts of one name, or a name that is taken by the server itself or is no path.
    #[error("a detector cannot be mounted as {0:?}: the name is taken or not made of at most 64 lower-case letters, digits, - and _")]
    MountName(String),
    /// A mount under a path that the root mount has itself.
    #[error("the detector {name:?} cannot be served beside {root:?} at the root, which has a path /{name} itself: give it another name")]
    RootPath {
        /// The mount.
        name: String,
        /// The mount at the root.
        root: String,
    },
    /// Two routes of one path.
    #[error("two routes clash: {0}")]
    Routes(#[from] matchit::InsertError),
}

/// A bound port without routes yet: clients that connect wait.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    config: ServerConfig,
}

/// A server with its routes, which listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    guard: Arc<Guard>,
    timeouts: Timeouts,
    connections: Arc<Connections>,
    grace: Duration,
}

/// Paths of the server itself, which no mount can have.
pub const TAKEN: [&str; 7] = ["health", "readyz", "docs", "redoc", "metrics", "openapi", "dashboard"];

/// Error codes of the system when the process, or all processes, have as many files and sockets open as they may.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

impl Listening {
    /// Assembles the routes of the mounts.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn serve(self, mounts: Mounts, clock: Arc<dyn Clock>) -> Result<Server, BindError> {
        let Self { listener, address, config } = self;
        let mounted = mounts.into_all();
        check_mounts(&config, &mounted)?;
        let secs = Duration::from_secs;
        let timeouts = Timeouts {
            head: secs(config.header_timeout_secs.max(1)),
            idle: secs(config.keep_alive_secs.max(1)),
            write: secs(config.write_timeout_secs.max(1)),
            max_header_bytes: config.max_header_bytes,
        };
        let guard = Arc::new(guard(&config, &mounted, clock)?);
        let connections = Connections::new(config.max_connections, config.max_connections_per_address);
        Ok(Server { listener, address, guard, timeouts, connections, grace: secs(config.shutdown_grace_secs) })
    }
}

impl Server {
    /// Checks the settings and binds the port.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn listen(config: ServerConfig) -> Result<Listening, BindError> {
        check(&config)?;
        let listener = TcpListener::bind(config.listen).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(config.listen),
            io::ErrorKind::PermissionDenied => BindError::Denied(config.listen),
            _ => BindError::Io(config.listen, error),
        })?;
        let address = listener.local_addr().map_err(|error| BindError::Io(config.listen, error))?;
        Ok(Listening { listener, address, config })
    }

    /// [`listen`](Self::listen), then [`serve`](Listening::serve).
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(config: ServerConfig, mounts: Mounts, clock: Arc<dyn Clock>) -> Result<Self, BindError> {
        Self::listen(config).await?.serve(mounts, clock)
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until `shutdown`, then accepts no more connections, finishes what runs and returns.
    ///
    /// # Errors
    /// None at present; a failing `accept` is logged and tried again.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let (phase, watched) = watch::channel(Phase::Serving);
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = shutdown.as_mut() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.serve_connection(stream, peer.ip(), watched.clone(), alive.clone()),
                    Err(error) => self.pause_after(&error).await,
                },
            }
        }
        // Connections that the system has taken over for us by now are served too.
        while let Some(Ok((stream, peer))) = self.listener.accept().now_or_never() {
            self.serve_connection(stream, peer.ip(), watched.clone(), alive.clone());
        }
        drop(self.listener);
        drop((watched, alive));
        phase.send_replace(Phase::Stopping);
        if tokio::time::timeout(self.grace, all_gone.recv()).await.is_err() {
            let left = self.guard.metrics.connections.now();
            tracing::warn!(connections = left, grace_secs = self.grace.as_secs(), "stopping although some requests have not ended");
            phase.send_replace(Phase::Abandon);
        }
        Ok(())
    }

    fn serve_connection(&self, stream: TcpStream, peer: IpAddr, phase: watch::Receiver<Phase>, alive: mpsc::Sender<()>) {
        let (guard, timeouts) = (Arc::clone(&self.guard), self.timeouts);
        let Admission::Admitted { entry, activity, evicted } = self.connections.admit(peer) else {
            guard.metrics.connections_refused.fetch_add(1, Relaxed);
            return;
        };
        guard.metrics.connections_evicted.fetch_add(u64::from(evicted), Relaxed);
        // Without it small answers wait for the client's acknowledgement; a failure costs only time.
        let _ = stream.set_nodelay(true);
        let metrics = Arc::clone(&guard.metrics);
        tokio::spawn(async move {
            let _open = metrics.connections.enter();
            connection::serve(stream, guard, activity, timeouts, phase).await;
            drop((entry, alive));
        });
    }

    /// A connection that cannot be accepted stays in the queue of the system; without a pause the next attempt would fail at once.
    async fn pause_after(&self, error: &io::Error) {
        tracing::warn!(%error, "a connection could not be accepted");
        if error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code)) && self.connections.close_longest_idle() {
            self.guard.metrics.connections_evicted.fetch_add(1, Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn check(config: &ServerConfig) -> Result<(), BindError> {
    let tokens = config.token.iter().chain(config.keys.iter().map(|key| &key.token));
    if tokens.into_iter().any(|token| token.trim().is_empty()) {
        return Err(BindError::EmptyToken);
    }
    if !config.listen.ip().to_canonical().is_loopback() && !config.is_guarded() {
        return Err(BindError::TokenRequired(config.listen));
    }
    Ok(())
}

pub(crate) fn check_mounts(config: &ServerConfig, mounted: &[Mounted]) -> Result<(), BindError> {
    let mut names = HashSet::from(TAKEN);
    for name in mounted.iter().map(|mounted| mounted.name.as_str()) {
        if !is_mount_name(name) || !names.insert(name) {
            return Err(BindError::MountName(name.to_owned()));
        }
    }
    let Some(root) = &config.root else { return Ok(()) };
    let Some(at_root) = mounted.iter().find(|mounted| mounted.name == *root) else {
        let names: Vec<_> = mounted.iter().map(|mounted| mounted.name.as_str()).collect();
        return Err(BindError::UnknownRoot(root.clone(), names.join(", ")));
    };
    let segments = at_root.segments_at_root(config.docs);
    match mounted.iter().find(|mounted| segments.contains(&mounted.name)) {
        Some(mounted) => Err(BindError::RootPath { name: mounted.name.clone(), root: root.clone() }),
        None => Ok(()),
    }
}

/// Longest name of a mount.
const MAX_MOUNT_NAME: usize = 64;

/// Whether a detector can be served under this name: at most 64 lower-case letters, digits, - and _, of which the first is a letter or
/// digit. Those in [`TAKEN`] are reserved.
#[must_use]
pub fn is_mount_name(name: &str) -> bool {
    let may = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.len() <= MAX_MOUNT_NAME && name.bytes().all(may)
}

fn guard(config: &ServerConfig, mounted: &[Mounted], clock: Arc<dyn Clock>) -> Result<Guard, BindError> {
    let request_time = Duration::from_secs(config.request_timeout_secs.max(1));
    let detectors: Vec<Arc<dyn LifeCycle>> = mounted.iter().filter_map(|mounted| mounted.detector.clone()).collect();
    let workers = detectors.first().map_or_else(|| Workers::new(1, || ()), |detector| Arc::clone(detector.workers()));
    let limits = Limits::new(config.max_body_bytes, config.max_buffered_bytes, request_time, &workers);
    let ids = RequestIds::new(clock.now());
    let shared = Arc::new(Shared {
        version: config.version,
        clock,
        limits: limits.clone(),
        max_batch_events: config.max_batch_events,
        detected: detectors.iter().map(|detector| Detections::of(detector.as_ref())).collect(),
        detectors,
        metrics: OnceLock::new(),
        documents: OnceLock::new(),
        paths: OnceLock::new(),
    });
    let assembled = assemble(mounted, config, Some(&shared));
    let mut routes = Routes::default();
    let table = Table::new(&assembled.api, &mut routes, &assembled.shortcuts)?;
    let metrics = Arc::new(Metrics::new(routes));
    let api = if config.is_guarded() { assembled.api } else { docs::without_token(assembled.api) };
    let documents = Documents::new(api);
    let paths = documents.paths().cloned().collect();
    // These cells are set nowhere else, so this cannot fail.
    let _ = shared.documents.set(documents);
    let _ = shared.paths.set(paths);
    let _ = shared.metrics.set(Arc::clone(&metrics));
    let origins = Origins::new(config);
    Ok(Guard {
        table,
        router: assembled.router,
        keys: Keys::new(config),
        origins,
        hosts: Hosts::new(config),
        refuses_foreign_pages: !config.is_guarded(),
        ids,
        metrics,
        limits,
        request_time,
        max_concurrent: config.max_concurrent_requests.max(1) as u64,
    })
}
