//! U7: however few and however ordinary the rows are that were learned, what lies far outside of all of them is flagged.

use super::report::{Row, Standing};
use super::streams::{Flow, flows};
use super::tally::Tally;
use super::trial::Trial;
use super::{Job, Setup};
use serde_json::{Value, json};

const PROMISE: &str = "U7";
const ASKED: f64 = 0.05;
/// Ordinary rows that are judged beside.
const FRESH: usize = 1_000;
/// What is put into columns.
const EXTREMES: [f64; 2] = [9e9, 1e300];

/// What is learned.
#[derive(Clone, Copy)]
enum History {
    Related(usize),
    Independent(usize),
    Identical(usize),
    /// Nineteen of twenty are the same row.
    MostlyIdentical(usize),
    TwoKinds(usize),
}

const ALL: [History; 11] = [
    History::Related(100),
    History::Related(500),
    History::Related(1_000),
    History::Related(2_000),
    History::Independent(100),
    History::Independent(500),
    History::Independent(1_000),
    History::Independent(2_000),
    History::Identical(100),
    History::MostlyIdentical(1_000),
    History::TwoKinds(1_000),
];

impl History {
    fn name(self) -> String {
        match self {
            Self::Related(rows) => format!("{rows} rows of six columns"),
            Self::Independent(rows) => format!("{rows} rows of six independent columns"),
            Self::Identical(rows) => format!("{rows} identical rows"),
            Self::MostlyIdentical(rows) => format!("{rows} rows, 95 % identical"),
            Self::TwoKinds(rows) => format!("{rows} rows of two kinds"),
        }
    }

    /// Ordinary rows, as many as are learned from and judged.
    fn ordinary(self, seed: u64) -> Vec<Flow> {
        match self {
            Self::Independent(rows) => flows::independent_columns(rows + FRESH, seed),
            Self::Related(rows) | Self::Identical(rows) | Self::MostlyIdentical(rows) | Self::TwoKinds(rows) => {
                flows::related_columns(rows + FRESH, seed)
            }
        }
    }

    /// The rows that are learned from, and new ones like them.
    fn rows(self, seed: u64) -> [Vec<Flow>; 2] {
        let mut all = self.ordinary(seed);
        let (one, other) = (all[0].clone(), all[1].clone());
        for (at, row) in all.iter_mut().enumerate() {
            match self {
                Self::Identical(_) => *row = one.clone(),
                Self::MostlyIdentical(_) if at % 20 != 0 => *row = one.clone(),
                Self::TwoKinds(_) => *row = if at % 2 == 0 { one.clone() } else { other.clone() },
                _ => {}
            }
        }
        let fresh = all.split_off(all.len() - FRESH);
        [all, fresh]
    }
}

/// Ordinary rows with an extreme number in one column, in two, and in all.
fn extreme(history: History, seed: u64) -> Vec<Flow> {
    let six = flows::SIX;
    let mut places: Vec<Vec<&str>> = six.iter().map(|name| vec![*name]).collect();
    places.extend(six.windows(2).map(<[&str]>::to_vec));
    places.push(six.to_vec());
    let all: Vec<(Vec<&str>, f64)> = places.iter().flat_map(|place| EXTREMES.map(|value| (place.clone(), value))).collect();
    let mut rows = history.ordinary(seed ^ 0xe);
    rows.truncate(all.len());
    for (row, (place, value)) in rows.iter_mut().zip(all) {
        place.into_iter().for_each(|name| drop(row.fields.insert(name.to_owned(), value.into())));
        row.attack = true;
    }
    rows
}

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for algorithm in super::algorithms(setup, &[]) {
        for history in ALL {
            for seed in 0..setup.seeds {
                let (stream, algorithm) = (setup.named(&history.name(), seed), algorithm.clone());
                jobs.push(Job::new(PROMISE, stream.clone(), move |setup| measure(setup, &stream, history, algorithm.as_deref(), seed)));
            }
        }
    }
    jobs
}

fn measure(setup: &Setup, stream: &str, history: History, algorithm: Option<&str>, seed: u64) -> anyhow::Result<Vec<Row>> {
    let [learned, fresh] = history.rows(seed);
    let mut trial = Trial::start(&setup.binary, "flows", "")?;
    let mut params: Value = json!({ "contamination": ASKED });
    if let Some(algorithm) = algorithm {
        params["algorithm"] = algorithm.into();
    }
    let training = trial.train_on(&learned, &params)?;
    let all = || fresh.iter();
    let mut tally = Tally::of(all().map(|flow| flow.attack), &trial.judge_flows(all())?);
    let extreme = extreme(history, seed);
    tally.add(Tally::of(extreme.iter().map(|flow| flow.attack), &trial.judge_flows(&extreme)?));
    let phase = algorithm.unwrap_or("default");
    let row = |phase: String| Row::new(PROMISE, stream, phase).asked(ASKED).tally(&tally);
    let found = row(format!("{phase}: extremes")).met("recall 1", tally.recall() == Some(1.0));
    let rate = row(format!("{phase}: new rows like those learned"));
    let rate = match history {
        // A hundred rows say little about a rate, which U6 measures; that nothing is ever flagged is in the recall.
        History::Related(_) | History::Independent(_) => rate.goal("", Standing::Reported),
        _ => rate.met("<= 2 ×", tally.rate().is_some_and(|rate| rate <= 2.0 * ASKED)),
    };
    Ok(training.missed(PROMISE, stream).into_iter().chain([found, rate]).collect())
}
