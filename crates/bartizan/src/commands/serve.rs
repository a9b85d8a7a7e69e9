//! `bartizan serve`: the detectors over HTTP, until a signal stops them.

use crate::config::Config;
use crate::context::{self, Context, Opened};
use crate::failure::Problem;
use crate::files;
use crate::kinds::{Running, for_running};
use anyhow::Context as _;
use bartizan_pipeline::LifeCycle;
use bartizan_server::{Listening, Mounts, Server, ServerConfig};
use clap::Args;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// Serve the detectors over HTTP.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Address to listen on, such as 127.0.0.1:8000; port 0 takes a free one, which the log names.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Detectors to serve [default: all].
    #[arg(long, value_name = "NAME,…")]
    only: Option<String>,
    /// Detector that is also mounted at `/`.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// File whose first line is the bearer token that clients must send.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// What a verdict survives before it is answered: process or power.
    #[arg(long, value_name = "WHAT")]
    durability: Option<String>,
}

/// Serves until stopped.
pub(crate) async fn run(mut context: Context, flags: Flags) -> anyhow::Result<()> {
    listen(&mut context, flags.listen)?;
    context.set("server.only", flags.only, "--only");
    context.set("server.root", flags.root, "--root");
    context.set("server.token_file", flags.token_file, "--token-file");
    context.set("storage.durability", flags.durability, "--durability");
    let config = context.config()?;
    // First of all: where the port is taken, nothing is made, opened or learned.
    let listening = take_port(&config).await?;
    let _log = crate::logging::start(&config)?;
    files::raise_open_files();
    let mut stop = std::pin::pin!(stop_signal());
    let served = tokio::select! {
        biased;
        () = stop.as_mut() => {
            info!("stopped before the start was done");
            return Ok(());
        }
        served = Served::open(&config, listening) => served?,
    };
    let done = served.until(stop).await;
    info!("stopped");
    done
}

/// Splits `--listen` into the two settings that it stands for.
pub(crate) fn listen(context: &mut Context, address: Option<String>) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    let parts = address.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let Some((host, port)) = parts else {
        let problem = Problem::usage(format!("--listen {address:?} is not an address; expected HOST:PORT"));
        return Err(problem.advise("try --listen 127.0.0.1:8000, or --listen [::1]:8000").into());
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    context.set("server.host", Some(host), "--listen");
    context.set("server.port", Some(port.to_owned()), "--listen");
    Ok(())
}

/// A server that is bound but does not answer yet.
pub(crate) struct Served {
    server: Server,
    opened: Opened,
    /// All detectors, also those that are not served.
    detectors: Vec<Arc<dyn LifeCycle>>,
    /// Those that are served, for callers that use them without HTTP.
    pub(crate) mounted: Vec<Running>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Opens store and detectors behind a port that is already bound.
    pub(crate) async fn open(config: &Config, listening: Listening) -> anyhow::Result<Self> {
        let opened = context::open_store(&config.database, config.survive_power_loss)?;
        let (mut detectors, mut mounted, mut mounts) = (Vec::new(), Vec::new(), Mounts::default());
        for detector in &config.detectors {
            let running = Running::open(detector.which, detector.settings.clone(), &opened).await?;
            detectors.push(running.life());
            if config.is_served(detector.name()) {
                for_running!(&running, instance => {
                    context::prepare(instance).await?;
                    mounts.add(Arc::clone(instance));
                });
                mounted.push(running);
            }
        }
        let server = listening.serve(mounts, context::clock())?;
        let address = server.local_addr();
        Ok(Self { server, opened, detectors, mounted, address })
    }

    /// Serves until `stop`, then finishes what runs and closes the store.
    pub(crate) async fn until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let all = self.detectors;
        for detector in self.mounted.iter().map(Running::life) {
            let model = detector.active().map(|model| model.version);
            info!(detector = %detector.name(), model = %model.as_deref().unwrap_or("none"), "ready");
        }
        info!(address = %self.address, "listening on http://{}", self.address);
        all.iter().for_each(|detector| detector.start());
        let stopped = async {
            stop.await;
            // What has not been learned by now would hold up the end for minutes.
            all.iter().for_each(|detector| detector.close_trainings());
        };
        let done = self.server.run(stopped).await;
        for detector in &all {
            detector.close().await;
        }
        self.opened.close().await;
        done.context("the server failed")
    }
}

/// Binds the port; clients that connect wait until the server is ready.
pub(crate) async fn take_port(config: &Config) -> anyhow::Result<Listening> {
    Ok(Server::listen(resolve(config)?).await?)
}

fn resolve(config: &Config) -> anyhow::Result<ServerConfig> {
    let mut server = config.server.clone();
    let found = (config.host.as_str(), config.port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let Some(listen) = found else {
        let problem = Problem::usage(format!("server.host {:?} is neither an address nor a name that can be looked up", config.host));
        return Err(problem.advise("try 127.0.0.1 for this machine only, or 0.0.0.0 with a token for all").into());
    };
    server.listen = listen;
    Ok(server)
}

/// Completes at SIGTERM or SIGINT. The handlers are installed by the call, not when it is first awaited, so that a signal during
/// the start stops the server in order too.
pub(crate) fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    let listen = |kind: SignalKind| signal(kind).inspect_err(|error| warn!(%error, "a stop signal cannot be listened for")).ok();
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    async fn received(from: &mut Option<Signal>) {
        match from {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    async move {
        tokio::select! {
            () = received(&mut interrupt) => info!("interrupted; finishing what runs"),
            () = received(&mut terminate) => info!("stopping on a signal; finishing what runs"),
        }
    }
}
