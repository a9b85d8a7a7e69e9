//! Requests from files: format and compression are told from the content, bad records are counted and skipped.

mod atrdf;
pub(crate) mod combined;
pub(crate) mod json;
mod payloads;

use super::{RequestEvent, Requests};
use crate::records::{Counted, LabelField, MAX_JSON, array, lines, log_lines, open, peek, refuse_named};
use bartizan_core::{AUTO, Format, How, Parse, ParseError, Sink, Summary, Timestamp};
use std::io::Read;

/// One request of a file.
pub type Record = bartizan_core::Record<RequestEvent>;

/// What a file of requests may be.
const EXPECTED: &str = "it is neither NDJSON, a JSON array, a combined access log nor a table of payloads";

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
        name: "combined",
        what: "Apache's and nginx's combined and common access logs",
        sample: r#"203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 500 "-" "Mozilla/5.0""#,
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
    let format = if how.format == AUTO { detect(peek(&mut reader)?)? } else { how.format };
    let mut counted = Counted::new(sink, now, unread);
        counted.chosen(Requests::FORMATS, format, 1.0);
    let mut labels = LabelField::named(how);
    match format {
        "ndjson" => lines(reader, MAX_JSON, &mut counted, |text, line, now| json::line(text, line, now, labels.as_mut()))?,
        "json" => {
            array(reader, &mut counted, |text, position, now| json::line(text.as_bytes(), position, now, labels.as_mut()))?;
        }
        "http-params" => return payloads::read(reader, &mut counted, how.label_column).map(|()| counted.finish()),
        "combined" => {
            refuse_named(how, "combined")?;
            log_lines(reader, &mut counted, |line, now| Some(combined::line(line.text.as_bytes(), line.number, now)))?;
        }
        "atrdf" => {
            refuse_named(how, "atrdf")?;
            array(reader, &mut counted, atrdf::element)?;
        }
        _ => return Err(ParseError::Unknown(EXPECTED)),
    }
    labels.map_or(Ok(()), LabelField::finish)?;
    Ok(counted.finish())
}

impl Parse for Requests {
    const FORMATS: &'static [&'static [Format]] = &[OWN];

    fn parse(reader: Box<dyn Read + '_>, how: How<'_>, now: Timestamp, sink: Sink<'_, RequestEvent>) -> Result<Summary, ParseError> {
        read(reader, how, now, sink)
    }
}

/// Tells the format from the beginning of a file.
fn detect(start: &[u8]) -> Result<&'static str, ParseError> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let text = String::from_utf8_lossy(&first[..first.len().min(4096)]);
    match start.first() {
        None => Err(ParseError::Empty),
        Some(b'{') => Ok("ndjson"),
        Some(b'[') => {
            let head = String::from_utf8_lossy(&start[..start.len().min(4096)]);
            Ok(if head.contains("\"request\"") && !head.contains("\"request_id\"") { "atrdf" } else { "json" })
        }
        Some(_) if combined::is_line(&text) => Ok("combined"),
        Some(_) if text.split(',').any(|c| c.trim().trim_matches('"') == "payload") => Ok("http-params"),
        Some(_) => Err(ParseError::Unknown(EXPECTED)),
    }
}

#[cfg(test)]
mod tests;
