//! Requests from files: format and compression are told from the content, bad records are counted and skipped.

mod atrdf;
pub(crate) mod json;
mod logged;
mod payloads;

use super::{RequestEvent, Requests};
use crate::access::{self, Access};
use crate::records::{Counted, LabelField, MAX_JSON, array, head_lines, lines, open, peek, refuse_named, trimmed};
use bartizan_core::{AUTO, Format, How, Parse, ParseError, Sink, Summary, Timestamp};
use std::io::Read;

/// One request of a file.
pub type Record = bartizan_core::Record<RequestEvent>;

/// What a file of requests may be.
const EXPECTED: &str = "it is neither NDJSON, a JSON array, an access log of a known format (one of your own is named by the setting files.log_format) nor a table of payloads";

/// The formats that are for requests alone.
const OWN: &[Format] = &[
    Format {
        name: "ndjson",
        what: "bodies of /analyze, one a line",
        sample: r#"{"request_id": "r-1", "ip_address": "203.0.113.7", "endpoint": "/api/items", "http_method": "POST", "headers": {"User-Agent": "Mozilla/5.0"}, "payload": {"q": "x"}}"#,
    },
    Format {
        name: "json",
        what: "an array of bodies of /analyze",
        sample: r#"[{"request_id": "r-1", "ip_address": "203.0.113.7", "endpoint": "/api/items", "http_method": "GET", "headers": {}}]"#,
    },
    Format {
        name: "http-params",
        what: "a table of single parameter values, as HttpParamsDataset",
        sample: "payload,length,attack_type,label\nshoes,5,norm,norm",
    },
    Format {
        name: "atrdf",
        what: "an array of requests with their responses, as the ATRDF 2023 dataset",
        sample: r#"[{"request": {"headers": {"Host": "shop.example"}, "method": "GET", "url": "http://shop.example/cart", "body": ""}, "response": {"status_code": 200}}]"#,
    },
];

/// Reads a file to its end; memory stays bounded however large it is. `now` stands in for missing timestamps.
fn read(reader: impl Read, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ParseError> {
    let (mut reader, unread) = open(reader)?;
    let (format, sure) = if how.format == AUTO { detect(peek(&mut reader)?, how, now)? } else { (how.format, 1.0) };
    let mut counted = Counted::new(sink, now, unread);
    counted.chosen(Requests::FORMATS, format, sure);
    match format {
        "ndjson" => {
            let mut labels = LabelField::named(how);
            lines(reader, MAX_JSON, &mut counted, |text, line, now| json::line(text, line, now, labels.as_mut()))?;
            labels.map_or(Ok(()), LabelField::finish)?;
        }
        "json" => {
            let mut labels = LabelField::named(how);
            array(reader, &mut counted, |text, position, now| json::line(text.as_bytes(), position, now, labels.as_mut()))?;
            labels.map_or(Ok(()), LabelField::finish)?;
        }
        "http-params" => payloads::read(reader, &mut counted, how.label_column)?,
        "atrdf" => {
            refuse_named(how, format)?;
            array(reader, &mut counted, atrdf::element)?;
        }
        _ if Access::has(format) => {
            refuse_named(how, format)?;
            let mut access = Access::new(how)?;
            access.look_at(peek(&mut reader)?, now);
            access::read(reader, &mut access, &mut counted, logged::record)?;
        }
        _ => return Err(ParseError::Unknown(EXPECTED)),
    }
    Ok(counted.finish())
}

impl Parse for Requests {
    const FORMATS: &'static [&'static [Format]] = &[OWN, access::FORMATS];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ParseError> {
        read(reader, how, now, sink)
    }
}

/// Tells the format from the beginning of a file, and the share of its lines that are of it.
fn detect(start: &[u8], how: How<'_>, now: Timestamp) -> Result<(&'static str, f64), ParseError> {
    let start = trimmed(start);
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&first[..first.len().min(4_096)]);
    let array = |start: &[u8]| matches!(trimmed(&start[1..]).first(), Some(b'{' | b']' | b'[') | None);
    match start.first() {
        None => return Err(ParseError::Empty),
        Some(b'[') if array(start) => {
            let head = String::from_utf8_lossy(&start[..start.len().min(4_096)]);
            let pairs = head.contains("\"request\"") && !head.contains("\"request_id\"");
            return Ok((if pairs { "atrdf" } else { "json" }, 1.0));
        }
        Some(_) if payloads::is_header(&text) => return Ok(("http-params", 1.0)),
        Some(_) => {}
    }
    let (mut bodies, mut json, mut looked_at) = (0_u32, 0_u32, 0_u32);
    head_lines(start, now, |line| {
        looked_at += 1;
        json += u32::from(line.text.starts_with('{'));
        bodies += u32::from(line.text.starts_with('{') && json::is_body(line.text.as_bytes()));
    });
    let share = |count: u32| f64::from(count) / f64::from(looked_at.max(1));
    match Access::detect(start, how, now)? {
        Some((name, sure)) if sure > share(bodies) => Ok((name, sure)),
        // Bodies with faults are named by their faults.
        _ if bodies > 0 || 2 * json > looked_at || (looked_at == 0 && first.starts_with(b"{")) => Ok(("ndjson", share(bodies))),
        _ => Err(ParseError::Unknown(EXPECTED)),
    }
}

#[cfg(test)]
mod tests;
