//! `bartizan demo`: everything at once, on generated data. It starts from nothing: detectors learn by themselves from a day of traffic that is
//! sent as fast as it is answered, then traffic with many attacks goes on as fast as one can watch.

use crate::client::{Client, Reply};
use crate::commands::serve::{self, Served, stop_signal};
use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::Running;
use crate::live::{self, Live, Source};
use crate::logging;
use crate::output::{self, Output, clean, note};
use anyhow::Context as _;
use bartizan_core::Seed;
use bartizan_domains::kind::Plan;
use bartizan_pipeline::{ColdStart, LifeCycle};
use clap::Args;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Events of the most frequent kind, with others between them, that are learned from at the beginning.
const HISTORY: usize = 4_000;
/// Share of attacks in the traffic then, so that something happens while you watch.
const ATTACK_SHARE: f64 = 0.15;
/// Share of normal events that may be flagged.
const FALSE_ALARMS: f64 = 0.01;
/// Events between two looks at how far the detectors are.
const LOOKS: usize = 500;
/// Between two looks at whether a training has ended.
const PATIENCE: Duration = Duration::from_millis(20);
/// Events of the most frequent kind generated at once, with others between them; traffic goes on with the next batch.
const BATCH: usize = 500;
/// Seconds of event time between them: the history covers a whole day, and live traffic runs through days in minutes.
const GAP_SECS: f64 = 86_400.0 / HISTORY as f64;

/// Show everything at once: detectors that start from nothing, learn what is normal from generated traffic, and judge live traffic that contains attacks.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Events a second.
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    rate: f64,
    /// Stop after this many live events [default: go on until stopped].
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

/// Serves, lets it learn, and sends traffic.
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
    let sources: Vec<Source> = served.mounted.iter().map(Source::of).collect();
    let address = served.address;
    if !context.output.json {
        greet(&config, address);
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let learners = served.mounted.iter().map(Running::life).filter(|life| life.active().is_none()).collect();
    let sending = Sending {
        address,
        token: config.server.token.clone(),
        sources,
        learners,
        flags,
        output: context.output,
        tally: Arc::clone(&tally),
    };
    let sender = tokio::spawn(sending.run(stop));
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
    let of_default = |key: &str| -> Vec<String> {
        layers.detector_names().filter(|name| is_default(&format!("detectors.{name}.{key}"))).map(str::to_owned).collect()
    };
    let (learn, share) = (of_default("cold_start"), of_default("contamination"));
    let mut config = crate::config::resolve(layers)?;
    for detector in &mut config.detectors {
        if max_ahead {
            // A generated day takes less than one.
            detector.settings.max_ahead_secs = u64::MAX;
        }
        if learn.iter().any(|name| name == detector.name()) {
            detector.settings.cold_start = ColdStart::Learn;
        }
        if share.iter().any(|name| name == detector.name()) {
            detector.settings.contamination = FALSE_ALARMS.try_into()?;
        }
    }
    if level {
        "warn".clone_into(&mut config.log_level);
    }
    Ok(config)
}

fn greet(config: &Config, address: SocketAddr) {
    note(&format!(
        "Bartizan listens on http://{address}\n\
         \n  open   http://{address}/docs           every call, to try in the browser\
         \n         http://{address}/metrics        Prometheus\
         \n         http://{address}/requests/status                   how far learning is, and how the rate of alarms is held\
         \n         http://{address}/requests/audit?is_anomaly=true   what was caught so far\
         \n  try    curl -s '{address}/requests/analyze?explain=true' -H 'content-type: application/json' -d '\
         {{\"request_id\":\"try-1\",\"ip_address\":\"198.51.100.9\",\"endpoint\":\"/api/admin/delete\",\"http_method\":\"DELETE\",\
         \"headers\":{{\"User-Agent\":\"BadBot/1.0\"}},\"payload\":{{\"table\":\"users\"}}}}'\
         \n  data   {}\n",
        output::path(&config.data_dir),
    ));
}

/// What is sent, where to, and what came of it.
struct Sending {
    address: SocketAddr,
    token: Option<String>,
    sources: Vec<Source>,
    /// Detectors that have no model yet.
    learners: Vec<Arc<dyn LifeCycle>>,
    flags: Flags,
    output: Output,
    tally: Arc<Mutex<Tally>>,
}

