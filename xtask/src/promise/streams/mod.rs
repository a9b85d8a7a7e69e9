//! Traffic to send: streams of requests in the order of time, each with assumptions of its own, and attacks to mix in.
//!
//! None of them shares code or habits with the product's generator, which is one of the sources. They have ended long before any clock
//! that they are judged by, so that no event counts as one of the future.

mod access_log;
mod attacks;
mod checks;
mod draw;
pub(super) mod flows;
mod generated;
mod internal;
mod logins;
mod mixed;
mod mobile;
mod request;
mod services;
mod website;

#[cfg(test)]
mod tests;

pub(super) use access_log::access_log;
pub(super) use attacks::{Attacker, Kind, payloads};
pub(super) use draw::Draw;
pub(super) use flows::Flow;
pub(super) use logins::{Attack, Log as LoginLog};
pub(super) use mixed::mixed;
pub(super) use request::Request;

use std::path::Path;

/// Monday, 4 March 2024, 00:00 UTC, in milliseconds since 1970.
const START: i64 = 1_709_510_400_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Requests in the order of time.
pub(super) type Stream = Box<dyn Iterator<Item = Request> + Send>;

/// Where a stream comes from: the program that is measured, how many requests are needed at most, and a seed.
type Open = fn(&Path, usize, u64) -> anyhow::Result<Stream>;

/// A kind of traffic.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) name: &'static str,
    open: Open,
}

impl Source {
    /// A stream of at least so many requests.
    pub(super) fn open(&self, binary: &Path, requests: usize, seed: u64) -> anyhow::Result<Stream> {
        (self.open)(binary, requests, seed)
    }
}

pub(super) const GENERATED: Source = Source { name: "generated shop", open: generated::open };
pub(super) const SERVICES: Source = Source { name: "services", open: |_, _, seed| Ok(Box::new(services::Services::new(seed))) };
pub(super) const WEBSITE: Source = Source { name: "web site", open: |_, _, seed| Ok(Box::new(website::Website::new(seed))) };
pub(super) const CHECKS: Source = Source { name: "health checks", open: |_, _, seed| Ok(Box::new(checks::Checks::new(seed))) };
pub(super) const MOBILE: Source = Source { name: "mobile gateway", open: |_, _, seed| Ok(Box::new(mobile::Mobile::new(seed))) };
pub(super) const INTERNAL: Source = Source { name: "internal API", open: |_, _, seed| Ok(Box::new(internal::Internal::new(seed))) };

/// Every kind of traffic.
pub(super) const ALL: [Source; 6] = [GENERATED, SERVICES, WEBSITE, CHECKS, MOBILE, INTERNAL];
