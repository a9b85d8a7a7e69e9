//! How rare a first sight is **here**.
//!
//! Half of the visitors of a web site come from networks that its history never saw; on an internal API, one such is an event. So it is
//! asked of the history itself: the later half of it is looked up in what the earlier half knew, in the order of time. What that half of
//! the events was as rare as, or rarer, is not rare. The share of events that are first sights is the missing mass (Good: The Population
//! Frequencies of Species and the Estimation of Population Parameters, Biometrika 40, 1953), measured where Good and Turing estimate it.

use serde::{Deserialize, Serialize};

/// Steps of a nat: finer differences only tell how many rows there were in training.
const STEPS: f32 = 4.0;
/// Highest step: 7 nats, about one in a thousand.
const MOST: usize = 28;

/// Nats by which a surprise is well beyond another.
const BEYOND: f32 = 0.5;

/// What was never seen, on the scale of [`Rareness::of`].
pub(crate) const UNSEEN: f32 = f32::INFINITY;

/// Minus the logarithm of the share of events that are as unusual, of how unusual one is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rareness {
    /// For each step the least unusual value that is so rare; rising, and shorter where nothing is.
    from: Vec<f32>,
    /// The most unusual thing that was known. How unusual a thing is that was seen once depends on how long the history is.
    known: f32,
}

impl Rareness {
    /// From how unusual events were when they came, on any scale; [`UNSEEN`] is the most.
    pub(crate) fn fit(mut met: Vec<f32>) -> Self {
        met.retain(|value| !value.is_nan());
        met.sort_by(|a, b| b.total_cmp(a));
        // The last place of each different value: a value is as rare as all that share it.
        let last: Vec<usize> = (0..met.len()).filter(|&i| met.get(i + 1) != Some(&met[i])).collect();
        let from = (1..=MOST).map_while(|step| {
            // So many events are as rare as this step, smoothed by half a one.
            let most = (-(step as f32) / STEPS).exp() * (met.len() as f32 + 1.0) - 0.5;
            let groups = last.partition_point(|place| (place + 1) as f32 <= most);
            let from = groups.checked_sub(1).map_or(UNSEEN, |group| met[last[group]]);
            // Nothing is as rare as this where first sights are too many.
            (most >= 0.0 && (groups > 0 || met.first() != Some(&UNSEEN))).then_some(from)
        });
        let known = met.iter().copied().find(|value| value.is_finite());
        Self { from: from.collect(), known: known.unwrap_or(f32::MAX) }
    }

    /// How rare, in nats, in steps of a quarter up to 7.
    pub(crate) fn of(&self, value: f32) -> f32 {
        let value = if value > self.known && value < UNSEEN { self.known } else { value };
        self.from.partition_point(|from| *from <= value) as f32 / STEPS
    }

    /// The same of a surprise that does not depend on how long the history is: one that is well beyond all that were met is as rare as what
    /// was never seen.
    pub(crate) fn of_surprise(&self, value: f32) -> f32 {
        self.of(if value > self.known + BEYOND { UNSEEN } else { value })
    }
}

/// How unusual something is that was seen `rows` times of `of`, in nats.
pub(crate) fn unusual(rows: u32, of: u32) -> f32 {
    if rows == 0 { UNSEEN } else { (of.max(1) as f32 / rows as f32).ln() }
}

#[cfg(test)]
mod tests {
    use super::{Rareness, UNSEEN, unusual};

    #[test]
    fn first_sights_are_as_rare_as_they_were() {
        let of = |unseen: usize, rows: usize| {
            let met = (0..rows).map(|i| if i < unseen { UNSEEN } else { 1.0 }).collect();
            let rareness = Rareness::fit(met);
            (rareness.of(1.0), rareness.of(UNSEEN))
        };
        for (unseen, rows, expected) in [
            (0, 1000, 7.0),
            (0, 100, 5.25),
            (1, 1000, 6.5),
            (10, 1000, 4.5),
            (100, 1000, 2.25),
            (600, 1000, 0.5),
            (1000, 1000, 0.0),
            (0, 0, 0.5),
        ] {
            assert_eq!(of(unseen, rows), (0.0, expected), "{unseen} of {rows}");
        }
    }

    #[test]
    fn what_is_seen_less_is_not_less_rare() {
        let rareness = Rareness::fit((0..5000).map(|i| unusual(1 + i % 97, 5000)).collect());
        let found: Vec<f32> = (0..100).rev().map(|rows| rareness.of(unusual(rows, 5000))).collect();
        assert!(found.is_sorted() && found[0] == 0.0 && found[99] == 7.0, "{found:?}");
        assert_eq!(rareness.of(unusual(1, 1 << 30)), rareness.of(unusual(1, 5000)), "a longer history makes what was seen once no rarer");
        assert_eq!(rareness.of(f32::NAN), 0.0);
    }
}