impl Sending {
    /// Posts what is learned from, then traffic at a steady rate, and prints what is caught. Dropping `stop` at the end stops the server.
    async fn run(self, stop: oneshot::Sender<()>) -> anyhow::Result<()> {
        let mut client = Client::connect(self.address).await?;
        if !self.learners.is_empty() {
            self.learn(&mut client).await?;
        }
        self.say(&format!(
            "Live traffic follows: {}, about one in {:.0} an attack. Ctrl-C stops.\n",
            live::names(&self.sources),
            1.0 / ATTACK_SHARE
        ));
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / self.flags.rate.clamp(0.01, 100_000.0)));
        let (most, mut sent) = (self.flags.events.unwrap_or(usize::MAX), 0);
        let mut plan = Plan { rows: BATCH, attack_share: ATTACK_SHARE, start: context::clock().now(), gap_secs: GAP_SECS, traffic: "" };
        for batch in 1_u64.. {
            for event in live::batch(&self.sources, plan, Seed(self.flags.seed).derive(batch)) {
                if sent >= most {
                    drop(stop);
                    return Ok(());
                }
                sent += 1;
                pace.tick().await;
                plan.start = plan.start.max(event.time);
                let reply = self.post(&mut client, &event).await?;
                report(&event, &reply, self.output, &mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))?;
            }
        }
        Ok(())
    }

    async fn post(&self, client: &mut Client, event: &Live) -> anyhow::Result<Value> {
        let Reply { status, body, .. } = client.post(&event.path, self.token.as_deref(), event.body.as_bytes()).await?;
        let answer: Value = serde_json::from_slice(&body).context("the server's answer is not JSON")?;
        anyhow::ensure!(status == 200, "the server answered {status}: {answer}");
        Ok(answer)
    }

    /// A day of traffic, of which detectors without a model make one by themselves.
    async fn learn(&self, client: &mut Client) -> anyhow::Result<()> {
        let plan =
            Plan { rows: HISTORY, attack_share: 0.0, start: context::clock().now().plus_secs(-86_400), gap_secs: GAP_SECS, traffic: "" };
        self.say("Nothing is learned yet. A day of ordinary traffic, generated, comes first, as fast as it is answered.");
        let sources: Vec<Source> =
            self.sources.iter().filter(|source| self.learners.iter().any(|life| life.name() == source.name())).cloned().collect();
        let mut at_work = vec![None; self.learners.len()];
        for (sent, event) in live::batch(&sources, plan, Seed(self.flags.seed)).into_iter().enumerate() {
            self.post(client, &event).await?;
            if (sent + 1).is_multiple_of(LOOKS) {
                self.look(&mut at_work);
            }
        }
        // The rate of alarms is that of the models that learned from all of it.
        while self.learners.iter().any(|life| life.trainings_under_way() > 0) {
            tokio::time::sleep(PATIENCE).await;
        }
        self.look(&mut at_work);
        Ok(())
    }

    /// Says how far the learners are, where it is not what was said before.
    fn look(&self, at_work: &mut [Option<String>]) {
        for (life, said) in self.learners.iter().zip(at_work) {
            let name = life.name();
            match (life.active(), life.learning()) {
                (Some(model), _) if said.as_ref() != Some(&model.version) => {
                    let asked = life.held().map_or(FALSE_ALARMS, |held| held.asked);
                    let (version, samples) = (&model.version, model.training_samples);
                    self.say(&format!(
                        "  {name:<9} model {version} of {samples} events; about {} of the normal ones are to be flagged",
                        percent(asked)
                    ));
                    *said = Some(model.version);
                }
                (None, Some(learning)) if learning.events < learning.needed => {
                    let (events, needed, allows) = (learning.events, learning.needed, percent(learning.allows));
                    self.say(&format!(
                        "  {name:<9} learning: {events} of {needed} events; the false alarms of these could be kept to {allows}"
                    ));
                }
                _ => {}
            }
        }
    }

    fn say(&self, text: &str) {
        if !self.output.json {
            note(text);
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Counts one answer, and prints it when something was caught or wrongly alarmed.
fn report(event: &Live, answer: &Value, output: Output, tally: &mut Tally) -> anyhow::Result<()> {
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
    Ok(output.print(&value, || {
        let normal = (sent - attacks).max(1);
        let share = percent(false_alarms as f64 / normal as f64);
        format!("\n{sent} events, {attacks} attacks, {caught} caught, false alarms: {false_alarms} ({share} of the normal events).")
    })?)
}
