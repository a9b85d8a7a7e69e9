//! Attacks among benign requests.

use super::{Attacker, Draw, Request, Stream};

/// A stream with this share of attacks in it, each a moment after a benign request.
pub(crate) fn mixed(benign: Stream, share: f64, attacker: Attacker, seed: u64) -> Stream {
    Box::new(Mixed { benign, share, attacker, draw: Draw::new(seed ^ 0x313d), last: None })
}

struct Mixed {
    benign: Stream,
    share: f64,
    attacker: Attacker,
    draw: Draw,
    last: Option<Request>,
}

impl Iterator for Mixed {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if let Some(last) = self.last.as_ref().filter(|_| self.draw.chance(self.share)) {
            return Some(self.attacker.attack(last));
        }
        self.last = self.benign.next();
        self.last.clone()
    }
}
