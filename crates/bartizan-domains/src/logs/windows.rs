//! What is counted of a user, of an address and of an endpoint, in event time.

use super::LogEvent;
use super::agents::agent;
use super::event::MAX_OTHER;
use crate::web::address::network;
use crate::web::path_of;
use crate::web::rings::{BUCKETS, Different, Ring, is_time};
use crate::web::routes::{Routes, plain_extension};
use crate::web::text::hash;
use bartizan_core::head;
use serde::{Deserialize, Serialize};

/// Seconds of a bucket of a minute, of ten minutes, of an hour and of a day.
const MINUTE: i64 = 10;
const TEN_MINUTES: i64 = 100;
const HOUR: i64 = 600;
const DAY: i64 = 14_400;
/// Seconds of the longest window.
pub(super) const HORIZON_SECS: i64 = DAY * BUCKETS as i64;
/// Seconds in which failed logins are a sequence.
const SEQUENCE_SECS: i64 = 3_600;
/// Bytes of an endpoint that tell it from others.
pub(super) const MAX_ENDPOINT: usize = 2_048;

/// What the past says of an entry, the entry itself not counted but for the networks, agents and users, which are as many as with it. NaN
/// where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecentLogs {
    pub(super) user: RecentUser,
    pub(super) address: RecentAddress,
    pub(super) endpoint: RecentEndpoint,
}

/// Of the user; of the address where nobody authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentUser {
    pub(super) minute: f32,
    pub(super) hour: f32,
    pub(super) day: f32,
    /// Of the hour: answers of 400 and above, of 401 and 403, and of 404 and 410.
    pub(super) errors: f32,
    pub(super) refused: f32,
    pub(super) missing: f32,
    /// 401 and 403 directly before.
    pub(super) streak: f32,
    /// Different ones in the hour.
    pub(super) targets: f32,
    pub(super) networks: f32,
    pub(super) agents: f32,
    /// Bytes answered in the hour.
    pub(super) bytes: f32,
    /// Mean of the logarithms of response times in the hour.
    pub(super) time: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentAddress {
    pub(super) minute: f32,
    pub(super) hour: f32,
    pub(super) refused: f32,
    pub(super) streak: f32,
    /// Different users in the hour.
    pub(super) users: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentEndpoint {
    /// Entries in ten minutes, and those of them with a status of 500 or above.
    pub(super) ten: f32,
    pub(super) failed: f32,
    /// Entries in the hour, and those of them with a status of 400 or above.
    pub(super) hour: f32,
    pub(super) errors: f32,
    /// Mean and spread of the logarithms of response times in ten minutes.
    pub(super) time: f32,
    pub(super) spread: f32,
}

impl RecentUser {
    const UNKNOWN: Self = Self {
        minute: f32::NAN,
        hour: f32::NAN,
        day: f32::NAN,
        errors: f32::NAN,
        refused: f32::NAN,
        missing: f32::NAN,
        streak: f32::NAN,
        targets: f32::NAN,
        networks: f32::NAN,
        agents: f32::NAN,
        bytes: f32::NAN,
        time: f32::NAN,
    };
}

impl RecentAddress {
    const UNKNOWN: Self = Self { minute: f32::NAN, hour: f32::NAN, refused: f32::NAN, streak: f32::NAN, users: f32::NAN };
}

impl RecentEndpoint {
    const UNKNOWN: Self = Self { ten: f32::NAN, failed: f32::NAN, hour: f32::NAN, errors: f32::NAN, time: f32::NAN, spread: f32::NAN };
}

impl RecentLogs {
    pub(super) const UNKNOWN: Self = Self { user: RecentUser::UNKNOWN, address: RecentAddress::UNKNOWN, endpoint: RecentEndpoint::UNKNOWN };

    /// Without a user and an address.
    pub(super) fn of_endpoint(endpoint: RecentEndpoint) -> Self {
        Self { user: RecentUser::UNKNOWN, address: RecentAddress::UNKNOWN, endpoint }
    }
}

/// Sums in a window.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Sums {
    newest: i64,
    sums: [f32; BUCKETS],
}

