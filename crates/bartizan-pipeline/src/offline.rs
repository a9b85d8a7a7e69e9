//! Judging files: nothing is recorded, windows start empty, memory does not grow with the file.

use crate::active::{Active, Unjudged};
use crate::instance::judgement;
use crate::live::Live;
use crate::{Explanation, Judgement};
use bartizan_core::{Arrival, Domain, FeatureSchema, Recency, Timestamp, TrustedProxies};
use rayon::prelude::*;
use std::sync::Arc;

/// Events scored together: enough for matrix products, little enough to stay in the cache.
const BLOCK: usize = 512;

/// A model at work on files.
pub struct Offline<D: Domain> {
    active: Arc<Active<D>>,
    /// What is learned of the traffic in the files, beside that of the server.
    live: Live,
    windows: D::Recency,
    schema: FeatureSchema,
    at: Timestamp,
    proxies: Arc<TrustedProxies>,
}

/// What is said of one event of a file, with what it takes to explain it.
pub struct OfflineVerdict {
    /// What is said.
    pub judgement: Judgement,
    row: Vec<f32>,
}

impl OfflineVerdict {
    /// What is said of an event with this row.
    #[must_use]
    pub fn new(judgement: Judgement, row: Vec<f32>) -> Self {
        Self { judgement, row }
    }

    /// The value of a feature, by its place in the schema; `None` where it is missing.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<f32> {
        self.row.get(index).copied().filter(|value| value.is_finite())
    }
}

impl<D: Domain> Offline<D> {
    pub(crate) fn new(
        active: Arc<Active<D>>,
        windows: D::Recency,
        schema: FeatureSchema,
        at: Timestamp,
        proxies: Arc<TrustedProxies>,
    ) -> Self {
        Self { live: active.fresh_live(), active, windows, schema, at, proxies }
    }

    /// Fills in what only the service knows of events that come in: who their clients are. Their times are believed, whatever they are.
    pub fn arrive(&self, events: &mut [D::Event]) {
        let arrival = Arrival { now: self.at, max_ahead_secs: u64::MAX, proxies: &self.proxies };
        for event in events {
            D::arrive(event, &arrival);
        }
    }

    /// Judges the next events of the files, in their order; those that have [arrived](Self::arrive).
    pub fn judge(&self, events: &[D::Event]) -> Vec<OfflineVerdict> {
        let recents: Vec<D::Recent> = events.iter().map(|event| self.windows.observe(event)).collect();
        let blocks = events.par_chunks(BLOCK).zip(recents.par_chunks(BLOCK));
        let scored: Vec<Unjudged> = blocks.flat_map_iter(|(events, recents)| self.active.score_many(events.iter().zip(recents))).collect();
        let verdict = |(unjudged, event): (Unjudged, &D::Event)| {
            let scored = self.active.judge(&self.live, unjudged, event);
            OfflineVerdict::new(judgement(&self.active, &scored, self.at), scored.row)
        };
        scored.into_iter().zip(events).map(verdict).collect()
    }

    /// Whether events such as this one are among those that the model has learned from. Of others it does not say how unusual they are.
    #[must_use]
    pub fn covers(&self, event: &D::Event) -> bool {
        self.active.covers(event)
    }

    /// Why an event was judged as it was; `None` when the algorithm cannot say.
    #[must_use]
    pub fn explain(&self, event: &D::Event, verdict: &OfflineVerdict) -> Option<Explanation> {
        self.active.explain(event, &verdict.row, &self.schema)
    }
}
