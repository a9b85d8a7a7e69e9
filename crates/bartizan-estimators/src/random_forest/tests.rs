//! Tests of the random forest.

use super::tree::{LEAF, Node, Tree};
use super::{ClassError, ClassWeight, FittedRandomForest, MaxFeatures, RandomForest, Stored};
use crate::reference::Reference;
use bartizan_core::{AnomalyScore, Detector, FeatureSchema, Samples, Seed};

/// `tests/reference/random_forest.csv`, by `random_forest.py`, whose figures stand below: fitted on the first 300 rows.
fn reference() -> (Reference, Vec<u32>) {
    let table = Reference::read(include_str!("../../tests/reference/random_forest.csv"), 300);
    let classes = table.column("class").iter().map(|c| *c as u32).collect();
    (table, classes)
}

/// Of 20 seeds of scikit-learn: mean accuracy on held back rows (0.7250 to 0.7517).
const ACCURACY: f64 = 0.7391;
/// Half as much again as the mean distance of one forest's probabilities to the mean forest's, 0.0209.
const DISTANCE: f64 = 0.031;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("c{i}")).collect()
}

fn fitted(forest: RandomForest, train: Samples<'_>, classes: &[u32], seed: u64) -> FittedRandomForest {
    let count = *classes.iter().max().expect("a row") as usize + 1;
    forest.fit(&FeatureSchema::unnamed(train.width()), train, classes, &names(count), Seed(seed)).expect("it fits")
}

fn shares(forest: &FittedRandomForest, samples: Samples<'_>) -> Vec<f64> {
    let mut out = vec![f64::NAN; samples.rows() * forest.classes().len()];
    forest.predict_proba(samples, &mut out).expect("it predicts");
    out
}

const ONE_TREE: RandomForest = RandomForest {
    trees: 1,
    max_depth: Some(4),
    min_samples_leaf: 1,
    min_samples_split: 2,
    max_features: MaxFeatures::All,
    max_leaves: None,
    class_weight: ClassWeight::None,
    bootstrap: false,
};

#[test]
fn one_tree_on_all_rows_is_that_of_scikit_learn() {
    let (table, classes) = reference();
    let tree = fitted(ONE_TREE, table.train(), &classes[..300], 1);
    for (row, (ours, theirs)) in shares(&tree, table.probes()).chunks(3).zip(table.column("tree")).enumerate() {
        assert!((ours[0] - theirs).abs() < 1e-5, "row {row}: {} for {theirs}", ours[0]);
    }
}

#[test]
fn forests_agree_with_scikit_learn_as_its_seeds_do() {
    let (table, classes) = reference();
    let forest = RandomForest { max_depth: Some(8), ..RandomForest::default() };
    let expected: Vec<f64> = ["p0", "p1", "p2"].map(|p| table.column(p)).concat();
    let mut accuracy = 0.0;
    for seed in 0..20 {
        let fitted = fitted(forest, table.train(), &classes[..300], seed);
        let all = shares(&fitted, table.probes());
        let distance = all.iter().enumerate().map(|(i, p)| (p - expected[(i % 3) * 900 + i / 3]).abs()).sum::<f64>() / all.len() as f64;
        assert!(distance < DISTANCE, "seed {seed}: {distance}");
        let mut found = vec![0; 900];
        fitted.predict(table.probes(), &mut found).unwrap();
        accuracy += found[300..].iter().zip(&classes[300..]).filter(|(a, b)| a == b).count() as f64 / 600.0 / 20.0;
    }
    assert!((accuracy - ACCURACY).abs() < 0.01, "{accuracy}");
}

#[test]
fn limits_are_kept() {
    let (table, classes) = reference();
    let deep = RandomForest { trees: 10, max_features: MaxFeatures::Count(2), ..RandomForest::default() };
    let cases = [
        ("depth", RandomForest { max_depth: Some(3), ..deep }),
        ("leaves", RandomForest { max_leaves: Some(7), ..deep }),
        ("rows on a side", RandomForest { min_samples_leaf: 9, ..deep }),
        ("rows cut", RandomForest { min_samples_split: 80, bootstrap: false, ..deep }),
    ];
    for (name, forest) in cases {
        let fitted = fitted(forest, table.train(), &classes[..300], 1);
        fitted.validate().unwrap();
        for tree in &fitted.stored.trees {
            let leaves = tree.nodes.iter().filter(|n| n.feature == LEAF).count();
            let rows = |leaf: usize| tree.counts[leaf * 3..leaf * 3 + 3].iter().sum::<u32>();
            assert!(leaves > 2, "{name}: {leaves} leaves");
            match name {
                "depth" => assert!(leaves <= 8, "{name}: {leaves}"),
                "leaves" => assert!(leaves == 7, "{name}: {leaves}"),
                "rows on a side" => assert!((0..leaves).all(|l| rows(l) >= 9), "{name}"),
                _ => assert!(leaves < 20, "{name}: {leaves}"),
            }
        }
    }
}

