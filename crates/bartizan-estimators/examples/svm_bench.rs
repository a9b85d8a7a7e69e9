//! Fit and score figures of the one-class support vector machine as one line of JSON:
//! `cargo run --release --example svm_bench -- [exact|nystroem] [train.f32 score.f32 width [scores.f64]]`.
//! The peak memory is that after the fit, training rows included.
//!
//! Files hold little-endian numbers, row after row; without them, Gaussian clusters are made up. `RAYON_NUM_THREADS` sets the
//! threads; rows are taken as they are (`scaling = none`). With a fourth file the scores are written to it.

use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};
use bartizan_estimators::preparation::Scaling;
use bartizan_estimators::{Gamma, NumberOr, OneClassSvm, SvmScore, SvmSolver};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::io::Read;
use std::time::Instant;

/// Shortest time that a score is measured for.
const SCORE_SECONDS: f64 = 0.5;

fn clusters(rows: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let centres: Vec<f32> = (0..5 * width).map(|_| rng.random_range(-1.5..1.5)).collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut values = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let cluster = rng.random_range(0..5);
        values.extend((0..width).map(|c| centres[cluster * width + c] + (0..6).map(|_| rng.random::<f32>() - 0.5).sum::<f32>()));
    }
    values
}

/// Reads in pieces, so that the file is never in memory twice.
fn read(path: &str) -> Vec<f32> {
    let mut file = std::fs::File::open(path).expect("the file is there");
    let length = file.metadata().expect("it has a length").len() as usize / 4;
    let (mut values, mut piece) = (Vec::with_capacity(length), vec![0; 1 << 20]);
    while values.len() < length {
        let bytes = piece.len().min(4 * (length - values.len()));
        file.read_exact(&mut piece[..bytes]).expect("it can be read");
        values.extend(piece[..bytes].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    }
    values
}

/// Most memory that the process has had, in MiB; 0 where the system does not say.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0) / 1024.0
}

/// Seconds of one run, from as many as fill the time.
fn seconds(mut run: impl FnMut()) -> f64 {
    let (start, mut runs) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < SCORE_SECONDS || runs == 0 {
        run();
        runs += 1;
    }
    start.elapsed().as_secs_f64() / f64::from(runs)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize| args.get(i).map(String::as_str);
    let solver = if arg(0) == Some("nystroem") { SvmSolver::Nystroem } else { SvmSolver::Exact };
    let (train, test, width) = match (arg(1), arg(2), arg(3)) {
        (Some(train), Some(test), Some(width)) => (read(train), read(test), width.parse().expect("width is a number")),
        _ => (clusters(10_000, 78, 2), clusters(10_000, 78, 3), 78),
    };
    let samples = Samples::new(&train, width).expect("whole rows");
    let tests = Samples::new(&test, width).expect("whole rows");
    // Scores that are written are compared with decision values.
    let score = if arg(4).is_some() { SvmScore::Decision } else { SvmScore::Logarithm };
    let svm = OneClassSvm { solver, gamma: NumberOr::Word(Gamma::Scale), scaling: Scaling::None, score, ..OneClassSvm::default() };
    let start = Instant::now();
    let fitted = svm.fit(&FeatureSchema::unnamed(width), samples, Seed(1)).expect("it fits");
    let (fit, peak) = (start.elapsed().as_secs_f64(), peak());

    let mut out = vec![AnomalyScore(0.0); tests.rows()];
    let all = seconds(|| fitted.score(tests, &mut out).expect("it scores")) / tests.rows() as f64;
    let one = Samples::new(&test[..width], width).expect("one row");
    let mut single = [AnomalyScore(0.0)];
    let single = seconds(|| (0..100).for_each(|_| fitted.score(one, &mut single).expect("it scores"))) / 100.0;
    if let Some(path) = arg(4) {
        // As scikit-learn scales them: its weights sum to nu times the rows.
        let scale = svm.nu * samples.rows() as f64;
        let bytes: Vec<u8> = out.iter().flat_map(|score| (score.0 * scale).to_le_bytes()).collect();
        std::fs::write(path, bytes).expect("it is written");
    }
    let mut outside = vec![AnomalyScore(0.0); samples.rows()];
    fitted.score(samples, &mut outside).expect("it scores");
    let outside = outside.iter().filter(|score| score.0 > 0.0).count() as f64 / samples.rows() as f64;
    println!(
        "{{\"fit_s\": {fit:.4}, \"support_rows\": {}, \"iterations\": {}, \"converged\": {}, \"outside\": {outside:.4}, \
         \"peak_mb\": {peak:.0}, \"rows_per_second\": {:.0}, \"microseconds_per_row\": {:.3}}}",
        fitted.support_rows(),
        fitted.iterations(),
        fitted.converged(),
        1.0 / all,
        single * 1e6
    );
}
