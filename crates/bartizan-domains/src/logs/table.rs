//! What is known of each of many keys, in bounded memory, shared between threads.
//!
//! Who is new lies in a queue that is a quarter of the space, and leaves it again unless it came at least twice more: a flood of names that
//! come once each pushes out names like themselves, and nobody who is known. The others lie in a second queue, from which the one leaves
//! that was not seen since the queue last came round. Who left the first queue and comes again goes to the second at once (S3-FIFO: Yang,
//! Zhang, Qiu, Yue, Vigfusson, FIFO Queues are All You Need for Cache Eviction, SOSP 2023).

use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;
/// Visits after the first that make one known.
const KNOWN: u8 = 2;
/// Rounds of the second queue that one stays in it without being seen.
const MOST_ROUNDS: u8 = 3;
/// The part of the space that is for who is new.
const NEW_PART: usize = 4;
/// Keys of one saved part, at most.
const SAVED: usize = 2_048;

struct Slot<C> {
    counts: C,
    /// Visits since it was last looked at whether it stays, up to [`MOST_ROUNDS`].
    seen: u8,
}

struct Shard<C> {
    slots: HashMap<u64, Slot<C>>,
    new: VecDeque<u64>,
    known: VecDeque<u64>,
    /// Keys that left the first queue, as many as there is space for others, in their order.
    left: VecDeque<u64>,
    has_left: HashSet<u64>,
}

/// Counters by key.
pub(super) struct Table<C> {
    shards: Vec<Mutex<Shard<C>>>,
    /// So that nobody can choose names that lie in one shard.
    hasher: RandomState,
    /// Most keys of a shard.
    most: usize,
    evicted: AtomicU64,
}

/// Some keys with their counters, the known ones last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Saved<C>(Vec<(u64, C)>);

impl<C: Copy + Default> Table<C> {
    pub(super) fn new(most: usize) -> Self {
        let shard = || {
            let (new, known, left) = Default::default();
            Mutex::new(Shard { slots: HashMap::new(), new, known, left, has_left: HashSet::new() })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            most: most.div_ceil(SHARDS).max(1),
            evicted: AtomicU64::new(0),
        }
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard<C>> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, key: u64) -> MutexGuard<'_, Shard<C>> {
        self.shard((self.hasher.hash_one(key) >> 32) as usize % SHARDS)
    }

    /// Works on the counters of a key, which are new where it is.
    pub(super) fn with<R>(&self, key: u64, work: impl FnOnce(&mut C) -> R) -> R {
        let mut shard = self.shard_of(key);
        if let Some(slot) = shard.slots.get_mut(&key) {
            slot.seen = (slot.seen + 1).min(MOST_ROUNDS);
            return work(&mut slot.counts);
        }
        let mut slot = Slot { counts: C::default(), seen: 0 };
        let worked = work(&mut slot.counts);
        shard.insert(key, slot, self.most, &self.evicted);
        worked
    }

    /// Works on the counters of a key that is there.
    pub(super) fn change(&self, key: u64, work: impl FnOnce(&mut C)) {
        if let Some(slot) = self.shard_of(key).slots.get_mut(&key) {
            work(&mut slot.counts);
        }
    }

    /// The counters of a key, empty where it is new.
    pub(super) fn get(&self, key: u64) -> C {
        self.shard_of(key).slots.get(&key).map_or_else(C::default, |slot| slot.counts)
    }

    pub(super) fn len(&self) -> usize {
        (0..SHARDS).map(|at| self.shard(at).slots.len()).sum()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// A part of what is known: runs of the shards, in turns, so that a lock is held for one of them at a time.
    pub(super) fn save(&self, part: usize) -> Option<Saved<C>> {
        let (at, run) = (part % SHARDS, part / SHARDS);
        let runs = (0..SHARDS).map(|at| self.shard(at).slots.len().div_ceil(SAVED)).max().unwrap_or(0);
        if run >= runs {
            return None;
        }
        let shard = self.shard(at);
        let keys = shard.new.iter().chain(&shard.known).skip(run * SAVED).take(SAVED);
        Some(Saved(keys.filter_map(|key| Some((*key, shard.slots.get(key)?.counts))).collect()))
    }

    /// Takes in a part, but for what `is_sound` finds damaged; they count as known.
    pub(super) fn restore(&self, Saved(saved): Saved<C>, is_sound: impl Fn(&C) -> bool) {
        for (key, counts) in saved.into_iter().filter(|(_, counts)| is_sound(counts)) {
            let mut shard = self.shard_of(key);
            match shard.slots.get_mut(&key) {
                Some(slot) => slot.counts = counts,
                None => shard.insert(key, Slot { counts, seen: KNOWN }, self.most, &self.evicted),
            }
        }
    }
}

