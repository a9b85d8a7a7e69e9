//! Every format with its lines damaged: nothing panics, and no more is lost than what is damaged.

use super::{Flows, try_read};
use bartizan_core::Parse;

/// A sample with its data lines repeated, so that damage to one can be told.
fn long(sample: &str, name: &str) -> (Vec<u8>, usize) {
    const TIMES: usize = 6;
    let header = match name {
        "cicflow" | "nfdump" | "argus" => 1,
        "zeek" => 2,
        _ => 0,
    };
    let lines: Vec<&str> = sample.lines().collect();
    let mut text: Vec<&str> = lines[..header].to_vec();
    text.extend(std::iter::repeat_n(lines[header], TIMES));
    ((text.join("\n") + "\n").into_bytes(), header)
}

#[test]
fn only_damaged_rows_are_lost() {
    for format in Flows::formats().filter(|format| format.name != "json") {
        let (whole, header) = long(format.sample, format.name);
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let intact = try_read(&whole, "auto").expect(format.name).0.len();
        assert_eq!(intact, lines.len() - header, "{}", format.name);
        for at in 0..lines.len() {
            let line = lines[at];
            let middle = line.len() / 2;
            let damages: [(&str, Vec<u8>); 6] = [
                ("doubled", [line, line].concat()),
                ("doubled in one line", [line.trim_ascii_end(), line].concat()),
                ("cut in the middle", [&line[..middle], b"\n"].concat()),
                ("begun in the middle", line[middle..].to_vec()),
                ("1 MB inserted", [&line[..middle], &[b'x'; 1 << 20], &line[middle..]].concat()),
                ("UTF-8 broken", [&line[..middle], b"\xff\xfe\x00", &line[middle..]].concat()),
            ];
            for (damage, damaged) in damages {
                let text: Vec<u8> =
                    lines.iter().enumerate().flat_map(|(i, line)| if i == at { damaged.as_slice() } else { line }).copied().collect();
                for how in ["auto", format.name] {
                    let read = try_read(&text, how).map(|found| found.0.len());
                    // Without its header a table cannot be read; one line is at most the row that it is.
                    if at >= header {
                        let read = read.unwrap_or_else(|error| panic!("{}, {damage}, {how}, line {at}: {error}", format.name));
                        assert!(read + 1 >= intact, "{}, {damage}, {how}, line {at}: {read} of {intact}", format.name);
                    }
                }
            }
        }
    }
}
