//! Rows per second of the isolation forest on Gaussian clusters: `cargo run --release --example kernel_bench`.

use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};
use bartizan_estimators::{IsolationForest, Kernel, kernel_name};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Instant;

fn clusters(rows: usize, width: usize) -> Vec<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let centres: Vec<f32> = (0..5 * width).map(|_| rng.random_range(-4.0..4.0)).collect();
    let mut values = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let cluster = rng.random_range(0..5);
        values.extend((0..width).map(|c| centres[cluster * width + c] + (0..6).map(|_| rng.random::<f32>() - 0.5).sum::<f32>()));
    }
    values
}

fn median_secs(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

fn main() {
    println!("kernel: {}", kernel_name());
    for (rows, width) in [(100_000, 10), (100_000, 40), (100_000, 78), (1_000_000, 10)] {
        let values = clusters(rows, width);
        let samples = Samples::new(&values, width).expect("whole rows");
        let schema = FeatureSchema::unnamed(width);
        let fit = || IsolationForest::default().fit(&schema, samples, Seed(1)).expect("it fits");
        let fit_secs = median_secs(|| drop(fit()));
        let forest = fit();
        let mut out = vec![AnomalyScore(0.0); rows];
        let auto = median_secs(|| forest.score_with(Kernel::Auto, samples, &mut out).expect("it scores"));
        let portable = median_secs(|| forest.score_with(Kernel::Portable, samples, &mut out).expect("it scores"));
        let threads = median_secs(|| forest.score(samples, &mut out).expect("it scores"));
        let one = Samples::new(&values[..width], width).expect("one row");
        let single = median_secs(|| (0..10_000).for_each(|_| forest.score(one, &mut out[..1]).expect("it scores"))) / 10_000.0;
        let rate = |secs: f64| rows as f64 / secs / 1e6;
        println!(
            "{rows} x {width}: auto {:.2} M rows/s, portable {:.2}, all threads {:.2}; one row {:.2} us; fit {:.1} ms",
            rate(auto),
            rate(portable),
            rate(threads),
            single * 1e6,
            fit_secs * 1e3
        );
    }
}
