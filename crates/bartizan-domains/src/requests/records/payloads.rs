//! Tables of single parameter values: HttpParamsDataset (Morzeux 2016) and tables with the same columns.

use super::Record;
use crate::records::{Counted, ReadError, Rejected, label_from_name};
use crate::requests::RequestEvent;
use bartizan_core::Timestamp;
use std::io::BufRead;

/// Each value becomes the one parameter of an otherwise empty request.
pub(super) fn read(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_, RequestEvent>) -> Result<(), ReadError> {
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let io = |line, e: csv::Error| ReadError::Io { line, source: std::io::Error::other(e) };
    let header = table.byte_headers().map_err(|e| io(1, e))?.clone();
    let column = |name: &str| header.iter().position(|h| h.trim_ascii() == name.as_bytes());
    let payload = column("payload").ok_or_else(|| missing("payload"))?;
    let (label, kind) = (column("label"), column("attack_type"));
    let named = label.or(kind).ok_or_else(|| missing("label"))?;
    let mut row = csv::ByteRecord::new();
    loop {
        let line = table.position().line();
        if !table.read_byte_record(&mut row).map_err(|e| io(line, e))? {
            return Ok(());
        }
        let text = |column: usize| row.get(column).map(|v| String::from_utf8_lossy(v).into_owned());
        let record = match (text(payload), text(named)) {
            (Some(value), Some(name)) => Ok(Record {
                event: event(&value, counted.now),
                label: Some(label_from_name(&name)),
                label_name: kind.and_then(text).or(Some(name)),
                line,
            }),
            _ => Err(Rejected { line, reason: format!("{} columns, expected {}", row.len(), header.len()) }),
        };
        if counted.pass(record).is_break() {
            return Ok(());
        }
    }
}

fn missing(column: &str) -> ReadError {
    ReadError::Column(format!("{column:?}; its first line must name the columns payload and label (or attack_type)"))
}

fn event(value: &str, now: Timestamp) -> RequestEvent {
    RequestEvent {
        request_id: String::new(),
        ip_address: String::new(),
        endpoint: "/".to_owned(),
        http_method: "POST".to_owned(),
        headers: Vec::new(),
        payload: serde_json::json!({ "value": value }).to_string(),
        timestamp: now,
        query_string: None,
        content_type: None,
        status: None,
        has_headers: false,
        client: String::new(),
        cut: Vec::new(),
    }
}
