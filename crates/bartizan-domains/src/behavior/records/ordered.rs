//! Activity brought into the order of time, as far as a bounded number of lines allows.

use crate::behavior::sessions::Activity;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// By time, and lines of the same time by their order.
struct Held(Activity);

impl Held {
    fn key(&self) -> (i64, u64) {
        (self.0.time, self.0.line)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Holds back at most so many lines.
pub(super) struct Ordered {
    held: BinaryHeap<Reverse<Held>>,
    most: usize,
}

impl Ordered {
    pub(super) fn new(most: usize) -> Self {
        Self { held: BinaryHeap::new(), most }
    }

    /// Takes one more; gives the earliest once there are more than may be held.
    pub(super) fn push(&mut self, activity: Activity) -> Option<Activity> {
        if self.most == 0 {
            return Some(activity);
        }
        self.held.push(Reverse(Held(activity)));
        if self.held.len() > self.most { self.held.pop().map(|Reverse(Held(activity))| activity) } else { None }
    }

    /// The rest, in order.
    pub(super) fn finish(&mut self) -> Vec<Activity> {
        let rest = std::mem::take(&mut self.held).into_sorted_vec();
        // The last of the reversed order is the earliest.
        rest.into_iter().rev().map(|Reverse(Held(activity))| activity).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, Ordered};

    #[test]
    fn lines_come_in_the_order_of_time() {
        for (most, times, expected) in [
            (0, vec![3, 1, 2], vec![3, 1, 2]),
            (1, vec![3, 1, 2], vec![1, 2, 3]),
            (9, vec![3, 1, 2, 1], vec![1, 1, 2, 3]),
            (1, vec![3, 2, 1], vec![2, 1, 3]),
        ] {
            let mut ordered = Ordered::new(most);
            let activity = |(line, time)| Activity { time, line, ..Activity::default() };
            let mut out: Vec<i64> =
                (1..).zip(times).filter_map(|line| ordered.push(activity(line))).map(|activity| activity.time).collect();
            out.extend(ordered.finish().iter().map(|activity| activity.time));
            assert_eq!(out, expected, "{most}");
        }
    }
}
