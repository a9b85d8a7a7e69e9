//! Randomness as an argument.

use serde::{Deserialize, Serialize};

/// The only source of randomness: the same seed gives the same result, bit for bit, on one thread or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// An independent seed for the `index`-th part of a job, so that parts may run in any order on any thread.
    ///
    /// One step of SplitMix64 (Steele, Lea, Flood 2014) over the seed and the index.
    #[must_use]
    pub fn derive(self, index: u64) -> Self {
        let mut z = self.0 ^ index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;
    use std::collections::HashSet;

    #[test]
    fn derived_seeds_differ() {
        let seeds: HashSet<_> = (0..10_000).map(|i| Seed(7).derive(i)).collect();
        assert_eq!(seeds.len(), 10_000);
        assert_eq!(Seed(7).derive(3), Seed(7).derive(3));
        assert_ne!(Seed(7).derive(3), Seed(8).derive(3));
    }
}
