//! Files, case by case.

mod damaged;
mod logs;
mod tables;

use super::super::features::{F, WIDTH};
use super::super::{FlowEvent, Flows};
use super::{connection, missing_of, suricata, zeek};
use bartizan_core::{How, Label, Parse, ParseError, Record, Rejected, Summary, Timestamp};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::ops::ControlFlow;

type Found = (Vec<Record<FlowEvent>>, Vec<Rejected>, Summary);

fn try_read(bytes: &[u8], format: &str) -> Result<Found, ParseError> {
    read_how(bytes, format.into())
}

fn read_how(bytes: &[u8], how: How<'_>) -> Result<Found, ParseError> {
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    let summary = Flows::parse(Box::new(bytes), how, Timestamp::from_secs(7), &mut |record| {
        match record {
            Ok(record) => records.push(record),
            Err(bad) => rejected.push(bad),
        }
        ControlFlow::Continue(())
    })?;
    Ok((records, rejected, summary))
}

fn read(text: &str) -> Found {
    try_read(text.as_bytes(), "auto").expect(text)
}

fn of(record: &Record<FlowEvent>, feature: F) -> f32 {
    record.event.values[feature as usize]
}

fn repairs(summary: &Summary) -> Vec<(&str, u64)> {
    // All of these small tables and logs lack most of the columns.
    let lacks = |what: &str| what.starts_with("columns that") || what.starts_with("features that");
    summary.repairs.iter().filter(|(what, _)| !lacks(what)).map(|(what, times)| (what.as_str(), *times)).collect()
}

const TABLE: &str = " Destination Port, Flow Duration,Flow Bytes/s, Fwd Header Length, Fwd Header Length, Label\n";

#[test]
fn the_public_tables_are_read_with_their_faults() {
    let rows = "80,3,Infinity,40,20,BENIGN\n443,-1,NaN,32,,DDoS\r\n\n,,,,,\n22,7,1.5e3,-12,20,\n";
    let (records, rejected, summary) = read(&(TABLE.to_owned() + rows));
    assert_eq!((records.len(), rejected.len(), summary.accepted), (3, 0, 3));
    let labels: Vec<_> = records.iter().map(|r| (r.label, r.label_name.as_deref(), r.line)).collect();
    assert_eq!(labels, [(Some(Label::Legitimate), Some("BENIGN"), 2), (Some(Label::Anomalous), Some("DDoS"), 3), (None, None, 6)]);
    assert_eq!((of(&records[0], F::FwdHeader), of(&records[0], F::FwdHeader1)), (40.0, 20.0), "the second column is the second feature");
    assert!(of(&records[0], F::FlowBytesRate).is_nan() && of(&records[1], F::FlowBytesRate).is_nan());
    assert_eq!((of(&records[1], F::FlowDuration), of(&records[2], F::FlowBytesRate), of(&records[2], F::FwdHeader)), (-1.0, 1500.0, -12.0));
    assert_eq!(records[0].event.destination, "80");
    assert_eq!(
        repairs(&summary),
        [
            ("Flow Bytes/s: Infinity", 1),
            ("Flow Bytes/s: NaN", 1),
            ("Flow Duration: -1", 1),
            ("Fwd Header Length.1: empty", 1),
            ("Fwd Header Length: negative", 1),
            ("rows without a value", 1),
        ]
    );
}

#[test]
fn every_form_of_a_table_is_read_alike() {
    let plain = "Dst Port,Flow Duration,Flow Byts/s,Label\n80,3,1.5,BENIGN\n443,4,2.5,DoS Hulk\n";
    let (expected, _, _) = read(plain);
    let gzip = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (what, bytes) in [
        ("CRLF", plain.replace('\n', "\r\n").into_bytes()),
        ("BOM", format!("\u{feff}{plain}").into_bytes()),
        ("semicolons", plain.replace(',', ";").into_bytes()),
        ("decimal commas", plain.replace(',', ";").replace('.', ",").into_bytes()),
        ("tabs", plain.replace(',', "\t").into_bytes()),
        ("blanks", plain.replace(',', " , ").into_bytes()),
        ("quotes", plain.replace("BENIGN", "\"BENIGN\"").replace("2.5", "\"2.5\"").into_bytes()),
        ("no last line break", plain.trim_end().as_bytes().to_vec()),
        ("gzip", gzip),
    ] {
        let (records, rejected, _) = try_read(&bytes, "auto").expect(what);
        let show = |records: &[Record<FlowEvent>]| format!("{records:?}");
        assert_eq!((show(&records), rejected.len()), (show(&expected), 0), "{what}");
    }
}