impl<C> Shard<C> {
    fn insert(&mut self, key: u64, slot: Slot<C>, most: usize, evicted: &AtomicU64) {
        while self.slots.len() >= most {
            self.make_room(most);
            evicted.fetch_add(1, Ordering::Relaxed);
        }
        self.slots.insert(key, slot);
        let queue = if self.has_left.remove(&key) { &mut self.known } else { &mut self.new };
        queue.push_back(key);
    }

    /// Forgets one.
    fn make_room(&mut self, most: usize) {
        let before = self.slots.len();
        while self.slots.len() == before && before > 0 {
            let from_new = self.new.len() > most / NEW_PART || self.known.is_empty();
            let (queue, needed) = if from_new { (&mut self.new, KNOWN) } else { (&mut self.known, 1) };
            let Some(key) = queue.pop_front() else { return };
            match self.slots.get_mut(&key) {
                Some(slot) if slot.seen >= needed => {
                    // One that becomes known begins with nothing in its favour, one that is known with a round less.
                    slot.seen = if from_new { 0 } else { slot.seen - 1 };
                    self.known.push_back(key);
                }
                Some(_) => {
                    self.slots.remove(&key);
                    if from_new {
                        self.leave(key, most);
                    }
                }
                None => {}
            }
        }
    }

    /// Remembers that a key was there.
    fn leave(&mut self, key: u64, most: usize) {
        if self.left.len() >= most
            && let Some(oldest) = self.left.pop_front()
        {
            self.has_left.remove(&oldest);
        }
        self.left.push_back(key);
        self.has_left.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn memory_is_bounded_and_a_flood_of_names_pushes_out_nobody_who_is_known() {
        let table: Table<u32> = Table::new(1_600);
        let count = |key: u64| table.with(key, |count| *count += 1);
        let spread = |i: u64| i.wrapping_mul(0x2545_f491_4f6c_dd1d);
        for _ in 0..5 {
            (0..800).for_each(|i| count(spread(i)));
        }
        (1_000..200_000).for_each(|i| count(spread(i)));
        assert!(table.len() <= 1_600 && table.evicted() > 190_000, "{} {}", table.len(), table.evicted());
        let kept = (0..800).filter(|i| table.get(spread(*i)) == 5).count();
        assert!(kept > 780, "{kept}");
        // Who does not come any more makes place for who does.
        for _ in 0..20 {
            (500_000..501_200).for_each(|i| count(spread(i)));
        }
        let kept = (500_000..501_200).filter(|i| table.get(spread(*i)) > 10).count();
        assert!(kept > 900, "{kept}");
    }

    #[test]
    fn the_smallest_table_works() {
        let table: Table<u32> = Table::new(1);
        (0..1_000).for_each(|key| table.with(key << 40, |count| *count += 1));
        assert!(table.len() <= 16);
        table.change(1, |count| *count += 1);
        assert_eq!(table.get(1), 0);
    }

    #[test]
    fn what_is_saved_and_restored_is_the_same() {
        let (table, again): (Table<u32>, Table<u32>) = (Table::new(100_000), Table::new(100_000));
        assert!(table.save(0).is_none());
        (0..50_000_u64).for_each(|key| table.with(key.wrapping_mul(0x2545_f491_4f6c_dd1d), |count| *count = key as u32));
        (0..).map_while(|part| table.save(part)).for_each(|part| again.restore(part, |count| *count != 7));
        assert_eq!(again.len(), 49_999);
        assert_eq!(again.get(9_u64.wrapping_mul(0x2545_f491_4f6c_dd1d)), 9);
    }
}
