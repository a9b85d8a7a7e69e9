//! Entries from files and from what shippers post.

use crate::logs::{LogEvent, Logs};
use bartizan_core::{How, Label, Parse, Record, Summary, Timestamp};
use std::io::Cursor;
use std::ops::ControlFlow;

fn read_as(text: &str, how: How<'_>) -> (Vec<Record<LogEvent>>, Summary) {
    let mut records = Vec::new();
    let now = Timestamp::from_secs(1_770_000_000);
    let summary = Logs::parse(Box::new(Cursor::new(text.as_bytes().to_vec())), how, now, &mut |record| {
        records.extend(record.ok());
        ControlFlow::Continue(())
    });
    (records, summary.unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn read(text: &str) -> (Vec<Record<LogEvent>>, Summary) {
    read_as(text, How::from("auto"))
}

const ENTRY: &str = r#"{"timestamp":"2026-01-31T09:30:00Z","user_id":"u1","endpoint":"/a?b=1","method":"GET","ip_address":"10.1.2.3","status_code":200,"response_time":0.25}"#;
const COMBINED: &str = r#"10.1.2.3 - ann [31/Jan/2026:09:30:00 +0000] "GET /a?b=1 HTTP/1.1" 404 512 "-" "curl/8.0""#;

#[test]
fn entries_come_in_many_forms() {
    let (entry, combined) = (ENTRY.to_owned(), COMBINED.to_owned());
    let quoted = serde_json::to_string(&combined).unwrap();
    let inner = serde_json::to_string(&entry).unwrap();
    // text, users, formats
    let cases: Vec<(&str, String, Vec<&str>, Vec<&str>)> = vec![
        ("NDJSON", format!("{entry}\n{entry}\n"), vec!["u1", "u1"], vec!["ndjson"]),
        ("an array", format!("[{entry},\n{entry}]"), vec!["u1", "u1"], vec!["ndjson"]),
        ("an empty array", "[]".to_owned(), vec![], vec![]),
        ("a combined log", format!("{combined}\n"), vec!["ann"], vec!["combined"]),
        ("both", format!("{combined}\n{entry}\n{combined}\n"), vec!["ann", "u1", "ann"], vec!["combined", "ndjson"]),
        (
            "lines as Fluent Bit posts them",
            format!("[{{\"date\":1769851800.1,\"log\":{quoted}}},{{\"date\":1769851800.2,\"log\":{quoted}}}]"),
            vec!["ann", "ann"],
            vec!["combined in Docker's JSON"],
        ),
        (
            "lines as Vector posts them",
            format!("{{\"file\":\"/var/log/a\",\"host\":\"h\",\"message\":{quoted},\"source_type\":\"file\",\"timestamp\":\"2026-01-31T09:30:01Z\"}}\n"),
            vec!["ann"],
            vec!["combined in"],
        ),
        (
            "lines as Logstash posts them",
            format!("{{\"@timestamp\":\"2026-01-31T09:30:01.000Z\",\"@version\":\"1\",\"host\":{{\"name\":\"h\"}},\"message\":{quoted}}}\n"),
            vec!["ann"],
            vec!["combined in"],
        ),
        (
            "entries within a shipper's message",
            format!("{{\"@timestamp\":\"2026-01-31T09:30:01.000Z\",\"@version\":\"1\",\"message\":{inner}}}\n"),
            vec!["u1"],
            vec!["ndjson in"],
        ),
        (
            "what nginx writes as JSON",
            r#"{"time_iso8601":"2026-01-31T09:30:00+00:00","remote_addr":"10.1.2.3","remote_user":"ann","request":"GET /a HTTP/1.1","status":200,"request_time":0.5}"#
                .to_owned(),
            vec!["ann"],
            vec!["nginx-json"],
        ),
    ];
    for (name, text, users, formats) in cases {
        let (records, summary) = read(&text);
        assert_eq!(records.iter().map(|record| record.event.user_id.as_str()).collect::<Vec<_>>(), users, "{name}: {summary:?}");
        assert_eq!(summary.rejected, 0, "{name}: {summary:?}");
        assert_eq!(summary.formats.len(), formats.len(), "{name}: {:?}", summary.formats);
        for (found, expected) in summary.formats.keys().zip(&formats) {
            let begins = found.starts_with(expected.split(" in").next().unwrap_or_default());
            assert!(begins && found.contains(" in ") == expected.contains(" in"), "{name}: {found} {expected}");
        }
    }
}

#[test]
fn what_a_line_says_becomes_an_entry() {
    let (records, _) = read(COMBINED);
    let event = &records[0].event;
    assert_eq!((event.endpoint.as_str(), event.method.as_str(), event.ip_address.as_str()), ("/a?b=1", "GET", "10.1.2.3"));
    assert_eq!((event.status_code, event.response_size, event.response_time), (Some(404), Some(512), None));
    assert_eq!(event.user_agent.as_deref(), Some("curl/8.0"));
}

#[test]
fn bad_entries_are_named_and_skipped() {
    let bad = ENTRY.replace("2026-01-31T09:30:00Z", "soon");
    let (records, summary) = read(&format!("{ENTRY}\n{bad}\nnonsense\n{ENTRY}\n"));
    assert_eq!((records.len(), summary.rejected), (2, 2));
    assert!(summary.faults.keys().any(|fault| fault.contains("timestamp")), "{:?}", summary.faults);
    let (records, summary) = read(&format!("[{ENTRY},{bad},7,{ENTRY}]"));
    assert_eq!((records.len(), summary.rejected), (2, 2), "{summary:?}");
}

#[test]
fn a_status_that_was_not_answered_is_none() {
    let (records, summary) = read(&format!("{}\n{}\n", ENTRY.replace("200", "\"-\""), ENTRY.replace("200", "999")));
    assert_eq!(records.iter().map(|record| record.event.status_code).collect::<Vec<_>>(), [None, Some(999)], "{summary:?}");
}

#[test]
fn labels_of_entries_are_read() {
    let labelled = |label: &str| format!("{},\"label\":{label}}}\n", ENTRY.strip_suffix('}').unwrap());
    let (records, summary) = read(&[labelled("\"scraping\""), labelled("false"), ENTRY.to_owned()].concat());
    let labels: Vec<Option<Label>> = records.iter().map(|record| record.label).collect();
    assert_eq!(labels, [Some(Label::Anomalous), Some(Label::Legitimate), None]);
    assert_eq!((records[0].label_name.as_deref(), summary.attacks), (Some("scraping"), 1));
    let named = How { label_column: Some("verdict"), ..How::from("auto") };
    let (records, _) = read_as(&format!("{},\"verdict\":\"attack\"}}\n", ENTRY.strip_suffix('}').unwrap()), named);
    assert_eq!(records[0].label, Some(Label::Anomalous));
}
