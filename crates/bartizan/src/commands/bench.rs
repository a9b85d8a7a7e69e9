//! `bartizan bench`: what this machine does.

use crate::client;
use crate::commands::serve::{self, Served};
use crate::context::{self, Context};
use crate::kinds::{Running, Which};
use crate::load::{self, Measured};
use crate::output;
use crate::records::Loaded;
use anyhow::bail;
use bartizan_core::{AnomalyScore, Detector as _, Estimator as _, FeatureSchema, Samples, Seed};
use bartizan_domains::kind::{Kind as _, Plan};
use bartizan_domains::requests::Requests;
use bartizan_estimators::{IsolationForest, Kernel, kernel_name};
use bartizan_pipeline::{LifeCycle as _, TrainRequest};
use clap::Args;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Runs of which the median is taken.
const RUNS: usize = 5;
/// Requests that the clients send in turn.
const REQUESTS: usize = 2_000;
/// Seconds between them, which end now.
const GAP_SECS: i64 = 3;

/// Measure this machine: the isolation forest alone, and the whole service over loopback.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Clients at once; several runs when given more than once.
    #[arg(long, value_name = "N", default_values_t = [1, 16, 64], value_delimiter = ',')]
    clients: Vec<usize>,
    /// Seconds of load for each number of clients.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// Rows that the isolation forest scores.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    rows: usize,
    /// Only the isolation forest.
    #[arg(long, conflicts_with = "service_only")]
    kernel_only: bool,
    /// Only the service.
    #[arg(long)]
    service_only: bool,
}

/// The isolation forest at one width.
#[derive(Debug, Serialize)]
struct KernelFigures {
    features: usize,
    rows: usize,
    kernel: &'static str,
    rows_per_sec: f64,
    portable_rows_per_sec: f64,
    all_threads_rows_per_sec: f64,
    one_row_us: f64,
    fit_ms: f64,
}

#[derive(Debug, Serialize)]
struct Figures {
    isolation_forest: Vec<KernelFigures>,
    service: Vec<Measured>,
}

/// Measures it.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let mut figures = Figures { isolation_forest: Vec::new(), service: Vec::new() };
    if !flags.service_only {
        for features in [10, 78] {
            let bar = output::progress(0, "scoring");
            figures.isolation_forest.push(tokio::task::block_in_place(|| kernel(flags.rows.max(1), features))?);
            bar.finish_and_clear();
        }
    }
    if !flags.kernel_only {
        figures.service = service(&context, &flags).await?;
    }
    Ok(context.output.print(&serde_json::to_value(&figures)?, || text(&figures))?)
}

fn kernel(rows: usize, features: usize) -> anyhow::Result<KernelFigures> {
    let values = clusters(rows, features);
    let samples = Samples::new(&values, features)?;
    let schema = FeatureSchema::unnamed(features);
    let estimator = IsolationForest::default();
    let fit = median(|| estimator.fit(&schema, samples, Seed(1)).map(drop))?;
    let forest = estimator.fit(&schema, samples, Seed(1))?;
    let mut out = vec![AnomalyScore(0.0); rows];
    let auto = median(|| forest.score_with(Kernel::Auto, samples, &mut out))?;
    let portable = median(|| forest.score_with(Kernel::Portable, samples, &mut out))?;
    let threads = median(|| forest.score(samples, &mut out))?;
    let one = Samples::new(&values[..features], features)?;
    let calls = 10_000;
    let single = median(|| (0..calls).try_for_each(|_| forest.score(one, &mut out[..1])))?;
    let rate = |secs: f64| rows as f64 / secs;
    Ok(KernelFigures {
        features,
        rows,
        kernel: kernel_name(),
        rows_per_sec: rate(auto),
        portable_rows_per_sec: rate(portable),
        all_threads_rows_per_sec: rate(threads),
        one_row_us: single / f64::from(calls) * 1e6,
        fit_ms: fit * 1e3,
    })
}

