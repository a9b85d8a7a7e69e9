//! U2: learned from the first hours of a service's traffic, the next ones keep the alarm rate: on a real access log, and on a web site that is as
//! busy.

use super::rates::params;
use super::report::Row;
use super::streams::{Request, WEBSITE, access_log};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};

const PROMISE: &str = "U2";
/// Hours that are learned from.
const HOURS: [i64; 5] = [3, 6, 12, 18, 24];
/// Hours that are judged after them.
const NEXT: i64 = 6;
const HOUR: i64 = 3_600_000;
/// The web site begins at the hour of the day that the log begins at.
const BEGINS: i64 = 10 * HOUR;
/// One alarm in how many is asked for: the first is the goal's.
const ONE_IN: [u64; 2] = [10, 20];
/// The rate that one in ten may come to.
const MOST: f64 = 0.15;

type Read = fn(&Setup) -> anyhow::Result<Vec<Request>>;

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    let real: Option<(&str, Read)> = setup.data.is_some().then_some(("real access log", real));
    for (stream, read) in real.into_iter().chain([("web site", web_site as Read)]) {
        for one_in in ONE_IN {
            jobs.extend(HOURS.map(|hours| Job::new(PROMISE, stream, move |setup| measure(setup, stream, read, hours, one_in))));
        }
    }
    jobs
}

fn real(setup: &Setup) -> anyhow::Result<Vec<Request>> {
    setup.data.as_deref().map_or(Ok(Vec::new()), access_log)
}

fn web_site(setup: &Setup) -> anyhow::Result<Vec<Request>> {
    let mut all = WEBSITE.open(&setup.binary, 0, 2)?;
    let start = all.next().map_or(0, |request| request.at) + BEGINS;
    let end = start + (HOURS[HOURS.len() - 1] + NEXT) * HOUR;
    Ok(all.skip_while(|request| request.at < start).take_while(|request| request.at < end).collect())
}

fn measure(setup: &Setup, stream: &str, read: Read, hours: i64, one_in: u64) -> anyhow::Result<Vec<Row>> {
    let log = read(setup)?;
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
    let row = Row::new(PROMISE, stream, phase).asked(1.0 / one_in as f64).tally(&tally);
    let kept = tally.rate().is_some_and(|rate| rate <= MOST);
    let row = if one_in == ONE_IN[0] { row.met(format!("<= {MOST}"), kept) } else { row };
    Ok(training.missed(PROMISE, stream).into_iter().chain([row]).collect())
}
