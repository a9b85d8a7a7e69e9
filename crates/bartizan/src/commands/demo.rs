//! `bartizan demo`: everything at once, on generated data.

use crate::client::{Client, Reply};
use crate::commands::serve::{self, Served, stop_signal};
use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::for_running;
use crate::live::{self, Live, Source};
use crate::logging;
use crate::output::{self, Output, clean, note};
use crate::records::Loaded;
use anyhow::Context as _;
use bartizan_core::Seed;
use bartizan_domains::kind::{Kind, Plan};
use bartizan_pipeline::{ColdStart, Instance, LifeCycle as _, TrainRequest};
use clap::Args;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Events that each detector is trained on.
const HISTORY: usize = 4_000;
/// Share of attacks in the traffic, so that something happens while you watch.
const ATTACK_SHARE: f64 = 0.15;
/// Events of the most frequent kind generated at once, with others between them; traffic goes on with the next batch.
const BATCH: usize = 500;
/// Seconds of event time between them: the history covers a whole day, and live traffic runs through days in minutes.
const GAP_SECS: f64 = 86_400.0 / HISTORY as f64;

/// Show everything at once: served detectors, trained on generated data, with live traffic that contains attacks.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Events a second.
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    rate: f64,
    /// Stop after this many events [default: go on until stopped].
    #[arg(long, value_name = "N")]
    events: Option<usize>,
    /// Seed of the generated data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Counts of the traffic that was sent.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: usize,
    attacks: usize,
    caught: usize,
    false_alarms: usize,
}

/// Trains, serves, and sends traffic.
pub(crate) async fn run(mut context: Context, flags: Flags) -> anyhow::Result<()> {
    serve::listen(&mut context, flags.listen.clone())?;
    let folder = tempfile::tempdir()?;
    if !context.names_data_dir() {
        context.set("storage.data_dir", Some(folder.path().display().to_string()), "(demo)");
    }
    let config = configure(&context)?;
    let listening = serve::take_port(&config).await?;
    let _log = logging::start(&config)?;
    let served = Served::open(&config, listening).await?;
    for running in &served.mounted {
        for_running!(running, instance => prepare(instance, flags.seed).await?);
    }
    let sources: Vec<Source> = served.mounted.iter().map(Source::of).collect();
    let address = served.address;
    let token = config.server.token.clone();
    if !context.output.json {
        greet(&config, &sources, address);
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let sender = tokio::spawn(send((address, token), sources, flags, context.output, Arc::clone(&tally), stop));
    let signalled = stop_signal();
    let interrupted = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&interrupted);
    served
        .until(async move {
            tokio::select! { _ = stopped => {}, () = signalled => noted.store(true, Ordering::Release) }
        })
        .await?;
    // When a signal stops the server, its connections close under the traffic, which is not an error.
    if interrupted.load(Ordering::Acquire) {
        sender.abort();
    } else {
        sender.await??;
    }
    let tally = *tally.lock().unwrap_or_else(PoisonError::into_inner);
    finish(context.output, tally)
}

/// Returns the configuration, with the defaults of the demo in place of the usual ones.
fn configure(context: &Context) -> anyhow::Result<Config> {
    let layers = context.layers();
    let is_default = |path: &str| layers.origin(path) == crate::config::Origin::Default;
    let (max_ahead, level) = (is_default("events.max_ahead_secs"), is_default("log.level"));
    let names = layers.detector_names().map(str::to_owned);
    let learn: Vec<String> = names.filter(|name| is_default(&format!("detectors.{name}.cold_start"))).collect();
    let mut config = crate::config::resolve(layers)?;
    for detector in &mut config.detectors {
        if max_ahead {
            // A generated day takes less than one.
            detector.settings.max_ahead_secs = u64::MAX;
        }
        if learn.iter().any(|name| name == detector.name()) {
            detector.settings.cold_start = ColdStart::Learn;
        }
    }
    if level {
        "warn".clone_into(&mut config.log_level);
    }
    Ok(config)
}

/// Trains the first model, unless the data folder has one or the detector has trained itself.
async fn prepare<D: Kind>(instance: &Arc<Instance<D>>, seed: u64) -> anyhow::Result<()> {
    if instance.active().is_some() {
        return Ok(());
    }
    let plan = Plan { rows: HISTORY, attack_share: 0.0, start: context::clock().now().plus_secs(-86_400), gap_secs: GAP_SECS };
    note(&format!("Learning what is normal from {HISTORY} generated {} …", D::EVENTS));
    let history: Loaded<D> = D::generate(plan, Seed(seed)).into_iter().collect();
    let history = history.only_normal();
    instance.import(if D::INDEPENDENT { history.into_labelled() } else { history.without_labels() }).await?;
    let report = instance.train(TrainRequest { contamination: Some(0.01), use_labels: true, ..TrainRequest::default() }).await?;
    note(&format!("Model {} is ready after {:.1} s.", report.version, report.duration_secs));
    Ok(())
}

