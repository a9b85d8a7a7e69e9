//! Tables of text, line by line: a quote that is never closed costs its line, not the memory of the whole file.

use super::{Mended, told};
use crate::behavior::body::whole_of_text;
use crate::behavior::features::into_ranges;
use crate::behavior::{NAMES, SessionEvent};
use crate::records::{Counted, MAX_COLUMNS, MAX_ROW, decode, lacking, lines, peek};
use bartizan_core::{ParseError, Record, Timestamp};
use std::io::BufRead;

/// A header: where each column is.
pub(super) struct Header {
    names: Vec<String>,
    separator: char,
    /// Name of the column that holds the label, if not one of the usual.
    label: Option<String>,
}

impl Header {
    /// Comma, semicolon or tab: whichever the line has most of.
    fn of(line: &str, label: Option<&str>) -> Self {
        let count = |separator: &char| line.matches(*separator).count();
        let separator = [',', ';', '\t'].into_iter().rev().max_by_key(count).unwrap_or(',');
        Self {
            names: fields(line, separator).into_iter().map(|name| name.trim().to_ascii_lowercase()).collect(),
            separator,
            label: label.map(|name| name.trim().to_ascii_lowercase()),
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// The first of these columns that the table lacks.
    fn lacks(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|name| self.column(name).is_none()).map(|name| (*name).to_owned())
    }

    /// A field of a row, without blanks around it; empty where there is none.
    pub(super) fn field<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        self.column(name).and_then(|column| row.get(column)).map_or("", |field| field.trim())
    }

    /// What the column has that was named for labels, if one was.
    pub(super) fn named_label<'a>(&self, row: &'a [String]) -> Option<&'a str> {
        self.label.as_deref().map(|name| self.field(row, name))
    }
}

/// Splits a line; a field in quotes may hold the separator, and a quote written twice. What follows the field after [`MAX_COLUMNS`] is left.
fn fields(line: &str, separator: char) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            _ if fields.len() > MAX_COLUMNS => break,
            _ if character == separator && !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
    }
    fields.push(field);
    fields
}

/// Longest header, in bytes.
const MAX_HEADER: usize = 1 << 16;

/// Makes a record of a row, its line and the time that stands in for missing ones.
type Parse<E> = fn(&Header, &[String], u64, Timestamp) -> Result<Record<E>, String>;

/// Reads a table whose first line names its columns. A later line that names them again, as in joined files, counts from
/// there on, and makes an empty record.
///
/// # Errors
/// When reading fails, or when one of the columns that are `required` is missing.
pub(super) fn rows<E: Default>(
    mut reader: Box<dyn BufRead + '_>,
    counted: &mut Counted<'_, E>,
    required: &[&str],
    label: Option<&str>,
    parse: Parse<E>,
) -> Result<(), ParseError> {
    let start = peek(&mut reader)?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = start.split(|b| *b == b'\n').next().unwrap_or_default();
    if first.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    let mut header = Header::of(&decode(first.trim_ascii()).0, label);
    // The beginning that is there to be looked at has no end of this line: neither has the file, or it is no header.
    if header.names.len() > MAX_COLUMNS || (first.len() == start.len() && first.len() >= MAX_HEADER) {
        return Err(ParseError::Header { max_columns: MAX_COLUMNS, max_bytes: MAX_ROW });
    }
    if let Some(name) = header.label.as_deref().filter(|name| header.column(name).is_none()) {
        return Err(lacking(name, header.names.iter().map(String::as_bytes).collect()));
    }
    if let Some(name) = header.lacks(required) {
        return Err(ParseError::Column(name));
    }
    lines(reader, MAX_ROW, counted, |text, line, now| {
        let (text, _) = decode(text);
        if required.iter().all(|name| text.contains(name)) {
            header = Header::of(&text, label);
            if header.names.len() > MAX_COLUMNS {
                return Err(format!("a header of more than {MAX_COLUMNS} columns"));
            }
            return Ok(Record { event: E::default(), label: None, label_name: None, line });
        }
        let row = fields(&text, header.separator);
        if row.len() != header.names.len() {
            return Err(format!("{} columns, expected {}", row.len(), header.names.len()));
        }
        parse(&header, &row, line, now)
    })
}

/// A row of a table with the features as columns; `session_id`, `timestamp`, `client`, `label` and `attack_type` are taken
/// where they are there.
pub(super) fn session(header: &Header, row: &[String], line: u64, now: Timestamp) -> Result<Record<Mended>, String> {
    let mut values = [0; 6];
    for (value, name) in values.iter_mut().zip(NAMES) {
        let field = header.field(row, name);
        *value = whole_of_text(field).ok_or_else(|| format!("{name}: {field:?} is not a whole number"))?;
    }
    let (within, mended) = into_ranges(values);
    let time = Timestamp::parse(header.field(row, "timestamp")).unwrap_or(now);
    let mut event = SessionEvent::from_values(time, within);
    event.event_id = header.field(row, "session_id").to_owned();
    event.client = header.field(row, "client").to_owned();
    let said = match header.named_label(row) {
        Some(said) => said,
        None => Some(header.field(row, "attack_type")).filter(|kind| !kind.is_empty()).unwrap_or(header.field(row, "label")),
    };
    let (label, label_name) = told(&mut event, said);
    Ok(Record { event: Some((event, mended)), label, label_name, line })
}

#[cfg(test)]
mod tests {
    use super::{Header, fields};

    #[test]
    fn lines_are_split_at_separators_outside_quotes() {
        for (line, separator, expected) in [
            ("a,b", ',', vec!["a", "b"]),
            ("", ',', vec![""]),
            (",", ',', vec!["", ""]),
            ("\"a,b\";c", ';', vec!["a,b", "c"]),
            ("\"say \"\"x\"\"\",2", ',', vec!["say \"x\"", "2"]),
            ("in\"side,2", ',', vec!["in\"side", "2"]),
            ("\"never closed,2", ',', vec!["never closed,2"]),
        ] {
            assert_eq!(fields(line, separator), expected, "{line}");
        }
        for (line, separator) in [("a,b,c", ','), ("a;b;c,d", ';'), ("a\tb", '\t'), ("a", ',')] {
            assert_eq!(Header::of(line, None).separator, separator, "{line}");
        }
    }
}
