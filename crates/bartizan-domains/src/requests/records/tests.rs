//! Files good and bad.

use super::{ParseError, Record, Requests, Summary, read};
use bartizan_core::{How, Label, Parse as _, Rejected, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;
use std::ops::ControlFlow;

type Outcome = (Vec<Record>, Vec<Rejected>, Result<Summary, ParseError>);

fn read_all(bytes: &[u8], format: &str) -> Outcome {
    read_how(bytes, format.into())
}

fn read_how(bytes: &[u8], how: How<'_>) -> Outcome {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut sink = |record: Result<Record, Rejected>| {
        match record {
            Ok(r) => good.push(r),
            Err(r) => bad.push(r),
        }
        ControlFlow::Continue(())
    };
    let result = read(bytes, how, Timestamp::from_secs(0), &mut sink);
    (good, bad, result)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const COMBINED: &str = concat!(
    "198.18.4.7 - - [03/Feb/2024:10:05:03 +0200] \"GET /a/b.png?x=1 HTTP/1.1\" 200 203 \"http://s.com/\" \"Mozilla/5.0 (X)\"\n",
    "not a line\n",
    "\n",
    "\"2001:db8::1 - bob [03/Feb/2024:10:05:03 -0130] \"HEAD /q\\\"uote HTTP/1.0\" 404 - \"-\" \"a \\\"b\\\" \\x41\"\"\n",
    "1.2.3.4 - - [03/Feb/2024:10:05:03 +0000] \"\\x16\\x03\\x01\" 400 0\n",
);

#[test]
fn access_logs_are_read_and_bad_lines_counted() {
    for bytes in [
        COMBINED.as_bytes().to_vec(),
        gzip(COMBINED.as_bytes()),
        [gzip(&COMBINED.as_bytes()[..150]), gzip(&COMBINED.as_bytes()[150..])].concat(),
    ] {
        let (good, bad, result) = read_all(&bytes, "auto");
        assert_eq!(result.unwrap().counts(), (3, 1));
        assert_eq!(bad[0].line, 2);
        let first = &good[0].event;
        assert_eq!((first.endpoint.as_str(), first.http_method.as_str(), first.status), ("/a/b.png?x=1", "GET", Some(200)));
        assert_eq!((first.timestamp.to_string().as_str(), first.header("referer")), ("2024-02-03T08:05:03Z", Some("http://s.com/")));
        let second = &good[1].event;
        assert_eq!((second.ip_address.as_str(), second.endpoint.as_str()), ("2001:db8::1", "/q\"uote"));
        assert_eq!((second.timestamp.to_string().as_str(), second.header("user-agent")), ("2024-02-03T11:35:03Z", Some("a \"b\" A")));
        assert_eq!((good[2].event.http_method.as_str(), good[2].line), ("", 5));
    }
}

const BODY: &str = r#"{"request_id":"1","ip_address":"1.1.1.1","endpoint":"/","http_method":"GET","headers":{}"#;

#[test]
fn bodies_are_read_with_their_labels() {
    let lines = format!(
        "{BODY}}}\n{BODY},\"label\":\"benign\"}}\n{BODY},\"user_label\":true}}\n{BODY},\"label\":1,\"attack_type\":\"sqli\"}}\n{{\"request_id\":5}}\n"
    );
    let array = format!("[{}]", lines.trim().replace("}\n", "},\n"));
    for (bytes, format) in [(lines, "auto"), (array, "json")] {
        let (good, bad, result) = read_all(bytes.as_bytes(), format);
        assert_eq!(result.unwrap().counts(), (4, 1));
        let labels: Vec<_> = good.iter().map(|r| r.label).collect();
        assert_eq!(labels, [None, Some(Label::Legitimate), Some(Label::Anomalous), Some(Label::Anomalous)]);
        assert_eq!(good[3].label_name.as_deref(), Some("sqli"));
        assert_eq!(bad[0].line, 5);
        assert!(bad[0].reason.contains("request_id: Input should be a valid string"), "{}", bad[0].reason);
    }
}

#[test]
fn tables_of_payloads_and_pairs_are_read() {
    let table = "\"payload\",\"length\",\"attack_type\",\"label\"\n\"a \"\"b\"\", c\",9,norm,norm\n\"1' or\n1=1\",9,sqli,anom\n";
    let (good, _, result) = read_all(table.as_bytes(), "auto");
    assert_eq!(result.unwrap().accepted, 2);
    assert_eq!(good[0].event.payload, r#"{"value":"a \"b\", c"}"#);
    assert_eq!((good[1].label, good[1].label_name.as_deref()), (Some(Label::Anomalous), Some("sqli")));

    let pairs = r#"[{"request":{"headers":{"Date":"Sat, 03 Feb 2024 08:30:00 GMT"},"method":"GET","url":"http://h/x?y","body":""},"response":{"status_code":404}},
        {"request":{"url":"/","Attack_Tag":"LOG4J"}}, {"request":{}}]"#;
    let (good, bad, _) = read_all(pairs.as_bytes(), "auto");
    assert_eq!((good.len(), bad.len()), (2, 1));
    assert_eq!((good[0].event.path(), good[0].event.timestamp.to_string().as_str()), ("/x", "2024-02-03T08:30:00Z"));
    assert_eq!((good[0].label, good[1].label), (Some(Label::Legitimate), Some(Label::Anomalous)));
}

#[test]
fn a_named_column_or_field_holds_the_labels() {
    let (attack, normal) = (Some(Label::Anomalous), Some(Label::Legitimate));
    let lines = format!(
        "{BODY},\"truth\":\"benign\",\"label\":1}}\n{BODY},\"truth\":\"sqli\",\"label\":0}}\n{BODY},\"truth\":true,\"attack_type\":\"x\"}}\n{BODY},\"truth\":null}}\n{BODY},\"label\":1}}\n"
    );
    let array = format!("[{}]", lines.trim().replace("}\n", "},\n"));
    let table = "\"payload\",\"attack_type\",\"label\",\" Truth\"\na,norm,anom,benign\nb,sqli,norm,1\n";
    let bodies: &[(Option<Label>, Option<&str>)] =
        &[(normal, Some("benign")), (attack, Some("sqli")), (attack, Some("x")), (None, None), (None, None)];
    let fields = "request_id, ip_address, endpoint, http_method, headers, truth, label";
    for (name, text, expected, has) in [
        ("NDJSON", lines.as_str(), bodies, fields),
        ("an array", &array, bodies, fields),
        ("a table", table, &[(normal, Some("norm")), (attack, Some("sqli"))], "payload, attack_type, label, Truth"),
    ] {
        let (good, _, result) = read_how(text.as_bytes(), How { format: "auto", label_column: Some("truth"), ..How::default() });
        let labels: Vec<_> = good.iter().map(|r| (r.label, r.label_name.as_deref())).collect();
        assert_eq!((result.is_ok(), labels.as_slice()), (true, expected), "{name}");
        let error =
            read_how(text.as_bytes(), How { format: "auto", label_column: Some("said"), ..How::default() }).2.unwrap_err().to_string();
        assert_eq!(error, format!("there is no column or field \"said\" to read labels from; there are {has}"), "{name}");
    }
    for (format, text) in [("combined", COMBINED), ("atrdf", "[{\"request\":{\"url\":\"/\"}}]")] {
        let (good, _, result) = read_how(text.as_bytes(), How { format, label_column: Some("truth"), ..How::default() });
        assert!(good.is_empty() && matches!(result, Err(ParseError::FixedLabels(named)) if named == format), "{format}");
    }
}

#[test]
fn hopeless_files_are_refused_with_a_reason() {
    assert!(matches!(read_all(b"", "auto").2, Err(ParseError::Empty)));
    assert!(matches!(read_all(b" \n\n", "auto").2, Err(ParseError::Empty)));
    assert!(matches!(read_all(&[0, 159, 146, 150, 10, 7], "auto").2, Err(ParseError::Unknown(_))));
    assert!(matches!(read_all(b"a,b\n1,2\n", "http-params").2, Err(ParseError::Column(text)) if text.starts_with("\"payload\"")));
    let packed = gzip(COMBINED.repeat(2000).as_bytes());
    assert!(matches!(read_all(&packed[..packed.len() / 2], "auto").2, Err(ParseError::Io { .. })), "a truncated archive");
    let (good, bad, result) = read_all(format!("[{BODY}}},{BODY}").as_bytes(), "auto");
    assert_eq!((good.len(), bad.len()), (1, 1), "a truncated array: {result:?}");
}

#[test]
fn long_lines_are_skipped_whole() {
    let text = format!("{BODY}}}\n{{{}}}\n{BODY}}}\n", "x".repeat(3 << 20));
    let (good, bad, _) = read_all(text.as_bytes(), "auto");
    assert_eq!((good.len(), bad.len(), good[1].line), (2, 1, 3));
}

proptest! {
    #[test]
    fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
        let formats: Vec<&str> = Requests::formats().map(|format| format.name).chain(["auto"]).collect();
        let _ = read_all(&bytes, formats[at.index(formats.len())]);
    }

    #[test]
    fn any_damage_to_a_log_is_harmless(at in 0..COMBINED.len(), byte in any::<u8>()) {
        let mut bytes = COMBINED.as_bytes().to_vec();
        bytes[at] = byte;
        let (good, _, _) = read_all(&bytes, "combined");
        prop_assert!(!good.is_empty());
    }
}
