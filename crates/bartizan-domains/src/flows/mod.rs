//! Network flows as CICFlowMeter and its relatives describe them: 78 numbers each.

mod baselines;
pub mod body;
mod event;
mod features;
pub mod generator;
mod names;
mod recency;
pub mod records;
mod time;

pub use baselines::FlowBaselines;
pub use event::FlowEvent;
pub use features::{FeatureSet, WIDTH, suspect};
pub use recency::NoRecency;

use bartizan_core::{Domain, Facts, FeatureSchema};
use std::borrow::Cow;

/// The kind `flows`.
pub struct Flows;

impl Domain for Flows {
    type Event = FlowEvent;
    type Recent = ();
    type Recency = NoRecency;
    type Baselines = FlowBaselines;

    const NAME: &'static str = "flows";

    fn schema() -> FeatureSchema {
        FeatureSchema::new(features::TABLE.to_vec())
    }

    fn recency(_max_entities: usize) -> NoRecency {
        NoRecency
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a FlowEvent>) -> FlowBaselines {
        FlowBaselines::fit(events)
    }

    fn facts(event: &FlowEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(&event.event_id),
            time: event.time,
            entity: Cow::Borrowed(&event.source),
            resource: Cow::Borrowed(&event.destination),
            action: Cow::Borrowed(&event.protocol),
        }
    }
}
