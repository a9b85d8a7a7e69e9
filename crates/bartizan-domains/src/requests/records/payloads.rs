//! Tables of single parameter values: HttpParamsDataset (Morzeux 2016) and tables with the same columns.

use super::Record;
use crate::records::{Counted, MAX_COLUMNS, MAX_ROW, Next, Rows, decode, label_from_name, lacking, too_long};
use crate::requests::RequestEvent;
use bartizan_core::{ParseError, Rejected, Timestamp};
use std::io::BufRead;

/// Whether a first line names the columns that are needed: as cells of their own, so that no line of a log is taken for one.
pub(super) fn is_header(first: &str) -> bool {
    let has = |name: &str| first.split(',').any(|cell| cell.trim().trim_matches('"').eq_ignore_ascii_case(name));
    let named = |cell: &str| cell.len() <= 64 && cell.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_ .-\"\r".contains(&byte));
    has("payload") && first.split(',').all(named)
}

/// Each value becomes the one parameter of an otherwise empty request.
pub(super) fn read(
    reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, RequestEvent>,
    label_column: Option<&str>,
) -> Result<(), ParseError> {
    let mut rows = Rows::new(reader);
    match rows.next()? {
        Next::Row => {}
        Next::TooLong => return Err(ParseError::Header { max_columns: MAX_COLUMNS, max_bytes: MAX_ROW }),
        Next::End => return Err(ParseError::Empty),
    }
    let columns = rows.len();
    let column = |name: &str| rows.cells().position(|cell| cell.trim_ascii() == name.as_bytes());
    let payload = column("payload").ok_or_else(|| missing("payload"))?;
    let (label, kind) = (column("label"), column("attack_type"));
    let named = match label_column {
        Some(name) => rows
            .cells()
            .position(|cell| cell.trim_ascii().eq_ignore_ascii_case(name.trim().as_bytes()))
            .ok_or_else(|| lacking(name, rows.cells().collect()))?,
        None => label.or(kind).ok_or_else(|| missing("label"))?,
    };
    let mut before = 1;
    loop {
        let next = rows.next()?;
        let line = rows.line();
        if line > before + 1 {
            counted.repaired("lines that are blank or within a row, after a quote that is open", line - before - 1);
        }
        before = line;
        let text = |column: usize| rows.cell(column).map(|v| decode(v).0.into_owned());
        let record = match (next, text(payload), text(named)) {
            (Next::End, ..) => return Ok(()),
            (Next::TooLong, ..) => {
                Err(Rejected { line, reason: format!("{}; a quote that is not closed makes one row of many lines", too_long(MAX_ROW)) })
            }
            (Next::Row, Some(value), Some(name)) => Ok(Record {
                event: event(&value, counted.now),
                label: Some(label_from_name(&name)),
                label_name: kind.and_then(text).or(Some(name)),
                line,
            }),
            _ => Err(Rejected { line, reason: format!("{} columns, expected {columns}", rows.len()) }),
        };
        if counted.pass(record).is_break() {
            return Ok(());
        }
    }
}

fn missing(column: &str) -> ParseError {
    ParseError::Column(format!("{column:?}; its first line must name the columns payload and label (or attack_type)"))
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
