//! Against reference values, and what both solvers promise.

use super::{Gamma, OneClassSvm, SvmKernel, SvmScore, SvmSolver};
use crate::params::NumberOr;
use crate::preparation::Scaling;
use crate::{FittedOneClassSvm, rows};
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, Samples, Seed};

/// Rows that `tests/reference/one_class_svm.py` scores after those it fits.
const PROBES: usize = 12;

/// The rows of `tests/reference/one_class_svm.py`.
fn made_up(count: usize, width: usize) -> Vec<f32> {
    let number = |row: u64, column: u64| {
        let mut state = (row * width as u64 + column + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
        state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 32;
        let noise = (0..4).map(|i| (state >> (10 * i)) & 1023).sum::<u64>() as i64 - 2046;
        let centre = ((row % 3) * (column + 2) % 5) as i64 * 1024 - 2048;
        (noise + centre) as f32 / 1024.0
    };
    (0..count as u64).flat_map(|row| (0..width as u64).map(move |column| (row, column))).map(|(r, c)| number(r, c)).collect()
}

fn plain() -> OneClassSvm {
    OneClassSvm { scaling: Scaling::None, ..OneClassSvm::default() }
}

fn fit(svm: OneClassSvm, values: &[f32], width: usize) -> FittedOneClassSvm {
    svm.fit(&FeatureSchema::unnamed(width), rows::shaped(values, width), Seed(3)).expect("it fits")
}

fn scores(fitted: &FittedOneClassSvm, samples: Samples<'_>) -> Vec<f64> {
    let mut out = vec![AnomalyScore(f64::NAN); samples.rows()];
    fitted.score(samples, &mut out).expect("it scores");
    out.into_iter().map(|score| score.0).collect()
}

#[test]
fn decisions_are_those_of_scikit_learn() {
    for line in include_str!("../../tests/reference/one_class_svm.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |i: usize| cells[i].parse::<f64>().expect("a number");
        let (count, width) = (number(0) as usize, number(1) as usize);
        let find = |word: &str| SvmKernel::OPTIONS.iter().find(|(name, _)| *name == word).expect("a kernel").1;
        let gamma = match cells[4] {
            "scale" => NumberOr::Word(Gamma::Scale),
            "auto" => NumberOr::Word(Gamma::Auto),
            _ => NumberOr::Number(number(4)),
        };
        let svm = OneClassSvm {
            kernel: find(cells[2]),
            nu: number(3),
            gamma,
            degree: number(5) as usize,
            coef0: number(6),
            tolerance: 1e-6,
            score: SvmScore::Decision,
            ..plain()
        };
        let values = made_up(count + PROBES, width);
        let (train, probes) = values.split_at(count * width);
        let fitted = fit(svm, train, width);
        assert!(fitted.converged(), "{line}");
        let support = fitted.support_rows() as f64 - number(7);
        assert!(support.abs() <= 0.02 * number(7), "{} support rows: {line}", fitted.support_rows());
        let got = scores(&fitted, rows::shaped(probes, width));
        for (i, score) in got.into_iter().enumerate() {
            let scale = number(8).abs().max(1.0);
            let score = score * svm.nu * count as f64;
            assert!((score + number(9 + i)).abs() < 1e-3 * scale, "row {i}: {score}: {line}");
        }
    }
}

/// The decision value of each row as its score says it.
#[test]
fn logarithms_say_what_decision_values_say_and_go_on() {
    let values = made_up(2_000, 6);
    for solver in [SvmSolver::Exact, SvmSolver::Nystroem] {
        let logarithm = fit(OneClassSvm { solver, ..plain() }, &values, 6);
        let decision = fit(OneClassSvm { solver, score: SvmScore::Decision, ..plain() }, &values, 6);
        let rho = decision.rho();
        let (logs, values) = (scores(&logarithm, rows::shaped(&values, 6)), scores(&decision, rows::shaped(&values, 6)));
        for (log, value) in logs.iter().zip(&values).filter(|(_, value)| **value < 0.9 * rho) {
            assert!((rho - rho * (-log).exp() - value).abs() < 1e-5, "{solver:?}: {log} for {value}");
        }
        let far: Vec<f32> = (0..400).flat_map(|i| [0.0, 0.0, 3.0 + i as f32 / 40.0, 0.0, 0.0, 0.0]).collect();
        let scores = scores(&logarithm, rows::shaped(&far, 6));
        assert!(scores[60..].is_sorted_by(|a, b| a < b), "{solver:?}: {scores:?}");
    }
}

#[test]
fn an_approximation_is_near_the_exact_boundary() {
    let values = made_up(6_000, 6);
    let exact = fit(OneClassSvm { solver: SvmSolver::Exact, ..plain() }, &values, 6);
    let near = fit(OneClassSvm { solver: SvmSolver::Nystroem, ..plain() }, &values, 6);
    let (exact, near) = (scores(&exact, rows::shaped(&values, 6)), scores(&near, rows::shaped(&values, 6)));
    let outside = |scores: &[f64]| scores.iter().filter(|score| **score > 0.0).count() as f64 / scores.len() as f64;
    assert!((outside(&exact) - 0.1).abs() < 0.01 && (outside(&near) - 0.1).abs() < 0.01, "{} {}", outside(&exact), outside(&near));
    let agree = exact.iter().zip(&near).filter(|(a, b)| (**a > 0.0) == (**b > 0.0)).count();
    assert!(agree > 5_800, "{agree} of 6,000 rows lie on the same side");
}

#[test]
fn a_small_cache_changes_nothing_and_a_bound_on_the_work_is_reported() {
    let values = made_up(5_000, 6);
    let few = |svm: OneClassSvm| fit(OneClassSvm { solver: SvmSolver::Exact, ..svm }, &values, 6);
    let (large, small) = (few(plain()), few(OneClassSvm { cache_mb: 0, ..plain() }));
    let probes = rows::shaped(&values[..600], 6);
    assert_eq!(scores(&large, probes), scores(&small, probes));
    assert!(large.converged() && large.iterations() > 10);
    assert!(!few(OneClassSvm { max_iter: 3, ..plain() }).converged());
}

#[test]
fn one_row_is_scored_as_many_are_on_one_thread_or_several() {
    let values = made_up(3_000, 7);
    for solver in [SvmSolver::Exact, SvmSolver::Nystroem] {
        let fitted = fit(OneClassSvm { solver, ..OneClassSvm::default() }, &values, 7);
        let many = scores(&fitted, rows::shaped(&values, 7));
        let singly: Vec<f64> = values.chunks(7).map(|row| scores(&fitted, rows::shaped(row, 7))[0]).collect();
        assert_eq!(many, singly);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
        let again = pool.install(|| fit(OneClassSvm { solver, ..OneClassSvm::default() }, &values, 7));
        assert_eq!(scores(&again, rows::shaped(&values, 7)), many);
    }
}

#[test]
fn the_odd_feature_has_the_largest_share() {
    let values = made_up(1_000, 5);
    let fitted = fit(OneClassSvm::default(), &values, 5);
    let mut row = values[..5].to_vec();
    row[3] += 9.0;
    let attribution = fitted.explain(&row).expect("it explains");
    assert!(attribution.shares.iter().all(|share| *share <= attribution.shares[3]), "{attribution:?}");
}

#[test]
fn every_kernel_and_solver_survives_numbers_of_any_size() {
    for (_, kernel) in SvmKernel::OPTIONS {
        for solver in [SvmSolver::Exact, SvmSolver::Nystroem] {
            for (name, factor) in [("constant", 0.0), ("tiny", 1e-30), ("huge", 1e30)] {
                let values: Vec<f32> = made_up(200, 3).iter().map(|v| v * factor).collect();
                let svm = OneClassSvm { kernel: *kernel, solver, degree: 10, max_iter: 20_000, ..plain() };
                let fitted = fit(svm, &values, 3);
                fitted.validate().unwrap_or_else(|e| panic!("{kernel:?} {solver:?} {name}: {e}"));
                for probe in [0.0, 1.0, -1e30, f32::MAX, f32::NAN] {
                    let score = scores(&fitted, rows::shaped(&[probe; 3], 3))[0];
                    assert!(score.is_finite(), "{kernel:?} {solver:?} {name}: {score} for {probe}");
                }
            }
        }
    }
}
