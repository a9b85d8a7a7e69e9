//! `cargo xtask quality --data DIR`: how well the algorithms tell anomalies, with default settings, beside measured baselines.

mod baselines;
mod logs;
mod npz;
mod report;
mod sets;
mod split;

use crate::promise::section::PROMISES;
use crate::serve::binary_or_built;
use anyhow::Context;
use bartizan_core::{AnomalyScore, FeatureSchema, Samples, Seed};
use bartizan_estimators::{Algorithm, RawParams, metrics};
use split::Split;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Repetitions with other splits and seeds, whose mean is given.
const SEEDS: u64 = 3;
/// Parts of the training rows that held-back scores are made in.
const FOLDS: usize = 5;
/// False-alarm rates that are asked for.
const ASKED: [f64; 2] = [0.1, 0.01];

/// How many of the worst test rows ties are counted among.
const WORST: usize = 1_000;

/// Share of anomalies that is announced for training rows with anomalies among them, as PyOD's default is.
const CONTAMINATED: f64 = 0.1;

/// What one algorithm reached on one set.
#[derive(Clone, Copy, Debug, Default)]
struct Measures {
    roc_auc: f64,
    average_precision: f64,
    recall_at_1_percent: f64,
    best_f1: f64,
    /// Realised share of normal test rows above the threshold for each of [`ASKED`], over the share asked for.
    realised: [f64; 2],
    /// Share of the [`WORST`] different test rows whose score another one of them has too.
    ties: f64,
    seconds: f64,
}

/// One algorithm with its measures on each set, in the order of the sets.
struct Line {
    algorithm: String,
    measures: Vec<Measures>,
}

/// What is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Folder that holds the sets.
    #[arg(long)]
    data: PathBuf,
    /// Only these algorithms; prints the document instead of writing it.
    #[arg(long, value_delimiter = ',')]
    algorithm: Vec<String>,
    /// Measure the detector of log entries against static rules instead, and print that section.
    #[arg(long, conflicts_with = "algorithm")]
    logs: bool,
    /// The program to measure with --logs [default: the release build of this workspace, which is built].
    #[arg(long, requires = "logs")]
    binary: Option<PathBuf>,
    /// Repetitions of --logs with other traffic.
    #[arg(long, default_value_t = 5, requires = "logs")]
    seeds: u64,
    /// Write the section of --logs into docs/QUALITY.md.
    #[arg(long, requires = "logs")]
    document: bool,
}

/// Measures what the plan asks for.
pub(crate) fn run(root: &Path, plan: &Plan) -> anyhow::Result<()> {
    if plan.logs {
        let binary = binary_or_built(root, plan.binary.as_deref())?;
        return logs::run(root, &plan.data, &binary, plan.seeds.max(1), plan.document);
    }
    algorithms(root, &plan.data, &plan.algorithm)
}

