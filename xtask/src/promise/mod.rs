//! `cargo xtask promise`: whether alarm rates, labels, cold start, hygiene and confidence hold, measured over HTTP on the running program, with events
//! in the order of time.
//!
//! Every measurement is a job with a server of its own on data of its own, so that jobs run beside each other and none depends on another.

mod cold_start;
mod confidence;
mod extremes;
mod first_hours;
mod hygiene;
mod labels;
mod public_flows;
mod rates;
mod report;
pub(crate) mod section;
mod streams;
mod tally;
mod ties;
mod trial;
mod u11_logins;

use crate::quality;
use crate::serve::binary_or_built;
use anyhow::{Context, ensure};
use report::Row;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// The program to measure [default: the release build of this workspace, which is built].
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Folder of public sets; without it only generated streams are sent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Only these promises, such as U1,U3.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// File to write the table to, beside standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write the table into docs/QUALITY.md.
    #[arg(long, conflicts_with_all = ["only", "quick"])]
    document: bool,
    /// Fewer settings and shorter streams.
    #[arg(long)]
    quick: bool,
    /// Repetitions with other streams.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Servers at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Every algorithm instead of the default one, where a promise is one of detectors.
    #[arg(long)]
    all_algorithms: bool,
}

/// What jobs need to know.
#[derive(Clone, Debug)]
struct Setup {
    binary: PathBuf,
    data: Option<PathBuf>,
    quick: bool,
    seeds: u64,
    all_algorithms: bool,
}

impl Setup {
    /// One of two sizes: of a whole run and of a quick one.
    fn size<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// The name of a stream, with its seed where there are several.
    fn named(&self, stream: &str, seed: u64) -> String {
        if self.seeds > 1 { format!("{stream}, seed {seed}") } else { stream.to_owned() }
    }
}

type Run = Box<dyn Fn(&Setup) -> anyhow::Result<Vec<Row>> + Send + Sync>;

/// A measurement that depends on no other one.
struct Job {
    promise: &'static str,
    stream: String,
    run: Run,
}

impl Job {
    fn new(
        promise: &'static str,
        stream: impl Into<String>,
        run: impl Fn(&Setup) -> anyhow::Result<Vec<Row>> + Send + Sync + 'static,
    ) -> Self {
        Self { promise, stream: stream.into(), run: Box::new(run) }
    }

    /// Runs it; an error is a promise that is not held.
    fn rows(&self, setup: &Setup) -> Vec<Row> {
        let failed = |error: anyhow::Error| vec![Row::new(self.promise, &self.stream, format!("{error:#}")).met("runs", false)];
        (self.run)(setup).unwrap_or_else(failed)
    }
}

type Jobs = fn(&Setup) -> Vec<Job>;

/// Each promise with its measurements.
const PROMISES: [(&str, Jobs); 10] = [
    ("U1", rates::jobs),
    ("U2", first_hours::jobs),
    ("U3", cold_start::jobs),
    ("U4", labels::jobs),
    ("U5", hygiene::jobs),
    ("U6", public_flows::jobs),
    ("U7", extremes::jobs),
    ("U8", confidence::jobs),
    ("U9", ties::jobs),
    ("U11", u11_logins::jobs),
];

/// The algorithms that a promise of detectors is measured with: the default one, which has no name here, and some more or all others.
fn algorithms(setup: &Setup, more: &[&str]) -> Vec<Option<String>> {
    let all = setup.all_algorithms.then(quality::unsupervised).and_then(Result::ok);
    let named = all.unwrap_or_else(|| more.iter().map(|name| (*name).to_owned()).collect());
    std::iter::once(None).chain(named.into_iter().map(Some)).collect()
}

/// Measures; true when every promise holds.
pub(crate) fn run(root: &Path, plan: &Plan) -> anyhow::Result<bool> {
    let unknown = plan.only.iter().find(|only| PROMISES.iter().all(|(name, _)| !only.eq_ignore_ascii_case(name)));
    ensure!(unknown.is_none(), "no promise {}", unknown.map_or("", String::as_str));
    let binary = binary_or_built(root, plan.binary.as_deref())?;
    let setup = Setup { binary, data: plan.data.clone(), quick: plan.quick, seeds: plan.seeds.max(1), all_algorithms: plan.all_algorithms };
    let wanted = PROMISES.iter().filter(|(name, _)| plan.only.is_empty() || plan.only.iter().any(|only| only.eq_ignore_ascii_case(name)));
    let jobs: Vec<Job> = wanted.flat_map(|(_, jobs)| jobs(&setup)).collect();
    let rows = measured(&setup, &jobs, plan.jobs);
    let text = report::document(&rows);
    if let Some(out) = &plan.out {
        std::fs::write(out, &text).with_context(|| out.display().to_string())?;
    }
    if plan.document {
        section::write(&root.join("docs/QUALITY.md"), &rows)?;
    }
    println!("{text}");
    Ok(report::all_hold(&rows))
}

/// Runs all jobs, some at once; returns their lines in the order of the jobs.
fn measured(setup: &Setup, jobs: &[Job], at_once: usize) -> Vec<Row> {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Relaxed);
            let Some(job) = jobs.get(at) else { return };
            let rows = job.rows(setup);
            for row in &rows {
                eprintln!("{:>6.1} s  {}", began.elapsed().as_secs_f64(), row.progress());
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).push((at, rows));
        }
    };
    std::thread::scope(|scope| (0..at_once.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().flat_map(|(_, rows)| rows).collect()
}
