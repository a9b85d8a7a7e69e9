//! The walk against the definition over subsets, and against the `shap` package.

use super::{ShapTree, gauss_legendre, shap};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const WIDTH: usize = 5;

fn random_tree(seed: u64, depth: usize) -> ShapTree {
    let mut tree = ShapTree { feature: vec![], threshold: vec![], left: vec![], right: vec![], cover: vec![], value: vec![] };
    grow(&mut tree, &mut Xoshiro256PlusPlus::seed_from_u64(seed), depth);
    tree
}

fn grow(tree: &mut ShapTree, rng: &mut Xoshiro256PlusPlus, depth: usize) -> usize {
    let at = tree.left.len();
    tree.feature.push(rng.random_range(0..WIDTH as u32));
    tree.threshold.push(rng.random());
    tree.left.push(at as u32);
    tree.right.push(at as u32);
    tree.cover.push(f64::from(rng.random_range(1..20_u32)));
    tree.value.push(rng.random());
    if depth > 0 && rng.random::<f32>() < 0.9 {
        let (left, right) = (grow(tree, rng, depth - 1), grow(tree, rng, depth - 1));
        (tree.left[at], tree.right[at]) = (left as u32, right as u32);
        tree.cover[at] = tree.cover[left] + tree.cover[right];
    }
    at
}

/// The value expected when only the features of the set are known.
fn game(tree: &ShapTree, row: &[f32], known: u32, at: usize) -> f64 {
    let (left, right) = (tree.left[at] as usize, tree.right[at] as usize);
    if left == at {
        return tree.value[at];
    }
    let feature = tree.feature[at] as usize;
    if known >> feature & 1 == 1 {
        return game(tree, row, known, if row[feature] < tree.threshold[at] { left } else { right });
    }
    (tree.cover[left] * game(tree, row, known, left) + tree.cover[right] * game(tree, row, known, right)) / tree.cover[at]
}

fn by_definition(tree: &ShapTree, row: &[f32]) -> Vec<f64> {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let share = |i: usize| {
        let others = (0..1_u32 << WIDTH).filter(|known| known >> i & 1 == 0);
        let terms = others.map(|known| {
            let size = known.count_ones();
            let weight = factorial(size) * factorial(WIDTH as u32 - size - 1) / factorial(WIDTH as u32);
            weight * (game(tree, row, known | 1 << i, 0) - game(tree, row, known, 0))
        });
        terms.sum()
    };
    (0..WIDTH).map(share).collect()
}

proptest! {
    #[test]
    fn shares_are_shapley_values(seed: u64, depth in 0_usize..10, row in prop::collection::vec(0.0_f32..1.0, WIDTH)) {
        let tree = random_tree(seed, depth);
        let mut shares = vec![0.0; WIDTH];
        let expected = shap(&tree, &row, &mut shares);
        prop_assert!((expected - game(&tree, &row, 0, 0)).abs() < 1e-10);
        for (share, right) in shares.iter().zip(by_definition(&tree, &row)) {
            prop_assert!((share - right).abs() < 1e-10, "{} {}", share, right);
        }
        let total = expected + shares.iter().sum::<f64>();
        prop_assert!((total - game(&tree, &row, u32::MAX, 0)).abs() < 1e-10);
    }
}

#[test]
fn the_rule_integrates_its_polynomials() {
    for n in 1..20 {
        for degree in 0..2 * n as i32 {
            let sum: f64 = gauss_legendre(n).iter().map(|(t, w)| w * t.powi(degree)).sum();
            assert!((sum * f64::from(degree + 1) - 1.0).abs() < 1e-12, "{n} points, degree {degree}");
        }
    }
}

/// A forest of the fixture; leaves' values are divided by the number of trees, so that shares are sums.
#[derive(Default)]
struct Reference {
    trees: Vec<ShapTree>,
    row: Vec<f32>,
    checked: usize,
}

impl Reference {
    fn read(&mut self, kind: &str, numbers: &[f64]) {
        match kind {
            "forest" => *self = Self::default(),
            "tree" => {
                let tree = ShapTree { feature: vec![], threshold: vec![], left: vec![], right: vec![], cover: vec![], value: vec![] };
                self.trees.push(tree);
            }
            "node" => {
                let tree = self.trees.last_mut().expect("a tree comes first");
                tree.feature.push(numbers[0] as u32);
                tree.threshold.push(numbers[1] as f32);
                tree.left.push(numbers[2] as u32);
                tree.right.push(numbers[3] as u32);
                tree.cover.push(numbers[4]);
                tree.value.push(numbers[5]);
            }
            "row" => self.row = numbers.iter().map(|n| *n as f32).collect(),
            _ => self.check(numbers),
        }
    }

    fn check(&mut self, numbers: &[f64]) {
        let mut shares = vec![0.0; self.row.len()];
        let expected: f64 = self.trees.iter().map(|tree| shap(tree, &self.row, &mut shares)).sum();
        assert!((expected - numbers[0]).abs() < 1e-6, "expected value {expected}, {}", numbers[0]);
        for (share, right) in shares.iter().zip(&numbers[1..]) {
            assert!((share - right).abs() < 1e-6, "share {share}, {right}");
        }
        self.checked += 1;
    }
}

#[test]
fn shares_are_those_of_the_shap_package() {
    let mut reference = Reference::default();
    for line in include_str!("../../tests/fixtures/treeshap.csv").lines() {
        let mut words = line.split(',');
        let kind = words.next().unwrap();
        let numbers: Vec<f64> = words.filter_map(|w| w.parse().ok()).collect();
        reference.read(kind, &numbers);
    }
    assert_eq!(reference.checked, 12);
}
