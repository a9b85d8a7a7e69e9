//! What every algorithm promises of training sets that hardly vary, and of rows far from all that was learned: what was learned is not
//! above its own largest score, and a score can exceed any threshold that is set on training rows.

use bartizan_core::{AnomalyScore, Detector, FeatureSchema, Samples, Seed, Stop};
use bartizan_estimators::{Algorithm, RawParams};
use std::sync::Arc;

const WIDTH: usize = 6;
/// A row without chance: numbers as columns have them.
const USUAL: [f32; WIDTH] = [443.0, 1e6, 0.0, 0.5, -3.0, 12.0];
/// Farther than anything that is learned here, and farther still.
const EXTREME: [f32; 4] = [9e9, 1e20, 1e30, f32::MAX];

/// Whether it looks at low values: rules are upper limits.
fn looks_below(name: &str) -> bool {
    name != "rules"
}

fn fit(name: &str, values: &[f32]) -> Arc<dyn Detector> {
    let algorithm = Algorithm::from_raw(&RawParams::named(name), "").expect("every name is known");
    let train = Samples::new(values, WIDTH).expect("whole rows");
    let anomalous: Vec<bool> = (0..train.rows()).map(|row| algorithm.is_supervised() && row % 2 == 1).collect();
    let fitted = algorithm.fit_labelled(&FeatureSchema::unnamed(WIDTH), train, &anomalous, Seed(1), &Stop::default());
    let fitted = fitted.unwrap_or_else(|e| panic!("{name}: {e}"));
    fitted.validate().unwrap_or_else(|e| panic!("{name}: {e}"));
    fitted.into_detector()
}

/// Finite scores of rows.
fn scores(detector: &Arc<dyn Detector>, values: &[f32]) -> Vec<f64> {
    let samples = Samples::new(values, WIDTH).expect("whole rows");
    let mut out = vec![AnomalyScore(f64::NAN); samples.rows()];
    detector.score(samples, &mut out).expect("it scores");
    assert!(out.iter().all(|score| score.0.is_finite()), "{out:?}");
    out.into_iter().map(|score| score.0).collect()
}

fn largest(scores: &[f64]) -> f64 {
    scores.iter().copied().fold(f64::MIN, f64::max)
}

/// The row with one number replaced.
fn with(row: &[f32], column: usize, value: f32) -> Vec<f32> {
    let mut row = row.to_vec();
    row[column] = value;
    row
}

/// Numbers in bell shapes around those of [`USUAL`], without a generator.
fn ordinary(rows: usize) -> Vec<f32> {
    let even = |i: usize| (i as f64 * 0.618_033_988_749_895) % 1.0;
    let bell = |i: usize| (0..4).map(|k| even(4 * i + k * 7919 + i / 97)).sum::<f64>() - 2.0;
    (0..rows * WIDTH).map(|i| (f64::from(USUAL[i % WIDTH]) * (1.0 + 0.1 * bell(i)) + bell(i + 5)) as f32).collect()
}

#[test]
fn of_identical_rows_none_is_above_the_largest_score_and_a_row_that_is_off_in_one_column_is() {
    for name in Algorithm::NAMES {
        let train = USUAL.repeat(100);
        let detector = fit(name, &train);
        let learned = largest(&scores(&detector, &train));
        assert!(scores(&detector, &USUAL)[0] <= learned, "{name}");
        for (column, usual) in USUAL.into_iter().enumerate() {
            for value in [usual + 1.0, usual - 1.0, 9e9, f32::MAX, -1e30].into_iter().filter(|v| looks_below(name) || *v > usual) {
                let off = scores(&detector, &with(&USUAL, column, value))[0];
                assert!(off > learned, "{name}: {value} in column {column} scores {off}, what was learned {learned}");
            }
        }
    }
}

#[test]
fn rows_that_are_nearly_all_identical_leave_the_rest_in_order() {
    let mut train = USUAL.repeat(95);
    train.extend(&ordinary(5));
    for name in Algorithm::NAMES {
        let detector = fit(name, &train);
        let learned = scores(&detector, &train);
        let usual = scores(&detector, &USUAL)[0];
        // What learns from labels is told that half of them are anomalous.
        let above = learned.iter().filter(|score| **score > usual).count();
        assert!(*name == "random_forest" || above <= 5, "{name}: {above} of the learned are above the usual row");
        for column in 0..WIDTH {
            let off = scores(&detector, &with(&USUAL, column, 9e9))[0];
            assert!(off > largest(&learned), "{name}: column {column} scores {off}, what was learned {}", largest(&learned));
        }
    }
}

#[test]
fn two_kinds_of_row_are_usual_and_no_other_is() {
    let other = USUAL.map(|v| 3.0 * v + 2.0);
    let train: Vec<f32> = (0..100).flat_map(|i| if i % 4 < 2 { USUAL } else { other }).collect();
    for name in Algorithm::NAMES {
        let detector = fit(name, &train);
        let learned = largest(&scores(&detector, &train));
        for column in 0..WIDTH {
            for value in [9e9, f32::MAX] {
                for row in [USUAL, other] {
                    let off = scores(&detector, &with(&row, column, value))[0];
                    assert!(off > learned, "{name}: {value} in column {column} scores {off}, what was learned {learned}");
                }
            }
        }
    }
}

#[test]
fn extreme_rows_are_above_all_ordinary_ones_and_the_more_extreme_the_higher() {
    for rows in [100, 2_000] {
        let train = ordinary(rows);
        for name in Algorithm::NAMES {
            let detector = fit(name, &train);
            let learned = largest(&scores(&detector, &train));
            for column in 0..=WIDTH {
                let row = |value: f32| if column == WIDTH { vec![value; WIDTH] } else { with(&train[..WIDTH], column, value) };
                for sign in [1.0, -1.0].into_iter().filter(|sign| looks_below(name) || *sign > 0.0) {
                    let extreme: Vec<f64> = EXTREME.iter().map(|value| scores(&detector, &row(sign * value))[0]).collect();
                    assert!(extreme[0] > learned, "{name}, {rows} rows, column {column}: {extreme:?} for {learned}");
                    assert!(extreme.is_sorted(), "{name}, {rows} rows, column {column}: {extreme:?}");
                }
            }
        }
    }
}

#[test]
fn a_constant_column_is_quiet_and_a_value_off_the_constant_counts() {
    for name in Algorithm::NAMES {
        for constant in [0.0, 7.0, 1e6] {
            let mut train = ordinary(300);
            train.iter_mut().skip(2).step_by(WIDTH).for_each(|v| *v = constant);
            let detector = fit(name, &train);
            let learned = scores(&detector, &train);
            for (row, score) in train.chunks(WIDTH).zip(&learned).step_by(20) {
                if let Some(explainer) = detector.explainer() {
                    let share = explainer.explain(row).expect("it explains").shares[2];
                    assert!(share.abs() < 1e-6 * score.abs().max(1.0), "{name}: {constant} has the share {share} of {score}");
                }
                for off in [constant + 1.0, constant - 1.0, 9e9, f32::MAX].into_iter().filter(|v| looks_below(name) || *v > constant) {
                    let changed = scores(&detector, &with(row, 2, off))[0];
                    assert!(changed > *score, "{name}: {off} for {constant} scores {changed}, not above {score}");
                }
                let far = scores(&detector, &with(row, 2, 1e30))[0];
                assert!(far > largest(&learned), "{name}: 1e30 for {constant} scores {far}");
            }
        }
    }
}
