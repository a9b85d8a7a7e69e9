//! U4: labels help and cannot harm. Ordinary rows that somebody called attacks leave the alarm rate what it was asked to be; right labels cost no
//! recall.

use super::rates::send;
use super::report::{Row, Standing};
use super::streams::{Attacker, Flow, GENERATED, Kind, Source, WEBSITE, flows, mixed};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};
use serde_json::{Value, json};

const PROMISE: &str = "U4";
const ASKED: f64 = 0.05;
/// Rows that are learned from.
const ROWS: [usize; 3] = [1_000, 5_000, 10_000];
/// Of them, ordinary ones that are labelled attacks.
const WRONG: [usize; 5] = [0, 1, 3, 10, 50];
/// Benign events that are judged after.
const FRESH: usize = 2_000;
/// Attacks that are labelled right, and attacks that are judged before and after.
const RIGHT: usize = 20;
const TRIED: usize = 100;
/// Recall that right labels may cost: one attack in twenty.
const LOSS: f64 = 0.05;

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for rows in setup.size(&ROWS[..], &ROWS[..2]) {
        for wrong in setup.size(&WRONG[..], &WRONG[1..4]) {
            for source in [GENERATED, WEBSITE] {
                let run = move |setup: &Setup| wrong_requests(setup, source, *rows, *wrong);
                jobs.push(Job::new(PROMISE, source.name, run));
            }
            jobs.push(Job::new(PROMISE, "flows", move |setup| wrong_flows(setup, *rows, *wrong)));
        }
    }
    jobs.extend([GENERATED, WEBSITE].map(|source| Job::new(PROMISE, source.name, move |setup| right_requests(setup, source))));
    if setup.data.is_some() {
        jobs.push(Job::new(PROMISE, "cicids2017 flows", right_flows));
    }
    jobs
}

fn asked() -> Value {
    json!({ "contamination": ASKED })
}

/// Labels as many of the first `rows` events attacks, evenly among them.
fn label_evenly(trial: &mut Trial, rows: usize, labels: usize) -> anyhow::Result<()> {
    (0..labels).try_for_each(|label| trial.label((1 + label * rows / labels + rows / labels / 2) as u64, true))
}

/// The line of a rate that may be lower, but not higher than what was asked for.
fn bounded(stream: &str, phase: String, tally: &Tally) -> Row {
    let row = Row::new(PROMISE, stream, phase).asked(ASKED).tally(tally);
    let standing = match tally.rate() {
        Some(rate) if rate <= 1.5 * ASKED => Standing::Kept,
        Some(rate) if rate <= 2.0 * ASKED => Standing::Near,
        _ => Standing::Missed,
    };
    row.goal("<= 1.5 ×", standing)
}

fn wrong_row(stream: &str, rows: usize, wrong: usize, tally: &Tally) -> Row {
    let row = bounded(stream, format!("{wrong} of {rows} labelled wrong"), tally);
    // Without a wrong label it is a figure to compare with.
    if wrong == 0 { row.goal("", Standing::Reported) } else { row }
}

fn wrong_requests(setup: &Setup, source: Source, rows: usize, wrong: usize) -> anyhow::Result<Vec<Row>> {
    let mut traffic = source.open(&setup.binary, rows + FRESH, 4)?;
    let mut trial = Trial::start(&setup.binary, "requests", "")?;
    send(&mut trial, &mut traffic, rows)?;
    label_evenly(&mut trial, rows, wrong)?;
    let training = trial.train(&asked())?;
    let tally = send(&mut trial, &mut traffic, FRESH)?;
    Ok(training.missed(PROMISE, source.name).into_iter().chain([wrong_row(source.name, rows, wrong, &tally)]).collect())
}

/// Benign flows: of a public set where there is one, else generated.
fn benign(setup: &Setup, rows: usize) -> anyhow::Result<(&'static str, Vec<Flow>)> {
    let (name, all) = match &setup.data {
        Some(data) => ("cicids2017 flows", flows::shuffled(flows::union(data)?, 4)),
        None => ("generated flows", flows::generated(&setup.binary, rows, 4)?),
    };
    Ok((name, all.into_iter().filter(|flow| !flow.attack).take(rows).collect()))
}

