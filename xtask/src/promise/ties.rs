//! U9: the worst are in an order: of the thousand worst of different flows, few have the same score.

use super::report::Row;
use super::streams::{Flow, flows};
use super::trial::Trial;
use super::{Job, Setup};
use serde_json::json;
use std::collections::HashSet;
use std::path::Path;

const PROMISE: &str = "U9";
/// How many of the worst are looked at.
const WORST: usize = 1_000;
/// The share of them that may have a score that a worse one has.
const MOST: f64 = 0.05;
/// Algorithms beside the default one.
const ALGORITHMS: [&str; 4] = ["auto", "isolation_forest", "ensemble", "ecod"];

type Read = fn(&Path) -> anyhow::Result<Vec<Flow>>;

const SETS: [(&str, Read); 4] = [
    ("cicids2017 flows", flows::cicids2017),
    ("cicids2017 union", flows::union),
    ("cicids2018 flows", flows::cicids2018),
    ("nsl_kdd as flows", flows::nsl_kdd),
];

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    let sets = if setup.data.is_some() { &SETS[..] } else { &[] };
    for (name, read) in sets {
        for algorithm in super::algorithms(setup, setup.size(&ALGORITHMS[..], &[])) {
            let read = *read;
            jobs.push(Job::new(PROMISE, *name, move |setup| measure(setup, name, read, algorithm.as_deref())));
        }
    }
    jobs
}

fn measure(setup: &Setup, name: &str, read: Read, algorithm: Option<&str>) -> anyhow::Result<Vec<Row>> {
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let (attacks, benign): (Vec<Flow>, Vec<Flow>) = flows::shuffled(read(data)?, 9).into_iter().partition(|flow| flow.attack);
    let (learned, judged) = benign.split_at(benign.len() / 2);
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    let training = trial.train_on(learned, &json!({ "algorithm": algorithm }))?;
    let mut margins: Vec<f64> = trial.judge_flows(judged.iter().chain(&attacks))?.iter().map(|verdict| verdict.margin).collect();
    let phase = format!("{}: ties among the {WORST} worst", algorithm.unwrap_or("default"));
    let ties = ties(&mut margins);
    let row = Row::new(PROMISE, name, phase).got(Some(ties), margins.len()).met(format!("< {MOST}"), ties < MOST);
    Ok(training.missed(PROMISE, name).into_iter().chain([row]).collect())
}

/// The share of the worst that have the score of a worse one.
fn ties(margins: &mut [f64]) -> f64 {
    margins.sort_by(f64::total_cmp);
    let worst = &margins[..WORST.min(margins.len())];
    let different: HashSet<u64> = worst.iter().map(|margin| margin.to_bits()).collect();
    1.0 - different.len() as f64 / worst.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::ties;

    #[test]
    fn only_the_worst_count() {
        let mut different: Vec<f64> = (0..2_000).map(f64::from).collect();
        assert!(ties(&mut different) < 1e-9);
        let mut tied: Vec<f64> = (0..2_000).map(|margin| f64::from(margin.max(500))).collect();
        assert!((ties(&mut tied) - 0.5).abs() < 1e-9);
    }
}
