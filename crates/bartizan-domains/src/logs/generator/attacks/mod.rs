//! Attacks: whole episodes, each with numbers of its own, laid over the span.

mod logins;
mod reading;
mod strain;

use super::World;
use super::dice::Dice;
use super::hits::Log;

/// Plays one episode.
type Play = fn(&mut Scene<'_>);

/// Attacks with the names that their requests are labelled with.
pub(super) const ATTACKS: &[(&str, Play)] = &[
    ("credential_stuffing", logins::credential_stuffing),
    ("slow_stuffing", logins::slow_stuffing),
    ("account_takeover", logins::account_takeover),
    ("scraping", reading::scraping),
    ("exfiltration", reading::exfiltration),
    ("id_enumeration", reading::id_enumeration),
    ("forced_browsing", reading::forced_browsing),
    ("slow_attack", strain::slow_attack),
    ("error_storm", strain::error_storm),
];

/// Attacks with few requests come more than once in each round: positions above.
const AGAIN: &[usize] = &[1, 2, 2, 4];

/// A share of the attacks that one episode has at most, so that there are several of each.
const LARGEST: usize = 14;

/// What an episode needs.
pub(super) struct Scene<'a> {
    world: &'a dyn World,
    dice: &'a mut Dice,
    log: &'a mut Log,
    /// Most requests of the episode.
    most: usize,
}

/// An episode's place in time.
struct Slot {
    /// Seconds from the beginning of the span.
    from: f64,
    /// How many requests it has.
    count: usize,
    /// Mean seconds between them.
    pace: f64,
}

impl Scene<'_> {
    /// A place for so many requests at that pace. Where the span is too short there are fewer, and they come faster.
    fn slot(&mut self, least: u64, most: u64, pace: f64) -> Slot {
        let fitting = (self.log.span * 0.7 / pace) as usize;
        let count = (self.dice.whole(least, most) as usize).min(fitting.max(4)).clamp(1, self.most);
        let room = self.log.span * 0.9;
        let pace = pace.min(room / count as f64);
        Slot { from: self.dice.unit() * (self.log.span - pace * count as f64), count, pace }
    }

    /// How loud an episode is, 0 to 1: most are neither.
    fn loudness(&mut self) -> f64 {
        0.5 * (self.dice.unit() + self.dice.unit())
    }

    /// A number between two, in equal steps of its logarithm: the quiet end, the loud end.
    fn scaled(&mut self, loudness: f64, quiet: f64, loud: f64) -> f64 {
        // Eight halvings of the way are near enough, without a power function.
        let (mut low, mut high, mut part) = (quiet, loud, loudness);
        for _ in 0..8 {
            let middle = (low * high).sqrt();
            if part >= 0.5 {
                low = middle;
                part -= 0.5;
            } else {
                high = middle;
            }
            part *= 2.0;
        }
        low * self.dice.between(0.9, 1.1)
    }
}

/// Episodes until no more requests are wanted: each attack in turn, in an order that differs from round to round.
pub(super) fn fill(world: &dyn World, dice: &mut Dice, log: &mut Log) {
    let most = (log.room() / LARGEST).max(10);
    let mut turn: Vec<usize> = Vec::new();
    while log.room() > 0 {
        if turn.is_empty() {
            turn = (0..ATTACKS.len()).chain(AGAIN.iter().copied()).collect();
        }
        let (name, play) = ATTACKS[turn.swap_remove(dice.whole(0, turn.len() as u64 - 1) as usize)];
        log.name(name);
        play(&mut Scene { world, dice, log, most });
    }
}
