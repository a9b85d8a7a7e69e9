//! A random sample of a sequence of unknown length, in bounded memory.

use crate::Seed;

/// Draws at most so many of the items that pass, each with the same chance; the same seed draws the same ones.
///
/// Vitter: Random sampling with a reservoir, ACM TOMS 11(1), 1985, algorithm R.
#[derive(Clone, Debug)]
pub struct Reservoir<T> {
    most: usize,
    seed: Seed,
    met: u64,
    drawn: Vec<T>,
}

impl<T> Reservoir<T> {
    /// An empty one for at most `most` items.
    #[must_use]
    pub fn new(most: usize, seed: Seed) -> Self {
        Self { most, seed, met: 0, drawn: Vec::new() }
    }

    /// One more item.
    pub fn push(&mut self, item: T) {
        self.met += 1;
        if self.drawn.len() < self.most {
            self.drawn.push(item);
        } else if let Some(place) = self.drawn.get_mut((self.seed.derive(self.met).0 % self.met) as usize) {
            *place = item;
        }
    }

    /// How many items passed.
    #[must_use]
    pub fn met(&self) -> u64 {
        self.met
    }

    /// What was drawn: everything in its order, unless there was more than fits.
    #[must_use]
    pub fn into_drawn(self) -> Vec<T> {
        self.drawn
    }
}

#[cfg(test)]
mod tests {
    use super::Reservoir;
    use crate::Seed;

    fn drawn(of: u32, most: usize, seed: u64) -> Vec<u32> {
        let mut reservoir = Reservoir::new(most, Seed(seed));
        (0..of).for_each(|item| reservoir.push(item));
        assert_eq!(reservoir.met(), u64::from(of));
        reservoir.into_drawn()
    }

    #[test]
    fn what_fits_is_kept_in_order_and_of_more_a_sample() {
        assert_eq!(drawn(5, 5, 1), [0, 1, 2, 3, 4]);
        assert!(drawn(0, 5, 1).is_empty() && drawn(5, 0, 1).is_empty());
        let sample = drawn(100_000, 1_000, 1);
        assert_eq!((sample.len(), &sample), (1_000, &drawn(100_000, 1_000, 1)));
        assert_ne!(sample, drawn(100_000, 1_000, 2));
        let mean = sample.iter().map(|item| f64::from(*item)).sum::<f64>() / 1_000.0;
        assert!((45_000.0..55_000.0).contains(&mean), "{mean}");
    }
}
