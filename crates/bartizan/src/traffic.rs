//! Generated traffic with attacks in it, for `generate`, `demo` and `bench`.

use bartizan_core::{Seed, Timestamp};
use bartizan_domains::requests::body;
use bartizan_domains::requests::generator::{self, GeneratorConfig};
use bartizan_domains::requests::records::Record;
use serde_json::Value;

/// What to generate: `rows` requests from `start` on, `gap_secs` apart in the mean, about `attack_share` of them attacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rows: usize,
    pub(crate) attack_share: f64,
    pub(crate) start: Timestamp,
    pub(crate) gap_secs: f64,
}

/// Requests in order of their time; the same arguments give the same requests.
pub(crate) fn requests(plan: Plan, seed: Seed) -> Vec<Record> {
    let Plan { rows, attack_share, start, gap_secs } = plan;
    let config = GeneratorConfig { rows, attack_share, start, gap_secs, ..GeneratorConfig::default() };
    let record = |(line, (event, label))| Record { event, label: Some(label), label_name: None, line };
    (1..).zip(generator::generate(&config, seed)).map(record).collect()
}

/// The body that a gateway would post.
pub(crate) fn body(record: &Record) -> Value {
    body::event_to_json(&record.event)
}

/// Whether it is an attack.
pub(crate) fn is_attack(record: &Record) -> bool {
    record.label.is_some_and(bartizan_core::Label::is_anomalous)
}