#[test]
fn dialects_units_and_identification_are_understood() {
    let (records, _, _) = read(
        "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,flow_duration,Idle Mean,attack,Class\nf1,10.0.0.1,5000,10.0.0.2,53,17,03/07/2017 08:55:58 AM,1.5,2,x,normal\n",
    );
    let (record, event) = (&records[0], &records[0].event);
    assert_eq!((of(record, F::FlowDuration), of(record, F::IdleMean)), (1.5e6, 2.0));
    assert_eq!((event.event_id.as_str(), event.source.as_str(), event.destination.as_str()), ("f1", "10.0.0.1", "10.0.0.2:53"));
    assert_eq!((event.protocol.as_str(), event.time.to_string().as_str()), ("udp", "2017-07-03T08:55:58Z"));
    assert_eq!((record.label, record.label_name.as_deref()), (Some(Label::Legitimate), Some("normal")));
    let (records, _, summary) = read("Flow Duration,Timestamp,Attack Type,label\n1,soon,Bots,1\n2,,Normal Traffic,0\n");
    assert_eq!((records[0].label_name.as_deref(), records[1].label), (Some("Bots"), Some(Label::Legitimate)));
    assert_eq!((records[0].event.time.secs(), repairs(&summary)), (7, vec![("Timestamp: not a time", 1)]));
}

#[test]
fn labels_in_old_encodings_and_texts_with_line_breaks_are_read() {
    let (records, _, summary) = try_read(b"Flow Duration,Label\n1,Web Attack \x96 XSS\n2,\"two\nlines\"\n3,BENIGN\n", "auto").unwrap();
    let names: Vec<_> = records.iter().map(|r| (r.label_name.as_deref().unwrap_or(""), r.line)).collect();
    assert_eq!(names, [("Web Attack – XSS", 2), ("two\nlines", 3), ("BENIGN", 5)]);
    assert_eq!(repairs(&summary), [("texts in windows-1252", 1)]);
    let open = format!("Flow Duration,Label\n1,\"open\n{}", "2,BENIGN\n".repeat(30));
    assert_eq!(read(&open).0.len(), 31, "a quote that is never closed swallows nothing");
}

#[test]
fn another_column_may_hold_the_labels() {
    let text = "Flow Duration,Label,Family \n1,x,BENIGN\n2,BENIGN,Bot\nFlow Duration,Flow Bytes/s,family\n3,4,DDoS\n";
    let how = |label_column| How { format: "cicflow", label_column: Some(label_column), ..How::default() };
    let (records, _, _) = read_how(text.as_bytes(), how("family")).unwrap();
    let labels: Vec<_> = records.iter().map(|r| r.label_name.as_deref()).collect();
    assert_eq!(labels, [Some("BENIGN"), Some("Bot"), Some("DDoS")]);
    let lacking = read_how(text.as_bytes(), how("Truth")).unwrap_err().to_string();
    assert_eq!(lacking, "there is no column or field \"Truth\" to read labels from; there are Flow Duration, Label, Family");
}

#[test]
fn a_field_of_json_may_hold_the_labels() {
    let lines = "{\"data\":{\"Flow Dur\":1},\"truth\":\"Bot\"}\n{\"Flow Dur\":NaN,\"Label\":\"DDoS\",\"truth\":\"BENIGN\"}\n{\"data\":{\"Flow Dur\":1},\"truth\":1}\n{\"Flow Dur\":1,\"Label\":\"x\"}\n";
    let array = format!("[{}]", lines.trim().replace('\n', ","));
    for (text, format) in [(lines, "ndjson"), (&array, "json")] {
        let how = |name| How { format, label_column: Some(name), ..How::default() };
        let (records, _, _) = read_how(text.as_bytes(), how("truth")).unwrap();
        let labels: Vec<_> = records.iter().map(|r| (r.label, r.label_name.as_deref())).collect();
        let (attack, normal) = (Some(Label::Anomalous), Some(Label::Legitimate));
        assert_eq!(labels, [(attack, Some("Bot")), (normal, Some("BENIGN")), (attack, None), (None, None)], "{format}");
        let lacking = read_how(text.as_bytes(), how("none")).unwrap_err().to_string();
        assert_eq!(lacking, "there is no column or field \"none\" to read labels from; there are data, truth", "{format}");
    }
}

#[test]
fn headers_among_the_rows_are_read_again() {
    let (records, rejected, summary) = read(
        "Flow Duration,Dst Port,Label\n1,80,a\nFlow Duration,Dst Port,Label\n2,81,b\nDst Port,Label,flow_duration,Tot Fwd Pkts\n82,c,3,9\n",
    );
    let found: Vec<_> = records.iter().map(|r| (of(r, F::FlowDuration), of(r, F::DestinationPort), r.line)).collect();
    assert_eq!(found, [(1.0, 80.0, 2), (2.0, 81.0, 4), (3e6, 82.0, 6)]);
    assert_eq!((rejected.len(), repairs(&summary)), (0, vec![("header changed", 1), ("header repeated", 1)]));
    let (_, _, summary) = read("Flow Duration,Flow Duration,flow_duration\n1,2,3\n");
    assert_eq!(repairs(&summary), [("Flow Duration: column twice", 2)]);
}

