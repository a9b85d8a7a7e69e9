//! One flow.

use super::features::{F, WIDTH};
use super::labels::judge;
use super::names::Column;
use bartizan_core::{Label, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One network flow: what passed between two ends from the first packet to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowEvent {
    /// When it began.
    pub time: Timestamp,
    /// The sender's name for it; empty when it has none.
    pub event_id: String,
    /// Address of the opener; empty when unknown.
    pub source: String,
    /// Address and port that it was opened to, or the port alone.
    pub destination: String,
    /// `tcp`, `udp`, `icmp`, or the number of another protocol; empty when unknown.
    pub protocol: String,
    /// The 78 features in order, in the units of the table; NaN is missing.
    pub values: Vec<f32>,
}

/// A flow while its columns come in, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) values: [f32; WIDTH],
    /// A bit for each feature that was given.
    pub(crate) given: u128,
    pub(crate) time: Option<Timestamp>,
    pub(crate) event_id: String,
    pub(crate) source: String,
    pub(crate) destination_ip: String,
    pub(crate) protocol: String,
    /// The text of the label column, and what it says.
    pub(crate) label: Option<(String, Label)>,
}

/// Longest text that is kept of an identifying column.
const MAX_TEXT: usize = 256;

impl Draft {
    pub(crate) fn new() -> Self {
        Self {
            values: [f32::NAN; WIDTH],
            given: 0,
            time: None,
            event_id: String::new(),
            source: String::new(),
            destination_ip: String::new(),
            protocol: String::new(),
            label: None,
        }
    }

    /// Ready for the next flow.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Sets a feature, unless another spelling of its name already has; what is not finite is missing, what is finite and too large for
    /// 32 bits the largest that is not.
    #[inline]
    pub(crate) fn set(&mut self, feature: usize, value: f64) {
        let value = if value.is_finite() { value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 } else { f32::NAN };
        if let Some(place) = self.values.get_mut(feature).filter(|_| self.given >> feature & 1 == 0) {
            *place = value;
            self.given |= 1 << feature;
        }
    }

    /// Sets what a text says of an identifying column.
    pub(crate) fn identify(&mut self, column: Column, text: &str) {
        let text = text.trim();
        match column {
            Column::FlowId => self.event_id = kept(text),
            Column::SourceIp => self.source = kept(text),
            Column::DestinationIp => self.destination_ip = kept(text),
            Column::Protocol => self.protocol = protocol(text).map_or_else(|| kept(text), str::to_owned),
            Column::Time => self.time = super::time::parse(text),
            Column::Label => self.label(text),
            Column::SourcePort | Column::Feature(..) => {}
        }
    }

    /// A name says more than a number, whichever comes first; a placeholder says nothing.
    fn label(&mut self, text: &str) {
        if self.label.as_ref().is_none_or(|(name, _)| name.parse::<f64>().is_ok())
            && let Some(label) = judge(text)
        {
            self.label = Some((kept(text), label));
        }
    }

    /// The finished flow with the texts of its label; `now` stands in for a missing time.
    pub(crate) fn finish(&mut self, now: Timestamp) -> (FlowEvent, Option<Label>, Option<String>) {
        if self.given >> F::FwdHeader1 as usize & 1 == 0 {
            self.values[F::FwdHeader1 as usize] = self.values[F::FwdHeader as usize];
        }
        let mut destination = std::mem::take(&mut self.destination_ip);
        let port = self.values[F::DestinationPort as usize];
        if port.is_finite() {
            let colon = if destination.is_empty() { "" } else { ":" };
            // Ports are whole; writing to a text cannot fail.
            let _ = write!(destination, "{colon}{}", port as i64);
        }
        let event = FlowEvent {
            time: self.time.unwrap_or(now),
            event_id: std::mem::take(&mut self.event_id),
            source: std::mem::take(&mut self.source),
            destination,
            protocol: std::mem::take(&mut self.protocol),
            values: self.values.to_vec(),
        };
        let (name, label) = self.label.take().unzip();
        (event, label, name)
    }
}

/// As much of a text as is kept.
fn kept(text: &str) -> String {
    if text.len() <= MAX_TEXT { text.to_owned() } else { text.chars().take(MAX_TEXT).collect() }
}

/// The name of a protocol from its number or its name.
pub(crate) fn protocol(text: &str) -> Option<&'static str> {
    match text {
        "6" | "6.0" => Some("tcp"),
        "17" | "17.0" => Some("udp"),
        "1" | "1.0" => Some("icmp"),
        _ => ["tcp", "udp", "icmp"].into_iter().find(|name| name.eq_ignore_ascii_case(text)),
    }
}
