//! What each client did lately, in event time and bounded memory.
//!
//! Each address has counters in a ring of buckets for every window; a bucket is cleared when event time reaches it anew. The identities of
//! busy addresses have such counters as well, and it is theirs that count once an address is found to be shared (`shared.rs`). An address
//! lies in a shard with its identities, under one lock; when a shard is full, the one not seen for longest (by the clock algorithm) is
//! forgotten. Identities take at most half of a shard from addresses, and one address's at most a quarter of it.

use super::RequestEvent;
use super::identity::{Places, Who};
use super::shared::{BUSY, Role, STRANGERS, Somebody, of_identity, seats};
use super::windows::{Counts, RecentRequests, Seen};
use crate::web::text::hash;
use bartizan_core::{Recency, Timestamp, Tracking};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;
/// Clients of one saved part, at most: about 100 bytes each.
const SAVED_CLIENTS: usize = 4_096;

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Client {
    key: u64,
    used: bool,
    counts: Counts,
    /// Saved apart, since the first format has none.
    #[serde(skip)]
    role: Role,
}

/// Some clients with their counters.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedClients {
    clients: Vec<Client>,
    /// Of each client. Empty in the first format, where all are addresses.
    roles: Vec<Role>,
}

struct Shard {
    places: HashMap<u64, u32>,
    clients: Vec<Client>,
    hand: usize,
    /// How many of the clients are identities.
    identities: usize,
}

/// The most that one shard has.
#[derive(Clone, Copy)]
struct Limits {
    clients: usize,
    identities: usize,
    of_one_address: usize,
}

/// The sliding windows of all clients.
pub struct RequestRecency {
    shards: Vec<Mutex<Shard>>,
    limits: Limits,
    identity: Places,
    evicted: AtomicU64,
}

impl RequestRecency {
    pub(crate) fn new(tracking: &Tracking) -> Self {
        let shard = || Mutex::new(Shard { places: HashMap::new(), clients: Vec::new(), hand: 0, identities: 0 });
        let clients = tracking.max_entities.div_ceil(SHARDS).max(1);
        // All strangers of an address have a place as well.
        let of_one_address = (clients / 4).saturating_sub(1);
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            limits: Limits { clients, identities: clients / 2, of_one_address },
            identity: Places::new(&tracking.identity),
            evicted: AtomicU64::new(0),
        }
    }

    /// The key of the event's address; `None` where it has none.
    fn address(event: &RequestEvent) -> Option<u64> {
        let client = event.client();
        (!client.is_empty()).then(|| hash(client.as_bytes()))
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who sends the event, where that is looked at: the address is shared, or had so many requests in the hour before.
    fn who(&self, event: &RequestEvent, is_shared: bool, hour: f32) -> Option<Who> {
        let is_looked_at = !self.identity.is_empty() && self.limits.of_one_address > 0 && (is_shared || hour >= BUSY);
        is_looked_at.then(|| self.identity.who(event))
    }
}

/// Addresses differ in few characters: one more multiplication spreads them over the shards.
fn shard_of(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % SHARDS
}

/// Where an identity sits at its address.
enum Seat {
    Taken(usize),
    /// It may have this key, where another sits that gives way, or nobody.
    Free(u64, Option<usize>),
    None,
}

impl Shard {
    /// The address's place, made when it is new.
    fn address(&mut self, key: u64, limits: Limits, evicted: &AtomicU64) -> usize {
        if let Some(&at) = self.places.get(&key) {
            self.clients[at as usize].used = true;
            return at as usize;
        }
        self.insert(Client { key, used: true, ..Client::default() }, limits, None, evicted)
    }

    /// Takes in a new client, whose place is given; another is forgotten for it where there is no room, but not the one at `spared`.
    fn insert(&mut self, fresh: Client, limits: Limits, spared: Option<usize>, evicted: &AtomicU64) -> usize {
        let is_identity = fresh.role.somebody().is_some();
        let crowded = is_identity && self.identities >= limits.identities;
        let at = if !crowded && self.clients.len() < limits.clients {
            self.clients.push(fresh);
            self.clients.len() - 1
        } else {
            let at = self.forget_one(crowded, spared);
            evicted.fetch_add(1, Ordering::Relaxed);
            self.clients[at] = fresh;
            at
        };
        self.identities += usize::from(is_identity);
        self.places.insert(fresh.key, at as u32);
        at
    }

