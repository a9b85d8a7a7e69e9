//! Addresses that many clients share, and the identities within them.
//!
//! An identity is looked at within its address alone, so that no client can become one elsewhere by a header. Each address has so many seats
//! for identities, of which one can sit on either of two; who finds both taken by others that are known is a stranger. Strangers are judged
//! by nothing that others did but the rate at which all of them come: otherwise, a flood whose every request has another name would be seen
//! nowhere.

use super::windows::{Counts, HORIZON_SECS, RecentRequests, Seen};
use crate::web::rings::{Different, is_time};
use crate::web::text::hash_on;
use serde::{Deserialize, Serialize};

/// Requests in the hour from which on the identities of an address are looked at.
pub(super) const BUSY: f32 = 8.0;
/// Requests from which on an identity is known.
const KNOWN: u16 = 5;
/// Seconds between the first and the latest clean request of an identity that is established, and how many there are at least.
const ESTABLISHED_SECS: i64 = 600;
const ESTABLISHED: u16 = 5;
/// Identities, established and seen within one to two stretches of so many seconds, that make an address a shared one. Tokens that one client
/// renews every quarter of an hour are fewer.
const SHARED_BY: u32 = 5;
const STRETCH_SECS: i64 = 1_200;
/// Seconds that an address stays shared after it last was: a weekend.
const SHARED_SECS: i64 = 3 * 86_400;
/// Among the identities of an address, all that are not known.
pub(super) const STRANGERS: u64 = u64::MAX;

/// What a tracked client is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Role {
    /// An address.
    Address {
        /// The identities that are established.
        established: Different,
        /// Until when it is shared; 0 where it never was.
        shared_until: i64,
    },
    /// Somebody at an address.
    Identity(Somebody),
}

/// Somebody at an address.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Somebody {
    /// The key of the address.
    pub(super) address: u64,
    pub(super) who: u64,
    first_secs: i64,
    latest_secs: i64,
    seen: u16,
    clean: u16,
}

impl Default for Role {
    fn default() -> Self {
        Self::Address { established: Different::default(), shared_until: 0 }
    }
}

impl Role {
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Address { established, shared_until } => is_time(established.epoch) && is_time(*shared_until),
            Self::Identity(somebody) => is_time(somebody.first_secs) && is_time(somebody.latest_secs),
        }
    }

    pub(super) fn somebody(&self) -> Option<&Somebody> {
        match self {
            Self::Address { .. } => None,
            Self::Identity(somebody) => Some(somebody),
        }
    }

    /// Whether it is an address that is shared.
    pub(super) fn is_shared(&self, secs: i64) -> bool {
        matches!(self, Self::Address { shared_until, .. } if *shared_until != 0 && secs < *shared_until)
    }

    /// Whether it is an address that ever was shared.
    pub(super) fn was_shared(&self) -> bool {
        matches!(self, Self::Address { shared_until, .. } if *shared_until != 0)
    }

    /// It is shared, as far as was seen elsewhere until now.
    pub(super) fn share(&mut self, now: i64) {
        if let Self::Address { shared_until, .. } = self {
            *shared_until = (*shared_until).max(now.saturating_add(SHARED_SECS));
        }
    }

    /// How many clients it stands for, about.
    pub(super) fn established(&self, secs: i64) -> f32 {
        let counted = match self {
            Self::Address { established, .. } => established.count(secs.div_euclid(STRETCH_SECS)),
            Self::Identity(_) => 0.0,
        };
        counted.max(SHARED_BY as f32)
    }

    /// An identity that is established was seen at this address.
    pub(super) fn establish(&mut self, who: u64, secs: i64) {
        if let Self::Address { established, shared_until } = self {
            let stretch = secs.div_euclid(STRETCH_SECS);
            established.add(stretch, mixed(who));
            if established.bits(stretch) >= SHARED_BY {
                *shared_until = (*shared_until).max(secs.saturating_add(SHARED_SECS));
            }
        }
    }
}

impl Somebody {
    pub(super) fn new(address: u64, who: u64, secs: i64) -> Self {
        Self { address, who, first_secs: secs, latest_secs: secs, seen: 0, clean: 0 }
    }

    /// Whether it has come often enough to be judged by what it did itself.
    pub(super) fn is_known(&self) -> bool {
        self.seen >= KNOWN
    }

    /// Whether others may have its seat: it was hardly seen, or not for longer than any window reaches.
    pub(super) fn gives_way(&self, secs: i64) -> bool {
        !self.is_known() || secs.saturating_sub(self.latest_secs) > HORIZON_SECS
    }

    /// Notes one more request; gives whether it is established by now. What looks like an attack establishes nobody.
    pub(super) fn note(&mut self, seen: &Seen) -> bool {
        self.first_secs = self.first_secs.min(seen.secs);
        self.latest_secs = self.latest_secs.max(seen.secs);
        self.seen = self.seen.saturating_add(1);
        self.clean = self.clean.saturating_add(u16::from(seen.is_clean()));
        self.clean >= ESTABLISHED && self.latest_secs.saturating_sub(self.first_secs) >= ESTABLISHED_SECS
    }

    /// Takes back one that was noted.
    pub(super) fn take(&mut self, seen: &Seen) {
        self.seen = self.seen.saturating_sub(1);
        self.clean = self.clean.saturating_sub(u16::from(seen.is_clean()));
    }
}

/// What is said of a request at a shared address: of one who is known, what it did itself. Of a stranger that too, but no lower a rate than
/// that of all strangers, divided by the number of clients that the address stands for.
pub(super) fn of_identity(own: Option<(&Somebody, &Counts)>, strangers: Option<&Counts>, clients: f32, secs: i64) -> RecentRequests {
    let recent = own.map_or_else(Counts::default, |(_, counts)| *counts).recent(secs);
    let Some(strangers) = strangers.filter(|_| !own.is_some_and(|(somebody, _)| somebody.is_known())) else { return recent };
    let all = strangers.recent(secs);
    // Whole numbers, as rates are everywhere else.
    let at_least = |own: f32, all: f32| own.max((all / clients).floor());
    RecentRequests {
        short: at_least(recent.short, all.short),
        minute: at_least(recent.minute, all.minute),
        hour: at_least(recent.hour, all.hour),
        ..recent
    }
}

/// The keys of the two seats that an identity may have at an address; the strangers have one of their own.
pub(super) fn seats(address: u64, who: u64, per_address: usize) -> [u64; 2] {
    let key = |seat: u64| mixed(hash_on(mixed(address), &seat.to_le_bytes()));
    if who == STRANGERS {
        return [key(STRANGERS); 2];
    }
    let (mixed, of) = (mixed(who), per_address.max(1) as u64);
    [key((mixed & 0xffff_ffff) % of), key((mixed >> 32) % of)]
}

/// Spreads a hash over all of its bits (the last steps of splitmix64).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