/// Rows around five centres, each number the middle of several uniform ones.
fn clusters(rows: usize, features: usize) -> Vec<f32> {
    let uniform = |index: u64| (Seed(1).derive(index).0 >> 40) as f32 / (1_u32 << 24) as f32;
    let centre = |row: usize, feature: usize| 8.0 * uniform(((row % 5) * 1_000 + feature) as u64) - 4.0;
    let noise = |at: usize| (0..4).map(|part| uniform((1 << 32) + (4 * at + part) as u64)).sum::<f32>() - 2.0;
    (0..rows * features).map(|at| centre(at / features, at % features) + noise(at)).collect()
}

/// Median seconds of several runs, after one that is not counted.
fn median<E>(mut run: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    run()?;
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[RUNS / 2])
}

/// The server in this process, on a free port and in a temporary folder, trained on generated requests.
async fn service(context: &Context, flags: &Flags) -> anyhow::Result<Vec<Measured>> {
    let folder = tempfile::tempdir()?;
    let mut config = context.quiet_config()?;
    config.database = folder.path().join("bench.db");
    config.server.token = None;
    "127.0.0.1".clone_into(&mut config.host);
    config.port = 0;
    // Only the detector that is measured, wherever the configuration would serve it.
    config.detectors.retain(|detector| detector.which == Which::Requests);
    config.detectors.truncate(1);
    (config.only, config.server.root) = (Vec::new(), None);
    let served = Served::open(&config, serve::take_port(&config).await?).await?;
    let start = context::clock().now().plus_secs(-GAP_SECS * REQUESTS as i64);
    let plan = |attack_share| Plan { rows: REQUESTS, attack_share, start, gap_secs: GAP_SECS as f64, traffic: "" };
    let history: Loaded<Requests> = Requests::generate(plan(0.0), Seed(1)).into_iter().collect();
    let Some(Running::Requests(detector)) = served.mounted.first() else { bail!("there is no detector of requests to measure") };
    detector.import(history.without_labels()).await?;
    detector.train(TrainRequest::default()).await?;
    let bodies = Requests::generate(plan(0.05), Seed(2));
    let requests = bodies.iter().map(|record| client::request("/requests/analyze", None, Requests::body(record).to_string().as_bytes()));
    let requests: Arc<Vec<_>> = Arc::new(requests.collect());
    let address = served.address;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(served.until(async { drop(stopped.await) }));
    let time = Duration::from_secs_f64(flags.seconds.clamp(0.1, 3600.0));
    let mut measured = Vec::new();
    for clients in &flags.clients {
        let bar = output::progress(0, &format!("{clients} clients"));
        measured.push(load::run(address, Arc::clone(&requests), (*clients).max(1), time).await?);
        bar.finish_and_clear();
    }
    drop(stop);
    server.await??;
    Ok(measured)
}

fn text(figures: &Figures) -> String {
    let millions = |rate: f64| format!("{:.2} M", rate / 1e6);
    let forest = figures.isolation_forest.iter().map(|f| {
        vec![
            f.features.to_string(),
            format!("{} ({})", millions(f.rows_per_sec), f.kernel),
            millions(f.portable_rows_per_sec),
            millions(f.all_threads_rows_per_sec),
            format!("{:.2} us", f.one_row_us),
            format!("{:.1} ms", f.fit_ms),
        ]
    });
    let forest = output::table(&["features", "rows/s, one thread", "portable", "all threads", "one row", "fit"], forest);
    let service = figures.service.iter().map(|m| {
        let ms = |time: f64| format!("{time:.2} ms");
        vec![m.clients.to_string(), format!("{:.0}", m.requests_per_sec), ms(m.p50_ms), ms(m.p99_ms), ms(m.max_ms)]
    });
    let service = output::table(&["clients", "requests/s", "p50", "p99", "slowest"], service);
    let mut parts = Vec::new();
    if !figures.isolation_forest.is_empty() {
        parts.push(format!("Isolation forest, 100 trees of 256 rows\n{forest}"));
    }
    if !figures.service.is_empty() {
        parts.push(format!("POST /requests/analyze over loopback, every verdict on disk before its answer\n{service}"));
    }
    parts.join("\n\n")
}
