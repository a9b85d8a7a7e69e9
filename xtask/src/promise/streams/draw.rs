//! Random numbers from a seed.

use bartizan_core::Seed;

/// A sequence of numbers that depends on its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    seed: Seed,
    drawn: u64,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Seed(seed), drawn: 0 }
    }

    fn next(&mut self) -> u64 {
        self.drawn += 1;
        self.seed.derive(self.drawn).0
    }

    /// A whole number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// An interval between events that come at random, with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// A number of the normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A number whose logarithm is normal.
    pub(crate) fn lognormal(&mut self, mean: f64, deviation: f64) -> f64 {
        (mean + deviation * self.normal()).exp()
    }

    /// A position below `end` by Zipf's law: the k-th is drawn about 1 / k times as often as the first.
    pub(crate) fn zipf(&mut self, end: u64) -> u64 {
        ((end as f64).powf(self.unit()) as u64).clamp(1, end) - 1
    }

    /// As many digits of base 16.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }

    /// A word that can be said: 2 to 4 syllables.
    pub(crate) fn word(&mut self) -> String {
        const HEADS: [&str; 16] = ["b", "br", "c", "d", "f", "g", "gr", "h", "l", "m", "n", "p", "r", "s", "st", "t"];
        const TAILS: [&str; 12] = ["a", "e", "i", "o", "u", "al", "an", "el", "en", "er", "in", "or"];
        (0..2 + self.below(3)).map(|_| format!("{}{}", self.pick(&HEADS), self.pick(&TAILS))).collect()
    }

    /// As many words.
    pub(crate) fn words(&mut self, count: u64, between: &str) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn numbers_are_distributed_as_they_say() {
        let mut draw = Draw::new(1);
        let mut mean = |of: &mut dyn FnMut(&mut Draw) -> f64| (0..20_000).map(|_| of(&mut draw)).sum::<f64>() / 20_000.0;
        for (name, got, expected, by) in [
            ("unit", mean(&mut Draw::unit), 0.5, 0.01),
            ("exponential", mean(&mut |draw| draw.exponential(3.0)), 3.0, 0.1),
            ("normal", mean(&mut Draw::normal), 0.0, 0.03),
            ("square of normal", mean(&mut |draw| draw.normal().powi(2)), 1.0, 0.05),
            // ln 2 / ln 1000: the first of a thousand.
            ("zipf", mean(&mut |draw| f64::from(u8::from(draw.zipf(1_000) == 0))), 0.1, 0.01),
        ] {
            assert!((got - expected).abs() <= by, "{name}: {got}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same() {
        let drawn = |seed| (0..10).map(|_| Draw::new(seed).words(3, " ")).collect::<Vec<_>>();
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }
}
