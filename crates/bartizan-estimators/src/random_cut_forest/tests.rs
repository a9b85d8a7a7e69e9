//! Random cut forests against their definition.

use super::tree::{NONE, Tree};
use super::{FittedRandomCutForest, RandomCutForest};
use crate::preparation::Scaling;
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, Samples, Seed};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Boxes are the smallest around the points below and every point lies on its side of every cut.
fn check(tree: &Tree, width: usize, capacity: usize) {
    tree.validate(width, capacity).expect("the tree is sound");
    for (at, node) in tree.nodes.iter().enumerate().filter(|(at, n)| n.feature != NONE && !tree.free.contains(&(*at as u32))) {
        let (left, right, cut) = (node.left, node.right, node.feature as usize);
        for i in 0..width {
            let low = tree.low(left, width)[i].min(tree.low(right, width)[i]);
            let high = tree.high(left, width)[i].max(tree.high(right, width)[i]);
            assert_eq!((low, high), (tree.low(at as u32, width)[i], tree.high(at as u32, width)[i]));
        }
        assert!(tree.high(left, width)[cut] <= node.cut && tree.low(right, width)[cut] > node.cut);
    }
}

proptest! {
    /// Few different values, so that duplicates come and go.
    #[test]
    fn points_come_and_go(points in prop::collection::vec((-3_i8..3, -3_i8..3, 0.0..1.0_f64), 1..200), capacity in 2..20_usize) {
        let mut tree = Tree::new();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for (a, b, priority) in points {
            tree.offer(&[f32::from(a), f32::from(b) * 1e-3], priority, capacity, &mut rng);
            check(&tree, 2, capacity);
        }
        prop_assert!(tree.nodes.len() < 2 * capacity);
    }

    #[test]
    fn any_numbers_can_be_cut(
        points in prop::collection::vec(prop::array::uniform3(-1e9_f32..1e9), 1..60),
        small in prop::num::f32::SUBNORMAL,
    ) {
        let mut tree = Tree::new();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for (i, point) in points.iter().enumerate() {
            tree.offer(&[point[0], point[1], small * (i % 3) as f32], i as f64, 16, &mut rng);
            check(&tree, 3, 16);
            let (score, _) = tree.displacement(point, None);
            prop_assert!((0.0..=16.0).contains(&score), "{}", score);
        }
    }
}

/// The displacement expected is the mean of the displacement after really inserting.
#[test]
fn scoring_is_the_expectation_of_inserting() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut tree = Tree::new();
    for i in 0..30 {
        tree.offer(&[rng.random(), rng.random()], f64::from(i), 30, &mut rng);
    }
    for point in [[0.5, 0.5], [1.5, 0.2], [3.0, -2.0]] {
        let (expected, rest) = tree.displacement(&point, None);
        let mut sum = 0.0;
        for _ in 0..20_000 {
            let mut copy = tree.clone();
            copy.offer(&point, 1e9, 31, &mut rng);
            sum += inserted(&copy, copy.slots[30].leaf);
        }
        let mean = sum / 20_000.0;
        assert!((mean / expected - 1.0).abs() < 0.03, "{point:?}: {mean} for {expected}");
        let mut shares = [0.0; 2];
        assert_eq!(tree.displacement(&point, Some(&mut shares)).0, expected);
        assert!((shares.iter().sum::<f64>() + rest - expected).abs() < 1e-9);
    }
}

/// Collusive displacement of a point in the tree, by the definition.
fn inserted(tree: &Tree, leaf: u32) -> f64 {
    let (mut at, mut most) = (leaf, 0.0_f64);
    while tree.nodes[at as usize].parent != NONE {
        let parent = tree.nodes[tree.nodes[at as usize].parent as usize];
        let beside = if parent.left == at { parent.right } else { parent.left };
        most = most.max(f64::from(tree.nodes[beside as usize].mass) / f64::from(tree.nodes[at as usize].mass));
        at = tree.nodes[at as usize].parent;
    }
    most
}

