//! U8: of the anomalous verdicts that are said to be sure, as many hold, at any share of attacks; and confidence is calibrated.

use super::rates::send;
use super::report::{Row, Standing};
use super::streams::{self, Attacker, Flow, GENERATED, Kind, Source, WEBSITE, flows, mixed};
use super::trial::{Trial, Verdict};
use super::{Job, Setup};
use serde_json::json;

const PROMISE: &str = "U8";
/// What a sure verdict is.
const SURE: f64 = 0.95;
/// Of the attacks, the share that must be said to be sure where attacks are many: else it would be enough never to be.
const SAID: f64 = 0.05;
const MOST_ERROR: f64 = 0.03;
const BINS: usize = 10;
const LEARNED: usize = 8_000;

/// Shares of attacks, how many of the sure verdicts hold there, and how many events are judged.
const MIXTURES: [(f64, f64, usize); 3] = [(0.01, 0.9, 10_000), (0.1, 0.93, 6_000), (0.5, 0.93, 4_000)];

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for mixture in MIXTURES {
        for source in setup.size(&[WEBSITE, GENERATED][..], &[WEBSITE]) {
            jobs.push(Job::new(PROMISE, source.name, move |setup| on_requests(setup, *source, mixture)));
        }
        if setup.data.is_some() {
            jobs.push(Job::new(PROMISE, "cicids2017 flows", move |setup| on_flows(setup, mixture)));
        }
    }
    jobs
}

/// A verdict, and whether the event was an attack.
type Judged = (bool, Verdict);

fn on_requests(setup: &Setup, source: Source, mixture: (f64, f64, usize)) -> anyhow::Result<Vec<Row>> {
    let (share, _, events) = mixture;
    let learned = setup.size(LEARNED, LEARNED / 2);
    let payloads = setup.data.as_deref().map_or(Ok(Vec::new()), streams::payloads)?;
    let mut benign = source.open(&setup.binary, learned + events, 8)?;
    let mut trial = Trial::start(&setup.binary, "requests", "")?;
    send(&mut trial, &mut benign, learned)?;
    let training = trial.train(&json!({}))?;
    let traffic = mixed(benign, share, Attacker::new(&Kind::OWN, &payloads, 8), 8).take(events);
    let judged = traffic.map(|request| Ok((request.attack, trial.judge(&request)?))).collect::<anyhow::Result<Vec<Judged>>>()?;
    Ok(training.missed(PROMISE, source.name).into_iter().chain(rows(source.name, mixture, &judged)).collect())
}

fn on_flows(setup: &Setup, mixture: (f64, f64, usize)) -> anyhow::Result<Vec<Row>> {
    const STREAM: &str = "cicids2017 flows";
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let (attacks, benign): (Vec<Flow>, Vec<Flow>) = flows::shuffled(flows::union(data)?, 8).into_iter().partition(|flow| flow.attack);
    let (share, _, events) = mixture;
    let attacks = attacks.into_iter().take((share * events as f64) as usize);
    let (learned, fresh) = benign.split_at(LEARNED.min(benign.len()));
    let fresh = fresh.iter().take(((1.0 - share) * events as f64) as usize).cloned();
    let all = flows::shuffled(attacks.chain(fresh).collect(), 9);
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    let training = trial.train_on(learned, &json!({}))?;
    let judged: Vec<Judged> = all.iter().map(|flow| flow.attack).zip(trial.judge_flows(&all)?).collect();
    Ok(training.missed(PROMISE, STREAM).into_iter().chain(rows(STREAM, mixture, &judged)).collect())
}

fn rows(stream: &str, (share, goal, _): (f64, f64, usize), judged: &[Judged]) -> Vec<Row> {
    let sure: Vec<&Judged> = judged.iter().filter(|(_, verdict)| verdict.flagged && verdict.confidence >= SURE).collect();
    let hold = sure.iter().filter(|(attack, _)| *attack).count();
    let attacks = judged.iter().filter(|(attack, _)| *attack).count();
    let found = judged.iter().filter(|(attack, verdict)| *attack && verdict.flagged).count();
    let many = share > MIXTURES[0].0;
    let standing = match hold as f64 / sure.len().max(1) as f64 {
        _ if many && (sure.len() as f64) < SAID * attacks as f64 => Standing::Missed,
        _ if sure.is_empty() => Standing::Reported,
        holds if holds >= goal => Standing::Kept,
        _ => Standing::Missed,
    };
    let row = |what: &str| Row::new(PROMISE, stream, format!("{:.0} % attacks: {what}", 100.0 * share));
    let holds = (!sure.is_empty()).then(|| hold as f64 / sure.len() as f64);
    let mut first = row("sure anomalous verdicts that hold").got(holds, sure.len()).goal(format!(">= {goal}"), standing);
    first.recall = (attacks > 0).then(|| found as f64 / attacks as f64);
    let error = calibration_error(judged);
    vec![first, row("expected calibration error").got(Some(error), judged.len()).met(format!("<= {MOST_ERROR}"), error <= MOST_ERROR)]
}

/// The distance between the confidence that is said and the share of verdicts that hold, over bins of equal width.
fn calibration_error(judged: &[Judged]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for (attack, verdict) in judged {
        let (said, held) = &mut bins[((verdict.confidence * BINS as f64) as usize).min(BINS - 1)];
        *said += verdict.confidence;
        *held += f64::from(u8::from(*attack == verdict.flagged));
    }
    bins.iter().map(|(said, held)| (said - held).abs()).sum::<f64>() / judged.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{Judged, Standing, Verdict, calibration_error, rows};

    fn judged(count: usize, attack: bool, flagged: bool, confidence: f64) -> Vec<Judged> {
        vec![(attack, Verdict { judged: true, flagged, confidence, ..Verdict::default() }); count]
    }

    #[test]
    fn the_error_is_zero_where_as_many_hold_as_is_said() {
        let honest = [judged(90, true, true, 0.9), judged(10, false, true, 0.9)].concat();
        assert!(calibration_error(&honest) < 1e-9);
        assert!((calibration_error(&judged(100, false, true, 0.9)) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn sure_verdicts_must_hold_and_must_exist() {
        let benign = judged(900, false, false, 0.99);
        let standing = |anomalous: Vec<Judged>, share| rows("a", (share, 0.9, 0), &[benign.clone(), anomalous].concat())[0].standing;
        let good = [judged(95, true, true, 0.96), judged(5, false, true, 0.96)].concat();
        assert_eq!(standing(good, 0.1), Standing::Kept);
        assert_eq!(standing([judged(50, true, true, 0.96), judged(50, false, true, 0.96)].concat(), 0.1), Standing::Missed);
        assert_eq!(standing(judged(100, true, true, 0.9), 0.1), Standing::Missed);
        assert_eq!(standing(judged(10, true, true, 0.9), 0.01), Standing::Reported);
    }
}