/// Measures the algorithms, or all of them when none is named, and writes `docs/QUALITY.md`; figures of
/// named ones are printed instead.
fn algorithms(root: &Path, data: &Path, algorithms: &[String]) -> anyhow::Result<()> {
    let names: Vec<String> = match algorithms {
        [] => unsupervised()?,
        named => named.to_vec(),
    };
    let benchmark = sets::benchmark(data)?;
    let (mut on_benchmark, mut one_class) = (Vec::new(), Vec::new());
    for name in &names {
        let all = benchmark.iter().map(|set| mean_of(name, CONTAMINATED, false, |seed| sets::benchmark_split(data, set, seed)));
        on_benchmark.push(Line { algorithm: name.clone(), measures: all.collect::<anyhow::Result<_>>()? });
        let all = sets::ONE_CLASS.iter().map(|set| mean_of(name, 0.0, true, |seed| set.split(data, seed)));
        one_class.push(Line { algorithm: name.clone(), measures: all.collect::<anyhow::Result<_>>()? });
        eprintln!("{}", report::progress(on_benchmark.last().zip(one_class.last())));
    }
    let baselines = baselines::read(data)?;
    let path = root.join("docs/QUALITY.md");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let kept: Vec<&str> = [PROMISES, logs::SECTION].iter().filter_map(|section| section.find(&before)).collect();
    let text = report::document(&benchmark, &on_benchmark, &one_class, &baselines, &kept.join("\n"));
    if !algorithms.is_empty() {
        println!("{text}");
        return Ok(());
    }
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What learns without labels, by name, but what is there to be compared with on kinds of events.
pub(crate) fn unsupervised() -> anyhow::Result<Vec<String>> {
    let left_out = |algorithm: Algorithm| algorithm.is_supervised() || algorithm.is_baseline();
    let mut names = Vec::new();
    for name in Algorithm::NAMES {
        if !left_out(Algorithm::from_raw(&RawParams::named(name), "")?) {
            names.push((*name).to_owned());
        }
    }
    Ok(names)
}

/// The mean over [`SEEDS`] splits and fits. False alarms cost as many fits again as there are folds.
fn mean_of(algorithm: &str, trim: f64, false_alarms: bool, split: impl Fn(Seed) -> anyhow::Result<Split>) -> anyhow::Result<Measures> {
    let mut sum = Measures::default();
    for seed in 0..SEEDS {
        let m = measure(algorithm, trim, &split(Seed(seed))?, Seed(seed), false_alarms).with_context(|| algorithm.to_owned())?;
        sum.roc_auc += m.roc_auc / SEEDS as f64;
        sum.average_precision += m.average_precision / SEEDS as f64;
        sum.recall_at_1_percent += m.recall_at_1_percent / SEEDS as f64;
        sum.best_f1 += m.best_f1 / SEEDS as f64;
        sum.seconds += m.seconds / SEEDS as f64;
        sum.ties += m.ties / SEEDS as f64;
        for (sum, got) in sum.realised.iter_mut().zip(m.realised) {
            *sum += got / SEEDS as f64;
        }
    }
    Ok(sum)
}

fn measure(algorithm: &str, trim: f64, split: &Split, seed: Seed, false_alarms: bool) -> anyhow::Result<Measures> {
    let started = Instant::now();
    let algorithm = Algorithm::from_raw(&RawParams::named(algorithm).over(&RawParams::default().with("trim", trim)), "")?;
    let scores = fit_and_score(&algorithm, &split.train, &split.test, split.width, seed)?;
    let seconds = started.elapsed().as_secs_f64();
    let held_back = if false_alarms { held_back_scores(&algorithm, split, seed)? } else { scores.clone() };
    let normal: Vec<f64> = scores.iter().zip(&split.anomalous).filter(|(_, anomalous)| !**anomalous).map(|(s, _)| *s).collect();
    let realised = ASKED.map(|asked| {
        let threshold = quantile(&held_back, asked);
        normal.iter().filter(|score| **score > threshold).count() as f64 / normal.len() as f64 / asked
    });
    Ok(Measures {
        roc_auc: metrics::roc_auc(&scores, &split.anomalous),
        average_precision: metrics::average_precision(&scores, &split.anomalous),
        recall_at_1_percent: metrics::recall_at_fpr(&scores, &split.anomalous, 0.01).0,
        best_f1: best_f1(&scores, &split.anomalous),
        realised,
        ties: ties(&scores, &split.test, split.width),
        seconds,
    })
}

fn fit_and_score(algorithm: &Algorithm, train: &[f32], test: &[f32], width: usize, seed: Seed) -> anyhow::Result<Vec<f64>> {
    let detector = algorithm.fit(&FeatureSchema::unnamed(width), Samples::new(train, width)?, seed)?.into_detector();
    let mut out = vec![AnomalyScore(0.0); test.len() / width];
    detector.score(Samples::new(test, width)?, &mut out)?;
    Ok(out.into_iter().map(|score| score.0).collect())
}

/// Scores of training rows by detectors that have not seen them, as training in the product makes them.
fn held_back_scores(algorithm: &Algorithm, split: &Split, seed: Seed) -> anyhow::Result<Vec<f64>> {
    let mut scores = Vec::new();
    for fold in 0..FOLDS {
        let part = |inside: bool| -> Vec<f32> {
            let rows = split.train.chunks_exact(split.width).enumerate().filter(|(i, _)| (i % FOLDS == fold) == inside);
            rows.flat_map(|(_, row)| row).copied().collect()
        };
        scores.extend(fit_and_score(algorithm, &part(false), &part(true), split.width, seed.derive(fold as u64))?);
    }
    Ok(scores)
}

fn quantile(scores: &[f64], above: f64) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() - 1 - ((above * sorted.len() as f64) as usize).min(sorted.len() - 1)]
}

/// Share of the worst different rows whose score is that of another one of them.
fn ties(scores: &[f64], rows: &[f32], width: usize) -> f64 {
    let mut seen = BTreeSet::new();
    let different = |(row, _): &(&[f32], &f64)| seen.insert(row.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
    let mut worst: Vec<f64> = rows.chunks_exact(width).zip(scores).filter(different).map(|(_, score)| *score).collect();
    worst.sort_by(|a, b| b.total_cmp(a));
    worst.truncate(WORST);
    let tied = |i: &usize| (*i > 0 && worst[i - 1] == worst[*i]) || worst.get(i + 1) == Some(&worst[*i]);
    (0..worst.len()).filter(tied).count() as f64 / worst.len().max(1) as f64
}

/// The best harmonic mean of precision and recall over all thresholds.
fn best_f1(scores: &[f64], anomalous: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(anomalous.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = anomalous.iter().filter(|a| **a).count() as f64;
    let (mut found, mut best) = (0.0, 0.0_f64);
    for (i, (score, is)) in order.iter().enumerate() {
        found += f64::from(u8::from(*is));
        if order.get(i + 1).is_none_or(|next| next.0 < *score) {
            best = best.max(2.0 * found / (all + i as f64 + 1.0));
        }
    }
    best
}
