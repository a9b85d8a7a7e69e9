//! Files that never end, and files packed to be large.

use super::{MAX_COLUMNS, MAX_JSON, MAX_ROW, MAX_UNREAD, MAX_UNREAD_LATER};
use crate::behavior::Behavior;
use crate::flows::Flows;
use crate::requests::Requests;
use bartizan_core::{Fault, How, Parse, ParseError, Rejected, Timestamp};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

mod encoded;
mod packed;

/// A beginning, and after it the same bytes for ever.
struct Endless {
    start: Vec<u8>,
    unit: Vec<u8>,
    read: Rc<Cell<u64>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.read.get() as usize;
        let length = if let Some(rest) = self.start.get(at..).filter(|rest| !rest.is_empty()) {
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            length
        } else {
            let from = (at - self.start.len()) % self.unit.len();
            let length = (self.unit.len() - from).min(buffer.len());
            buffer[..length].copy_from_slice(&self.unit[from..from + length]);
            length
        };
        self.read.set(self.read.get() + length as u64);
        Ok(length)
    }
}

struct Outcome {
    accepted: u64,
    rejected: Vec<Rejected>,
    error: Option<ParseError>,
    faults: BTreeMap<String, Fault>,
}

fn read<D: Parse>(format: &str, reader: impl Read) -> Outcome {
    let mut outcome = Outcome { accepted: 0, rejected: Vec::new(), error: None, faults: BTreeMap::new() };
    let result = D::parse(Box::new(reader), How::from(format), Timestamp::from_secs(0), &mut |record| {
        match record {
            Ok(_) => outcome.accepted += 1,
            Err(bad) if outcome.rejected.len() < 9 => outcome.rejected.push(bad),
            Err(_) => {}
        }
        ControlFlow::Continue(())
    });
    match result {
        Ok(summary) => outcome.faults = summary.faults,
        Err(error) => outcome.error = Some(error),
    }
    outcome
}

fn ends<D: Parse>(cases: &[(&str, &str, &str)]) {
    for (format, start, unit) in cases {
        let case = format!("{} {format}: {} then {}", D::NAME, &start[..start.len().min(40)], &unit[..unit.len().min(20)]);
        let read_bytes = Rc::new(Cell::new(0));
        // Long pieces make the reader of the test fast.
        let unit = unit.repeat(65_536 / unit.len()).into_bytes();
        let outcome = read::<D>(format, Endless { start: start.as_bytes().to_vec(), unit, read: Rc::clone(&read_bytes) });
        // After a record it is a fault of what follows, and no error.
        let Some(error) = outcome.error.map(|error| error.to_string()) else {
            let said = outcome.faults.iter().any(|(what, _)| what.contains("without a record that can be read: what follows is not read"));
            assert!(outcome.accepted > 0 && said, "{case}: {:?}", outcome.faults);
            assert!(read_bytes.get() < MAX_UNREAD_LATER + (1 << 20), "{case}: {} bytes were read", read_bytes.get());
            continue;
        };
        let by_size = error.contains("64 MiB, unpacked, were read without a record") || error.contains("the table's header has more than");
        assert!(by_size, "{case}: {error}");
        assert!(read_bytes.get() < MAX_UNREAD + (1 << 20), "{case}: {} bytes were read", read_bytes.get());
    }
}

const PAIR: &str = "[{\"request\":{\"url\":\"/\"}},";
const ZEEK: &str = "#separator \\x09\n#fields\tid.orig_h\tid.resp_p\tduration\n";
const SESSIONS: &str = "failed_logins,request_rate,commands_count,sql_payload,honeytoken_access,session_time\n";

#[test]
fn requests_that_never_end_are_an_error_in_bounded_memory() {
    ends::<Requests>(&[
        ("json", "[{\"a\":\"", "x"),
        ("json", "[{\"a\":[", "0,"),
        ("json", "[", "["),
        ("json", "[", "{\"a\":"),
        ("json", "[", "1,"),
        ("json", "[", " "),
        ("atrdf", PAIR, "{"),
        ("ndjson", "{", "x"),
        ("ndjson", "", "\n"),
        ("ndjson", "", "{}\n"),
        ("combined", "1.1.1.1 ", "x"),
        ("http-params", "payload,label\n", "x"),
        ("http-params", "payload,label\n\"", "x\n"),
        ("http-params", "payload,label\n", ","),
        ("http-params", "payload,label,", "a"),
        ("http-params", "payload,label,", "a,"),
    ]);
}

