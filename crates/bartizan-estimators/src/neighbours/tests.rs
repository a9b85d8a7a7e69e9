//! Neighbours are those of the definition, and scores those of scikit-learn.

use super::index::{Index, LANES};
use super::search::Neighbour;
use super::{KNearestNeighbours, LocalOutlierFactor, NeighbourDistance};
use crate::preparation::Scaling;
use crate::reference;
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, Samples, Seed};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Clusters, so that boxes leave something out, on a grid of `steps`, so that distances are equal.
fn clusters(rows: usize, width: usize, steps: f32) -> Vec<f32> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(rows as u64);
    let row = |_| {
        let centre = rng.random_range(0..4_u8);
        (0..width).map(|_| ((f32::from(centre) * 3.0 + rng.random::<f32>()) * steps).round() / steps).collect::<Vec<_>>()
    };
    (0..rows).flat_map(row).collect()
}

fn squares_by_definition(index: &Index, query: &[f32], without: Option<usize>) -> Vec<f32> {
    let square = |row: usize| (0..index.width).map(|f| (index.value(row, f) - query[f]).powi(2)).fold(0.0, |sum, s| sum + s);
    let mut squares: Vec<f32> = (0..index.rows).filter(|row| Some(*row) != without).map(square).collect();
    squares.sort_by(f32::total_cmp);
    squares
}

#[test]
fn boxes_and_scans_find_the_nearest_bit_for_bit() {
    for (rows, width, steps, count) in
        [(2, 1, 1e6, 1), (31, 3, 2.0, 5), (33, 3, 1e6, 20), (1_025, 2, 1e6, 5), (3_000, 5, 3.0, 20), (40_000, 3, 1e6, 7), (700, 40, 1e6, 5)]
    {
        let values = clusters(rows, width, steps);
        let mut index = Index::new(&values, width);
        let queries = clusters(20, width, 1e6);
        for scan in [false, true] {
            index.scan = scan;
            let name = format!("{rows} rows of {width}, scan {scan}");
            let mut found = vec![Neighbour::NONE; 20 * count];
            index.nearest(&queries, count, &mut found);
            for (query, found) in queries.chunks(width).zip(found.chunks(count)) {
                let expected = squares_by_definition(&index, query, None);
                assert!(found.iter().map(|n| n.square).eq(expected[..count].iter().copied()), "{name}");
            }
            let last = rows - 1;
            let mut found = vec![Neighbour::NONE; count];
            index.nearest_others(last, count, &mut found);
            let mut query = vec![0.0; width];
            index.row(last, &mut query);
            let expected = squares_by_definition(&index, &query, Some(last));
            assert!(found.iter().map(|n| n.square).eq(expected[..count].iter().copied()), "{name}: without itself");
            assert!(found.iter().all(|n| n.position as usize != last), "{name}: without itself");
        }
    }
}

#[test]
fn every_row_is_kept_once_and_boxes_leave_rows_out() {
    let values: Vec<f32> = (0..5_000).map(|i| (i * 7_919 % 5_000) as f32).collect();
    let index = Index::new(&values, 1);
    let mut kept: Vec<f32> = (0..5_000).map(|position| index.value(position, 0)).collect();
    kept.sort_by(f32::total_cmp);
    assert!(kept.iter().enumerate().all(|(i, value)| *value == i as f32));
    assert!(!index.scan && index.leaves_visited(&[2_500.2]) <= 2, "{}", index.leaves_visited(&[2_500.2]));
    let noise = clusters(20 * LANES, 100, 1e6).into_iter().map(|v| v % 1.0).collect::<Vec<_>>();
    assert!(Index::new(&noise, 100).scan);
}

/// tests/reference/neighbours.py.
#[test]
fn distances_and_factors_are_those_of_scikit_learn() {
    let data = reference::neighbours();
    let schema = FeatureSchema::unnamed(data.width);
    for (column, n_neighbours, method) in [
        ("largest_5", 5, NeighbourDistance::Largest),
        ("mean_5", 5, NeighbourDistance::Mean),
        ("median_5", 5, NeighbourDistance::Median),
        ("median_8", 8, NeighbourDistance::Median),
    ] {
        let knn = KNearestNeighbours { n_neighbours, method, scaling: Scaling::None, ..KNearestNeighbours::default() };
        let fitted = knn.fit(&schema, data.train(), Seed(0)).unwrap();
        reference::close(&fitted, data.probes(), &data.column(column), 1e-6);
    }
    for (column, n_neighbours) in [("lof_5", 5), ("lof_20", 20), ("lof_299", 1_000)] {
        let lof = LocalOutlierFactor { n_neighbours, scaling: Scaling::None, ..LocalOutlierFactor::default() };
        let fitted = lof.fit(&schema, data.train(), Seed(0)).unwrap();
        reference::close(&fitted, data.probes(), &data.column(column), 1e-5);
    }
}

#[test]
fn one_thread_is_as_many_and_drawn_rows_follow_the_seed() {
    let values = clusters(3_000, 4, 2.0);
    let samples = Samples::new(&values, 4).unwrap();
    let scores = |seed: u64| {
        let lof = LocalOutlierFactor { max_train: 1_000, ..LocalOutlierFactor::default() };
        let fitted = lof.fit(&FeatureSchema::unnamed(4), samples, Seed(seed)).unwrap();
        let mut out = vec![AnomalyScore(f64::NAN); 3_000];
        fitted.score(samples, &mut out).unwrap();
        out
    };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| scores(1)), scores(1));
    assert_ne!(scores(1), scores(2));
}

#[test]
fn the_feature_that_is_out_has_the_share() {
    let values = clusters(500, 4, 1e6);
    let train = Samples::new(&values, 4).unwrap();
    let schema = FeatureSchema::unnamed(4);
    let knn = KNearestNeighbours::default().fit(&schema, train, Seed(1)).unwrap();
    let lof = LocalOutlierFactor::default().fit(&schema, train, Seed(1)).unwrap();
    let mut row = values[..4].to_vec();
    row[2] = 500.0;
    let detectors: [(&dyn Explain, bool); 2] = [(&knn, true), (&lof, false)];
    for (explainer, exact) in detectors {
        let said = explainer.explain(&row).unwrap();
        assert!(said.shares[2] > 0.8 * said.total() && said.base.abs() < 1e-9 * said.total(), "{said:?}");
        assert_eq!(explainer.exact(), exact);
    }
}

#[test]
fn damage_is_found() {
    type Change<'a> = &'a dyn Fn(&mut Index);
    let values = clusters(100, 3, 1e6);
    let index = Index::new(&values, 3);
    let stored = |change: Change<'_>| {
        let mut changed = index.clone();
        change(&mut changed);
        postcard::from_bytes::<Index>(&postcard::to_allocvec(&changed).expect("it is written")).map(|index| index.levels.len())
    };
    assert_eq!(stored(&|_| {}), Ok(1));
    let damages: [(&str, Change<'_>); 6] = [
        ("more rows than there are", &|index| index.rows = 129),
        ("no rows", &|index| index.rows = 0),
        ("another width", &|index| index.width = 4),
        ("a width beyond memory", &|index| index.width = usize::MAX / 2),
        ("a number that is none", &|index| index.leaves[7] = f32::NAN),
        ("a number beyond range", &|index| index.leaves[7] = 1e10),
    ];
    for (name, change) in damages {
        assert!(stored(change).is_err(), "{name}");
    }
}
