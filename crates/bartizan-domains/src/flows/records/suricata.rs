//! Suricata's `eve.json`: its flow records. The bytes that it counts are those of whole packets, headers included.

use super::super::event::Draft;
use super::super::features::F;
use super::super::names::Column;
use super::connection::Connection;
use super::fields::Named;
use super::payload::payload;
use super::reader::{Lines, Next};
use crate::flows::FlowEvent;
use crate::records::{Counted, MAX_ROW, too_long};
use bartizan_core::{ParseError, Record, Rejected, Timestamp};
use serde_json::{Map, Value};
use std::io::BufRead;

/// The features that it gives besides those of every connection log. Of flags it says only whether they were seen.
pub(super) const GIVEN: &[F] =
    &[F::Fin, F::Syn, F::Rst, F::Psh, F::Ack, F::Urg, F::Ece, F::Cwe, F::FwdPsh, F::BwdPsh, F::FwdUrg, F::BwdUrg];

/// Longest name of another kind of event that is reported.
const MAX_NAME: usize = 32;

/// Reads a log to its end; other kinds of events are counted and passed over.
pub(super) fn read(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, FlowEvent>,
    label_column: Option<&str>,
) -> Result<(), ParseError> {
    let mut lines = Lines::new(reader);
    let mut label = Named::new(label_column);
    let ended = loop {
        let next = lines.next()?;
        let (text, line) = (payload(lines.text()), lines.line());
        let record = match next {
            Next::End => break false,
            Next::TooLong => Err(too_long(MAX_ROW)),
            Next::Text if text.trim_ascii().is_empty() => continue,
            Next::Text => match serde_json::from_slice::<Map<String, Value>>(&text) {
                Err(error) => Err(error.to_string()),
                Ok(event) => match event.get("event_type").and_then(Value::as_str) {
                    Some("flow") => {
                        let labelled = label.as_mut().and_then(|label| label.of_object(&event));
                        flow(&event, labelled.as_deref(), line, counted.now)
                    }
                    Some(other) => {
                        let name: String = other.chars().take(MAX_NAME).collect();
                        counted.passed_over(&format!("skipped event_type {name}"));
                        continue;
                    }
                    None => Err("no event_type".to_owned()),
                },
            },
        };
        if counted.pass(record.map_err(|reason| Rejected { line, reason })).is_break() {
            break true;
        }
    };
    label.filter(|_| !ended).map_or(Ok(()), Named::finish)
}

fn flow(event: &Map<String, Value>, labelled: Option<&str>, line: u64, now: Timestamp) -> Result<Record<FlowEvent>, String> {
    let totals = event.get("flow").and_then(Value::as_object).ok_or("a flow record without its field flow")?;
    let time = |name: &str| totals.get(name).and_then(Value::as_str).and_then(super::super::time::parse);
    let number = |name: &str| totals.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let mut draft = Draft::new();
    for (column, name) in [
        (Column::FlowId, "flow_id"),
        (Column::SourceIp, "src_ip"),
        (Column::DestinationIp, "dest_ip"),
        (Column::Protocol, "proto"),
        (Column::Time, "timestamp"),
    ] {
        match event.get(name) {
            Some(Value::String(text)) => draft.identify(column, text),
            Some(Value::Number(number)) => draft.identify(column, &number.to_string()),
            _ => {}
        }
    }
    if let Some(text) = labelled {
        draft.identify(Column::Label, text);
    }
    let (start, end) = (time("start"), time("end"));
    draft.time = start.or(draft.time);
    let seconds = match (start, end) {
        (Some(start), Some(end)) => end.seconds_since(start),
        _ => number("age"),
    };
    let packets = [number("pkts_toserver"), number("pkts_toclient")];
    let bytes = [number("bytes_toserver"), number("bytes_toclient")];
    let port = event.get("dest_port").and_then(Value::as_f64).unwrap_or(f64::NAN);
    Connection { port, seconds, packets, bytes, whole: None }.fill(&mut draft);
    if let Some(tcp) = event.get("tcp") {
        flags(tcp, &mut draft);
    }
    let (event, label, label_name) = draft.finish(now);
    Ok(Record { event, label, label_name, line })
}

/// The flags as the hexadecimal numbers in which TCP has them.
fn flags(tcp: &Value, draft: &mut Draft) {
    const PSH: u8 = 0x08;
    const URG: u8 = 0x20;
    let of = |name: &str| tcp.get(name).and_then(Value::as_str).and_then(|hex| u8::from_str_radix(hex, 16).ok());
    let (all, fwd, bwd) = (of("tcp_flags"), of("tcp_flags_ts"), of("tcp_flags_tc"));
    for (feature, flags, bit) in [
        (F::Fin, all, 0x01),
        (F::Syn, all, 0x02),
        (F::Rst, all, 0x04),
        (F::Psh, all, PSH),
        (F::Ack, all, 0x10),
        (F::Urg, all, URG),
        (F::Ece, all, 0x40),
        (F::Cwe, all, 0x80),
        (F::FwdPsh, fwd, PSH),
        (F::BwdPsh, bwd, PSH),
        (F::FwdUrg, fwd, URG),
        (F::BwdUrg, bwd, URG),
    ] {
        if let Some(flags) = flags {
            draft.set(feature as usize, f64::from(u8::from(flags & bit != 0)));
        }
    }
}
