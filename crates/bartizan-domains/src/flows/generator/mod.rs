//! Made-up traffic of an office network: benign flows of the usual kinds, and labelled attacks among them.

mod packets;
mod traffic;

use super::FlowEvent;
use super::features::{F, TABLE, name};
use crate::records::csv_line;
use bartizan_core::{Label, Seed, Timestamp};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Map, Value};

/// What to generate.
#[derive(Clone, Debug)]
pub struct GeneratorConfig {
    /// Flows.
    pub rows: usize,
    /// Share of attacks, [0, 1].
    pub attack_share: f64,
    /// Time of the first flow.
    pub start: Timestamp,
    /// Mean seconds between flows.
    pub gap_secs: f64,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self { rows: 1_000, attack_share: 0.05, start: Timestamp::from_secs(1_767_225_600), gap_secs: 0.2 }
    }
}

/// Flows in order of time, each with what it is and its name in the style of CICIDS2017. The same seed gives the same flows.
#[must_use]
pub fn generate(config: &GeneratorConfig, seed: Seed) -> Vec<(FlowEvent, Label, &'static str)> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
    let mut micros = config.start.micros() as f64;
    let mut flows = Vec::with_capacity(config.rows.min(1 << 16));
    for number in 0..config.rows {
        micros += -config.gap_secs * (1.0 - rng.random::<f64>()).ln() * 1e6;
        let attack = rng.random::<f64>() < config.attack_share;
        let mut flow = if attack { traffic::attack(&mut rng) } else { traffic::benign(&mut rng) };
        let label = if attack { Label::Anomalous } else { Label::Legitimate };
        let event = FlowEvent {
            time: Timestamp::from_micros(micros as i64),
            event_id: format!("flow-{number}"),
            source: std::mem::take(&mut flow.source),
            destination: format!("{}:{}", flow.destination, flow.packets.port),
            protocol: if flow.packets.tcp { "tcp" } else { "udp" }.to_owned(),
            values: flow.packets.features(),
        };
        flows.push((event, label, flow.name));
    }
    flows
}

/// The header of a table of flows, as the public CICIDS2017 tables have it: leading blanks and a column twice.
#[must_use]
pub fn csv_header() -> String {
    let name = |index| name(if index == F::FwdHeader1 as usize { F::FwdHeader as usize } else { index });
    let features = (0..TABLE.len()).map(name);
    let names = ["Source IP", "Destination IP", "Protocol", "Timestamp"].into_iter().chain(features).chain(["Label"]);
    csv_line(std::iter::once("Flow ID".to_owned()).chain(names.map(|name| format!(" {name}"))))
}

/// A flow as a row below [`csv_header`].
#[must_use]
pub fn csv_row(event: &FlowEvent, label: &str) -> String {
    let address = event.destination.rsplit_once(':').map_or("", |(address, _)| address);
    let protocol = match event.protocol.as_str() {
        "tcp" => "6",
        "udp" => "17",
        "icmp" => "1",
        other => other,
    };
    let about = [&event.event_id, &event.source, address, protocol].map(str::to_owned);
    let values = event.values.iter().map(f32::to_string);
    csv_line(about.into_iter().chain([event.time.to_string()]).chain(values).chain([label.to_owned()]))
}

/// The features of a flow by name, as `/predict` takes them in `data`; missing ones are left out.
#[must_use]
pub fn event_to_json(event: &FlowEvent) -> Value {
    let number =
        |value: f32| if value.fract() == 0.0 && value.abs() < 1e15 { Value::from(value as i64) } else { Value::from(f64::from(value)) };
    let known = event.values.iter().enumerate().filter(|(_, value)| value.is_finite());
    Value::Object(known.map(|(index, value)| (name(index).to_owned(), number(*value))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
