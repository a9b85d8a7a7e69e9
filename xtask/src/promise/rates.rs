//! U1: the alarm rate that was asked for is the one that comes, on traffic that stays as it is: with warm windows, after a stop, after a kill,
//! after a training, whatever is recorded.

use super::report::{ENOUGH, Row};
use super::streams::{self, Attacker, Kind, MOBILE, Source, Stream, mixed};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};
use serde_json::{Value, json};

const PROMISE: &str = "U1";
/// Events that the first model is learned from.
const LEARNED: [usize; 2] = [10_000, 3_000];
/// Events of each phase.
const PHASE: [usize; 2] = [5_000, 800];
/// Events of the last phase, which has attacks in it, and their share.
const ATTACKED: usize = 2_000;
const ATTACKS: f64 = 0.1;
/// Events that are kept, and learned from, where only the anomalous ones are recorded: in the end far fewer than there were.
const KEPT: [usize; 2] = [10_000, 1_000];
/// One false alarm in how many events is asked for.
const ONE_IN: [u64; 3] = [10, 100, 1_000];

/// What is done before a phase.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Restart,
    Kill,
    Train,
}

const PHASES: [(&str, Before); 6] = [
    ("warm", Before::Nothing),
    ("after a restart", Before::Restart),
    ("after a kill", Before::Kill),
    ("trained again", Before::Train),
    ("restarted again", Before::Restart),
    ("later", Before::Nothing),
];

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for record in ["all", "anomalies"] {
        for source in streams::ALL {
            for one_in in &ONE_IN[..setup.size(3, 2)] {
                // What is recorded matters most where little is: the quick run has one rate of it.
                if setup.quick && record == "anomalies" && *one_in != ONE_IN[1] {
                    continue;
                }
                for seed in 0..setup.seeds {
                    let stream = setup.named(&format!("{}, record {record}", source.name), seed);
                    jobs.push(Job::new(PROMISE, stream.clone(), move |setup| measure(setup, &stream, source, record, *one_in, seed)));
                }
            }
        }
    }
    jobs
}

/// How a rate is asked for: a large one as a share of anomalies, a small one as false alarms.
pub(super) fn params(one_in: u64) -> Value {
    if one_in <= 20 { json!({"contamination": 1.0 / one_in as f64}) } else { json!({"one_false_alarm_in": one_in}) }
}

fn measure(setup: &Setup, stream: &str, source: Source, record: &str, one_in: u64, seed: u64) -> anyhow::Result<Vec<Row>> {
    let (learned, phase) = (setup.size(LEARNED[0], LEARNED[1]), setup.size(PHASE[0], PHASE[1]));
    let mut traffic = source.open(&setup.binary, learned + PHASES.len() * phase + ATTACKED, seed)?;
    let kept = if record == "all" { String::new() } else { format!("max_training_samples = {}", setup.size(KEPT[0], KEPT[1])) };
    let mut trial = Trial::start(&setup.binary, "requests", &format!("record = {record:?}\n{kept}"))?;
    send(&mut trial, &mut traffic, learned)?;
    let (mut rows, mut overall) = (Vec::new(), Tally::default());
    let row = |phase: &str| Row::new(PROMISE, stream, phase).asked(1.0 / one_in as f64);
    rows.extend(trial.train(&params(one_in))?.missed(PROMISE, stream));
    for (name, before) in PHASES {
        match before {
            Before::Nothing => {}
            Before::Restart => trial.restart()?,
            Before::Kill => trial.kill()?,
            Before::Train => rows.extend(trial.train(&params(one_in))?.missed(PROMISE, stream)),
        }
        let tally = send(&mut trial, &mut traffic, phase)?;
        overall.add(tally);
        rows.push(row(name).tally(&tally));
    }
    rows.push(row("overall").tally(&overall).within_half(&overall));
    let kinds = [&Kind::PLAIN[..], &[Kind::Inside]].concat();
    let attacked = send(&mut trial, &mut mixed(traffic, ATTACKS, Attacker::new(&kinds, &[], seed), seed), ATTACKED)?;
    rows.push(with_attacks(row("with attacks").tally(&attacked), source, &attacked));
    Ok(rows)
}

/// Of requests through a gateway that attacks come through as well, no more are flagged than twice what was asked for: what others did there
/// cannot alone flag a clean request. Of clients of one's own that may be meant.
fn with_attacks(row: Row, source: Source, tally: &Tally) -> Row {
    match (row.asked, row.got) {
        (Some(asked), Some(got)) if source.name == MOBILE.name && asked * tally.benign as f64 >= ENOUGH => {
            row.met("<= 2 ×", got <= 2.0 * asked)
        }
        _ => row,
    }
}

/// Sends the next events of a stream.
pub(super) fn send(trial: &mut Trial, traffic: &mut Stream, events: usize) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for request in traffic.take(events) {
        tally.count(request.attack, trial.judge(&request)?);
    }
    Ok(tally)
}
