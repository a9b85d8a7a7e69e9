//! Flows carry their history in their own columns: nothing is remembered between them.

use super::FlowEvent;
use bartizan_core::Recency;

/// Windows that track nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecency;

impl Recency for NoRecency {
    type Event = FlowEvent;
    type Recent = ();

    fn observe(&self, _event: &FlowEvent) {}

    fn peek(&self, _event: &FlowEvent) {}

    fn entities(&self) -> usize {
        0
    }

    fn evicted(&self) -> u64 {
        0
    }

    fn horizon_secs(&self) -> i64 {
        0
    }
}