#[test]
fn flows_that_never_end_are_an_error_in_bounded_memory() {
    ends::<Flows>(&[
        ("auto", "Flow Duration,Total Fwd Packets\n", "1"),
        ("auto", "Flow Duration,Total Fwd Packets\n", "1,"),
        ("auto", "Flow Duration,Total Fwd Packets\n", "\""),
        ("auto", "Flow Duration,Total Fwd Packets\n", "\"a\n"),
        ("auto", "Flow Duration,Total Fwd Packets\n", "\n"),
        ("auto", "Flow Duration,Total Fwd Packets\n", "Flow Duration,Total Fwd Packets\n"),
        ("auto", "Flow Duration,", "a,"),
        ("auto", "Flow Duration,", "a"),
        ("json", "[", "{\"a\":"),
        ("ndjson", "{", "\"a\":0,"),
        ("zeek", ZEEK, "1\t"),
        ("zeek", ZEEK, "#"),
        ("suricata", "{\"event_type\":", "["),
    ]);
}

#[test]
fn sessions_that_never_end_are_an_error_in_bounded_memory() {
    ends::<Behavior>(&[
        ("csv", SESSIONS, "1"),
        ("csv", SESSIONS, "1,"),
        ("csv", SESSIONS, "\""),
        ("csv", SESSIONS, SESSIONS),
        ("csv", "failed_logins,", "a"),
        ("csv", "failed_logins,", "a,"),
        ("json", "[", "{\"a\":"),
        ("sshd", "Jan  1 00:00:00 host sshd[1]: ", "x"),
        ("access-log", "1.1.1.1 - - [", "x"),
        ("cowrie", "{\"eventid\":\"", "x"),
        ("cowrie", "{\"eventid\":1,\"x\":", "["),
    ]);
}

#[test]
fn what_is_too_long_is_passed_over_and_named_by_its_place() {
    let element = |length: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(length));
    let good = "{\"request_id\":\"1\",\"ip_address\":\"1.1.1.1\",\"endpoint\":\"/\",\"http_method\":\"GET\",\"headers\":{}}";
    let array = format!("\u{feff} [{good}, {},{good},{} ]", element(MAX_JSON), element(MAX_JSON));
    let lines = format!("{good}\n{}\n{good}\n{}", element(MAX_JSON), element(MAX_JSON));
    let pairs = format!("{PAIR}{},{}", element(2 * MAX_JSON), &PAIR[1..].replace("}},", "}}]"));
    let params = format!("payload,label\na,norm\n\"{}\",norm\n{}b,norm\n", "x".repeat(MAX_ROW), ",".repeat(MAX_COLUMNS));
    for (format, text, accepted, expected) in [
        ("json", array, 2, vec![(2, "longer than 16 MiB"), (4, "longer than 16 MiB")]),
        ("ndjson", lines, 2, vec![(2, "longer than 16 MiB"), (4, "longer than 16 MiB")]),
        ("atrdf", pairs, 2, vec![(2, "longer than 16 MiB")]),
        ("http-params", params, 1, vec![(3, "longer than 1 MiB; a quote"), (4, "longer than 1 MiB; a quote")]),
    ] {
        let outcome = read::<Requests>(format, text.as_bytes());
        assert!(outcome.error.is_none(), "{format}: {:?}", outcome.error);
        assert_eq!(outcome.accepted, accepted, "{format}: {:?}", outcome.rejected);
        let places: Vec<u64> = outcome.rejected.iter().map(|bad| bad.line).collect();
        assert_eq!(places, expected.iter().map(|(line, _)| *line).collect::<Vec<u64>>(), "{format}");
        for (bad, (_, reason)) in outcome.rejected.iter().zip(&expected) {
            assert!(bad.reason.starts_with(reason), "{format}: {}", bad.reason);
        }
    }
}

#[test]
fn arrays_are_read_up_to_what_is_wrong_in_them() {
    let good = "{\"request_id\":\"]\",\"ip_address\":\"1.1.1.1\",\"endpoint\":\"/\\\"[\",\"http_method\":\"GET\",\"headers\":{}}";
    for (name, text, accepted, rejected) in [
        ("empty", "[ ]".to_owned(), 0, vec![]),
        ("one", format!("[{good}]\n"), 1, vec![]),
        ("a comma too many", format!("[{good},]"), 1, vec![2]),
        ("a bad one between", format!("[{good},nonsense,{good}]"), 2, vec![2]),
        ("broken off", format!("[{good},{{\"a\":"), 1, vec![2]),
        ("followed by more", format!("[{good}] [{good}]"), 1, vec![2]),
    ] {
        let outcome = read::<Requests>("json", text.as_bytes());
        assert!(outcome.error.is_none(), "{name}");
        let places: Vec<u64> = outcome.rejected.iter().map(|bad| bad.line).collect();
        assert_eq!((outcome.accepted, places), (accepted, rejected), "{name}");
    }
    assert!(matches!(read::<Requests>("json", "{}".as_bytes()).error, Some(ParseError::Unknown(_))));
    assert!(matches!(read::<Requests>("json", " ".as_bytes()).error, Some(ParseError::Empty)));
}
