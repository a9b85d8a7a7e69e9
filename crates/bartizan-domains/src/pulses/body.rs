//! The body of `/judge`.

use super::PulseEvent;
use crate::faults::{Fault, Fields, object_of};
use crate::raw::Raw;
use bartizan_core::Timestamp;
use serde_json::Value;

/// The fields that are read.
const FIELDS: [&str; 5] = ["host", "service", "interval_secs", "missed", "timestamp"];

/// Parses a heart-beat; `now` stands in for a time that is missing.
///
/// # Errors
/// Every fault of the body (without the leading `body`).
pub fn parse_pulse(bytes: &[u8], now: Timestamp) -> Result<PulseEvent, Vec<Fault>> {
    let mut fields = Fields::new(object_of(bytes, &FIELDS)?);
    let (host, service) = (fields.string("host"), fields.string("service"));
    let interval_secs = number(&mut fields, "interval_secs");
    let missed = if fields.some("missed").is_some() { number(&mut fields, "missed") } else { Some(0.0) };
    let time = fields.some("timestamp").and_then(Raw::text).and_then(|text| Timestamp::parse(&text).ok()).unwrap_or(now);
    match (host, service, interval_secs, missed) {
        (Some(host), Some(service), Some(secs), Some(missed)) => {
            Ok(PulseEvent { time, host, service, interval_secs: secs as f32, missed: missed as u16 })
        }
        _ => Err(fields.into_faults()),
    }
}

fn number(fields: &mut Fields<'_>, name: &str) -> Option<f64> {
    let raw = fields.required(name)?;
    let number = raw.scalar().as_ref().and_then(Value::as_f64).filter(|number| *number >= 0.0);
    if number.is_none() {
        fields.fault("float_type", &[name], "Input should be a number of at least 0", raw);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::parse_pulse;
    use bartizan_core::Timestamp;

    #[test]
    fn every_fault_is_named() {
        let now = Timestamp::from_secs(5);
        let event = parse_pulse(br#"{"host": "a", "service": "b", "interval_secs": 10, "missed": 2}"#, now).unwrap();
        assert_eq!((event.interval_secs, event.missed, event.time), (10.0, 2, now));
        for (body, faults) in [("", 1), ("{}", 3), (r#"{"host": 1, "service": "b", "interval_secs": -1, "missed": "x"}"#, 3)] {
            assert_eq!(parse_pulse(body.as_bytes(), now).unwrap_err().len(), faults, "{body}");
        }
    }
}