#[test]
fn the_best_cut_is_made_first() {
    // Two classes that one cut of x1 parts, and a third that needs a cut of x0 first.
    let values: Vec<f32> = (0..90).flat_map(|i| [f32::from(u8::from(i < 60)), f32::from(u8::from(i < 30))]).collect();
    let classes: Vec<u32> = (0..90).map(|i| if i < 60 { u32::from(i < 30) } else { 2 }).collect();
    let train = Samples::new(&values, 2).unwrap();
    let tree = fitted(RandomForest { max_depth: None, max_leaves: Some(3), ..ONE_TREE }, train, &classes, 1);
    assert_eq!(tree.stored.trees[0].nodes.len(), 5);
    let mut found = vec![9; 90];
    tree.predict(train, &mut found).unwrap();
    assert_eq!(found, classes);
}

#[test]
fn rare_classes_weigh_as_much_when_balanced() {
    let values = vec![1.0_f32; 100];
    let classes: Vec<u32> = (0..100).map(|i| u32::from(i < 10)).collect();
    let train = Samples::new(&values, 1).unwrap();
    for (class_weight, expected) in [(ClassWeight::None, 0.1), (ClassWeight::Balanced, 0.5)] {
        let forest = fitted(RandomForest { class_weight, ..ONE_TREE }, train, &classes, 1);
        assert!((shares(&forest, train)[1] - expected).abs() < 1e-6);
    }
}

#[test]
fn one_class_is_always_answered() {
    let values: Vec<f32> = (0..50).map(|i| i as f32).collect();
    let train = Samples::new(&values, 5).unwrap();
    let forest = RandomForest::default().fit(&FeatureSchema::unnamed(5), train, &[1; 10], &names(3), Seed(1)).unwrap();
    assert_eq!(shares(&forest, train)[..3], [0.0, 1.0, 0.0]);
    let mut score = [AnomalyScore(9.0); 10];
    forest.score(train, &mut score).unwrap();
    assert_eq!(score, [AnomalyScore(1.0); 10], "none is of the class that is called normal");
}

#[test]
fn classes_that_do_not_fit_are_named() {
    let train = Samples::new(&[1.0, 2.0, 3.0], 1).unwrap();
    let fit = |classes: &[u32], count| {
        RandomForest::default().fit(&FeatureSchema::unnamed(1), train, classes, &names(count), Seed(1)).map(|_| ()).unwrap_err()
    };
    assert_eq!(fit(&[0, 1], 2), ClassError::Count { rows: 3, classes: 2 });
    assert_eq!(fit(&[0, 1, 2], 2), ClassError::Unnamed { row: 2, class: 2, names: 2 });
    assert_eq!(fit(&[0, 1, 2], 5000), ClassError::TooMany(5000));
}

#[test]
fn one_thread_gives_the_bits_of_many_and_one_row_those_of_all() {
    // Enough rows that nodes are cut among bins and blocks are scored in parallel.
    let values: Vec<f32> = (0..60_000).map(|i| ((i as f64 * 0.618_033_988_749_895) % 1.0) as f32).collect();
    let classes: Vec<u32> = values.chunks(3).map(|row| (row[0] * 2.0 + row[1] + 0.3 * row[2]) as u32).collect();
    let train = Samples::new(&values, 3).unwrap();
    let forest = RandomForest { trees: 8, ..RandomForest::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let fitted = fitted(forest, train, &classes, 5);
            (shares(&fitted, train), fitted)
        })
    };
    let ((one, fitted), (many, other)) = (run(1), run(4));
    assert_eq!(one, many);
    assert_eq!(fitted.stored.trees, other.stored.trees);
    for (row, expected) in train.iter().zip(one.chunks(3)).step_by(97) {
        assert_eq!(shares(&fitted, Samples::new(row, 3).unwrap()), expected);
    }
}

#[test]
fn the_trees_for_shapley_values_sum_to_the_probability() {
    let (table, classes) = reference();
    let forest = RandomForest { trees: 5, class_weight: ClassWeight::Balanced, ..RandomForest::default() };
    let fitted = fitted(forest, table.train(), &classes[..300], 1);
    let probabilities = shares(&fitted, table.probes());
    for class in 0..3 {
        let trees = fitted.shap_trees(class);
        for (i, row) in table.probes().iter().enumerate().step_by(50) {
            let mut sum = 0.0;
            for tree in &trees {
                let mut at = 0;
                while tree.left[at] as usize != at {
                    let children = [tree.left[at] as usize, tree.right[at] as usize];
                    let mean: f64 = children.iter().map(|c| tree.cover[*c] * tree.value[*c]).sum();
                    assert!((mean - tree.cover[at] * tree.value[at]).abs() < 1e-9);
                    at = children[usize::from(row[tree.feature[at] as usize] >= tree.threshold[at])];
                }
                sum += tree.value[at];
            }
            assert!((sum - probabilities[i * 3 + class]).abs() < 1e-6);
        }
    }
}

