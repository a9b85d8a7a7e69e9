//! Log entries of APIs, judged against each user's and each endpoint's own past.

mod agents;
mod baselines;
pub mod body;
mod event;
mod extract;
mod features;
pub mod generator;
mod habits;
mod kind;
mod reasons;
mod recency;
pub mod records;
mod scale;
mod table;
mod windows;

pub use baselines::LogBaselines;
pub use event::LogEvent;
pub use recency::{LogRecency, SavedLogs};
pub use windows::RecentLogs;

use bartizan_core::{Arrival, Arrived, Domain, Facts, FeatureSchema, Tracking, TrustedProxies};
use std::borrow::Cow;
use std::net::IpAddr;

/// Seconds that an entry counts ahead of the clock in the windows, where times are believed that are ahead by minutes; where they are believed
/// further ahead, as with made-up traffic, so they are there.
const AHEAD_SECS: i64 = 10;
const USUAL_AHEAD_SECS: u64 = 300;

/// The kind `logs`.
pub struct Logs;

impl Domain for Logs {
    type Event = LogEvent;
    type Recent = RecentLogs;
    type Recency = LogRecency;
    type Baselines = LogBaselines;

    const NAME: &'static str = "logs";

    fn schema() -> FeatureSchema {
        FeatureSchema::new(features::TABLE.to_vec())
    }

    fn recency(tracking: &Tracking) -> LogRecency {
        LogRecency::new(tracking.max_entities)
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a LogEvent>, _feature_set: &str) -> LogBaselines {
        LogBaselines::fit(events)
    }

    fn align(part: &mut LogBaselines, whole: &LogBaselines) {
        part.align(whole);
    }

    const KNOWN_ARE_KEPT_OUT: bool = true;

    fn known_attack(event: &LogEvent) -> bool {
        extract::known(event).is_some()
    }

    fn known_reason(event: &LogEvent) -> Option<(usize, f32, String)> {
        let (feature, value) = extract::known(event)?;
        let nothing = LogBaselines::fit(std::iter::empty());
        Some((feature as usize, value, reasons::sentence(&nothing, event, feature, value)))
    }

    fn facts(event: &LogEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(""),
            time: event.timestamp,
            entity: Cow::Borrowed(event.entity()),
            resource: Cow::Borrowed(&event.endpoint),
            action: Cow::Borrowed(&event.method),
        }
    }

    fn arrive(event: &mut LogEvent, arrival: &Arrival<'_>) -> Arrived {
        let client = arrival.proxies.client(&event.ip_address);
        // Nothing is written down twice, and nothing allocated, where an address comes as it should.
        event.client = if client == event.ip_address { String::new() } else { client.into_owned() };
        let arrived = arrival.bound(&mut event.timestamp);
        // One clock that is ahead would move the windows of all that it tells of, and hide what comes in the meantime.
        let latest = arrival.now.plus_secs(AHEAD_SECS);
        let is_ahead = arrival.max_ahead_secs <= USUAL_AHEAD_SECS && event.timestamp > latest;
        event.counted = is_ahead.then_some(latest);
        arrived
    }

    fn entity<'t>(text: &'t str, proxies: &TrustedProxies) -> Cow<'t, str> {
        // An address as it may be written, or the name of a user as it is.
        let client = proxies.client(text);
        if client.parse::<IpAddr>().is_ok() { client } else { Cow::Borrowed(text) }
    }

    fn weight(event: &LogEvent) -> usize {
        event.weight()
    }

    fn bounded(event: &LogEvent) -> Cow<'_, LogEvent> {
        event.bounded()
    }
}

#[cfg(test)]
mod tests;
