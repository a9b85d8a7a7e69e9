//! Heart-beats of named services on hosts. A kind that only tests build: it shows what a kind must have, and holds the promise that its
//! folders and one line are all.

pub mod body;
mod kind;
mod records;

use bartizan_core::{Arrival, Arrived, Direction, Domain, Extract, Facts, Feature, FeatureSchema, NoRecency, Timestamp, Tracking};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The kind `pulses`.
pub struct Pulses;

/// A heart-beat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PulseEvent {
    /// When it came.
    pub time: Timestamp,
    /// The host that sent it.
    pub host: String,
    /// The service that is alive.
    pub service: String,
    /// Seconds since the one before.
    pub interval_secs: f32,
    /// Heart-beats that were expected since and did not come.
    pub missed: u16,
}

/// Learned from heart-beats of normal operation; stored in the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PulseBaselines {
    mean_secs: f32,
}

impl Domain for Pulses {
    type Event = PulseEvent;
    type Recent = ();
    type Recency = NoRecency<PulseEvent>;
    type Baselines = PulseBaselines;

    const NAME: &'static str = "pulses";

    fn schema() -> FeatureSchema {
        FeatureSchema::new(vec![
            Feature::new("interval_secs", "seconds", Direction::Both, "Seconds since the heart-beat before.").resolved(0.1),
            Feature::new("off_usual_secs", "seconds", Direction::High, "How far that is from the usual interval.").resolved(0.1),
            Feature::new("missed", "pulses", Direction::High, "Heart-beats that did not come.").resolved(1.0),
        ])
    }

    fn recency(_tracking: &Tracking) -> Self::Recency {
        NoRecency::default()
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a PulseEvent>, _feature_set: &str) -> PulseBaselines {
        let (count, sum) = events.fold((0_u32, 0.0_f64), |(count, sum), event| (count + 1, sum + f64::from(event.interval_secs)));
        PulseBaselines { mean_secs: (sum / f64::from(count.max(1))) as f32 }
    }

    fn facts(event: &PulseEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(""),
            time: event.time,
            entity: Cow::Borrowed(&event.host),
            resource: Cow::Borrowed(&event.service),
            action: Cow::Borrowed("pulse"),
        }
    }

    fn arrive(event: &mut PulseEvent, arrival: &Arrival<'_>) -> Arrived {
        arrival.bound(&mut event.time)
    }
}

impl Extract for PulseBaselines {
    type Event = PulseEvent;
    type Recent = ();

    fn extract(&self, event: &PulseEvent, (): &(), row: &mut [f32]) {
        let values = [event.interval_secs, (event.interval_secs - self.mean_secs).abs(), f32::from(event.missed)];
        row.iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
    }

    fn reason(&self, event: &PulseEvent, _row: &[f32], index: usize) -> Option<String> {
        match index {
            2 => (event.missed > 0).then(|| format!("{} heart-beats did not come", event.missed)),
            _ => Some(format!("{:.1} s since the heart-beat before; {:.1} s is usual", event.interval_secs, self.mean_secs)),
        }
    }
}
