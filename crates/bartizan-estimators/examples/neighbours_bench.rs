//! Neighbours of given rows, for `bench/neighbours.py`: `neighbours_bench FILE WIDTH TRAIN [SECONDS]`.
//!
//! The file holds 32-bit numbers, little-endian, row after row: `TRAIN` rows to fit on, then rows to score. Prints one line
//! of JSON; `RAYON_NUM_THREADS=1` for one thread.

use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};
use bartizan_estimators::preparation::Scaling;
use bartizan_estimators::{KNearestNeighbours, LocalOutlierFactor};
use std::time::Instant;

/// Seconds of fitting, rows scored a second, sum of scores.
fn timed<E: Estimator>(estimator: &E, train: Samples<'_>, rows: Samples<'_>, seconds: f64) -> (f64, f64, f64) {
    let start = Instant::now();
    let fitted = estimator.fit(&FeatureSchema::unnamed(train.width()), train, Seed(1)).expect("it fits");
    let fit = start.elapsed().as_secs_f64();
    let mut out = vec![AnomalyScore(0.0); rows.rows()];
    let (start, mut done) = (Instant::now(), 0);
    while done == 0 || start.elapsed().as_secs_f64() < seconds {
        fitted.score(rows, &mut out).expect("it scores");
        done += rows.rows();
    }
    (fit, done as f64 / start.elapsed().as_secs_f64(), out.iter().map(|score| score.0).sum())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text: &String| text.parse::<usize>().ok());
    let (Some(path), Some(width), Some(fitted_on)) = (arguments.first(), number(1), number(2)) else {
        panic!("neighbours_bench FILE WIDTH TRAIN [SECONDS]");
    };
    let bytes = std::fs::read(path).expect("the file is there");
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let (train, rows) = values.split_at(fitted_on * width);
    let (train, rows) = (Samples::new(train, width).expect("whole rows"), Samples::new(rows, width).expect("whole rows"));
    let seconds = number(3).unwrap_or(1) as f64;
    let knn = KNearestNeighbours { scaling: Scaling::None, ..KNearestNeighbours::default() };
    let (knn_fit, knn_rate, knn_sum) = timed(&knn, train, rows, seconds);
    let lof = LocalOutlierFactor { scaling: Scaling::None, ..LocalOutlierFactor::default() };
    let (lof_fit, lof_rate, lof_sum) = timed(&lof, train, rows, seconds);
    println!(
        "{{\"knn\": {{\"fit\": {knn_fit}, \"rate\": {knn_rate}, \"sum\": {knn_sum}}}, \
         \"lof\": {{\"fit\": {lof_fit}, \"rate\": {lof_rate}, \"sum\": {lof_sum}}}}}"
    );
}
