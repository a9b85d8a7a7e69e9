//! Live traffic for the detectors of the demo: generated, with attacks in it.

use crate::kinds::{Running, Which, for_kind};
use bartizan_core::{Record, Seed, Timestamp};
use bartizan_domains::kind::{Kind, Plan, is_attack};

/// A detector that is sent traffic.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: String,
    which: Which,
}

/// An event to post.
pub(crate) struct Live {
    /// The detector that it is for.
    pub(crate) detector: String,
    /// Path to post to.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: String,
    /// The client or user.
    pub(crate) client: String,
    /// What it does.
    pub(crate) what: String,
    /// Whether it is an attack.
    pub(crate) is_attack: bool,
    /// The time of the event.
    pub(crate) time: Timestamp,
}

impl Source {
    /// Returns the name of the detector.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Creates a source of traffic for this detector.
    pub(crate) fn of(running: &Running) -> Self {
        Self { name: running.life().name().to_owned(), which: running.which() }
    }
}

/// Describes what is sent to them: `requests, flows and sessions`.
pub(crate) fn names(sources: &[Source]) -> String {
    let mut events: Vec<&str> = sources.iter().map(|source| for_kind!(source.which, D => D::EVENTS)).collect();
    events.dedup();
    match events.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}

/// Returns a batch of traffic: `plan` is of the most frequent kind, the events of others come between.
pub(crate) fn batch(sources: &[Source], plan: Plan, seed: Seed) -> Vec<Live> {
    let mut streams: Vec<(usize, std::vec::IntoIter<Live>)> = Vec::new();
    for (place, source) in (0..).zip(sources) {
        let seed = if place == 0 { seed } else { seed.derive(place) };
        streams.push(for_kind!(source.which, D => (D::ONE_IN, live::<D>(&source.name, plan, seed).into_iter())));
    }
    let mut all = Vec::with_capacity(2 * plan.rows);
    for position in 1..=plan.rows {
        let due = streams.iter_mut().filter(|(one_in, _)| position.is_multiple_of(*one_in));
        all.extend(due.filter_map(|(_, stream)| stream.next()));
    }
    all
}

fn live<D: Kind>(detector: &str, plan: Plan, seed: Seed) -> Vec<Live> {
    let rows = if D::ONE_IN == 1 { plan.rows } else { plan.rows / D::ONE_IN + 1 };
    let records = D::live(Plan { rows, ..plan }, seed);
    let live = |record: Record<D::Event>| {
        let facts = D::facts(&record.event);
        Live {
            detector: detector.to_owned(),
            path: format!("/{detector}{}?explain=true", D::JUDGED_AT),
            body: D::body(&record).to_string(),
            client: facts.entity.to_string(),
            what: format!("{detector} {} {}", facts.action, facts.resource),
            is_attack: is_attack(&record),
            time: facts.time,
        }
    };
    records.into_iter().map(live).collect()
}
