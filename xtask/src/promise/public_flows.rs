//! U6: one false alarm in so many is what comes on public flows, and as many attacks are found as the best threshold of that rate would find.

use super::report::{ENOUGH, Row, Standing};
use super::streams::{Flow, flows};
use super::tally::Tally;
use super::trial::{Trial, Verdict};
use super::{Job, Setup};
use serde_json::json;
use std::path::Path;

const PROMISE: &str = "U6";
const ONE_IN: [u64; 2] = [100, 1_000];
/// Alarms that are expected, of which some must come.
const SEVERAL: f64 = 4.0;
/// Of the recall of the best threshold.
const LEAST: f64 = 0.9;

/// Flows to learn from, all benign, and flows to judge.
type Parts = (Vec<Flow>, Vec<Flow>);
type Read = fn(&Path, u64) -> anyhow::Result<Parts>;

const SETS: [(&str, Read); 4] = [
    ("cicids2017, halves", |data, seed| Ok(halves(flows::cicids2017(data)?, seed))),
    ("cicids2017 union, halves", |data, seed| Ok(halves(flows::union(data)?, seed))),
    ("nsl_kdd, halves", |data, seed| Ok(halves(flows::nsl_kdd(data)?, seed))),
    ("cicids2018, by time", |data, _| Ok(by_time(flows::cicids2018(data)?))),
];
/// The first day after those that are learned from.
const LATER: &str = "2018-02-22";

/// Half of the benign flows; the other half with all attacks.
fn halves(all: Vec<Flow>, seed: u64) -> Parts {
    let (attacks, benign): (Vec<Flow>, Vec<Flow>) = flows::shuffled(all, seed).into_iter().partition(|flow| flow.attack);
    let (learned, judged) = benign.split_at(benign.len() / 2);
    (learned.to_vec(), flows::shuffled([judged, &attacks].concat(), seed))
}

/// Benign flows of the first days; those of later days with all attacks.
fn by_time(all: Vec<Flow>) -> Parts {
    all.into_iter().partition(|flow| !flow.attack && flow.at.as_str() < LATER)
}

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    let sets = if setup.data.is_some() { &SETS[..] } else { &[] };
    for (name, read) in sets {
        for algorithm in super::algorithms(setup, &[]) {
            for seed in 0..setup.seeds {
                let (algorithm, read) = (algorithm.clone(), *read);
                let stream = setup.named(name, seed);
                jobs.push(Job::new(PROMISE, stream.clone(), move |setup| measure(setup, &stream, read, algorithm.as_deref(), seed)));
            }
        }
    }
    jobs
}

fn measure(setup: &Setup, name: &str, read: Read, algorithm: Option<&str>, seed: u64) -> anyhow::Result<Vec<Row>> {
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let (learned, judged) = read(data, seed)?;
    let mut rows = Vec::new();
    for one_in in ONE_IN {
        let mut trial = Trial::start(&setup.binary, "flows", "")?;
        let training = trial.train_on(&learned, &json!({"one_false_alarm_in": one_in, "algorithm": algorithm}))?;
        rows.extend(training.missed(PROMISE, name));
        let verdicts = trial.judge_flows(&judged)?;
        rows.push(row(name, algorithm, one_in, &judged, &verdicts));
    }
    Ok(rows)
}

fn row(name: &str, algorithm: Option<&str>, one_in: u64, judged: &[Flow], verdicts: &[Verdict]) -> Row {
    let asked = 1.0 / one_in as f64;
    let tally = Tally::of(judged.iter().map(|flow| flow.attack), verdicts);
    let best = best_recall(asked, judged, verdicts);
    let phase = format!("{}: 1 in {one_in}; best threshold finds {best:.3}", algorithm.unwrap_or("default"));
    let row = Row::new(PROMISE, name, phase).asked(asked).tally(&tally).goal("", Standing::Reported);
    let expected = asked * tally.benign as f64;
    let row = if expected >= ENOUGH { row.within_half(&tally) } else { by_chance(row, &tally, expected) };
    let finds = tally.recall().is_some_and(|recall| recall >= LEAST * best);
    let standing = if finds { row.standing } else { Standing::Missed };
    let goal = format!("{}, recall >= {:.3}", row.goal, LEAST * best);
    row.goal(goal, standing)
}

/// Of few alarms, the number need only be one that a rate from half to one and a half times what was asked for gives in 19 cases of 20; none at
/// all where several are expected is a detector that is switched off.
fn by_chance(row: Row, tally: &Tally, expected: f64) -> Row {
    let most = 1.5 * expected + 2.0 * (1.5 * expected).sqrt();
    let least = (0.5 * expected - 2.0 * (0.5 * expected).sqrt()).max(f64::from(u8::from(expected >= SEVERAL)));
    let alarms = tally.flagged as f64;
    row.met(format!("{least:.0} to {most:.0} alarms"), tally.benign > 0 && (least..=most).contains(&alarms))
}

/// The share of attacks beyond the threshold that has this share of the benign flows beyond it.
fn best_recall(rate: f64, judged: &[Flow], verdicts: &[Verdict]) -> f64 {
    let margins =
        |attack: bool| judged.iter().zip(verdicts).filter(move |(flow, _)| flow.attack == attack).map(|(_, verdict)| verdict.margin);
    let mut benign: Vec<f64> = margins(false).collect();
    benign.sort_by(f64::total_cmp);
    let Some(threshold) = benign.get((rate * benign.len() as f64) as usize) else { return 0.0 };
    let (found, all) = margins(true).fold((0, 0), |(found, all), margin| (found + usize::from(margin < *threshold), all + 1));
    f64::from(found as u32) / f64::from(all.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::{Flow, Verdict, best_recall};

    #[test]
    fn the_best_threshold_is_that_of_the_rate() {
        // Ten benign flows of margins 0 to 9, and attacks between them.
        let flow = |attack| Flow { attack, ..Flow::of(&[0.0; 6]) };
        let benign = (0..10).map(|margin| (flow(false), f64::from(margin)));
        let attacks = [-1.0, 0.0, 0.5, 1.5].map(|margin| (flow(true), margin));
        let (flows, margins): (Vec<Flow>, Vec<f64>) = benign.chain(attacks).unzip();
        let verdicts: Vec<Verdict> = margins.into_iter().map(|margin| Verdict { margin, ..Verdict::default() }).collect();
        for (rate, expected) in [(0.0, 0.25), (0.1, 0.75), (0.2, 1.0)] {
            assert_eq!(best_recall(rate, &flows, &verdicts).to_bits(), f64::to_bits(expected), "{rate}");
        }
    }
}
