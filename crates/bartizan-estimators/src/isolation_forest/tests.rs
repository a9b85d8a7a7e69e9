//! The forest against its definition: slow and plain beside fast.

use super::tree::{LEAF, average_path};
use super::{FittedForest, IsolationForest, Kernel};
use crate::treeshap::{ShapTree, shap};
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, Samples, Seed};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn noise(rows: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..rows * width).map(|_| (0..4).map(|_| rng.random::<f32>() - 0.5).sum()).collect()
}

fn fitted(rows: usize, width: usize, max_samples: usize) -> FittedForest {
    let values = noise(rows, width, 7);
    IsolationForest { trees: 30, max_samples }.fit(&FeatureSchema::unnamed(width), Samples::new(&values, width).unwrap(), Seed(3)).unwrap()
}

fn score_with(forest: &FittedForest, kernel: Kernel, values: &[f32]) -> Vec<f64> {
    let samples = Samples::new(values, forest.schema().width()).unwrap();
    let mut out = vec![AnomalyScore(0.0); samples.rows()];
    forest.score_with(kernel, samples, &mut out).unwrap();
    out.into_iter().map(|s| s.0).collect()
}

/// The definition, node by node.
fn plain_score(forest: &FittedForest, row: &[f32]) -> f64 {
    let total: f32 = forest.stored.trees.iter().fold(0.0, |sum, tree| {
        let (mut at, mut depth) = (0, 0);
        while tree.nodes[at].feature != LEAF {
            let node = &tree.nodes[at];
            let feature = node.feature as usize;
            at = if forest.present(row[feature], feature) > node.threshold { node.right as usize } else { at + 1 };
            depth += 1;
        }
        sum + (f64::from(depth) + average_path(f64::from(tree.nodes[at].rows))) as f32
    });
    2_f64.powf(-f64::from(total) / (forest.stored.trees.len() as f64 * average_path(f64::from(forest.stored.psi))))
}

#[test]
fn every_kernel_is_the_definition() {
    for (width, max_samples) in [
        (1, 256),
        (10, 256),
        (16, 64),
        (17, 256),
        (32, 256),
        (40, 256),
        (64, 256),
        (78, 256),
        (96, 256),
        (97, 256),
        (128, 256),
        (130, 256),
        (5, 1000),
    ] {
        let forest = fitted(2000, width, max_samples);
        let mut values = noise(531, width, 11);
        values.iter_mut().step_by(37).for_each(|v| *v = f32::NAN);
        let (auto, portable) = (score_with(&forest, Kernel::Auto, &values), score_with(&forest, Kernel::Portable, &values));
        assert_eq!(auto, portable, "width {width}, psi {max_samples}");
        for (row, score) in values.chunks(width).zip(&auto) {
            assert!((plain_score(&forest, row) - score).abs() < 1e-12);
            assert_eq!(score_with(&forest, Kernel::Auto, row), [*score], "one row as many");
        }
    }
}

proptest! {
    #[test]
    fn kernels_agree_on_any_numbers(values in prop::collection::vec(prop::num::f32::ANY, 10 * 20)) {
        let forest = fitted(500, 10, 256);
        let scores = score_with(&forest, Kernel::Auto, &values);
        prop_assert_eq!(&scores, &score_with(&forest, Kernel::Portable, &values));
        prop_assert!(scores.iter().all(|s| *s > 0.0 && *s < 1.0));
    }
}

#[test]
fn threads_and_seeds() {
    let values = noise(20_000, 6, 5);
    let (schema, samples) = (FeatureSchema::unnamed(6), Samples::new(&values, 6).unwrap());
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let fit = |seed| IsolationForest::default().fit(&schema, samples, Seed(seed)).unwrap();
    let (parallel, serial) = (fit(1), one.install(|| fit(1)));
    assert_eq!(parallel.stored.trees, serial.stored.trees);
    assert_ne!(parallel.stored.trees, fit(2).stored.trees);
    let (mut a, mut b) = (vec![AnomalyScore(0.0); 20_000], vec![AnomalyScore(0.0); 20_000]);
    parallel.score(samples, &mut a).unwrap();
    one.install(|| serial.score(samples, &mut b)).unwrap();
    assert_eq!(a, b);
}

#[test]
fn outliers_score_higher_and_are_explained_by_their_feature() {
    let values = noise(1000, 5, 5);
    let forest = IsolationForest::default().fit(&FeatureSchema::unnamed(5), Samples::new(&values, 5).unwrap(), Seed(1)).unwrap();
    let usual = score_with(&forest, Kernel::Auto, &[0.0; 5])[0];
    let outlier = [0.0, 0.0, 9.0, 0.0, 0.0];
    assert!(score_with(&forest, Kernel::Auto, &outlier)[0] > usual + 0.05);
    let attribution = forest.explain(&outlier).unwrap();
    let most = attribution.shares.iter().copied().fold(0.0, f64::max);
    assert_eq!(most, attribution.shares[2]);
}

#[test]
fn shares_sum_to_the_score() {
    let forest = fitted(2000, 8, 256);
    let rows = noise(200, 8, 13);
    for row in rows.chunks(8) {
        let total = forest.explain(row).unwrap().total();
        assert!((total - score_with(&forest, Kernel::Auto, row)[0]).abs() < 1e-9);
    }
}

/// The forest's trees as the generic walk reads them.
fn generic_shares(forest: &FittedForest, row: &[f32]) -> (f64, Vec<f64>) {
    let (mut base, mut shares) = (0.0, vec![0.0; row.len()]);
    for tree in &forest.stored.trees {
        let nodes = &tree.nodes;
        let mut depth = vec![0_u32; nodes.len()];
        let own = |i: usize, child: usize| if nodes[i].feature == LEAF { i as u32 } else { child as u32 };
        for (i, node) in nodes.iter().enumerate().filter(|(_, n)| n.feature != LEAF) {
            (depth[i + 1], depth[node.right as usize]) = (depth[i] + 1, depth[i] + 1);
        }
        let generic = ShapTree {
            feature: nodes.iter().map(|n| u32::from(n.feature)).collect(),
            threshold: nodes.iter().map(|n| n.threshold.next_up()).collect(),
            left: (0..nodes.len()).map(|i| own(i, i + 1)).collect(),
            right: (0..nodes.len()).map(|i| own(i, nodes[i].right as usize)).collect(),
            cover: nodes.iter().map(|n| f64::from(n.rows)).collect(),
            value: nodes.iter().zip(&depth).map(|(n, d)| f64::from(*d) + average_path(f64::from(n.rows))).collect(),
        };
        base += shap(&generic, row, &mut shares);
    }
    let trees = forest.stored.trees.len() as f64;
    (base / trees, shares.iter().map(|s| s / trees).collect())
}

#[test]
fn depth_shares_are_those_of_the_generic_walk() {
    for (width, max_samples) in [(1, 256), (3, 256), (10, 256), (78, 256), (5, 1000), (40, 4000), (6, 2)] {
        let forest = fitted(5000, width, max_samples);
        for row in noise(20, width, 17).chunks(width) {
            let (base, shares) = generic_shares(&forest, row);
            let fast = forest.depth_shares(row).unwrap();
            assert!((fast.base - base).abs() < 1e-9);
            for (fast, exact) in fast.shares.iter().zip(&shares) {
                assert!((fast - exact).abs() < 1e-6, "width {width}, psi {max_samples}: {fast} {exact}");
            }
        }
    }
}