/// A day of 50 steps with noise, from `shift` on at a higher level.
fn series(length: usize, shift: usize) -> Vec<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let value = |i: usize, noise: f32| (i as f32 * std::f32::consts::TAU / 50.0).sin() + noise + if i < shift { 0.0 } else { 1.5 };
    (0..length).map(|i| value(i, (rng.random::<f32>() - 0.5) * 0.2)).collect()
}

/// Every `width` values that follow each other, row after row.
fn windows(values: &[f32], width: usize) -> Vec<f32> {
    values.windows(width).flatten().copied().collect()
}

fn score(fitted: &FittedRandomCutForest, row: &[f32]) -> f64 {
    let mut score = [AnomalyScore(0.0)];
    fitted.score(Samples::new(row, row.len()).unwrap(), &mut score).unwrap();
    score[0].0
}

#[test]
fn with_decay_a_new_level_is_learned_sooner() {
    let rows = windows(&series(4000, 3800), 8);
    let train = Samples::new(&rows, 8).unwrap();
    let [all_alike, decaying] = [0.0, 1.0 / 100.0].map(|time_decay| {
        let parameters = RandomCutForest { trees: 40, time_decay, ..RandomCutForest::default() };
        let fitted = parameters.fit(&FeatureSchema::unnamed(8), train, Seed(5)).unwrap();
        rows.rchunks(8).take(50).map(|row| score(&fitted, row)).sum::<f64>() / 50.0
    });
    assert!(decaying < all_alike / 2.0, "{decaying} with decay, {all_alike} without");
}

#[test]
fn one_thread_gives_the_trees_of_many() {
    let parameters = RandomCutForest { trees: 10, tree_size: 64, scaling: Scaling::None, ..RandomCutForest::default() };
    let rows = windows(&series(500, 250), 4);
    let fit = || parameters.fit(&FeatureSchema::unnamed(4), Samples::new(&rows, 4).unwrap(), Seed(7)).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(fit).trees, fit().trees);
}

#[test]
fn damage_is_found() {
    let rows = windows(&series(100, 50), 2);
    let parameters = RandomCutForest { trees: 2, tree_size: 16, ..RandomCutForest::default() };
    let good = parameters.fit(&FeatureSchema::unnamed(2), Samples::new(&rows, 2).unwrap(), Seed(7)).unwrap();
    good.validate().unwrap();
    type Damage = (&'static str, fn(&mut Tree));
    let damages: [Damage; 9] = [
        ("root", |t| t.root = 1_000),
        ("loop", |t| t.nodes[t.root as usize].left = t.root),
        ("feature", |t| t.nodes[t.root as usize].feature = 2),
        ("cut", |t| t.nodes[t.root as usize].cut = f32::NAN),
        ("mass", |t| t.nodes[t.root as usize].mass += 1),
        ("sides", |t| t.nodes[t.root as usize].sides = f64::NAN),
        ("corner", |t| t.lows[0] = f32::INFINITY),
        ("point", |t| t.slots[0].leaf = t.root),
        ("free", |t| t.free.push(t.root)),
    ];
    for (name, damage) in damages {
        let mut copy = good.clone();
        damage(&mut copy.trees[1]);
        assert!(copy.validate().is_err(), "{name}");
    }
}

#[test]
fn outliers_are_explained_by_their_feature() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    let values: Vec<f32> = (0..4000).map(|_| rng.random()).collect();
    let fitted = RandomCutForest::default().fit(&FeatureSchema::unnamed(4), Samples::new(&values, 4).unwrap(), Seed(1)).unwrap();
    let rows = [[0.5, 0.5, 9.0, 0.5], [0.5, 0.5, 0.5, 0.5]];
    let mut out = [AnomalyScore(0.0); 2];
    fitted.score(Samples::new(rows.as_flattened(), 4).unwrap(), &mut out).unwrap();
    assert!(out[0].0 > 5.0 * out[1].0, "{out:?}");
    let attribution = fitted.explain(&rows[0]).unwrap();
    assert!((attribution.total() - out[0].0).abs() < 1e-9 * out[0].0);
    assert!(attribution.shares[2] > 0.9 * attribution.total(), "{attribution:?}");
}