impl Sums {
    fn sum(&self, now: i64) -> f32 {
        let buckets = BUCKETS as i64;
        let (first, last) = (now - buckets + 1, now.min(self.newest));
        (first.max(self.newest - buckets + 1)..=last).map(|b| self.sums[b.rem_euclid(buckets) as usize]).sum()
    }

    fn add(&mut self, now: i64, value: f32) {
        let buckets = BUCKETS as i64;
        if now > self.newest {
            let cleared = (now - self.newest).min(buckets);
            (0..cleared).for_each(|i| self.sums[(now - i).rem_euclid(buckets) as usize] = 0.0);
            self.newest = now;
        }
        if now > self.newest - buckets {
            // Finite whatever comes.
            let sum = &mut self.sums[now.rem_euclid(buckets) as usize];
            *sum = (*sum + value).clamp(-f32::MAX / 16.0, f32::MAX / 16.0);
        }
    }

    fn is_sound(&self) -> bool {
        is_time(self.newest) && self.sums.iter().all(|sum| sum.is_finite())
    }
}

/// Failed logins directly one after the other.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Streak {
    newest: i64,
    count: u16,
}

impl Streak {
    fn at(self, secs: i64) -> f32 {
        // What comes later is no past.
        if (0..=SEQUENCE_SECS).contains(&secs.saturating_sub(self.newest)) { f32::from(self.count) } else { 0.0 }
    }

    fn add(&mut self, secs: i64, status: Status) {
        match status {
            Status::Refused => {
                let goes_on = secs.abs_diff(self.newest) <= SEQUENCE_SECS.unsigned_abs();
                *self = Self { newest: secs.max(self.newest), count: if goes_on { self.count.saturating_add(1) } else { 1 } };
            }
            Status::Good if secs >= self.newest => self.count = 0,
            _ => {}
        }
    }
}

/// What a status means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Unknown,
    /// Below 400.
    Good,
    /// 401 and 403.
    Refused,
    /// 404 and 410.
    Missing,
    /// 400 to 499.
    Bad,
    /// 500 and above.
    Failed,
}

impl Status {
    pub(super) fn of(status: Option<i64>) -> Self {
        match status {
            None => Self::Unknown,
            Some(401 | 403) => Self::Refused,
            Some(404 | 410) => Self::Missing,
            Some(400..=499) => Self::Bad,
            Some(500..) => Self::Failed,
            // No status of HTTP: nothing was answered.
            Some(..=99) => Self::Unknown,
            Some(100..=399) => Self::Good,
        }
    }

    pub(super) fn is_error(self) -> bool {
        !matches!(self, Self::Unknown | Self::Good)
    }
}

/// What windows and features see of an entry: worked out once, before anything is locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) secs: i64,
    /// When it counts in the windows.
    pub(super) counted: i64,
    /// Of who it is, the user or the address; 0 when nobody knows.
    pub(super) who: u64,
    pub(super) user: u64,
    /// 0 without one.
    pub(super) address: u64,
    pub(super) network: u64,
    pub(super) agent: u64,
    /// Of the endpoint without what looks like an identifier.
    pub(super) place: u64,
    target: u64,
    pub(super) status: Status,
    /// Logarithm of the seconds; NaN when unknown.
    pub(super) time: f32,
    bytes: f32,
}

/// Spreads a hash over all of its bits (the last steps of splitmix64).
pub(super) fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The logarithm of seconds: below a tenth of a millisecond no difference means anything.
pub(super) fn log_secs(secs: f64) -> f32 {
    secs.max(1e-4).ln() as f32
}

impl Seen {
    pub(super) fn of(event: &LogEvent) -> Self {
        let target = head(&event.endpoint, MAX_ENDPOINT);
        let client = head(event.client(), MAX_OTHER);
        let address = if client.is_empty() { 0 } else { mixed(hash(client.as_bytes())) };
        let user = if event.user_id.is_empty() { 0 } else { mixed(hash(event.user()) ^ 1) };
        Self {
            secs: event.timestamp.secs(),
            counted: event.counted.unwrap_or(event.timestamp).secs(),
            who: if user == 0 { address } else { user },
            user,
            address,
            network: if client.is_empty() { 0 } else { mixed(network(client)) },
            agent: agent(&event.seen_agent().unwrap_or_default()).key,
            place: Routes::default().route(&plain_extension(path_of(target))),
            target: mixed(hash(target.as_bytes())),
            status: Status::of(event.status_code),
            time: event.response_time.map_or(f32::NAN, log_secs),
            bytes: event.response_size.unwrap_or(0) as f32,
        }
    }
}

