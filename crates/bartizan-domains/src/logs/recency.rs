//! The sliding windows of users, addresses and endpoints.

use super::LogEvent;
use super::table::{Saved, Table};
use super::windows::{HORIZON_SECS, OfAddress, OfEndpoint, OfUser, RecentLogs, Seen};
use bartizan_core::Recency;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Most endpoints; what an attacker asks for is not among those that come again.
const MAX_ENDPOINTS: usize = 20_000;

/// The sliding windows of a detector of logs.
pub struct LogRecency {
    users: Table<OfUser>,
    addresses: Table<OfAddress>,
    endpoints: Table<OfEndpoint>,
}

/// Some of what the windows know.
#[derive(Serialize, Deserialize)]
pub struct SavedLogs {
    users: Option<Saved<OfUser>>,
    addresses: Option<Saved<OfAddress>>,
    endpoints: Option<Saved<OfEndpoint>>,
}

impl LogRecency {
    /// Windows that track so many users and as many addresses.
    pub(super) fn new(most: usize) -> Self {
        Self { users: Table::new(most), addresses: Table::new(most), endpoints: Table::new(MAX_ENDPOINTS.min(most)) }
    }
}

/// Counters that are read and then counted into, wherever they lie.
trait Counters {
    fn user<R>(&mut self, key: u64, work: impl FnOnce(&mut OfUser) -> R) -> R;
    fn address<R>(&mut self, key: u64, work: impl FnOnce(&mut OfAddress) -> R) -> R;
    fn endpoint<R>(&mut self, key: u64, work: impl FnOnce(&mut OfEndpoint) -> R) -> R;

    /// What is said of an entry; `counts` it in.
    fn look(&mut self, seen: &Seen, counts: bool) -> RecentLogs {
        let endpoint = self.endpoint(seen.place, |endpoint| {
            let recent = endpoint.recent(seen);
            if counts {
                endpoint.count(seen);
            }
            recent
        });
        let mut recent = RecentLogs::of_endpoint(endpoint);
        if seen.who != 0 {
            recent.user = self.user(seen.who, |user| {
                let recent = user.recent(seen);
                if counts {
                    user.count(seen);
                }
                recent
            });
        }
        if seen.address != 0 {
            recent.address = self.address(seen.address, |address| {
                let recent = address.recent(seen);
                if counts {
                    address.count(seen);
                }
                recent
            });
        }
        recent
    }
}

/// The windows themselves.
impl Counters for &LogRecency {
    fn user<R>(&mut self, key: u64, work: impl FnOnce(&mut OfUser) -> R) -> R {
        self.users.with(key, work)
    }

    fn address<R>(&mut self, key: u64, work: impl FnOnce(&mut OfAddress) -> R) -> R {
        self.addresses.with(key, work)
    }

    fn endpoint<R>(&mut self, key: u64, work: impl FnOnce(&mut OfEndpoint) -> R) -> R {
        self.endpoints.with(key, work)
    }
}

/// Copies of what is touched, over the windows, which stay as they are.
struct Over<'w> {
    windows: &'w LogRecency,
    users: HashMap<u64, OfUser>,
    addresses: HashMap<u64, OfAddress>,
    endpoints: HashMap<u64, OfEndpoint>,
}

impl Counters for Over<'_> {
    fn user<R>(&mut self, key: u64, work: impl FnOnce(&mut OfUser) -> R) -> R {
        work(self.users.entry(key).or_insert_with(|| self.windows.users.get(key)))
    }

    fn address<R>(&mut self, key: u64, work: impl FnOnce(&mut OfAddress) -> R) -> R {
        work(self.addresses.entry(key).or_insert_with(|| self.windows.addresses.get(key)))
    }

    fn endpoint<R>(&mut self, key: u64, work: impl FnOnce(&mut OfEndpoint) -> R) -> R {
        work(self.endpoints.entry(key).or_insert_with(|| self.windows.endpoints.get(key)))
    }
}

impl<'w> Over<'w> {
    fn new(windows: &'w LogRecency) -> Self {
        Self { windows, users: HashMap::new(), addresses: HashMap::new(), endpoints: HashMap::new() }
    }
}

impl Recency for LogRecency {
    type Event = LogEvent;
    type Recent = RecentLogs;
    type Saved = SavedLogs;

    fn observe(&self, event: &LogEvent) -> RecentLogs {
        let mut windows = self;
        windows.look(&Seen::of(event), true)
    }

    fn peek(&self, event: &LogEvent) -> RecentLogs {
        Over::new(self).look(&Seen::of(event), false)
    }

    fn foresee(&self, events: &[LogEvent]) -> Vec<RecentLogs> {
        let seen: Vec<Seen> = events.iter().map(Seen::of).collect();
        let mut order: Vec<u32> = (0..events.len() as u32).collect();
        order.sort_by_key(|i| events[*i as usize].timestamp);
        let mut over = Over::new(self);
        let mut recents: Vec<RecentLogs> = vec![RecentLogs::UNKNOWN; events.len()];
        // Entries of one time do not see each other: their order in the list says nothing.
        for together in order.chunk_by(|a, b| events[*a as usize].timestamp == events[*b as usize].timestamp) {
            let counts = together.len() == 1;
            for i in together {
                recents[*i as usize] = over.look(&seen[*i as usize], counts);
            }
            if !counts {
                together.iter().for_each(|i| _ = over.look(&seen[*i as usize], true));
            }
        }
        recents
    }

    fn forget(&self, event: &LogEvent) {
        let seen = Seen::of(event);
        self.users.change(seen.who, |user| user.take(&seen));
        self.addresses.change(seen.address, |address| address.take(&seen));
        self.endpoints.change(seen.place, |endpoint| endpoint.take(&seen));
    }

    /// Users and addresses of clients.
    fn entities(&self) -> usize {
        self.users.len()
    }

    fn evicted(&self) -> u64 {
        self.users.evicted()
    }

    fn horizon_secs(&self) -> i64 {
        HORIZON_SECS
    }

    fn save(&self, part: usize) -> Option<SavedLogs> {
        let saved = SavedLogs { users: self.users.save(part), addresses: self.addresses.save(part), endpoints: self.endpoints.save(part) };
        (saved.users.is_some() || saved.addresses.is_some() || saved.endpoints.is_some()).then_some(saved)
    }

    fn restore(&self, saved: SavedLogs) {
        if let Some(users) = saved.users {
            self.users.restore(users, OfUser::is_sound);
        }
        if let Some(addresses) = saved.addresses {
            self.addresses.restore(addresses, OfAddress::is_sound);
        }
        if let Some(endpoints) = saved.endpoints {
            self.endpoints.restore(endpoints, OfEndpoint::is_sound);
        }
    }
}
