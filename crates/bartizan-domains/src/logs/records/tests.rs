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
    let inner = serde_json::to_string(&entry).unwrap();
    // text, users, formats
    let cases: Vec<(&str, String, Vec<&str>, Vec<&str>)> = vec![
        ("NDJSON", format!("{entry}\n{entry}\n"), vec!["u1", "u1"], vec!["ndjson"]),
        ("an array", format!("[{entry},\n{entry}]"), vec!["u1", "u1"], vec!["ndjson"]),
        ("an empty array", "[]".to_owned(), vec![], vec![]),
        ("a body of /detect", format!("{{ \"logs\" : [{entry},{entry}], \"threshold\": -0.5}}\n"), vec!["u1", "u1"], vec!["ndjson"]),
        ("an entry over several lines", entry.replace('{', "{\n").replace(',', ",\n"), vec!["u1"], vec!["ndjson"]),
        ("a combined log", format!("{combined}\n"), vec!["ann"], vec!["combined"]),
        ("both", format!("{combined}\n{entry}\n{combined}\n"), vec!["ann", "u1", "ann"], vec!["combined", "ndjson"]),
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

/// What shippers make of the lines of a log by their own documentation; `LINE` is one as a JSON text.
const SHIPPED: &[(&str, &str)] = &[
    ("Fluent Bit, json", r#"[{"date":1769851800.1,"log":LINE},{"date":1769851800.2,"log":LINE}]"#),
    (
        "Fluent Bit, json with ISO 8601",
        r#"[{"date":"2026-01-31T09:30:00.100000Z","log":LINE},{"date":"2026-01-31T09:30:00.200000Z","log":LINE}]"#,
    ),
    ("Fluent Bit, json with an epoch", r#"[{"date":1769851800,"log":LINE},{"date":1769851801,"log":LINE}]"#),
    ("Fluent Bit, json_lines", "{\"date\":1769851800.1,\"log\":LINE}\n{\"date\":1769851800.2,\"log\":LINE}\n"),
    ("Fluent Bit, json_stream", r#"{"date":1769851800.1,"log":LINE}{"date":1769851800.2,"log":LINE}"#),
    (
        "Fluent Bit, from Kubernetes",
        r#"[{"date":1769851800.1,"time":"2026-01-31T09:30:00.1Z","stream":"stdout","_p":"F","log":LINE,"kubernetes":{"pod_name":"web-1"}},{"date":1769851800.1,"stream":"stdout","logtag":"F","log":LINE}]"#,
    ),
    (
        "Fluent Bit, with the name of the file",
        r#"[{"date":1769851800.1,"file":"/var/log/a","log":LINE},{"date":1769851800.1,"file":"/b","log":LINE}]"#,
    ),
    (
        "Vector, NDJSON",
        "{\"file\":\"/var/log/a\",\"host\":\"web1\",\"message\":LINE,\"source_type\":\"file\",\"timestamp\":\"2026-01-31T09:30:01.1Z\"}\n{\"message\":LINE,\"timestamp\":\"2026-01-31T09:30:01Z\"}\n",
    ),
    (
        "Vector, an array",
        r#"[{"file":"/var/log/a","host":"web1","message":LINE,"source_type":"file","timestamp":"2026-01-31T09:30:01.1Z"},{"message":LINE}]"#,
    ),
    (
        "Logstash, json_batch",
        r#"[{"@timestamp":"2026-01-31T09:30:01.000Z","@version":"1","event":{"original":LINE},"host":{"name":"web1"},"log":{"file":{"path":"/var/log/a"}},"message":LINE},{"@timestamp":"2026-01-31T09:30:01.000Z","@version":"1","host":"web1","path":"/var/log/a","message":LINE}]"#,
    ),
    (
        "Logstash, json",
        "{\"@timestamp\":\"2026-01-31T09:30:01.000Z\",\"@version\":\"1\",\"host\":{\"name\":\"web1\"},\"message\":LINE}\n{\"@version\":\"1\",\"message\":LINE}",
    ),
    ("rsyslog, newline", "{\"message\":LINE,\"host\":\"web1\"}\n{\"message\":LINE,\"host\":\"web1\"}"),
    ("rsyslog, jsonarray", r#"[{"message":LINE},{"message":LINE}]"#),
];

#[test]
fn lines_come_out_of_what_shippers_post() {
    let quoted = serde_json::to_string(COMBINED).unwrap();
    // Slashes may be escaped, and so may everything that is no ASCII.
    let escaped = quoted.replace('/', "\\/");
    for (name, body) in SHIPPED {
        for line in [&quoted, &escaped] {
            let (records, summary) = read(&body.replace("LINE", line));
            let said: Vec<_> = records.iter().map(|record| (record.event.user_id.as_str(), record.event.endpoint.as_str())).collect();
            assert_eq!(said, [("ann", "/a?b=1"); 2], "{name}: {summary:?}");
            assert_eq!(summary.rejected, 0, "{name}: {summary:?}");
            assert!(summary.formats.keys().all(|format| format.starts_with("combined in ")), "{name}: {:?}", summary.formats);
        }
    }
}

#[test]
fn fields_that_shippers_parsed_are_read() {
    for (name, body) in [
        (
            "Fluent Bit's parser of nginx",
            r#"[{"date":1769851800.0,"remote":"10.1.2.3","host":"-","user":"ann","method":"GET","path":"/a?b=1","code":"404","size":"512","referer":"-","agent":"curl/8.0"}]"#,
        ),
        (
            "Logstash's COMBINEDAPACHELOG",
            r#"[{"@timestamp":"2026-01-31T09:30:00.000Z","source":{"address":"10.1.2.3"},"user":{"name":"ann"},"timestamp":"31/Jan/2026:09:30:00 +0000","http":{"request":{"method":"GET"},"response":{"status_code":404,"body":{"bytes":512}},"version":"1.1"},"url":{"original":"/a?b=1"},"user_agent":{"original":"curl/8.0"}}]"#,
        ),
        (
            "the same before it had names of ECS",
            r#"[{"@timestamp":"2026-01-31T09:30:00.000Z","clientip":"10.1.2.3","ident":"-","auth":"ann","timestamp":"31/Jan/2026:09:30:00 +0000","verb":"GET","request":"/a?b=1","httpversion":"1.1","response":"404","bytes":"512","agent":"curl/8.0"}]"#,
        ),
        (
            "Vector's parse_nginx_log",
            r#"{"client":"10.1.2.3","user":"ann","timestamp":"2026-01-31T09:30:00Z","request":"GET /a?b=1 HTTP/1.1","method":"GET","path":"/a?b=1","protocol":"HTTP/1.1","status":404,"size":512,"agent":"curl/8.0"}"#,
        ),
    ] {
        let (records, summary) = read(body);
        let event = &records.first().unwrap_or_else(|| panic!("{name}: {summary:?}")).event;
        let said = (event.user_id.as_str(), event.ip_address.as_str(), event.method.as_str(), event.endpoint.as_str());
        assert_eq!(said, ("ann", "10.1.2.3", "GET", "/a?b=1"), "{name}");
        assert_eq!((event.timestamp.to_string().as_str(), event.status_code), ("2026-01-31T09:30:00Z", Some(404)), "{name}");
        assert_eq!((event.response_size, event.user_agent.as_deref()), (Some(512), Some("curl/8.0")), "{name}");
    }
}

#[test]
fn objects_that_follow_each_other_are_cut_where_each_ends() {
    for (name, text, read_well, rejected) in [
        ("at once", format!("{ENTRY}{ENTRY}{ENTRY}"), 3, 0),
        ("with a blank after some", format!("{ENTRY}{ENTRY} \n{ENTRY}"), 3, 0),
        ("with brackets in texts", format!("{0}{0}", ENTRY.replace("/a?b=1", "/}{][\\\"")), 2, 0),
        ("one that is none", format!("{ENTRY}{ENTRY}{{\"a\":1}}{ENTRY}"), 3, 1),
        ("something else between them", format!("{ENTRY}{ENTRY}x{ENTRY}{ENTRY}"), 3, 1),
        ("the last breaks off", format!("{ENTRY}{ENTRY}{}", &ENTRY[..40]), 2, 1),
        ("something else at the end", format!("{ENTRY}{ENTRY}]"), 2, 1),
    ] {
        let (records, summary) = read(&text);
        assert_eq!((records.len(), summary.rejected), (read_well, rejected), "{name}: {summary:?}");
        let named = read_as(&text, How::from("json"));
        assert_eq!(named.0, records, "{name}");
    }
    let (records, _) = read_as(ENTRY, How::from("json"));
    assert_eq!(records.len(), 1);
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
