//! What is counted in sliding windows of event time.

use serde::{Deserialize, Serialize};

/// Buckets of a window.
pub(crate) const BUCKETS: usize = 6;

/// Counts in a window: a ring of buckets, each cleared when event time reaches it anew.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ring {
    newest: i64,
    counts: [u16; BUCKETS],
}

impl Ring {
    /// The newest bucket.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }

    /// The sum over the window that ends with bucket `now`; a time before the window has nothing.
    pub(crate) fn sum(&self, now: i64) -> u32 {
        let buckets = BUCKETS as i64;
        let (first, last) = (now - buckets + 1, now.min(self.newest));
        (first.max(self.newest - buckets + 1)..=last).map(|b| u32::from(self.counts[b.rem_euclid(buckets) as usize])).sum()
    }

    /// Takes one back from bucket `now`, if it is still there.
    pub(crate) fn take(&mut self, now: i64) {
        let buckets = BUCKETS as i64;
        if now <= self.newest && now > self.newest - buckets {
            let count = &mut self.counts[now.rem_euclid(buckets) as usize];
            *count = count.saturating_sub(1);
        }
    }

    /// Counts into bucket `now`; what is older than the window is not counted.
    pub(crate) fn add(&mut self, now: i64) {
        let buckets = BUCKETS as i64;
        if now > self.newest {
            let cleared = (now - self.newest).min(buckets);
            (0..cleared).for_each(|i| self.counts[(now - i).rem_euclid(buckets) as usize] = 0);
            self.newest = now;
        }
        if now > self.newest - buckets {
            let count = &mut self.counts[now.rem_euclid(buckets) as usize];
            *count = count.saturating_add(1);
        }
    }
}

/// Different things seen, about: a bit for each hash, in this stretch of time and the last.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Different {
    pub(crate) epoch: i64,
    now: u64,
    before: u64,
}

impl Different {
    fn at(self, epoch: i64) -> (u64, u64) {
        match epoch - self.epoch {
            0 => (self.now, self.before),
            1 => (0, self.now),
            _ => (0, 0),
        }
    }

    /// Bits that are set: no more than there were different ones.
    pub(crate) fn bits(self, epoch: i64) -> u32 {
        let (now, before) = self.at(epoch);
        (now | before).count_ones()
    }

    /// Linear counting (Whang, Vander-Zanden, Taylor 1990) over 64 bits.
    pub(crate) fn count(self, epoch: i64) -> f32 {
        let (now, before) = self.at(epoch);
        let zeros = (now | before).count_zeros().max(1) as f32;
        64.0 * (64.0 / zeros).ln()
    }

    pub(crate) fn add(&mut self, epoch: i64, hash: u64) {
        if epoch > self.epoch || epoch < self.epoch - 1 {
            let (now, before) = if epoch > self.epoch { self.at(epoch) } else { return };
            *self = Self { epoch, now, before };
        }
        self.now |= 1 << (hash >> 58);
    }
}

/// Whether a number of seconds, or of their multiples, can be a time.
pub(crate) fn is_time(time: i64) -> bool {
    time.abs_diff(0) < 1 << 48
}
