//! Random cut forests against their definition.

use super::tree::{NONE, Tree};
use super::{RandomCutForest, RandomCutStream};
use crate::preparation::Scaling;
use crate::streaming::{Learn, NotScored, Shingle, State, shingle};
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
    fn any_numbers_can_be_cut(points in prop::collection::vec(prop::array::uniform3(-1e9_f32..1e9), 1..60), small in prop::num::f32::SUBNORMAL) {
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

#[test]
fn a_level_shift_is_seen_and_then_learned() {
    let parameters = RandomCutForest { trees: 40, time_decay: 1.0 / 400.0, ..RandomCutForest::default() };
    let mut stream = RandomCutStream::new(parameters, FeatureSchema::unnamed(8), Seed(5));
    let mut window = Shingle::new(8);
    let mut scores = vec![0.0; 4000];
    for (i, value) in series(4000, 2000).into_iter().enumerate() {
        let Some(row) = window.push(value) else { continue };
        if let Ok(score) = stream.score(row) {
            scores[i] = score.0;
        }
        stream.learn(row).unwrap();
    }
    let most = |from: usize, to: usize| scores[from..to].iter().copied().fold(0.0, f64::max);
    let (before, at, after) = (most(1000, 2000), most(2000, 2030), most(3800, 4000));
    assert!(at > 2.0 * before, "{at} at the shift, {before} before");
    assert!(after < at / 2.0, "{after} long after, {at} at the shift");
    stream.validate().unwrap();
}

#[test]
fn warming_up_is_a_state_and_not_a_score() {
    let parameters = RandomCutForest { trees: 5, tree_size: 16, ..RandomCutForest::default() };
    let mut stream = RandomCutStream::new(parameters, FeatureSchema::unnamed(2), Seed(1));
    for i in 0..16 {
        assert_eq!(stream.state(), State::WarmingUp { seen: i, needed: 16 });
        assert_eq!(stream.score(&[0.0, 0.0]), Err(NotScored::WarmingUp { seen: i, needed: 16 }));
        stream.learn(&[i as f32, f32::INFINITY]).unwrap();
        stream.validate().unwrap();
    }
    assert_eq!(stream.state(), State::Ready);
    assert!(stream.score(&[f32::NAN, 3.0]).unwrap().0.is_finite());
    assert_eq!(stream.learn(&[1.0]), Err(NotScored::Width { expected: 2, got: 1 }));
    assert!(stream.freeze().is_some());
}

#[test]
fn a_stored_stream_goes_on_as_if_it_had_never_stopped() {
    let parameters = RandomCutForest { trees: 5, tree_size: 32, ..RandomCutForest::default() };
    let rows = shingle(&series(300, 150), 3);
    for stop in [10, 100] {
        let mut one = RandomCutStream::new(parameters, FeatureSchema::unnamed(3), Seed(6));
        let mut other = one.clone();
        for (i, row) in rows.chunks(3).enumerate() {
            one.learn(row).unwrap();
            other.learn(row).unwrap();
            if i == stop {
                other = postcard::from_bytes(&postcard::to_allocvec(&other).unwrap()).unwrap();
                other.validate().unwrap();
            }
        }
        assert_eq!(one.freeze().unwrap().trees, other.freeze().unwrap().trees);
    }
}

/// Learning all rows at once is learning them one by one.
#[test]
fn fitting_is_streaming() {
    let parameters = RandomCutForest { trees: 10, tree_size: 64, scaling: Scaling::None, ..RandomCutForest::default() };
    let rows = shingle(&series(500, 250), 4);
    let mut stream = RandomCutStream::new(parameters, FeatureSchema::unnamed(4), Seed(7));
    rows.chunks(4).for_each(|row| stream.learn(row).unwrap());
    let fit = || parameters.fit(&FeatureSchema::unnamed(4), Samples::new(&rows, 4).unwrap(), Seed(7)).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let fitted = fit();
    assert_eq!(stream.freeze().unwrap().trees, fitted.trees);
    assert_eq!(one.install(fit).trees, fitted.trees);
}

#[test]
fn damage_is_found() {
    let rows = shingle(&series(100, 50), 2);
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
