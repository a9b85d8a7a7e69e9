//! Random numbers in the shapes that traffic has. Only `+ - * /` and whole numbers: every machine draws the same.

use bartizan_core::Seed;
use rand::{Rng, RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A source of random numbers.
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub(super) fn new(seed: Seed) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed.0))
    }

    /// [0, 1), uniform.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Uniform from `least` up to `most`.
    pub(super) fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    /// A whole number from `least` to `most`, both included.
    pub(super) fn whole(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most.max(least))
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of them. There is at least one.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.whole(0, from.len() as u64 - 1) as usize]
    }

    /// Mean 0, deviation 1, within six deviations: the sum of twelve uniform numbers.
    fn bell(&mut self) -> f64 {
        let mut sum = 0;
        for _ in 0..3 {
            let bits = self.0.next_u64();
            sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        }
        sum as f64 / 65_536.0 - 6.0
    }

    /// Log-normal: half of the numbers are below `median`; `spread` is the deviation of the logarithm.
    pub(super) fn around(&mut self, median: f64, spread: f64) -> f64 {
        let bell = self.bell();
        median * exp(spread * bell)
    }

    /// Exponential, such as the time to the next of many independent events.
    pub(super) fn wait(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.unit())
    }

    /// A whole number of at least 1 with that mean, geometric.
    pub(super) fn several(&mut self, mean: f64) -> usize {
        1 + self.wait((mean - 0.5).max(0.1)) as usize
    }

    /// A position in a list of `count` of which the first are by far the most popular.
    pub(super) fn popular(&mut self, count: u64) -> u64 {
        let draw = self.unit();
        ((draw * draw * draw * count as f64) as u64).min(count.saturating_sub(1))
    }
}

/// e^x for |x| below some 30: the power series of x / 1024, squared ten times.
fn exp(x: f64) -> f64 {
    let y = x / 1024.0;
    let mut power = 1.0 + y * (1.0 + y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0)));
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// The natural logarithm of a number in (0, 1]: halves taken out, then the series of the inverse hyperbolic tangent.
fn ln(x: f64) -> f64 {
    let (mut mantissa, mut halves) = (x.max(1e-18), 0.0);
    while mantissa < 0.7 {
        mantissa *= 2.0;
        halves += 1.0;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let q = s * s;
    2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q / 9.0)))) - halves * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::{Dice, exp, ln};
    use bartizan_core::Seed;

    #[test]
    fn powers_and_logarithms_are_near_enough() {
        for x in [-12.0, -1.0, -0.001, 0.0, 0.5, 3.0, 12.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-8, "{x}");
        }
        for x in [1.0, 0.999, 0.71, 0.69, 0.5, 0.01, 1e-9] {
            assert!((ln(x) - f64::ln(x)).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn the_shapes_have_their_means() {
        let mut dice = Dice::new(Seed(1));
        let mut mean = |draw: &dyn Fn(&mut Dice) -> f64| (0..20_000).map(|_| draw(&mut dice)).sum::<f64>() / 20_000.0;
        for (what, found, expected) in [
            ("bell", 10.0 + mean(&Dice::bell), 10.0),
            ("wait", mean(&|dice| dice.wait(5.0)), 5.0),
            ("several", mean(&|dice| dice.several(7.0) as f64), 7.0),
            ("around", mean(&|dice| f64::from(dice.around(3.0, 1.0) < 3.0)), 0.5),
            ("whole", mean(&|dice| dice.whole(2, 4) as f64), 3.0),
        ] {
            assert!((found / expected - 1.0).abs() < 0.05, "{what}: {found}");
        }
    }
}