#[test]
fn bad_rows_are_rejected_with_their_line_and_the_others_read() {
    let names: Vec<&str> = super::super::features::TABLE.iter().map(|f| f.name.as_ref()).collect();
    let table = format!("{},Label\n{}\n{}\n{}\n", names.join(","), "1,".repeat(76) + "1", "1,".repeat(78) + "BENIGN", "1,".repeat(80));
    let (records, rejected, _) = read(&table);
    assert_eq!((records.len(), records[0].line), (1, 3));
    let reasons: Vec<_> = rejected.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(reasons, [(2, "77 fields, expected 79"), (4, "81 fields, expected 79")]);
    let (records, rejected, summary) = read("Flow Duration,Dst Port,Syn\nx,y,1\n1,y,1\n");
    assert_eq!((records.len(), rejected[0].reason.as_str()), (1, "2 fields are no numbers"));
    assert_eq!(repairs(&summary), [("Destination Port: not a number", 1)]);
    let long = format!("Flow Duration,Label\n1,{}\n2,BENIGN\n", "x".repeat(3 << 20));
    let (records, rejected, _) = read(&long);
    assert_eq!((records[0].line, rejected[0].line, rejected[0].reason.as_str()), (3, 2, "longer than 1 MiB"));
}

#[test]
fn files_that_are_none_say_so() {
    for (text, expected) in [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        (TABLE, "the table ends after its header"),
        ("a,b,c\n1,2,3\n", "the table has no column of flows: its first line must name columns"),
        ("1,2,3\n", "the table has no column of flows"),
        ("\u{1}\0\0", "the file's format is not known"),
        ("#separator \\x09\n#fields\tts\tuid\tquery\n", "the table has no column \"id.orig_h\"; of Zeek's logs only conn.log"),
    ] {
        let error = try_read(text.as_bytes(), "auto").expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
    assert!(matches!(try_read(b"x", "parquet"), Err(ParseError::Unknown(_))));
    let cut = try_read(&[0x1f, 0x8b, 8, 0, 0, 0], "auto");
    assert!(matches!(cut, Err(ParseError::Io { .. })));
}

#[test]
fn json_is_read_by_line_and_as_an_array() {
    let lines = "{\"data\":{\"Flow Duration\":1}}\n{\"Flow Dur\":NaN,\"Label\":\"DDoS\"}\n{\"a\":\"b\"}\nnope\n{\"flow_duration\":\"x\"}\n";
    let (records, rejected, _) = read(lines);
    assert_eq!((records.len(), of(&records[0], F::FlowDuration), records[1].label), (2, 1.0, Some(Label::Anomalous)));
    let reasons: Vec<_> = rejected.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!((reasons[0], reasons[1].0), ((3, "none of the 78 features is named"), 4));
    assert_eq!(reasons[2], (5, "flow_duration: Input should be a valid number, unable to parse string as a number"));
    let (records, rejected, _) = read("[{\"Flow Duration\":1},{\"Flow Duration\":2},7]");
    assert_eq!((records.len(), records[1].line, rejected.len()), (2, 2, 1));
}

const ZEEK: &str = "#separator \\x09\n#set_separator\t,\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n#types\ttime\n1500000000.5\tC1\t10.0.0.1\t5000\t10.0.0.2\t443\ttcp\t2\t100\t900\tShADadFf\t6\t420\t4\t1108\n1500000001\tC2\tfe80::1\t1\tff02::1\t5353\tudp\t-\t-\t-\tD\t1\t60\t0\t0\nshort\n#close\n";

fn finite(record: &Record<FlowEvent>) -> Vec<usize> {
    (0..WIDTH).filter(|i| record.event.values[*i].is_finite()).collect()
}

fn positions(given: [&[F]; 2]) -> Vec<usize> {
    let mut positions: Vec<usize> = given.into_iter().flatten().map(|f| *f as usize).collect();
    positions.sort_unstable();
    positions
}

#[test]
fn zeek_connections_are_flows() {
    let json = r#"{"ts":1500000000.5,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":5000,"id.resp_h":"10.0.0.2","id.resp_p":443,"proto":"tcp","duration":2.0,"orig_bytes":100,"resp_bytes":900,"history":"ShADadFf","orig_pkts":6,"orig_ip_bytes":420,"resp_pkts":4,"resp_ip_bytes":1108}"#;
    let (records, rejected, _) = read(ZEEK);
    assert_eq!((records.len(), rejected.len(), rejected[0].line, rejected[0].reason.as_str()), (2, 1, 8, "1 fields, expected 15"));
    assert_eq!(format!("{:?}", read(json).0[0].event), format!("{:?}", records[0].event));
    let event = &records[0].event;
    assert_eq!((event.event_id.as_str(), event.destination.as_str(), event.protocol.as_str()), ("C1", "10.0.0.2:443", "tcp"));
    assert_eq!(event.time.to_string(), "2017-07-14T02:40:00.5Z");
    for (feature, expected) in [
        (F::FlowDuration, 2e6),
        (F::FwdPackets, 6.0),
        (F::FwdHeader, 320.0),
        (F::FwdHeader1, 320.0),
        (F::BwdHeader, 208.0),
        (F::FlowBytesRate, 500.0),
        (F::FlowPacketsRate, 5.0),
        (F::LengthMean, 100.0),
        (F::BwdLengthMean, 225.0),
        (F::Syn, 2.0),
        (F::Fin, 2.0),
        (F::Ack, 3.0),
    ] {
        assert_eq!(of(&records[0], feature), expected, "{feature:?}");
    }
    assert_eq!(finite(&records[0]), positions([connection::GIVEN, zeek::GIVEN]));
    assert!(of(&records[1], F::FlowDuration).is_nan() && of(&records[1], F::FwdBytes) == 0.0 && of(&records[1], F::FwdHeader) == 60.0);
}

#[test]
fn suricata_flows_are_read_and_other_events_counted() {
    let log = r#"{"event_type":"dns","dns":{}}
{"timestamp":"2026-01-31T10:00:09.000000+0100","flow_id":42,"event_type":"flow","src_ip":"10.0.0.1","src_port":5000,"dest_ip":"10.0.0.2","dest_port":80,"proto":"TCP","flow":{"pkts_toserver":4,"pkts_toclient":2,"bytes_toserver":400,"bytes_toclient":800,"start":"2026-01-31T10:00:00.000000+0100","end":"2026-01-31T10:00:03.000000+0100","age":3},"tcp":{"tcp_flags":"1b","tcp_flags_ts":"1a","tcp_flags_tc":"13"}}
{"event_type":"dns"}
{"event_type":"flow"}
{"stats":1}
"#;
    let (records, rejected, summary) = read(log);
    assert_eq!((records.len(), rejected.len(), repairs(&summary)), (1, 2, vec![("skipped event_type dns", 2)]));
    let event = &records[0].event;
    assert_eq!((event.event_id.as_str(), event.destination.as_str(), event.protocol.as_str()), ("42", "10.0.0.2:80", "tcp"));
    assert_eq!((event.time.to_string().as_str(), of(&records[0], F::FlowDuration)), ("2026-01-31T09:00:00Z", 3e6));
    assert_eq!(
        (of(&records[0], F::FlowBytesRate), of(&records[0], F::Syn), of(&records[0], F::Rst), of(&records[0], F::FwdPsh)),
        (400.0, 1.0, 0.0, 1.0)
    );
    assert_eq!(finite(&records[0]), positions([connection::GIVEN, suricata::GIVEN]));
}

#[test]
fn formats_say_what_they_cannot_give() {
    assert!(missing_of("cicflow").is_empty() && missing_of("ndjson").is_empty());
    let zeek = missing_of("zeek");
    assert!(zeek.contains(&"Flow IAT Std") && !zeek.contains(&"Flow Duration") && zeek.len() == WIDTH - 25, "{}", zeek.len());
    assert!(missing_of("suricata").contains(&"Fwd Header Length"));
}

#[test]
fn reading_stops_when_asked() {
    for text in [TABLE.to_owned() + &"1,2,3,4,5,BENIGN\n".repeat(9), ZEEK.to_owned(), "{\"Flow Duration\":1}\n".repeat(9)] {
        let mut seen = 0;
        let summary = Flows::parse(Box::new(text.as_bytes()), "auto".into(), Timestamp::from_secs(0), &mut |_| {
            seen += 1;
            ControlFlow::Break(())
        });
        assert_eq!((seen, summary.unwrap().accepted), (1, 1));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in Flows::formats().map(|format| format.name).chain(["auto"]) {
            let _ = try_read(&bytes, format);
        }
    }

    #[test]
    fn any_change_of_a_good_file_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for text in [TABLE.to_owned() + "80,3,Infinity,40,20,\"BEN\nIGN\"\n443,-1,NaN,32,,DDoS\n", ZEEK.to_owned()] {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = try_read(&bytes, "auto");
        }
    }
}