    /// The place of one that was not seen since the hand last passed; with `crowded`, of an identity.
    fn forget_one(&mut self, crowded: bool, spared: Option<usize>) -> usize {
        loop {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.clients.len();
            let client = &mut self.clients[at];
            let is_identity = client.role.somebody().is_some();
            if spared == Some(at) || (crowded && !is_identity) {
                continue;
            }
            if !std::mem::take(&mut client.used) {
                let key = client.key;
                self.places.remove(&key);
                self.identities -= usize::from(is_identity);
                return at;
            }
        }
    }

    fn seat(&self, address: u64, who: u64, secs: i64, limits: Limits) -> Seat {
        let mut free = Seat::None;
        for key in seats(address, who, limits.of_one_address) {
            let Some(&at) = self.places.get(&key) else {
                free = Seat::Free(key, None);
                continue;
            };
            match self.clients[at as usize].role.somebody() {
                Some(other) if other.address == address && other.who == who => return Seat::Taken(at as usize),
                Some(other) if other.gives_way(secs) && !matches!(free, Seat::Free(_, None)) => free = Seat::Free(key, Some(at as usize)),
                _ => {}
            }
        }
        free
    }

    /// The place of an identity of the address at `spared`, made when it is new and there is a seat for it.
    fn sit(&mut self, (address, who, secs): (u64, u64, i64), limits: Limits, spared: usize, evicted: &AtomicU64) -> Option<usize> {
        let role = Role::Identity(Somebody::new(address, who, secs));
        match self.seat(address, who, secs, limits) {
            Seat::Taken(at) => {
                self.clients[at].used = true;
                Some(at)
            }
            Seat::Free(key, Some(at)) => {
                self.clients[at] = Client { key, role, ..Client::default() };
                Some(at)
            }
            // Nobody knows yet whether it comes again: until then it is the first to go.
            Seat::Free(key, None) => Some(self.insert(Client { key, role, ..Client::default() }, limits, Some(spared), evicted)),
            Seat::None => {
                evicted.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    fn identity(&self, address: u64, who: u64, secs: i64, limits: Limits) -> Option<usize> {
        match self.seat(address, who, secs, limits) {
            Seat::Taken(at) => Some(at),
            Seat::Free(..) | Seat::None => None,
        }
    }

    /// The somebody at a place.
    fn note(&mut self, at: usize, seen: &Seen) -> bool {
        match &mut self.clients[at].role {
            Role::Identity(somebody) => somebody.note(seen),
            Role::Address { .. } => false,
        }
    }

    fn known(&self, at: Option<usize>) -> Option<(&Somebody, &Counts)> {
        let client = &self.clients[at?];
        Some((client.role.somebody()?, &client.counts))
    }

    /// Counts a request into the identity that sent it; gives what its past says, where the address is shared.
    fn observe_identity(&mut self, at: usize, who: Who, seen: &Seen, limits: Limits, evicted: &AtomicU64) -> Option<RecentRequests> {
        let (address, secs) = (self.clients[at].key, seen.secs);
        let (is_shared, clients) = (self.clients[at].role.is_shared(secs), self.clients[at].role.established(secs));
        let own = self.sit((address, who.hash, secs), limits, at, evicted);
        let is_known = self.known(own).is_some_and(|(somebody, _)| somebody.is_known());
        let strangers = (is_shared && !is_known).then(|| self.identity(address, STRANGERS, secs, limits)).flatten();
        let recent = is_shared.then(|| of_identity(self.known(own), strangers.map(|at| &self.clients[at].counts), clients, secs));
        if let Some(own) = own {
            self.clients[own].counts.count(seen);
            if self.note(own, seen) {
                self.clients[at].role.establish(who.hash, secs);
            }
        }
        if !is_known {
            self.count_stranger(at, who, seen, is_shared, limits, evicted);
        }
        recent
    }

    /// What shows that many share an address even where each request has a token of its own: agents that come again. And the rate of all
    /// that are not known.
    fn count_stranger(&mut self, at: usize, who: Who, seen: &Seen, is_shared: bool, limits: Limits, evicted: &AtomicU64) {
        let address = self.clients[at].key;
        if let Some(agent) = who.agent
            && let Some(seat) = self.sit((address, agent, seen.secs), limits, at, evicted)
            && self.note(seat, seen)
        {
            self.clients[at].role.establish(agent, seen.secs);
        }
        if is_shared && let Some(seat) = self.sit((address, STRANGERS, seen.secs), limits, at, evicted) {
            self.clients[seat].counts.count(seen);
        }
    }

    /// Takes back what was counted of the identity.
    fn forget_identity(&mut self, address: u64, who: Who, seen: &Seen, is_shared: bool, limits: Limits) {
        let mut is_known = false;
        if let Some(own) = self.identity(address, who.hash, seen.secs, limits) {
            self.clients[own].counts.take(seen);
            is_known = self.take(own, seen);
        }
        if is_known {
            return;
        }
        if let Some(seat) = who.agent.and_then(|agent| self.identity(address, agent, seen.secs, limits)) {
            self.take(seat, seen);
        }
        if let Some(seat) = is_shared.then(|| self.identity(address, STRANGERS, seen.secs, limits)).flatten() {
            self.clients[seat].counts.take(seen);
        }
    }

    /// Takes a request back from the somebody at a place; gives whether it was known without it.
    fn take(&mut self, at: usize, seen: &Seen) -> bool {
        match &mut self.clients[at].role {
            Role::Identity(somebody) => {
                somebody.take(seen);
                somebody.is_known()
            }
            Role::Address { .. } => false,
        }
    }
}

impl Recency for RequestRecency {
    type Event = RequestEvent;
    type Recent = RecentRequests;
    type Saved = SavedClients;

    fn observe(&self, event: &RequestEvent) -> RecentRequests {
        let Some(address) = Self::address(event) else { return RecentRequests::UNKNOWN };
        let seen = Seen::of(event);
        let mut shard = self.shard(shard_of(address));
        let at = shard.address(address, self.limits, &self.evicted);
        let client = &mut shard.clients[at];
        let recent = client.counts.recent(seen.secs);
        client.counts.count(&seen);
        let who = self.who(event, client.role.is_shared(seen.secs), recent.hour);
        who.and_then(|who| shard.observe_identity(at, who, &seen, self.limits, &self.evicted)).unwrap_or(recent)
    }

    fn peek(&self, event: &RequestEvent) -> RecentRequests {
        let Some(address) = Self::address(event) else { return RecentRequests::UNKNOWN };
        let (secs, limits) = (event.timestamp.secs(), self.limits);
        let shard = self.shard(shard_of(address));
        let client = shard.places.get(&address).map(|&at| shard.clients[at as usize]).unwrap_or_default();
        match client.role.is_shared(secs).then(|| self.who(event, true, 0.0)).flatten() {
            Some(who) => {
                let own = shard.identity(address, who.hash, secs, limits);
                let strangers = shard.identity(address, STRANGERS, secs, limits).map(|at| &shard.clients[at].counts);
                of_identity(shard.known(own), strangers, client.role.established(secs), secs)
            }
            None => client.counts.recent(secs),
        }
    }

    fn forget(&self, event: &RequestEvent) {
        let Some(address) = Self::address(event) else { return };
        let seen = Seen::of(event);
        let mut shard = self.shard(shard_of(address));
        let Some(&at) = shard.places.get(&address) else { return };
        let client = &mut shard.clients[at as usize];
        client.counts.take(&seen);
        // As it was when the event was counted in.
        let is_shared = client.role.is_shared(seen.secs);
        if let Some(who) = self.who(event, is_shared, client.counts.recent(seen.secs).hour) {
            shard.forget_identity(address, who, &seen, is_shared, self.limits);
        }
    }

    /// Addresses that are shared, and who is known there; of those that are tracked already, only that they are shared.
    fn adopt(&self, other: &Self, now: Timestamp) {
        for at in 0..SHARDS {
            let found = other.shard(at).clients.clone();
            let is_shared = |client: &&Client| client.role.was_shared();
            let shared: HashSet<u64> = found.iter().filter(is_shared).map(|client| client.key).collect();
            let mut shard = self.shard(at);
            for Client { key, role, .. } in found {
                let address = role.somebody().map_or(key, |somebody| somebody.address);
                if !shared.contains(&address) || (role.somebody().is_some() && self.limits.of_one_address == 0) {
                    continue;
                }
                let place = shard.places.get(&key).copied();
                let place = place.map_or_else(
                    || shard.insert(Client { key, role, ..Client::default() }, self.limits, None, &self.evicted),
                    |place| place as usize,
                );
                shard.clients[place].role.share(now.secs());
            }
        }
    }

    fn entities(&self) -> usize {
        (0..SHARDS).map(|at| self.shard(at).clients.len()).sum()
    }

    fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn horizon_secs(&self) -> i64 {
        2 * super::windows::HORIZON_SECS
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
        let clients: Vec<Client> = shard.clients.iter().skip(run * SAVED_CLIENTS).take(SAVED_CLIENTS).copied().collect();
        Some(SavedClients { roles: clients.iter().map(|client| client.role).collect(), clients })
    }

    fn restore(&self, SavedClients { clients, roles }: SavedClients) {
        let roles = roles.into_iter().chain(std::iter::repeat(Role::default()));
        let clients = clients.into_iter().zip(roles).map(|(client, role)| Client { role, ..client });
        for client in clients.filter(|client| client.counts.is_sound() && client.role.is_sound()) {
            let address = client.role.somebody().map_or(client.key, |somebody| somebody.address);
            let mut shard = self.shard(shard_of(address));
            match shard.places.get(&client.key).copied() {
                Some(at) => {
                    let was = std::mem::replace(&mut shard.clients[at as usize], client);
                    shard.identities += usize::from(client.role.somebody().is_some());
                    shard.identities -= usize::from(was.role.somebody().is_some());
                }
                None if client.role.somebody().is_some() && self.limits.of_one_address == 0 => {}
                None => _ = shard.insert(client, self.limits, None, &self.evicted),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RecentRequests, RequestRecency, SHARDS};
    use crate::requests::generator::{GeneratorConfig, generate};
    use bartizan_core::{Identity, Recency, Seed, Timestamp, Tracking};

    fn windows(max_entities: usize) -> RequestRecency {
        let identity = Identity::parse(&["x-user-id", "authorization", "agent"]).unwrap();
        RequestRecency::new(&Tracking { max_entities, identity })
    }

    fn at(secs: i64) -> crate::requests::RequestEvent {
        let (mut event, _) = generate(&GeneratorConfig::default(), Seed(1)).next().unwrap();
        event.ip_address = "1.2.3.4".to_owned();
        event.timestamp = Timestamp::from_secs(secs);
        event
    }

    #[test]
    fn windows_slide_in_event_time() {
        let windows = windows(100);
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
        let windows = windows(100);
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
        let (windows, again) = (windows(100_000), windows(100_000));
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
        let windows = windows(1_000_000);
        let event = |client: usize, secs: i64| {
            let mut event = at(1_700_000_000 + secs);
            event.ip_address = format!("10.{}.{}.{}", client / 65536, client / 256 % 256, client % 256);
            event
        };
        (0..100_000).for_each(|client| _ = windows.observe(&event(client, 0)));
        (0..1000).for_each(|client| _ = windows.observe(&event(client, 86_400)));
        let parts: Vec<_> = (0..).map_while(|part| windows.save(part)).map(|part| part.clients.len()).collect();
        assert!(parts.iter().sum::<usize>() == 100_000 && parts.len() == 2 * SHARDS, "{parts:?}");
        assert!(parts.iter().all(|part| *part <= super::SAVED_CLIENTS), "{parts:?}");
    }

    #[test]
    fn nothing_seen_is_zero_and_not_minus_zero() {
        let windows = windows(10);
        let recent = windows.peek(&at(1_700_000_000));
        assert!(recent.paths == 0.0 && recent.paths.is_sign_positive() && recent.agents.is_sign_positive());
    }

    #[test]
    fn history_replayed_gives_the_same() {
        let events: Vec<_> = generate(&GeneratorConfig { rows: 2000, ..GeneratorConfig::default() }, Seed(3)).map(|e| e.0).collect();
        let run = || -> Vec<String> {
            let windows = windows(50);
            events.iter().map(|e| format!("{:?}", windows.observe(e))).collect()
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn memory_is_bounded_and_forgetting_is_counted() {
        let windows = windows(64);
        for i in 0..1000 {
            let mut event = at(1_700_000_000);
            event.ip_address = format!("10.0.{}.{}", i / 250, i % 250);
            windows.observe(&event);
        }
        assert_eq!(windows.entities(), 64);
        assert_eq!(windows.evicted(), 936);
        assert!(std::mem::size_of::<super::Client>() <= 232);
        let mut nobody = at(0);
        nobody.ip_address.clear();
        assert!(windows.observe(&nobody).short.is_nan());
    }
}
