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

#[cfg(test)]
mod tests {
    use super::super::{LogEvent, Logs};
    use bartizan_core::{Domain as _, Recency as _, Timestamp, Tracking};

    /// The entry of this number of a user, a second after the one before it.
    fn entry(user: &str, number: i64) -> LogEvent {
        LogEvent {
            timestamp: Timestamp::from_secs(1_770_000_000 + number),
            user_id: user.to_owned(),
            endpoint: "/api/items".to_owned(),
            method: "GET".to_owned(),
            ip_address: "192.0.2.7".to_owned(),
            user_agent: None,
            status_code: Some(200),
            response_time: Some(0.1),
            request_size: None,
            response_size: Some(100),
            client: String::new(),
            counted: None,
        }
    }

    #[test]
    fn many_threads_count_foresee_save_and_restore_at_once() {
        const THREADS: i64 = 8;
        const ENTRIES: i64 = 2_000;
        let windows = Logs::recency(&Tracking::by_address(1_000));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let windows = &windows;
                scope.spawn(move || {
                    let own = format!("user-{thread}");
                    for number in 0..ENTRIES {
                        windows.observe(&entry(&own, number));
                        windows.observe(&entry("everybody", number));
                        // A newcomer each time, from an address and for an endpoint that nobody had before.
                        let mut newcomer = entry(&format!("new-{thread}-{number}"), number);
                        newcomer.ip_address = format!("2001:db8:{thread:x}::{number:x}");
                        newcomer.endpoint = format!("/p{thread}x{number}y/z");
                        match number % 4 {
                            0 => _ = windows.foresee(&[newcomer, entry(&own, number)]),
                            1 => {
                                windows.observe(&newcomer);
                                windows.forget(&newcomer);
                            }
                            2 => _ = windows.observe(&newcomer),
                            _ => _ = windows.save(number as usize % 32),
                        }
                    }
                });
            }
        });
        let now = ENTRIES - 1;
        for thread in 0..THREADS {
            let user = windows.peek(&entry(&format!("user-{thread}"), now)).user;
            assert_eq!((user.hour, user.day), (ENTRIES as f32, ENTRIES as f32), "user-{thread}");
        }
        let everybody = windows.peek(&entry("everybody", now)).user;
        assert_eq!(everybody.day, (THREADS * ENTRIES) as f32);
        for (name, tracked, most) in [
            ("users", windows.users.len(), 1_000),
            ("addresses", windows.addresses.len(), 1_000),
            ("endpoints", windows.endpoints.len(), 1_000),
        ] {
            // Each shard rounds up.
            assert!(tracked <= most + 16, "{tracked} {name}");
        }
        assert!(windows.evicted() > 1_000, "{}", windows.evicted());
    }

    #[test]
    fn what_comes_later_is_no_past() {
        let windows = Logs::recency(&Tracking::by_address(1_000));
        let refused = |number| LogEvent { status_code: Some(401), ..entry("ann", number) };
        (1_000..1_020).for_each(|number| _ = windows.observe(&refused(number)));
        let streak = |number| windows.peek(&entry("ann", number)).user.streak;
        assert_eq!([streak(400), streak(1_019), streak(1_030)], [0.0, 20.0, 20.0]);
        // Neither does an answer of yesterday that comes late end it, nor does a failure out of order begin it anew.
        windows.observe(&entry("ann", 1_000 - 86_400));
        windows.observe(&refused(1_015));
        assert_eq!(streak(1_030), 21.0);
        windows.observe(&entry("ann", 1_031));
        assert_eq!(streak(1_032), 0.0);
    }
}
