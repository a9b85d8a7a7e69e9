//! What each client did lately, in event time and bounded memory.
//!
//! Each client has counters in a ring of buckets for every window; a bucket is cleared when event time reaches it anew.
//! Clients lie in shards of their own lock; when a shard is full, the one not seen for longest (by the clock algorithm)
//! is forgotten.

use super::RequestEvent;
use super::event::path_of;
use super::text::{agent_risk, hash, path_risk};
use bartizan_core::{Recency, Timestamp, head};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;
const BUCKETS: usize = 6;
/// Seconds of a bucket of the short, the middle and the long window: 12 s, 60 s and one hour in all.
const SECS: [i64; 3] = [2, 10, 600];
/// Bytes of an endpoint that are looked at: what its path is told from others by, and searched for risky words.
const MAX_PATH: usize = 2_048;
/// Clients of one saved part, at most: about 100 bytes each.
const SAVED_CLIENTS: usize = 4_096;
const HORIZON_SECS: i64 = SECS[2] * BUCKETS as i64;

/// What the windows say of a request, the request itself not counted. All NaN when the client is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecentRequests {
    /// Requests in 12 seconds.
    pub(crate) short: f32,
    /// Requests in a minute.
    pub(crate) minute: f32,
    /// Requests in an hour.
    pub(crate) hour: f32,
    /// Different paths in an hour, about.
    pub(crate) paths: f32,
    /// Different agents in an hour, about.
    pub(crate) agents: f32,
    /// Requests for risky paths in an hour.
    pub(crate) risky: f32,
    /// Requests answered with an error in an hour, where logs tell.
    pub(crate) errors: f32,
}

impl RecentRequests {
    pub(crate) const UNKNOWN: Self =
        Self { short: f32::NAN, minute: f32::NAN, hour: f32::NAN, paths: f32::NAN, agents: f32::NAN, risky: f32::NAN, errors: f32::NAN };
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Ring {
    newest: i64,
    counts: [u16; BUCKETS],
}

impl Ring {
    /// The sum over the window that ends with bucket `now`; a time before the window has nothing.
    fn sum(&self, now: i64) -> u32 {
        let buckets = BUCKETS as i64;
        let (first, last) = (now - buckets + 1, now.min(self.newest));
        (first.max(self.newest - buckets + 1)..=last).map(|b| u32::from(self.counts[b.rem_euclid(buckets) as usize])).sum()
    }

    /// Takes one back from bucket `now`, if it is still there.
    fn take(&mut self, now: i64) {
        let buckets = BUCKETS as i64;
        if now <= self.newest && now > self.newest - buckets {
            let count = &mut self.counts[now.rem_euclid(buckets) as usize];
            *count = count.saturating_sub(1);
        }
    }