#[test]
fn hostile_trees_are_refused() {
    let leaf = |left| Node { feature: LEAF, threshold: 0.0, left };
    let cut = |feature, threshold, left| Node { feature, threshold, left };
    let good = Tree { nodes: vec![cut(1, 0.5, 1), leaf(0), leaf(1)], counts: vec![1, 0, 0, 1] };
    let with = |at: usize, node| {
        let mut tree = good.clone();
        tree.nodes[at] = node;
        tree
    };
    let cases = [
        ("", good.clone()),
        ("0 nodes", Tree { nodes: vec![], counts: vec![] }),
        ("3 counts", Tree { counts: vec![1, 0, 1], ..good.clone() }),
        ("no rows", Tree { counts: vec![1, 0, 0, 0], ..good.clone() }),
        ("feature 2", with(0, cut(2, 0.5, 1))),
        ("at NaN", with(0, cut(1, f32::NAN, 1))),
        ("at inf", with(0, cut(1, f32::INFINITY, 1))),
        ("left child at 0", with(0, cut(1, 0.5, 0))),
        ("left child at 2", with(0, cut(1, 0.5, 2))),
        ("calls itself 1", with(1, leaf(1))),
        ("left child at 3", Tree { nodes: vec![cut(0, 0.0, 3), cut(0, 0.0, 3), leaf(0), leaf(1), leaf(2)], counts: vec![1; 6] }),
        ("no parent", Tree { nodes: vec![cut(0, 0.0, 3), leaf(0), leaf(1), leaf(2), leaf(3)], counts: vec![1; 8] }),
    ];
    for (expected, tree) in cases {
        match tree.validate(2, 2) {
            Ok(()) => assert_eq!(expected, ""),
            Err(said) => assert!(said.contains(expected) && !expected.is_empty(), "{said} for {expected}"),
        }
    }
}

#[test]
fn hostile_forests_are_refused() {
    let train = Samples::new(&[1.0, 2.0, 3.0], 1).unwrap();
    let good = Stored::from(fitted(ONE_TREE, train, &[0, 1, 1], 1));
    type Spoil = fn(&mut Stored);
    let cases: [(&str, Spoil); 6] = [
        ("0 trees", |s| s.trees.clear()),
        ("2 medians", |s| s.medians = vec![0.0; 2]),
        ("median is NaN", |s| s.medians = vec![f32::NAN]),
        ("normal is 2", |s| s.normal = 2),
        ("weighs inf", |s| s.weights[0] = f64::INFINITY),
        ("1 weights", |s| s.weights.truncate(1)),
    ];
    for (expected, spoil) in cases {
        let mut stored = good.clone();
        spoil(&mut stored);
        let said = FittedRandomForest::from(stored).validate().unwrap_err();
        assert!(said.contains(expected), "{said} for {expected}");
    }
}

/// A forest of `trees` equal trees over one feature, in which every leaf holds one row of the first class.
fn forest(nodes: Vec<Node>, classes: usize, trees: usize) -> FittedRandomForest {
    let leaves = nodes.iter().filter(|n| n.feature == LEAF).count();
    let counts = (0..leaves * classes).map(|i| u32::from(i % classes == 0)).collect();
    FittedRandomForest::from(Stored {
        schema: FeatureSchema::unnamed(1),
        names: names(classes),
        normal: 0,
        weights: vec![1.0; classes],
        medians: vec![0.0],
        unused: None,
        trees: vec![Tree { nodes, counts }; trees],
    })
}

/// `height` cuts one below the other, each with a leaf at its left.
fn chain(height: u32) -> Vec<Node> {
    let pair = |level: u32| {
        let last = level + 1 == height;
        let leaf = |left| Node { feature: LEAF, threshold: 0.0, left };
        let right = if last { leaf(level + 1) } else { Node { feature: 0, threshold: 0.5, left: 2 * level + 3 } };
        [leaf(level), right]
    };
    [Node { feature: 0, threshold: 0.5, left: 1 }].into_iter().chain((0..height).flat_map(pair)).collect()
}

#[test]
fn forests_that_would_take_far_more_than_their_files_are_refused() {
    let leaf = Node { feature: LEAF, threshold: 0.0, left: 0 };
    assert_eq!(forest(vec![leaf], 5, 100).validate(), Ok(()));
    assert!(forest(vec![leaf], 5, 100).footprint() < 1 << 20);
    assert!(forest(vec![leaf], 4_096, 100).footprint() > 6 << 30, "tables of the classes, 64 MiB a tree");
    assert_eq!(forest(chain(500), 1, 1).validate(), Ok(()));
    let refused = forest(chain(40_000), 1, 1).validate().unwrap_err();
    assert!(refused.starts_with("its trees are so high that explaining a row takes "), "{refused}");
}
