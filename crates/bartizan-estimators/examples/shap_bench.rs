//! Microseconds to explain a row by an isolation forest of 100 trees: `cargo run --release --example shap_bench`.

use bartizan_core::{Estimator, FeatureSchema, Samples, Seed};
use bartizan_estimators::IsolationForest;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Instant;

const ROWS: usize = 2_000;

fn main() {
    for width in [10, 78] {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        // A sum of uniforms: near enough to a normal distribution.
        let values: Vec<f32> = (0..20_000 * width).map(|_| (0..12).map(|_| rng.random::<f32>() - 0.5).sum()).collect();
        let samples = Samples::new(&values, width).expect("whole rows");
        let forest = IsolationForest::default().fit(&FeatureSchema::unnamed(width), samples, Seed(1)).expect("it fits");
        forest.depth_shares(samples.row(0)).expect("it explains");
        let mut times: Vec<f64> = (0..5)
            .map(|_| {
                let start = Instant::now();
                for row in samples.iter().take(ROWS) {
                    std::hint::black_box(forest.depth_shares(row).expect("it explains"));
                }
                start.elapsed().as_secs_f64() / ROWS as f64 * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{width} {:.2}", times[2]);
    }
}