/// Bucket of the window whose buckets are so long.
fn at(secs: i64, length: i64) -> i64 {
    secs.div_euclid(length)
}

/// The stretch of time of what is different.
fn epoch(secs: i64) -> i64 {
    at(secs, HOUR * BUCKETS as i64)
}

/// How many different ones there are with this one.
fn with(different: Different, secs: i64, one: u64) -> f32 {
    let (mut different, mut alone) = (different, Different::default());
    different.add(epoch(secs), one);
    // Nothing is kept of a time long before the newest; this one is there all the same.
    alone.epoch = epoch(secs);
    alone.add(epoch(secs), one);
    different.count(epoch(secs)).max(alone.count(epoch(secs)))
}

/// Of a user, or of an address where nobody authenticated.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct OfUser {
    windows: [Ring; 3],
    errors: Ring,
    refused: Ring,
    missing: Ring,
    streak: Streak,
    targets: Different,
    networks: Different,
    agents: Different,
    bytes: Sums,
    times: Sums,
    timed: Ring,
}

impl OfUser {
    const SECS: [i64; 3] = [MINUTE, HOUR, DAY];

    pub(super) fn recent(&self, seen: &Seen) -> RecentUser {
        let (secs, hour) = (seen.counted, at(seen.counted, HOUR));
        let [minute, in_hour, day] = [0, 1, 2].map(|w| self.windows[w].sum(at(secs, Self::SECS[w])) as f32);
        let timed = self.timed.sum(hour) as f32;
        RecentUser {
            minute,
            hour: in_hour,
            day,
            errors: self.errors.sum(hour) as f32,
            refused: self.refused.sum(hour) as f32,
            missing: self.missing.sum(hour) as f32,
            streak: self.streak.at(secs),
            targets: self.targets.count(epoch(secs)),
            networks: with(self.networks, secs, seen.network),
            agents: with(self.agents, secs, seen.agent),
            bytes: self.bytes.sum(hour),
            time: if timed > 0.0 { self.times.sum(hour) / timed } else { f32::NAN },
        }
    }

    pub(super) fn count(&mut self, seen: &Seen) {
        let hour = at(seen.counted, HOUR);
        self.windows.iter_mut().zip(Self::SECS).for_each(|(window, length)| window.add(at(seen.counted, length)));
        if seen.status.is_error() {
            self.errors.add(hour);
        }
        match seen.status {
            Status::Refused => self.refused.add(hour),
            Status::Missing => self.missing.add(hour),
            _ => {}
        }
        self.streak.add(seen.counted, seen.status);
        self.targets.add(epoch(seen.counted), seen.target);
        // Whoever tries a name is not who has it.
        if seen.status != Status::Refused {
            self.networks.add(epoch(seen.counted), seen.network);
            self.agents.add(epoch(seen.counted), seen.agent);
        }
        self.bytes.add(hour, seen.bytes);
        if !seen.time.is_nan() {
            self.times.add(hour, seen.time);
            self.timed.add(hour);
        }
    }

    /// Takes back what was counted, but for what was different and in which order.
    pub(super) fn take(&mut self, seen: &Seen) {
        let hour = at(seen.counted, HOUR);
        self.windows.iter_mut().zip(Self::SECS).for_each(|(window, length)| window.take(at(seen.counted, length)));
        if seen.status.is_error() {
            self.errors.take(hour);
        }
        match seen.status {
            Status::Refused => self.refused.take(hour),
            Status::Missing => self.missing.take(hour),
            _ => {}
        }
        self.bytes.add(hour, -seen.bytes);
        if !seen.time.is_nan() {
            self.times.add(hour, -seen.time);
            self.timed.take(hour);
        }
    }