fn greet(config: &Config, sources: &[Source], address: SocketAddr) {
    let traffic = live::names(sources);
    note(&format!(
        "\nBartizan listens on http://{address}\n\
         \n  open   http://{address}/docs           every call, to try in the browser\
         \n         http://{address}/metrics        Prometheus\
         \n         http://{address}/requests/audit?is_anomaly=true   what was caught so far\
         \n  try    curl -s '{address}/requests/analyze?explain=true' -H 'content-type: application/json' -d '\
         {{\"request_id\":\"try-1\",\"ip_address\":\"198.51.100.9\",\"endpoint\":\"/api/admin/delete\",\"http_method\":\"DELETE\",\
         \"headers\":{{\"User-Agent\":\"BadBot/1.0\"}},\"payload\":{{\"table\":\"users\"}}}}'\
         \n  data   {}\
         \n\nLive traffic follows: {traffic}, about one in {:.0} an attack. Ctrl-C stops.\n",
        output::path(&config.data_dir),
        1.0 / ATTACK_SHARE
    ));
}

/// Posts traffic at a steady rate and prints what is caught. Dropping `stop` at the end stops the server.
async fn send(
    (address, token): (SocketAddr, Option<String>),
    sources: Vec<Source>,
    flags: Flags,
    output: Output,
    tally: Arc<Mutex<Tally>>,
    stop: oneshot::Sender<()>,
) -> anyhow::Result<()> {
    let mut client = Client::connect(address).await?;
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / flags.rate.clamp(0.01, 100_000.0)));
    let (most, mut sent) = (flags.events.unwrap_or(usize::MAX), 0);
    let mut plan = Plan { rows: BATCH, attack_share: ATTACK_SHARE, start: context::clock().now(), gap_secs: GAP_SECS };
    for batch in 1_u64.. {
        for event in live::batch(&sources, plan, Seed(flags.seed).derive(batch)) {
            if sent >= most {
                drop(stop);
                return Ok(());
            }
            sent += 1;
            pace.tick().await;
            plan.start = plan.start.max(event.time);
            let reply = client.post(&event.path, token.as_deref(), event.body.as_bytes()).await?;
            report(&event, &reply, output, &mut tally.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
    }
    Ok(())
}

/// Counts one answer, and prints it when something was caught or wrongly alarmed.
fn report(event: &Live, reply: &Reply, output: Output, tally: &mut Tally) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(&reply.body).context("the server's answer is not JSON")?;
    anyhow::ensure!(reply.status == 200, "the server answered {}: {answer}", reply.status);
    let attack_type = answer["attack_type"].as_str();
    let is_anomaly = match attack_type {
        Some(class) => class != "Normal",
        None => answer["isAnomaly"] == true || answer["is_anomaly"] == true,
    };
    tally.sent += 1;
    tally.attacks += usize::from(event.is_attack);
    tally.caught += usize::from(event.is_attack && is_anomaly);
    tally.false_alarms += usize::from(!event.is_attack && is_anomaly);
    if output.json || !(event.is_attack || is_anomaly) {
        return Ok(());
    }
    let word = match (event.is_attack, is_anomaly) {
        (true, true) => "caught     ",
        (true, false) => "missed     ",
        _ => "false alarm",
    };
    let sure = answer["certainty"].as_f64().or(answer["confidence"].as_f64()).unwrap_or_default() * 100.0;
    let what = match attack_type {
        Some(class) => format!("{} {class}, risk {}", event.detector, answer["risk_score"]),
        None => event.what.clone(),
    };
    let why = answer["reasons"][0]["text"].as_str().unwrap_or_default();
    let line = format!("{word}  {:<15}  sure {sure:3.0} %  {:<56}  {}", clean(&event.client, 15), clean(&what, 56), clean(why, 100));
    output.print(&Value::Null, || line)?;
    Ok(())
}

fn finish(output: Output, tally: Tally) -> anyhow::Result<()> {
    let Tally { sent, attacks, caught, false_alarms } = tally;
    if sent == 0 {
        return Ok(());
    }
    let value = json!({"events": sent, "attacks": attacks, "caught": caught, "false_alarms": false_alarms});
    Ok(output.print(&value, || format!("\n{sent} events, {attacks} attacks, {caught} caught, false alarms: {false_alarms}."))?)
}
