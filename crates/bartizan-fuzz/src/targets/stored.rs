//! Events as stored. Anyone who can write the database file can write these bytes.

use super::{Bounds, Target};
use crate::seeds;
use bartizan_domains::behavior::SessionEvent;
use bartizan_domains::flows::FlowEvent;
use bartizan_domains::logs::LogEvent;
use bartizan_domains::requests::RequestEvent;
use serde::{Serialize, de::DeserializeOwned};

/// A header of two empty texts is two bytes and fifty in memory.
const STORED: Bounds = Bounds { held: 80, allocated: 200, free: 1 << 20 };

fn of<E: Serialize + DeserializeOwned>(name: &'static str, events: &[E]) -> Target {
    let seeds = events.iter().filter_map(|event| postcard::to_allocvec(event).ok()).collect();
    Target::new(name, STORED, seeds, |bytes| match postcard::from_bytes::<E>(bytes) {
        Ok(event) => 1 + postcard::to_allocvec(&event).map_or(0, |bytes| bytes.len().min(64) as u64),
        Err(error) => error as u64 + 100,
    })
}

pub(super) fn targets() -> Vec<Target> {
    vec![
        of::<RequestEvent>("stored-request", &seeds::request_events()),
        of::<FlowEvent>("stored-flow", &seeds::flows()),
        of::<SessionEvent>("stored-session", &seeds::sessions()),
        of::<LogEvent>("stored-log", &seeds::log_events()),
    ]
}
