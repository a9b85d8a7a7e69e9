//! API requests, judged while a gateway waits.

mod address;
mod baselines;
pub mod body;
mod event;
mod extract;
mod features;
pub mod generator;
mod reasons;
mod recency;
pub mod records;
mod routes;
pub(crate) mod text;
pub(crate) mod values;

pub use baselines::RequestBaselines;
pub use event::RequestEvent;
pub use recency::{RecentRequests, RequestRecency};

use bartizan_core::{Domain, Facts, FeatureSchema};
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

    fn recency(max_entities: usize) -> RequestRecency {
        RequestRecency::new(max_entities)
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a RequestEvent>, _feature_set: &str) -> RequestBaselines {
        RequestBaselines::fit(events)
    }

    fn facts(event: &RequestEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(&event.request_id),
            time: event.timestamp,
            entity: Cow::Borrowed(&event.ip_address),
            resource: Cow::Borrowed(&event.endpoint),
            action: Cow::Borrowed(&event.http_method),
        }
    }
}

#[cfg(test)]
mod tests;
