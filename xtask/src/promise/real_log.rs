//! U2: learned from the first hours of a real access log, the next ones keep the alarm rate.

use super::rates::params;
use super::report::Row;
use super::streams::{Request, access_log};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};

const PROMISE: &str = "U2";
const STREAM: &str = "real access log";
/// Hours that are learned from.
const HOURS: [i64; 5] = [3, 6, 12, 18, 24];
/// Hours that are judged after them.
const NEXT: i64 = 6;
const HOUR: i64 = 3_600_000;
/// One alarm in how many is asked for: the first is the goal's.
const ONE_IN: [u64; 2] = [10, 20];
/// The rate that one in ten may come to.
const MOST: f64 = 0.15;

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let hours = if setup.data.is_some() { &HOURS[..] } else { &[] };
    let all = ONE_IN.iter().flat_map(|one_in| hours.iter().map(move |hours| (*hours, *one_in)));
    all.map(|(hours, one_in)| Job::new(PROMISE, STREAM, move |setup| measure(setup, hours, one_in))).collect()
}

fn measure(setup: &Setup, hours: i64, one_in: u64) -> anyhow::Result<Vec<Row>> {
    let Some(data) = &setup.data else { return Ok(Vec::new()) };
    let log = access_log(data)?;
    let start = log.first().map_or(0, |request| request.at);
    let mut trial = Trial::start(&setup.binary, "requests", "")?;
    let before = |request: &&Request, hours: i64| request.at < start + hours * HOUR;
    for request in log.iter().take_while(|request| before(request, hours)) {
        trial.judge(request)?;
    }
    let learned = trial.sent();
    let training = trial.train(&params(one_in))?;
    let mut tally = Tally::default();
    for request in log.iter().skip_while(|request| before(request, hours)).take_while(|request| before(request, hours + NEXT)) {
        tally.count(false, trial.judge(request)?);
    }
    let phase = format!("first {hours} h ({learned} requests) learned, next {NEXT} h");
    let row = Row::new(PROMISE, STREAM, phase).asked(1.0 / one_in as f64).tally(&tally);
    let kept = tally.rate().is_some_and(|rate| rate <= MOST);
    let row = if one_in == ONE_IN[0] { row.met(format!("<= {MOST}"), kept) } else { row };
    Ok(training.missed(PROMISE, STREAM).into_iter().chain([row]).collect())
}
