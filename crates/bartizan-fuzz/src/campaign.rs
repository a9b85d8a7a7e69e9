//! A target and a number of inputs: what fails, and what the costliest took.

use crate::meter::{Cost, measured, thread_nanos};
use crate::mutate::mutated;
use crate::random::Random;
use crate::targets::Target;
use bartizan_core::Seed;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

/// Most inputs that are kept to be mutated.
const MAX_CORPUS: usize = 512;
/// Longest input that is kept to be mutated.
const MAX_KEPT: usize = 16 << 10;
/// Lengths of inputs: most are short, so that many are tried; a few are long, so that costs that grow faster show.
const LENGTHS: [(usize, usize); 3] = [(1, 4 << 10), (16, 64 << 10), (256, 256 << 10)];
/// Processor time that any input may take.
const FREE_NANOS: u64 = 20_000_000;
/// Processor time that a byte may take: a second for a mebibyte.
const NANOS_PER_BYTE: u64 = 1_000;
/// Times that a slow input is measured again; the fastest counts.
const MEASURED_AGAIN: usize = 3;
/// Costs are counted for the whole process: one campaign at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Inputs of each target.
    pub inputs: u64,
    /// The same seed makes the same inputs.
    pub seed: Seed,
    /// Whether processor time is bounded too.
    pub time: bool,
}

/// What was wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The target panicked: the message and where.
    Panic(String),
    /// More bytes were held at once than its length allows.
    Held(u64),
    /// More bytes were allocated in all than its length allows.
    Allocated(u64),
    /// More processor time was taken than its length allows; nanoseconds.
    Time(u64),
}

impl Fault {
    /// A word for the kind of fault.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Panic(_) => "panic",
            Self::Held(_) => "held",
            Self::Allocated(_) => "allocated",
            Self::Time(_) => "time",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(what) => write!(f, "it panicked: {what}"),
            Self::Held(bytes) => write!(f, "{bytes} bytes were held at once"),
            Self::Allocated(bytes) => write!(f, "{bytes} bytes were allocated in all"),
            Self::Time(nanos) => write!(f, "{} ms of processor time were taken", nanos / 1_000_000),
        }
    }
}

/// An input that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which input of the campaign.
    pub index: u64,
    /// The input.
    pub input: Vec<u8>,
    /// What was wrong.
    pub fault: Fault,
}

/// What became of a target's inputs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Inputs tried.
    pub inputs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Most bytes held at once by any.
    pub peak: u64,
    /// The largest share of what its length allows that any held at once, or allocated in all.
    pub worst: f64,
    /// Inputs that failed.
    pub failed: u64,
    /// The first that failed in each way.
    pub failures: Vec<Failure>,
}

impl Campaign {
    /// Tries a target.
    #[must_use]
    pub fn run(&self, target: &Target) -> Report {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        quietly(|| self.try_inputs(target))
    }

    fn try_inputs(&self, target: &Target) -> Report {
        let name = target.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let seed = self.seed.derive(name);
        let (mut corpus, mut shapes, mut report) = (target.seeds.clone(), HashSet::new(), Report::default());
        for index in 0..self.inputs {
            let mut random = Random::new(seed.derive(index));
            let input = match target.seeds.get(index as usize) {
                Some(seed) => seed.clone(),
                None => mutated(&corpus, target.words, longest(&mut random), &mut random),
            };
            let shape = self.try_one(target, index, &input, &mut report);
            // What is read in a new way is worth changing further.
            if let Some(shape) = shape
                && input.len() <= MAX_KEPT
                && corpus.len() < MAX_CORPUS
                && shapes.insert(shape)
            {
                corpus.push(input);
            }
        }
        report
    }

    fn try_one(&self, target: &Target, index: u64, input: &[u8], report: &mut Report) -> Option<u64> {
        let (outcome, cost, faults) = self.faults(target, input);
        report.inputs += 1;
        report.bytes += input.len() as u64;
        report.peak = report.peak.max(cost.peak);
        report.worst = report.worst.max(target.bounds.share(cost.peak, cost.total, input.len()));
        report.failed += u64::from(!faults.is_empty());
        for fault in faults {
            if !report.failures.iter().any(|known| known.fault.kind() == fault.kind()) {
                report.failures.push(Failure { index, input: input.to_vec(), fault });
            }
        }
        outcome
    }

    /// Everything that is wrong with one input.
    #[must_use]
    pub fn check(&self, target: &Target, input: &[u8]) -> Vec<Fault> {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        quietly(|| self.faults(target, input).2)
    }

    fn faults(&self, target: &Target, input: &[u8]) -> (Option<u64>, Cost, Vec<Fault>) {
        let began = Instant::now();
        let (result, cost) = measured(|| run(target, input));
        let mut faults = Vec::new();
        if self.time {
            let allowed = FREE_NANOS + NANOS_PER_BYTE * input.len() as u64;
            let slow = began.elapsed().as_nanos() > u128::from(allowed);
            faults.extend(slow.then(|| fastest(target, input)).flatten().filter(|nanos| *nanos > allowed).map(Fault::Time));
        }
        let (held, allocated) = target.bounds.of(input.len());
        faults.extend((cost.peak > held).then_some(Fault::Held(cost.peak)));
        faults.extend((cost.total > allocated).then_some(Fault::Allocated(cost.total)));
        let outcome = match result {
            Ok(shape) => Some(shape),
            Err(panic) => {
                faults.push(Fault::Panic(panic));
                None
            }
        };
        (outcome, cost, faults)
    }
}

/// The least processor time of several runs: what else the machine does is not counted, and its caches are warm.
fn fastest(target: &Target, input: &[u8]) -> Option<u64> {
    let times = (0..MEASURED_AGAIN).map(|_| {
        let before = thread_nanos()?;
        let _ = run(target, input);
        Some(thread_nanos()? - before)
    });
    times.min().flatten()
}

thread_local! {
    static PANICKED: RefCell<String> = const { RefCell::new(String::new()) };
}

fn run(target: &Target, input: &[u8]) -> Result<u64, String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|_| PANICKED.take())
}

/// Runs without the output of panics; their messages are kept.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| PANICKED.set(info.to_string())));
    let result = run();
    std::panic::set_hook(usual);
    result
}

fn longest(random: &mut Random) -> usize {
    LENGTHS.iter().rev().find(|(times, _)| random.once_in(*times)).map_or(LENGTHS[0].1, |(_, length)| *length)
}
