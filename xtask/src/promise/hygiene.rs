//! U5: what the model flagged and nobody cleared is not learned as normal: attacks that went on for a while are found after a training as before.

use super::report::{Row, Standing};
use super::streams::{Attacker, Flow, GENERATED, Kind, MOBILE, Source, WEBSITE, flows};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};
use serde_json::{Value, json};

const PROMISE: &str = "U5";
const ASKED: f64 = 0.05;
const LEARNED: usize = 5_000;
/// Attacks that are judged and not labelled.
const UNLABELLED: usize = 120;
/// New ones of the same kind, after the training.
const AGAIN: usize = 40;
/// Share of what was found that is found again.
const LEAST: f64 = 0.95;
/// Of attacks that are hardly found there is nothing to lose.
const HARDLY: f64 = 0.5;
/// Attacks on flows that the public set has enough of.
const CLASSES: [&str; 3] = ["DoS", "DDoS", "Port Scanning"];

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for source in setup.size(&[WEBSITE, GENERATED, MOBILE][..], &[WEBSITE]) {
        for kind in Kind::OWN {
            let stream = format!("{}: {}", source.name, kind.name());
            jobs.push(Job::new(PROMISE, stream.clone(), move |setup| requests(setup, &stream, *source, kind)));
        }
    }
    if setup.data.is_some() {
        jobs.extend(CLASSES.map(|class| Job::new(PROMISE, format!("cicids2017 flows: {class}"), move |setup| on_flows(setup, class))));
    }
    jobs
}

fn asked() -> Value {
    json!({ "contamination": ASKED })
}

fn rows(stream: &str, before: &Tally, after: &Tally) -> Vec<Row> {
    let row = |phase: String, tally| Row::new(PROMISE, stream, phase).asked(ASKED).tally(tally);
    let (Some(found), Some(again)) = (before.recall(), after.recall()) else { return Vec::new() };
    let least = LEAST * found;
    let standing = match found {
        found if found < HARDLY => Standing::Reported,
        _ if again >= least => Standing::Kept,
        _ => Standing::Missed,
    };
    vec![
        row(format!("{UNLABELLED} attacks before the training"), before),
        row(format!("{AGAIN} after it"), after).goal(format!("recall >= {least:.2}"), standing),
    ]
}

fn requests(setup: &Setup, stream: &str, source: Source, kind: Kind) -> anyhow::Result<Vec<Row>> {
    let mut benign = source.open(&setup.binary, LEARNED + UNLABELLED + AGAIN, 6)?;
    let mut trial = Trial::start(&setup.binary, "requests", "")?;
    super::rates::send(&mut trial, &mut benign, LEARNED)?;
    let mut missed: Vec<Row> = trial.train(&asked())?.missed(PROMISE, stream).into_iter().collect();
    let mut attacker = Attacker::new(&[kind], &[], 6);
    let mut alternating = |trial: &mut Trial, attacks: usize| -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        for request in benign.by_ref().take(attacks) {
            tally.count(false, trial.judge(&request)?);
            tally.count(true, trial.judge(&attacker.attack(&request))?);
        }
        Ok(tally)
    };
    let before = alternating(&mut trial, UNLABELLED)?;
    missed.extend(trial.train(&asked())?.missed(PROMISE, stream));
    let after = alternating(&mut trial, AGAIN)?;
    missed.extend(rows(stream, &before, &after));
    Ok(missed)
}

fn on_flows(setup: &Setup, class: &str) -> anyhow::Result<Vec<Row>> {
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let stream = format!("cicids2017 flows: {class}");
    let all = flows::shuffled(flows::cicids2017(data)?, 6);
    let benign: Vec<&Flow> = all.iter().filter(|flow| !flow.attack).collect();
    let attacks: Vec<&Flow> = all.iter().filter(|flow| flow.class == class).take(UNLABELLED + AGAIN).collect();
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    trial.judge_flows(benign.iter().take(LEARNED).copied())?;
    let mut missed: Vec<Row> = trial.train(&asked())?.missed(PROMISE, &stream).into_iter().collect();
    let (first, again) = attacks.split_at(UNLABELLED.min(attacks.len()));
    let judged = |trial: &mut Trial, part: &[&Flow]| -> anyhow::Result<Tally> {
        Ok(Tally::of(part.iter().map(|_| true), &trial.judge_flows(part.iter().copied())?))
    };
    let before = judged(&mut trial, first)?;
    missed.extend(trial.train(&asked())?.missed(PROMISE, &stream));
    let after = judged(&mut trial, again)?;
    missed.extend(rows(&stream, &before, &after));
    Ok(missed)
}