    /// Whether its times can be: what is read back might be damaged.
    pub(super) fn is_sound(&self) -> bool {
        let rings = self.windows.iter().chain([&self.errors, &self.refused, &self.missing, &self.timed]).map(|ring| ring.newest());
        let epochs = [self.targets.epoch, self.networks.epoch, self.agents.epoch, self.streak.newest];
        rings.chain(epochs).all(is_time) && self.bytes.is_sound() && self.times.is_sound()
    }
}

/// Of an address.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct OfAddress {
    minute: Ring,
    hour: Ring,
    refused: Ring,
    streak: Streak,
    users: Different,
}

impl OfAddress {
    pub(super) fn recent(&self, seen: &Seen) -> RecentAddress {
        let hour = at(seen.counted, HOUR);
        RecentAddress {
            minute: self.minute.sum(at(seen.counted, MINUTE)) as f32,
            hour: self.hour.sum(hour) as f32,
            refused: self.refused.sum(hour) as f32,
            streak: self.streak.at(seen.counted),
            users: with(self.users, seen.counted, seen.user),
        }
    }

    pub(super) fn count(&mut self, seen: &Seen) {
        let hour = at(seen.counted, HOUR);
        self.minute.add(at(seen.counted, MINUTE));
        self.hour.add(hour);
        if seen.status == Status::Refused {
            self.refused.add(hour);
        }
        self.streak.add(seen.counted, seen.status);
        self.users.add(epoch(seen.counted), seen.user);
    }

    pub(super) fn take(&mut self, seen: &Seen) {
        let hour = at(seen.counted, HOUR);
        self.minute.take(at(seen.counted, MINUTE));
        self.hour.take(hour);
        if seen.status == Status::Refused {
            self.refused.take(hour);
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let rings = [&self.minute, &self.hour, &self.refused].map(Ring::newest);
        rings.into_iter().chain([self.users.epoch, self.streak.newest]).all(is_time)
    }
}

/// Of an endpoint.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct OfEndpoint {
    ten: Ring,
    failed: Ring,
    hour: Ring,
    errors: Ring,
    timed: Ring,
    times: Sums,
    squares: Sums,
}

impl OfEndpoint {
    pub(super) fn recent(&self, seen: &Seen) -> RecentEndpoint {
        let (ten, hour) = (at(seen.counted, TEN_MINUTES), at(seen.counted, HOUR));
        let timed = self.timed.sum(ten) as f32;
        let mean = self.times.sum(ten) / timed;
        let spread = (self.squares.sum(ten) / timed - mean * mean).max(0.0).sqrt();
        let known = |value: f32| if timed > 0.0 { value } else { f32::NAN };
        RecentEndpoint {
            ten: self.ten.sum(ten) as f32,
            failed: self.failed.sum(ten) as f32,
            hour: self.hour.sum(hour) as f32,
            errors: self.errors.sum(hour) as f32,
            time: known(mean),
            spread: known(spread),
        }
    }

    pub(super) fn count(&mut self, seen: &Seen) {
        let (ten, hour) = (at(seen.counted, TEN_MINUTES), at(seen.counted, HOUR));
        self.ten.add(ten);
        self.hour.add(hour);
        if seen.status == Status::Failed {
            self.failed.add(ten);
        }
        if seen.status.is_error() {
            self.errors.add(hour);
        }
        if !seen.time.is_nan() {
            self.timed.add(ten);
            self.times.add(ten, seen.time);
            self.squares.add(ten, seen.time * seen.time);
        }
    }

    pub(super) fn take(&mut self, seen: &Seen) {
        let (ten, hour) = (at(seen.counted, TEN_MINUTES), at(seen.counted, HOUR));
        self.ten.take(ten);
        self.hour.take(hour);
        if seen.status == Status::Failed {
            self.failed.take(ten);
        }
        if seen.status.is_error() {
            self.errors.take(hour);
        }
        if !seen.time.is_nan() {
            self.timed.take(ten);
            self.times.add(ten, -seen.time);
            self.squares.add(ten, -seen.time * seen.time);
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let rings = [&self.ten, &self.failed, &self.hour, &self.errors, &self.timed].map(Ring::newest);
        rings.into_iter().all(is_time) && self.times.is_sound() && self.squares.is_sound()
    }
}
