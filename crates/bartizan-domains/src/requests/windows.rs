//! Counters of one client in sliding windows: rings of buckets in event time.

use super::RequestEvent;
use crate::web::path_of;
use crate::web::rings::{BUCKETS, Different, Ring, is_time};
use crate::web::text::{agent_risk, hash, path_risk};
use bartizan_core::head;
use serde::{Deserialize, Serialize};

/// Seconds of a bucket of the short, the middle and the long window: 12 s, 60 s and one hour in all.
const SECS: [i64; 3] = [2, 10, 600];
/// Bytes of an endpoint that are looked at: what its path is told from others by, and searched for risky words.
const MAX_PATH: usize = 2_048;
/// Seconds of the longest window.
pub(super) const HORIZON_SECS: i64 = SECS[2] * BUCKETS as i64;

/// What the windows say of a request, the request itself not counted: of its address, or of who sent it where many share that. All NaN when
/// the client is unknown.
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

/// What one client did.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    windows: [Ring; 3],
    risky: Ring,
    errors: Ring,
    paths: Different,
    agents: Different,
}

impl Counts {
    /// Whether its times can be: what is read back might be damaged.
    pub(super) fn is_sound(&self) -> bool {
        let rings = self.windows.iter().chain([&self.risky, &self.errors]).map(|ring| ring.newest());
        rings.chain([self.paths.epoch, self.agents.epoch]).all(is_time)
    }

    pub(super) fn recent(&self, secs: i64) -> RecentRequests {
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

    pub(super) fn count(&mut self, seen: &Seen) {
        for (window, length) in self.windows.iter_mut().zip(SECS) {
            window.add(seen.secs.div_euclid(length));
        }
        let (long, epoch) = (seen.secs.div_euclid(SECS[2]), seen.secs.div_euclid(HORIZON_SECS));
        self.paths.add(epoch, seen.path);
        self.agents.add(epoch, seen.agent);
        if seen.is_risky {
            self.risky.add(long);
        }
        if seen.is_error {
            self.errors.add(long);
        }
    }

    /// Takes back what [`count`](Self::count) counted. Which paths and agents there were is kept: others may have had the same.
    pub(super) fn take(&mut self, seen: &Seen) {
        for (window, length) in self.windows.iter_mut().zip(SECS) {
            window.take(seen.secs.div_euclid(length));
        }
        let long = seen.secs.div_euclid(SECS[2]);
        if seen.is_risky {
            self.risky.take(long);
        }
        if seen.is_error {
            self.errors.take(long);
        }
    }
}

/// What the windows see of a request: worked out once, before anything is locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) secs: i64,
    path: u64,
    agent: u64,
    is_risky: bool,
    is_error: bool,
}

impl Seen {
    pub(super) fn of(event: &RequestEvent) -> Self {
        let (target, agent) = (head(&event.endpoint, MAX_PATH), event.agent().unwrap_or_default());
        Self {
            secs: event.timestamp.secs(),
            path: hash(path_of(target).as_bytes()),
            agent: hash(agent.as_bytes()),
            is_risky: path_risk(target) >= 2 || agent_risk(agent) >= 2,
            is_error: event.status.is_some_and(|status| status >= 400),
        }
    }

    /// Whether nothing speaks against it.
    pub(super) fn is_clean(&self) -> bool {
        !self.is_risky && !self.is_error
    }
}
