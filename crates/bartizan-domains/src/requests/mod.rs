//! API requests, judged while a gateway waits.

mod baselines;
pub mod body;
mod bounded;
mod event;
mod extract;
mod features;
pub mod generator;
mod identity;
mod kind;
mod reasons;
mod recency;
pub mod records;
mod shared;
mod windows;

pub use baselines::RequestBaselines;
pub use bounded::{Cut, CutPart};
pub use event::RequestEvent;
pub use recency::{RequestRecency, SavedClients};
pub use windows::RecentRequests;

use bartizan_core::{Arrival, Arrived, Domain, Facts, FeatureSchema, Tracking, TrustedProxies};
use std::borrow::Cow;

/// The kind `requests`.
pub struct Requests;

impl Domain for Requests {
    type Event = RequestEvent;
    type Recent = RecentRequests;
    type Recency = RequestRecency;
    type Baselines = RequestBaselines;

    const NAME: &'static str = "requests";

    fn schema() -> FeatureSchema {
        FeatureSchema::new(features::TABLE.to_vec())
    }

    fn recency(tracking: &Tracking) -> RequestRecency {
        RequestRecency::new(tracking)
    }

    fn align(part: &mut RequestBaselines, whole: &RequestBaselines) {
        part.align(whole);
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a RequestEvent>, _feature_set: &str) -> RequestBaselines {
        RequestBaselines::fit(events)
    }

    fn known_attack(event: &RequestEvent) -> bool {
        extract::known_attack(event)
    }

    fn known_reason(event: &RequestEvent) -> Option<(usize, f32, String)> {
        extract::known_reason(event)
    }

    fn facts(event: &RequestEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(&event.request_id),
            time: event.timestamp,
            entity: Cow::Borrowed(event.client()),
            resource: Cow::Borrowed(&event.endpoint),
            action: Cow::Borrowed(&event.http_method),
        }
    }

    fn arrive(event: &mut RequestEvent, arrival: &Arrival<'_>) -> Arrived {
        let client = arrival.proxies.client(&event.ip_address);
        // Nothing is written down twice, and nothing allocated, where an address comes as it should.
        event.client = if client == event.ip_address { String::new() } else { client.into_owned() };
        arrival.bound(&mut event.timestamp)
    }

    fn entity<'t>(text: &'t str, proxies: &TrustedProxies) -> Cow<'t, str> {
        proxies.client(text)
    }

    fn weight(event: &RequestEvent) -> usize {
        event.weight()
    }

    fn bounded(event: &RequestEvent) -> Cow<'_, RequestEvent> {
        bounded::bounded(event)
    }
}

#[cfg(test)]
mod tests;
