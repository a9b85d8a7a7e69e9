//! Labelled log entries as JSON.

use anyhow::Context;
use bartizan_core::Timestamp;
use serde_json::{Map, Value, json};

/// An entry as the program reads it, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Microseconds since 1970.
    pub(super) at: i64,
    /// One line of JSON, without the label.
    pub(super) text: String,
    /// The name of the attack; nothing for ordinary traffic.
    pub(super) attack: Option<String>,
}

impl Entry {
    /// Reads a line that the product made, with its label.
    pub(super) fn read(line: &str) -> anyhow::Result<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(line)?;
        let attack = match fields.remove("label") {
            Some(Value::Bool(false)) => None,
            Some(Value::String(name)) => Some(name),
            label => anyhow::bail!("no attack has the label {label:?}"),
        };
        let at = fields.get("timestamp").and_then(Value::as_str).context("an entry without a time")?;
        Ok(Self { at: Timestamp::parse(at)?.micros(), text: Value::Object(fields).to_string(), attack })
    }

    /// An entry of a line of an access log: nobody authenticated, and no time was taken.
    pub(super) fn of_line(line: &Line<'_>, attack: Option<&str>) -> anyhow::Result<Self> {
        let mut fields = json!({
            "timestamp": Timestamp::from_micros(line.at).to_string(), "user_id": "", "endpoint": line.target, "method": line.method,
            "ip_address": line.client, "user_agent": line.agent, "status_code": line.status, "response_time": 0,
        });
        if let Some(size) = line.size {
            fields["response_size"] = json!(size);
        }
        Ok(Self { at: line.at, text: fields.to_string(), attack: attack.map(str::to_owned) })
    }
}

/// A line of an access log in the combined format.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) at: i64,
    pub(super) client: &'a str,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) status: u16,
    pub(super) size: Option<u64>,
    pub(super) agent: &'a str,
}
