//! Counts over a sliding hour and day, who was met lately, and how evenly events come.

use std::collections::VecDeque;

/// Seconds of a bucket, buckets of an hour and of a day.
const BUCKET_SECS: i64 = 600;
pub(super) const HOUR: i64 = 6;
pub(super) const DAY: i64 = 144;
pub(super) const DAY_SECS: i64 = DAY * BUCKET_SECS;
/// Connections in a row at an even pace that make a health check, and the longest time between two of them.
const STEADY: u8 = 6;
const LONGEST_GAP: i64 = 305;

/// Counts in a sliding day.
#[derive(Default)]
pub(super) struct Counts(VecDeque<(i64, u16)>);

impl Counts {
    /// Counts at a time; what comes late counts as coming now.
    pub(super) fn add(&mut self, time: i64, count: u32) {
        let (bucket, count) = (time.div_euclid(BUCKET_SECS), count.min(u32::from(u16::MAX)) as u16);
        match self.0.back_mut() {
            Some((last, sum)) if *last >= bucket => *sum = sum.saturating_add(count),
            _ if count > 0 => self.0.push_back((bucket, count)),
            _ => {}
        }
        while self.0.front().is_some_and(|(first, _)| first.saturating_add(DAY) <= bucket) {
            self.0.pop_front();
        }
    }

    /// The sum over so many buckets up to a time.
    pub(super) fn sum(&self, time: i64, buckets: i64) -> u16 {
        let first = time.div_euclid(BUCKET_SECS).saturating_sub(buckets);
        self.0.iter().rev().take_while(|(bucket, _)| *bucket > first).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// Clients that were met lately, each with the time.
#[derive(Default)]
pub(super) struct Lately(Vec<(u64, i64)>);

impl Lately {
    /// Meets a client; of more than `most`, the one met longest ago is forgotten.
    pub(super) fn meet(&mut self, client: u64, time: i64, most: usize) {
        if let Some(entry) = self.0.iter_mut().find(|(met, _)| *met == client) {
            entry.1 = entry.1.max(time);
        } else if self.0.len() < most {
            self.0.push((client, time));
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|(_, time)| *time) {
            *oldest = (client, time);
        }
    }

    pub(super) fn forget(&mut self, client: u64) {
        self.0.retain(|(met, _)| *met != client);
    }

    /// How many others there are within a day.
    pub(super) fn others(&self, client: u64, time: i64) -> u8 {
        self.0.iter().filter(|(met, at)| *met != client && at.saturating_add(DAY_SECS) > time).count().min(255) as u8
    }
}

/// How evenly connections come.
#[derive(Default)]
pub(super) struct Pace {
    last: Option<i64>,
    gap: i64,
    even: u8,
}

impl Pace {
    pub(super) fn meet(&mut self, time: i64) {
        let gap = time.saturating_sub(self.last.unwrap_or(time));
        let is_even = (1..=LONGEST_GAP).contains(&gap) && (gap - self.gap).abs() <= 3;
        self.even = if is_even { self.even.saturating_add(1) } else { 0 };
        (self.last, self.gap) = (Some(time), gap);
    }

    pub(super) fn is_steady(&self) -> bool {
        self.even >= STEADY
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, DAY, HOUR};

    #[test]
    fn an_hour_and_a_day_slide() {
        let mut counts = Counts::default();
        (0..200).for_each(|i| counts.add(600 * i, 1));
        assert_eq!((counts.sum(600 * 199, HOUR), counts.sum(600 * 199, DAY)), (6, 144));
        assert_eq!((counts.sum(600 * 204, HOUR), counts.sum(600 * 205, HOUR)), (1, 0));
        counts.add(0, 5);
        assert_eq!(counts.sum(600 * 199, HOUR), 11, "what comes late counts as coming now");
        assert!(counts.0.len() <= 144);
        counts.add(i64::MAX, 1);
        assert_eq!((counts.sum(i64::MAX, DAY), counts.sum(i64::MIN, DAY)), (1, 1));
    }
}
