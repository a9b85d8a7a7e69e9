//! Network flows as CICFlowMeter and its relatives describe them: 78 numbers each.

mod baselines;
pub mod body;
mod dialects;
mod event;
mod features;
pub mod generator;
mod kind;
mod labels;
mod names;
pub mod records;
mod time;

pub use baselines::FlowBaselines;
pub use event::FlowEvent;
pub use features::{FeatureSet, WIDTH, suspect};

use bartizan_core::{Arrival, Arrived, Domain, Facts, FeatureSchema, NoRecency, Tracking};
use std::borrow::Cow;

/// The kind `flows`.
pub struct Flows;

impl Domain for Flows {
    type Event = FlowEvent;
    type Recent = ();
    type Recency = NoRecency<FlowEvent>;
    type Baselines = FlowBaselines;

    const NAME: &'static str = "flows";
    const FEATURE_SETS: &'static [&'static str] = &["all", "robust"];

    fn schema() -> FeatureSchema {
        FeatureSchema::new(features::TABLE.to_vec())
    }

    fn recency(_tracking: &Tracking) -> NoRecency<FlowEvent> {
        NoRecency::default()
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a FlowEvent>, feature_set: &str) -> FlowBaselines {
        let features = if feature_set == Self::FEATURE_SETS[1] { FeatureSet::Robust } else { FeatureSet::All };
        FlowBaselines::fit_with(events, features)
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

    fn arrive(event: &mut FlowEvent, arrival: &Arrival<'_>) -> Arrived {
        arrival.bound(&mut event.time)
    }
}
