//! U3: a service that begins with nothing and learns by itself flags no more than it was asked to, and finds plain attacks from the first request on.

use super::report::Row;
use super::streams::{Attacker, GENERATED, Kind, SERVICES, Source, Stream, WEBSITE, mixed};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};

const PROMISE: &str = "U3";
const ASKED: f64 = 0.1;
/// The alarm rate that it may come to.
const MOST: f64 = 0.15;
/// The share of plain attacks that is found.
const FOUND: f64 = 0.9;
const ATTACKS: f64 = 0.02;
const HOUR: i64 = 3_600_000;
/// Traffic begins in the morning: a night has too few requests in its first hour.
const BEGINS: i64 = 9 * HOUR;
/// Events that the sources which make a number of them make: more than all hours have.
const EVENTS: usize = 40_000;
/// Time of events between waits for trainings in the background.
const SLICE: i64 = HOUR / 6;

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let sources: &[Source] = setup.size(&[WEBSITE, GENERATED, SERVICES], &[WEBSITE, GENERATED]);
    let hours = setup.size(13, 8);
    let all = sources.iter().flat_map(|source| (0..setup.seeds).map(move |seed| (*source, seed)));
    let job = |(source, seed): (Source, u64)| {
        let stream = setup.named(source.name, seed);
        Job::new(PROMISE, stream.clone(), move |setup| measure(setup, &stream, source, hours, seed))
    };
    all.map(job).collect()
}

fn traffic(setup: &Setup, source: Source, seed: u64) -> anyhow::Result<(Stream, i64)> {
    let mut benign = source.open(&setup.binary, EVENTS, seed)?;
    let begins = benign.next().map_or(0, |request| request.at) + BEGINS;
    let day = Box::new(benign.skip_while(move |request| request.at < begins));
    Ok((mixed(day, ATTACKS, Attacker::new(&Kind::PLAIN, &[], seed), seed), begins))
}

fn measure(setup: &Setup, stream: &str, source: Source, hours: i64, seed: u64) -> anyhow::Result<Vec<Row>> {
    let (traffic, begins) = traffic(setup, source, seed)?;
    let mut trial = Trial::start(&setup.binary, "requests", &format!("cold_start = \"learn\"\ncontamination = {ASKED}"))?;
    let (mut first, mut after, mut ready, mut slice) = (Tally::default(), Tally::default(), None, begins);
    for request in traffic.take_while(|request| request.at < begins + hours * HOUR) {
        if request.at >= slice + SLICE {
            trial.settle();
            slice = request.at;
        }
        let verdict = trial.judge(&request)?;
        if verdict.model && ready.is_none() {
            ready = Some((trial.sent(), (request.at - begins) as f64 / HOUR as f64));
        }
        let phase = if request.at < begins + HOUR { &mut first } else { &mut after };
        phase.count(request.attack, verdict);
    }
    Ok(rows(stream, hours, [first, after], ready))
}

fn rows(stream: &str, hours: i64, [first, after]: [Tally; 2], ready: Option<(u64, f64)>) -> Vec<Row> {
    let row = |phase: String| Row::new(PROMISE, stream, phase).asked(ASKED);
    let finds = |tally: &Tally| tally.recall().is_some_and(|recall| recall >= FOUND);
    let mut overall = first;
    overall.add(after);
    let since = ready.map_or("no model".to_owned(), |(events, hours)| format!("model after {events} requests, {hours:.2} h"));
    vec![
        row("first hour".to_owned()).tally(&first).met(format!("recall >= {FOUND}"), finds(&first)),
        row(format!("next {} h", hours - 1)).tally(&after).met(format!("recall >= {FOUND}"), finds(&after)),
        row(format!("overall; {since}")).tally(&overall).met(format!("<= {MOST}"), overall.rate().is_some_and(|rate| rate <= MOST)),
    ]
}
