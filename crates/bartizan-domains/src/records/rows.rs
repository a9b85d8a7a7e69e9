//! Rows of a table in which texts in quotes may hold line breaks.

use super::{MAX_COLUMNS, MAX_ROW};
use bartizan_core::ParseError;
use csv_core::{ReadRecordResult, Reader};
use std::io::BufRead;

/// What was read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A row; [`Rows::cell`] has its texts.
    Row,
    /// A row of more than [`MAX_ROW`] bytes or [`MAX_COLUMNS`] cells, which was passed over.
    TooLong,
    /// Nothing is left.
    End,
}

/// Reads a table row by row into one buffer.
pub(crate) struct Rows<'a> {
    reader: Box<dyn BufRead + 'a>,
    parser: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    cells: usize,
    line: u64,
    /// Ends of lines passed over between rows, which the parser has not seen.
    passed: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(reader: Box<dyn BufRead + 'a>) -> Self {
        Self { reader, parser: Reader::new(), text: vec![0; 1 << 12], ends: vec![0; 64], cells: 0, line: 1, passed: 0 }
    }

    /// The line that the row begins on; from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// How many cells the row has.
    pub(crate) fn len(&self) -> usize {
        self.cells
    }

    /// A cell of the row.
    pub(crate) fn cell(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends.get(..self.cells)?.get(column)?;
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// The cells of the row.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.cells).filter_map(|column| self.cell(column))
    }

    /// Reads the next row.
    pub(crate) fn next(&mut self) -> Result<Next, ParseError> {
        self.pass_line_ends()?;
        self.line = self.parser.line() + self.passed;
        let (mut length, mut long) = (0, false);
        self.cells = 0;
        loop {
            let line = self.parser.line() + self.passed;
            let chunk = self.reader.fill_buf().map_err(|source| ParseError::Io { line, source })?;
            let (result, read, written, ended) = self.parser.read_record(chunk, &mut self.text[length..], &mut self.ends[self.cells..]);
            self.reader.consume(read);
            (length, self.cells) = (length + written, self.cells + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    long |= self.text.len() > MAX_ROW;
                    if !long {
                        self.text.resize((2 * self.text.len()).min(MAX_ROW + 1), 0);
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    long |= self.ends.len() >= MAX_COLUMNS;
                    if !long {
                        self.ends.resize((2 * self.ends.len()).min(MAX_COLUMNS), 0);
                    }
                }
                ReadRecordResult::Record => return Ok(if long { Next::TooLong } else { Next::Row }),
                ReadRecordResult::End => return Ok(Next::End),
            }
            if long {
                (length, self.cells) = (0, 0);
            }
        }
    }

    fn pass_line_ends(&mut self) -> Result<(), ParseError> {
        loop {
            let line = self.line;
            let chunk = self.reader.fill_buf().map_err(|source| ParseError::Io { line, source })?;
            let length = chunk.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.passed += chunk[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
            let more = length > 0 && length == chunk.len();
            self.reader.consume(length);
            if !more {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_COLUMNS, MAX_ROW, Next, Rows};
    use std::io::BufReader;

    fn read(text: &str) -> Vec<(u64, Next, Vec<String>)> {
        // A buffer so small that rows lie across it.
        let mut rows = Rows::new(Box::new(BufReader::with_capacity(7, text.as_bytes())));
        let mut out = Vec::new();
        loop {
            match rows.next().unwrap() {
                Next::End => return out,
                next => out.push((rows.line(), next, rows.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect())),
            }
        }
    }

    #[test]
    fn rows_are_read_with_their_lines() {
        let got = read("a,b\n\"x \"\"y\"\"\nz\",,1\r\n\nlast");
        let texts: Vec<(u64, Vec<&str>)> = got.iter().map(|(line, _, cells)| (*line, cells.iter().map(String::as_str).collect())).collect();
        assert_eq!(texts, [(1, vec!["a", "b"]), (2, vec!["x \"y\"\nz", "", "1"]), (5, vec!["last"])]);
    }

    #[test]
    fn long_rows_are_passed_over() {
        for (name, long) in [
            ("one long cell", "x".repeat(3 * MAX_ROW)),
            ("one long cell in quotes", format!("\"{}\"", "x\n".repeat(MAX_ROW))),
            ("many cells", ",".repeat(MAX_COLUMNS + 1)),
            ("very many cells", ",".repeat(3 * MAX_ROW)),
        ] {
            let got = read(&format!("a,b\n{long}\nc,d\n"));
            let kinds: Vec<Next> = got.iter().map(|(_, next, _)| *next).collect();
            assert_eq!(kinds, [Next::Row, Next::TooLong, Next::Row], "{name}");
            assert_eq!(got[2].2, ["c", "d"], "{name}");
        }
        for (name, largest) in [("cells", ",".repeat(MAX_COLUMNS - 1)), ("bytes", "x".repeat(MAX_ROW))] {
            assert_eq!(read(&format!("{largest}\n"))[0].1, Next::Row, "{name}");
        }
    }
}
