//! What is fuzzed, and what each may cost.

mod bodies;
mod files;
mod models;
mod stored;

/// What reading an input may cost: so much for each of its bytes, and something for any.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes held at once for each byte.
    pub held: u64,
    /// Bytes allocated in all for each byte.
    pub allocated: u64,
    /// Bytes held or allocated whatever the length.
    pub free: u64,
}

impl Bounds {
    /// Ten times the input at once, as is promised of requests.
    pub(crate) const USUAL: Self = Self { held: 10, allocated: 40, free: 1 << 20 };

    /// What an input of this length may hold at once, and allocate in all.
    #[must_use]
    pub fn of(self, length: usize) -> (u64, u64) {
        let length = length as u64;
        (self.free + self.held * length, self.free + self.allocated * length)
    }

    pub(crate) fn share(self, held: u64, allocated: u64, length: usize) -> f64 {
        let (most_held, most_allocated) = self.of(length);
        (held as f64 / most_held as f64).max(allocated as f64 / most_allocated as f64)
    }
}

/// Reads an input; inputs that are read in different ways give different numbers.
type Run = Box<dyn Fn(&[u8]) -> u64>;

/// A parser of outside bytes.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it may cost.
    pub bounds: Bounds,
    /// Inputs to begin with.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Words that mean something to it.
    pub(crate) words: &'static [&'static str],
    /// Reads an input.
    pub(crate) run: Run,
}

impl Target {
    pub(crate) fn new(name: &'static str, bounds: Bounds, seeds: Vec<Vec<u8>>, run: impl Fn(&[u8]) -> u64 + 'static) -> Self {
        Self { name, bounds, seeds, words: &[], run: Box::new(run) }
    }

    pub(crate) fn with_words(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }
}

/// Every target.
#[must_use]
pub fn all() -> Vec<Target> {
    [bodies::targets(), stored::targets(), models::targets(), files::targets()].into_iter().flatten().collect()
}

/// The names of the targets that read no files; those have the names of the formats.
const OTHERS: &[&str] = &[
    "requests-body",
    "flows-data",
    "flows-batch",
    "flows-training",
    "flows-csv",
    "behavior-session",
    "behavior-logs",
    "behavior-training",
    "logs-entry",
    "logs-detect",
    "logs-training",
    "raw-json",
    "timestamp",
    "stored-request",
    "stored-flow",
    "stored-session",
    "stored-log",
    "model-file",
    "model-body",
    "baselines",
];

/// Every name.
#[must_use]
pub fn names() -> Vec<&'static str> {
    OTHERS.iter().copied().chain(files::names().iter().map(|(name, ..)| *name)).collect()
}

/// A number for each different text, such as the kinds of faults.
pub(crate) fn shape(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> u64 {
    let add = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    parts.into_iter().fold(0xcbf2_9ce4_8422_2325, |sum, part| part.as_ref().iter().fold(add(sum, &0), add))
}

#[cfg(test)]
mod tests {
    use super::{all, names};

    #[test]
    fn every_target_has_its_name_in_the_list_and_seeds() {
        let targets = all();
        assert_eq!(targets.iter().map(|target| target.name).collect::<Vec<_>>(), names());
        assert!(targets.iter().all(|target| target.seeds.len() > 1));
    }
}