    /// Counts into bucket `now`; what is older than the window is not counted.
    fn add(&mut self, now: i64) {
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

/// Different things seen, about: a bit for each hash, this hour and the last.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Different {
    epoch: i64,
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

    /// Linear counting (Whang, Vander-Zanden, Taylor 1990) over 64 bits.
    fn count(self, epoch: i64) -> f32 {
        let (now, before) = self.at(epoch);
        let zeros = (now | before).count_zeros().max(1) as f32;
        64.0 * (64.0 / zeros).ln()
    }

    fn add(&mut self, epoch: i64, hash: u64) {
        if epoch > self.epoch || epoch < self.epoch - 1 {
            let (now, before) = if epoch > self.epoch { self.at(epoch) } else { return };
            *self = Self { epoch, now, before };
        }
        self.now |= 1 << (hash >> 58);
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Client {
    key: u64,
    used: bool,
    windows: [Ring; 3],
    risky: Ring,
    errors: Ring,
    paths: Different,
    agents: Different,
}

/// Some clients with their counters.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedClients(Vec<Client>);

struct Shard {
    places: HashMap<u64, u32>,
    clients: Vec<Client>,
    hand: usize,
}

/// The sliding windows of all clients.
pub struct RequestRecency {
    shards: Vec<Mutex<Shard>>,
    per_shard: usize,
    evicted: AtomicU64,
}

impl RequestRecency {
    pub(crate) fn new(max_clients: usize) -> Self {
        let shard = || Mutex::new(Shard { places: HashMap::new(), clients: Vec::new(), hand: 0 });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), per_shard: max_clients.div_ceil(SHARDS).max(1), evicted: AtomicU64::new(0) }
    }

    fn with<T>(&self, event: &RequestEvent, look: impl FnOnce(&mut Shard, u64) -> T) -> Option<T> {
        let client = event.client();
        if client.is_empty() {
            return None;
        }
        let key = hash(client.as_bytes());
        Some(look(&mut self.shard(shard_of(key)), key))
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Addresses differ in few characters: one more multiplication spreads them over the shards.
fn shard_of(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % SHARDS
}

impl Shard {
    /// The client's place, made when it is new.
    fn client(&mut self, key: u64, most: usize, evicted: &AtomicU64) -> &mut Client {
        if let Some(&at) = self.places.get(&key) {
            let client = &mut self.clients[at as usize];
            client.used = true;
            return client;
        }
        let fresh = Client { key, used: true, ..Client::default() };
        let at = if self.clients.len() < most {
            self.clients.push(fresh);
            self.clients.len() - 1
        } else {
            let at = self.forget_one();
            evicted.fetch_add(1, Ordering::Relaxed);
            self.clients[at] = fresh;
            at
        };
        self.places.insert(key, at as u32);
        &mut self.clients[at]
    }

    /// The place of one that was not seen since the hand last passed.
    fn forget_one(&mut self) -> usize {
        loop {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.clients.len();
            let client = &mut self.clients[at];
            if !std::mem::take(&mut client.used) {
                let key = client.key;
                self.places.remove(&key);
                return at;
            }
        }
    }
}

impl Client {
    /// Whether its times can be: what is read back might be damaged.
    fn is_sound(&self) -> bool {
        let rings = self.windows.iter().chain([&self.risky, &self.errors]).map(|ring| ring.newest);
        rings.chain([self.paths.epoch, self.agents.epoch]).all(|time| time.abs_diff(0) < 1 << 48)
    }

    fn recent(&self, time: Timestamp) -> RecentRequests {
        let secs = time.secs();
        let [short, minute, hour] = [0, 1, 2].map(|w| self.windows[w].sum(secs.div_euclid(SECS[w])) as f32);
        let (long, epoch) = (secs.div_euclid(SECS[2]), secs.div_euclid(HORIZON_SECS));
        RecentRequests {
            short,
            minute,
            hour,
            paths: self.paths.count(epoch),
            agents: self.agents.count(epoch),
            risky: self.risky.sum(long) as f32,
            errors: self.errors.sum(long) as f32,
        }
    }

    fn count(&mut self, event: &RequestEvent) {
        let secs = event.timestamp.secs();
        for (window, length) in self.windows.iter_mut().zip(SECS) {
            window.add(secs.div_euclid(length));
        }
        let (long, epoch) = (secs.div_euclid(SECS[2]), secs.div_euclid(HORIZON_SECS));
        self.paths.add(epoch, hash(path_of(head(&event.endpoint, MAX_PATH)).as_bytes()));
        self.agents.add(epoch, hash(event.agent().unwrap_or_default().as_bytes()));
        if is_risky(event) {
            self.risky.add(long);
        }
        if is_error(event) {
            self.errors.add(long);
        }
    }

    /// Takes back what [`count`](Self::count) counted. Which paths and agents there were is kept: others may have had the same.
    fn take(&mut self, event: &RequestEvent) {
        let secs = event.timestamp.secs();
        for (window, length) in self.windows.iter_mut().zip(SECS) {
            window.take(secs.div_euclid(length));
        }
        let long = secs.div_euclid(SECS[2]);
        if is_risky(event) {
            self.risky.take(long);
        }
        if is_error(event) {
            self.errors.take(long);
        }
    }
}

fn is_risky(event: &RequestEvent) -> bool {
    path_risk(head(&event.endpoint, MAX_PATH)) >= 2 || agent_risk(event.agent().unwrap_or_default()) >= 2
}

fn is_error(event: &RequestEvent) -> bool {
    event.status.is_some_and(|status| status >= 400)
}

impl Recency for RequestRecency {
    type Event = RequestEvent;
    type Recent = RecentRequests;
    type Saved = SavedClients;

    fn observe(&self, event: &RequestEvent) -> RecentRequests {
        let observed = self.with(event, |shard, key| {
            let client = shard.client(key, self.per_shard, &self.evicted);
            let recent = client.recent(event.timestamp);
            client.count(event);
            recent
        });
        observed.unwrap_or(RecentRequests::UNKNOWN)
    }

    fn peek(&self, event: &RequestEvent) -> RecentRequests {
        let peeked = self.with(event, |shard, key| {
            let known = shard.places.get(&key).map(|&at| shard.clients[at as usize]);
            known.unwrap_or_default().recent(event.timestamp)
        });
        peeked.unwrap_or(RecentRequests::UNKNOWN)
    }

    fn forget(&self, event: &RequestEvent) {
        self.with(event, |shard, key| {
            if let Some(&at) = shard.places.get(&key) {
                shard.clients[at as usize].take(event);
            }
        });
    }

    fn entities(&self) -> usize {
        (0..SHARDS).map(|at| self.shard(at).clients.len()).sum()
    }

    fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn horizon_secs(&self) -> i64 {
        2 * HORIZON_SECS
    }

    /// Parts are runs of the shards, in turns: a lock is held for one of them at a time.
    fn save(&self, part: usize) -> Option<SavedClients> {
        let (at, run) = (part % SHARDS, part / SHARDS);
        let runs = (0..SHARDS).map(|at| self.shard(at).clients.len().div_ceil(SAVED_CLIENTS)).max().unwrap_or(0);
        if run >= runs {
            return None;
        }
        let shard = self.shard(at);
        // All of them: which windows are empty by now depends on whose time is right.
        Some(SavedClients(shard.clients.iter().skip(run * SAVED_CLIENTS).take(SAVED_CLIENTS).copied().collect()))
    }

    fn restore(&self, SavedClients(clients): SavedClients) {
        for client in clients.into_iter().filter(Client::is_sound) {
            *self.shard(shard_of(client.key)).client(client.key, self.per_shard, &self.evicted) = client;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RecentRequests, RequestRecency};
    use crate::requests::generator::{GeneratorConfig, generate};
    use bartizan_core::{Recency, Seed, Timestamp};

    fn at(secs: i64) -> crate::requests::RequestEvent {
        let (mut event, _) = generate(&GeneratorConfig::default(), Seed(1)).next().unwrap();
        event.ip_address = "1.2.3.4".to_owned();
        event.timestamp = Timestamp::from_secs(secs);
        event
    }

    #[test]
    fn windows_slide_in_event_time() {
        let windows = RequestRecency::new(100);
        let base = 1_700_000_000 / 3600 * 3600;
        let counts = |r: RecentRequests| (r.short, r.minute, r.hour);
        for i in 0..5 {
            windows.observe(&at(base + i));
        }
        assert_eq!(counts(windows.peek(&at(base + 5))), (5.0, 5.0, 5.0));
        assert_eq!(counts(windows.peek(&at(base + 30))), (0.0, 5.0, 5.0));
        assert_eq!(counts(windows.peek(&at(base + 600))), (0.0, 0.0, 5.0));
        assert_eq!(counts(windows.peek(&at(base + 7200))), (0.0, 0.0, 0.0));
        assert_eq!(counts(windows.observe(&at(base - 7200))), (0.0, 0.0, 0.0), "the far past has no say");
        assert_eq!(counts(windows.peek(&at(base + 5))), (5.0, 5.0, 5.0), "and leaves no trace");
        for extreme in [i64::MIN / 2_000_000, i64::MAX / 2_000_000] {
            windows.observe(&at(extreme));
        }
    }

    #[test]
    fn what_is_forgotten_was_never_counted() {
        let windows = RequestRecency::new(100);
        let (base, counts) = (1_700_000_000 / 3600 * 3600, |r: RecentRequests| (r.short, r.minute, r.hour, r.risky, r.errors));
        let event = |secs: i64, client: &str| {
            let mut event = at(base + secs);
            (event.endpoint, event.status, event.ip_address) = ("/.git/config".to_owned(), Some(404), client.to_owned());
            event
        };
        windows.observe(&event(0, "1.2.3.4"));
        let before = counts(windows.peek(&event(1, "1.2.3.4")));
        assert_eq!(before, (1.0, 1.0, 1.0, 1.0, 1.0));
        for refused in [event(1, "1.2.3.4"), event(0, "1.2.3.4")] {
            windows.observe(&refused);
            windows.forget(&refused);
        }
        assert_eq!(counts(windows.peek(&event(1, "1.2.3.4"))), before);
        // What has left the windows meanwhile, and who was never seen, is nothing to take back.
        windows.forget(&event(-9_999, "1.2.3.4"));
        windows.forget(&event(9_999, "1.2.3.4"));
        windows.forget(&event(1, "9.9.9.9"));
        assert_eq!((counts(windows.peek(&event(1, "1.2.3.4"))), windows.entities()), (before, 1));
    }

    #[test]
    fn what_is_saved_and_restored_says_the_same() {
        let config = GeneratorConfig { rows: 30_000, clients: 9_000, gap_secs: 0.05, ..GeneratorConfig::default() };
        let mut events: Vec<_> = generate(&config, Seed(3)).map(|e| e.0).collect();
        let next = events.split_off(29_000);
        let (windows, again) = (RequestRecency::new(100_000), RequestRecency::new(100_000));
        assert!(again.save(0).is_none(), "nothing is known");
        events.iter().for_each(|event| _ = windows.observe(event));
        let parts = (0..).map_while(|part| windows.save(part));
        let parts: Vec<_> = parts.map(|part| postcard::to_allocvec(&part).unwrap()).collect();
        let bytes: usize = parts.iter().map(Vec::len).sum();
        assert!(bytes < 150 * windows.entities(), "{bytes} bytes for {}", windows.entities());
        parts.iter().for_each(|part| again.restore(postcard::from_bytes(part).unwrap()));
        assert_eq!(again.entities(), windows.entities());
        for event in &next {
            assert_eq!(format!("{:?}", again.observe(event)), format!("{:?}", windows.observe(event)));
        }
    }

    #[test]
    fn clients_are_saved_in_runs_and_one_that_is_far_ahead_does_not_keep_the_others_out() {
        let windows = RequestRecency::new(1_000_000);
        let event = |client: usize, secs: i64| {
            let mut event = at(1_700_000_000 + secs);
            event.ip_address = format!("10.{}.{}.{}", client / 65536, client / 256 % 256, client % 256);
            event
        };
        (0..100_000).for_each(|client| _ = windows.observe(&event(client, 0)));
        (0..1000).for_each(|client| _ = windows.observe(&event(client, 86_400)));
        let parts: Vec<_> = (0..).map_while(|part| windows.save(part)).map(|part| part.0.len()).collect();
        assert!(parts.iter().sum::<usize>() == 100_000 && parts.len() == 2 * super::SHARDS, "{parts:?}");
        assert!(parts.iter().all(|part| *part <= super::SAVED_CLIENTS), "{parts:?}");
    }

    #[test]
    fn nothing_seen_is_zero_and_not_minus_zero() {
        let windows = RequestRecency::new(10);
        let recent = windows.peek(&at(1_700_000_000));
        assert!(recent.paths == 0.0 && recent.paths.is_sign_positive() && recent.agents.is_sign_positive());
    }

    #[test]
    fn history_replayed_gives_the_same() {
        let events: Vec<_> = generate(&GeneratorConfig { rows: 2000, ..GeneratorConfig::default() }, Seed(3)).map(|e| e.0).collect();
        let run = || -> Vec<String> {
            let windows = RequestRecency::new(50);
            events.iter().map(|e| format!("{:?}", windows.observe(e))).collect()
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn memory_is_bounded_and_forgetting_is_counted() {
        let windows = RequestRecency::new(64);
        for i in 0..1000 {
            let mut event = at(1_700_000_000);
            event.ip_address = format!("10.0.{}.{}", i / 250, i % 250);
            windows.observe(&event);
        }
        assert_eq!(windows.entities(), 64);
        assert_eq!(windows.evicted(), 936);
        assert!(std::mem::size_of::<super::Client>() <= 200);
        let mut nobody = at(0);
        nobody.ip_address.clear();
        assert!(windows.observe(&nobody).short.is_nan());
    }
}
