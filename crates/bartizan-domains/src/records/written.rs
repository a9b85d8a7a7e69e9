//! Lines of tables that are written.

use csv::{Terminator, WriterBuilder};

/// Bytes of a usual line.
const USUAL: usize = 1 << 10;

/// Cells as a line of a table, without its line break; in quotes where they would break the line otherwise.
pub(crate) fn csv_line<C: AsRef<[u8]>>(cells: impl IntoIterator<Item = C>) -> String {
    let mut writer = WriterBuilder::new().buffer_capacity(USUAL).terminator(Terminator::Any(b'\n')).from_writer(Vec::with_capacity(USUAL));
    let line = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
    let mut line = line.and_then(|line| String::from_utf8(line).ok()).unwrap_or_else(|| unreachable!("texts go into memory"));
    line.pop();
    line
}

#[cfg(test)]
mod tests {
    use super::csv_line;

    #[test]
    fn only_what_would_break_the_line_is_in_quotes() {
        for (cells, expected) in [
            (vec!["a", " b", "", "c d", "#", "'"], "a, b,,c d,#,'"),
            (vec!["a,b", "c\"d", "e\nf", "g\rh"], "\"a,b\",\"c\"\"d\",\"e\nf\",\"g\rh\""),
            (vec![&*"x".repeat(5_000), "y"], &*format!("{},y", "x".repeat(5_000))),
        ] {
            assert_eq!(csv_line(cells), expected);
        }
    }
}
