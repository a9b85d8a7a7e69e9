//! Where most values lie, and how far others lie above them.

use serde::{Deserialize, Serialize};

/// Values of its own that an endpoint or a user has as much say with as all together have, of where most lie and of how far they spread:
/// few values lie closer together than more of them will.
const SAY: f32 = 5.0;
const SAY_OF_SPREAD: f32 = 20.0;
/// Standard deviations of a normal distribution between its median and its 90th percentile.
const TO_90: f32 = 1.2816;

/// Middle and spread of values, the spread of those above the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scale {
    middle: f32,
    spread: f32,
}

impl Scale {
    /// Of values, which are sorted on the way; of none it is that of `all`. Few values have little say beside those of all.
    pub(super) fn fit(values: &mut [f32], all: Self) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let [Some(middle), Some(high)] = [50, 90].map(|part| values.get(values.len().saturating_sub(1) * part / 100).copied()) else {
            return all;
        };
        let own = Self { middle, spread: (high - middle) / TO_90 };
        let mix = |say: f32, own: f32, all: f32| {
            let part = values.len() as f32 / (values.len() as f32 + say);
            part * own + (1.0 - part) * all
        };
        let middle = mix(SAY, own.middle, all.middle);
        Self { middle, spread: mix(SAY_OF_SPREAD, own.spread, all.spread.max((middle - all.middle).abs())) }
    }

    /// The same of values alone.
    pub(super) fn alone(values: &mut [f32]) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let at = |part: usize| values.get(values.len().saturating_sub(1) * part / 100).copied().unwrap_or(0.0);
        Self { middle: at(50), spread: (at(90) - at(50)) / TO_90 }
    }

    pub(super) fn middle(self) -> f32 {
        self.middle
    }

    /// What about one value in ten lies above.
    pub(super) fn high(self) -> f32 {
        self.middle + TO_90 * self.spread
    }

    /// How many spreads, none smaller than `least`, a value lies above the middle; negative below.
    pub(super) fn excess(self, value: f32, least: f32) -> f32 {
        (value - self.middle) / self.spread.max(least)
    }
}

/// How many more of `of` are `some` than the share `p` explains, in standard deviations and a little.
pub(super) fn more_than(p: f32, some: f32, of: f32) -> f32 {
    (some - of * p) / (of * p * (1.0 - p) + 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Scale, more_than};

    #[test]
    fn values_far_above_the_others_stand_out() {
        let all = Scale::alone(&mut (0..1000).map(|i| i as f32 / 100.0).collect::<Vec<_>>());
        assert!((all.middle() - 5.0).abs() < 0.1);
        let own = Scale::fit(&mut [2.0; 1000], all);
        assert!(own.excess(2.0, 0.25).abs() < 0.1 && own.excess(8.0, 0.25) > 10.0);
        let few = Scale::fit(&mut [2.0; 2], all);
        assert!(few.excess(8.0, 0.25) < 2.0, "few values say little: {few:?}");
        assert_eq!(Scale::fit(&mut [], all), all);
        assert!(more_than(0.1, 1.0, 10.0).abs() < 1e-6 && more_than(0.1, 9.0, 10.0) > 5.0 && more_than(0.0, 0.0, 0.0) == 0.0);
    }
}
