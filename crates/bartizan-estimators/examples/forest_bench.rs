//! Seconds to fit and rows per second of the random forest, as one line of JSON for `bench/forest.py`:
//! `forest_bench THREADS TRAIN.f32 CLASSES.u32 TEST.f32 TEST_CLASSES.u32 WIDTH`. The files hold little-endian numbers.

use bartizan_core::{FeatureSchema, Samples, Seed};
use bartizan_estimators::{FittedRandomForest, RandomForest};
use std::time::Instant;

const FITS: u32 = 3;
const PREDICTIONS: u32 = 3;

fn words<T>(path: &str, from: fn([u8; 4]) -> T) -> Vec<T> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    bytes.chunks_exact(4).map(|b| from([b[0], b[1], b[2], b[3]])).collect()
}

/// The shortest of some runs, and what the last of them gave.
fn best_secs<T>(runs: u32, mut run: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..runs {
        let start = Instant::now();
        last = Some(run());
        best = best.min(start.elapsed().as_secs_f64());
    }
    (best, last.expect("at least one run"))
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start")
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [threads, train, classes, test, test_classes, width] = &args[..] else { panic!("six arguments, see the top of this file") };
    let (width, threads) = (width.parse().expect("a width"), threads.parse().expect("a number of threads"));
    let (train, test) = (words(train, f32::from_le_bytes), words(test, f32::from_le_bytes));
    let (classes, test_classes) = (words(classes, u32::from_le_bytes), words(test_classes, u32::from_le_bytes));
    let names: Vec<String> = (0..=*classes.iter().max().expect("a row")).map(|c| format!("c{c}")).collect();
    let (schema, rows) = (FeatureSchema::unnamed(width), Samples::new(&train, width).expect("whole rows"));
    let forest = RandomForest { max_depth: Some(15), ..RandomForest::default() };
    let fit = || forest.fit(&schema, rows, &classes, &names, Seed(1)).expect("it fits");
    let (fit_secs, fitted): (f64, FittedRandomForest) = pool(threads).install(|| best_secs(FITS, fit));
    let probes = Samples::new(&test, width).expect("whole rows");
    let mut shares = vec![0.0; probes.rows() * names.len()];
    let rows_per_second = pool(1).install(|| {
        let mut predict = || fitted.predict_proba(probes, &mut shares).expect("it predicts");
        predict();
        probes.rows() as f64 / best_secs(PREDICTIONS, predict).0
    });
    let mut found = vec![0; probes.rows()];
    fitted.predict(probes, &mut found).expect("it predicts");
    let right = found.iter().zip(&test_classes).filter(|(a, b)| a == b).count();
    println!("{{\"fit\": {fit_secs}, \"rows_per_second\": {rows_per_second}, \"accuracy\": {}}}", right as f64 / test_classes.len() as f64);
}
