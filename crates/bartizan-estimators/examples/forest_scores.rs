//! Scores of the isolation forest with default settings, for `bench/quality_forest.py`:
//! `forest_scores TRAIN.f32 TEST.f32 WIDTH SCORES.f64 SEED…`. The files hold little-endian numbers, row after row; the scores of
//! one seed follow those of the one before.

use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};
use bartizan_estimators::IsolationForest;

fn read(path: &str) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, width, out, seeds @ ..] = &args[..] else { panic!("four arguments and seeds, see the top of this file") };
    let (train, test, width) = (read(train), read(test), width.parse().expect("a width"));
    let (train, test) = (Samples::new(&train, width).expect("whole rows"), Samples::new(&test, width).expect("whole rows"));
    let (mut scores, mut bytes) = (vec![AnomalyScore(0.0); test.rows()], Vec::new());
    for seed in seeds {
        let seed = Seed(seed.parse().expect("a seed"));
        let fitted = IsolationForest::default().fit(&FeatureSchema::unnamed(width), train, seed).expect("it fits");
        fitted.score(test, &mut scores).expect("it scores");
        bytes.extend(scores.iter().flat_map(|score| score.0.to_le_bytes()));
    }
    std::fs::write(out, bytes).expect("it is written");
}