fn wrong_flows(setup: &Setup, rows: usize, wrong: usize) -> anyhow::Result<Vec<Row>> {
    let (name, all) = benign(setup, rows + FRESH)?;
    let (history, fresh) = all.split_at(rows.min(all.len()));
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    trial.judge_flows(history)?;
    label_evenly(&mut trial, rows, wrong)?;
    let training = trial.train(&asked())?;
    let tally = Tally::of(fresh.iter().map(|flow| flow.attack), &trial.judge_flows(fresh)?);
    Ok(training.missed(PROMISE, name).into_iter().chain([wrong_row(name, rows, wrong, &tally)]).collect())
}

/// The lines of right labels: what was found and flagged before and after them.
fn right_rows(stream: &str, before: Tally, after: Tally) -> Vec<Row> {
    let kept = before.recall().zip(after.recall()).is_some_and(|(before, after)| after >= before - LOSS);
    let row = |phase: &str, tally| Row::new(PROMISE, stream, phase).asked(ASKED).tally(tally);
    let least = format!("recall >= {:.2}", before.recall().unwrap_or_default() - LOSS);
    vec![
        row("before right labels", &before),
        row(&format!("{RIGHT} right labels: recall"), &after).met(least, kept),
        bounded(stream, format!("{RIGHT} right labels: alarm rate"), &after),
    ]
}

fn right_requests(setup: &Setup, source: Source) -> anyhow::Result<Vec<Row>> {
    let rows = ROWS[1];
    let mut benign = source.open(&setup.binary, rows + 4 * FRESH, 5)?;
    let mut trial = Trial::start(&setup.binary, "requests", "")?;
    send(&mut trial, &mut benign, rows)?;
    let mut missed: Vec<Row> = trial.train(&asked())?.missed(PROMISE, source.name).into_iter().collect();
    // As many attacks as are tried among as many benign events as are judged.
    let share = TRIED as f64 / (TRIED + FRESH) as f64;
    let mut traffic = mixed(benign, share, Attacker::new(&Kind::PLAIN, &[], 5), 5);
    let before = send(&mut trial, &mut traffic, TRIED + FRESH)?;
    for attack in traffic.by_ref().filter(|request| request.attack).take(RIGHT) {
        trial.judge(&attack)?;
        trial.label(trial.sent(), true)?;
    }
    missed.extend(trial.train(&asked())?.missed(PROMISE, source.name));
    let after = send(&mut trial, &mut traffic, TRIED + FRESH)?;
    missed.extend(right_rows(source.name, before, after));
    Ok(missed)
}

fn right_flows(setup: &Setup) -> anyhow::Result<Vec<Row>> {
    const STREAM: &str = "cicids2017 flows";
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let (attacks, benign): (Vec<Flow>, Vec<Flow>) = flows::shuffled(flows::union(data)?, 5).into_iter().partition(|flow| flow.attack);
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    trial.judge_flows(&benign[..ROWS[1]])?;
    let mut missed: Vec<Row> = trial.train(&asked())?.missed(PROMISE, STREAM).into_iter().collect();
    let part = |number: usize| benign[ROWS[1] + number * FRESH..].iter().take(FRESH).chain(attacks[number * TRIED..].iter().take(TRIED));
    let judged = |trial: &mut Trial, number: usize| -> anyhow::Result<Tally> {
        Ok(Tally::of(part(number).map(|flow| flow.attack), &trial.judge_flows(part(number))?))
    };
    let before = judged(&mut trial, 0)?;
    for attack in &attacks[2 * TRIED..2 * TRIED + RIGHT] {
        trial.judge_flows([attack])?;
        trial.label(trial.sent(), true)?;
    }
    missed.extend(trial.train(&asked())?.missed(PROMISE, STREAM));
    let after = judged(&mut trial, 1)?;
    missed.extend(right_rows(STREAM, before, after));
    Ok(missed)
}
