//! The forest against its definition: slow and plain beside fast.

use super::paths::unfolded;
use super::tree::{LEAF, Node, Tree, average_path};
use super::{FittedForest, IsolationForest, Kernel, Stored};
use crate::FittedAlgorithm;
use crate::calibration::Calibration;
use crate::format::{self, ModelFile};
use crate::labels::Corrections;
use crate::treeshap::shap;
use bartizan_core::{AnomalyScore, Contamination, Detector, Estimator, Explain, FeatureSchema, Samples, Seed, Threshold};
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
        base += shap(&unfolded(tree), row, &mut shares);
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

fn leaf() -> Node {
    Node { feature: LEAF, threshold: 0.0, right: 0, rows: 1 }
}

/// `height` cuts one below the other, each with a leaf at its left.
fn chain(height: u32) -> Tree {
    let cut = |level: u32| [Node { feature: 0, threshold: 0.5, right: 2 * level + 2, rows: 2 }, leaf()];
    Tree { nodes: (0..height).flat_map(cut).chain([leaf()]).collect() }
}

/// `height` cuts of which each is a child of the two before it: as many paths as Fibonacci numbers.
fn shared(height: u32) -> Tree {
    let cut = |level: u32| Node { feature: 0, threshold: 0.5, right: level + 2, rows: 2 };
    Tree { nodes: (0..height).map(cut).chain([leaf(), leaf()]).collect() }
}

fn file(trees: Vec<Tree>) -> Vec<u8> {
    let schema = FeatureSchema::unnamed(1);
    let forest = Stored { schema: schema.clone(), psi: 65_536, medians: vec![0.0], trees };
    format::encode(&ModelFile {
        kind: "requests".to_owned(),
        model_version: "v1.0".to_owned(),
        schema,
        baselines: Vec::new(),
        detector: FittedAlgorithm::IsolationForest(FittedForest::from(forest)).into(),
        calibration: Calibration::fit(&[0.1, 0.2, 0.3], Contamination::try_from(0.1).unwrap()),
        threshold: Threshold(0.5),
        details: Vec::new(),
        labels: None,
        classes: None,
        corrections: Corrections::default(),
    })
}

/// Files of a few kilobytes that would take gigabytes or minutes when first used.
#[test]
fn small_files_of_large_forests_are_refused() {
    let cases = [
        ("8,000 high trees", vec![chain(16); 8_000], "its trees would take 5247104000 bytes of memory, more than 536870912"),
        ("shared nodes", vec![shared(16); 100], "has a child that has a parent"),
        ("a tree too high", vec![chain(17)], "a tree is higher than 16"),
        ("too many trees", vec![chain(1); 10_001], "a list has more entries than it may have"),
    ];
    for (name, trees, expected) in cases {
        let file = file(trees);
        assert!(file.len() < 30_000, "{name}: {} bytes", file.len());
        let refused = format::decode(&file).expect_err(name).to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
    }
    assert!(format::decode(&file(vec![chain(16); 500])).is_ok());
}
