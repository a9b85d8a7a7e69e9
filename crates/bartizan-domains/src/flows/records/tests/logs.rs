//! The logs of Zeek and Suricata in all their forms.

use super::{F, Found, ZEEK, finite, of, read, read_how, repairs, try_read};
use bartizan_core::{How, Label};

/// Labels, their names and their lines.
fn labels(found: &Found) -> Vec<(Option<Label>, Option<&str>)> {
    found.0.iter().map(|record| (record.label, record.label_name.as_deref())).collect()
}

const ATTACK: Option<Label> = Some(Label::Anomalous);
const BENIGN: Option<Label> = Some(Label::Legitimate);

const FIELDS: &str = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_pkts\tresp_pkts\ttunnel_parents";

/// A log with labels at the ends of its rows, with `between` between the last columns.
fn labelled(between: &str, rows: &[&str]) -> String {
    let mut log = format!("#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t{FIELDS}{between}label{between}detailed-label\n");
    for row in rows {
        log += &format!("1545403816.5\tC1\t192.0.2.7\t5000\t192.0.2.80\t23\ttcp\t2\t6\t4\t-{}\n", row.replace(' ', between));
    }
    log + "#close\t2019-03-15\n"
}

#[test]
fn iot_23_has_its_labels_after_tabs_or_blanks() {
    let rows = [" Malicious PartOfAHorizontalPortScan", " Benign -", " benign -", " Malicious -", " - C&C", " - -"];
    let expected = [
        (ATTACK, Some("PartOfAHorizontalPortScan")),
        (BENIGN, Some("Benign")),
        (BENIGN, Some("benign")),
        (ATTACK, Some("Malicious")),
        (ATTACK, Some("C&C")),
        (None, None),
    ];
    for between in ["\t", "   ", " "] {
        let found = read(&labelled(between, &rows));
        assert_eq!((labels(&found), found.1.len()), (expected.to_vec(), 0), "{between:?}");
        assert_eq!((of(&found.0[0], F::FlowDuration), found.0[0].line), (2e6, 5));
    }
    let found = read(&labelled("   ", &[" Malicious", " a b c d", " Benign -"]));
    assert_eq!((found.0.len(), found.1.len()), (1, 2), "only what is damaged is lost");
}

#[test]
fn headers_may_come_again_and_other_logs_be_among_it() {
    let separated = "#separator ,\n#set_separator\t;\n#unset_field,(none)\n#path,conn\n#fields,ts,uid,id.orig_h,id.resp_h,id.resp_p,proto,duration,orig_pkts\n1545403816.5,C9,192.0.2.7,192.0.2.80,(none),udp,(none),3\n1545403816.5,C9,192.0.2.7,192.0.2.80,53,udp,(none),3\n";
    let rest = ZEEK.split_once("#types\ttime\n").unwrap().1.replace("short\n", "");
    let dns = "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n1\tC1\tx\n2\tC2\ty\n#close\n";
    let log = format!("{dns}{ZEEK}{rest}{separated}{dns}");
    let (records, rejected, summary) = read(&log);
    let ids: Vec<&str> = records.iter().map(|record| record.event.event_id.as_str()).collect();
    assert_eq!(ids, ["C1", "C2", "C1", "C2", "C9"]);
    let reasons: Vec<_> = rejected.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(reasons, ["1 fields, expected 15", "no id.orig_h or no id.resp_p: only records of conn.log describe flows"]);
    assert_eq!(repairs(&summary), [("skipped path dns", 4)]);
    assert_eq!(summary.format.unwrap().name, "zeek");
}

#[test]
fn zeeks_json_may_be_flat_nested_or_without_dots() {
    let rest = r#""proto":"tcp","duration":2.0,"orig_pkts":6,"resp_pkts":4}"#;
    let mut events = Vec::new();
    for start in [
        r#"{"_path":"conn","ts":1500000000.5,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":5000,"id.resp_h":"192.0.2.80","id.resp_p":443,"#,
        r#"{"ts":"2017-07-14T02:40:00.500000Z","uid":"C1","id_orig_h":"192.0.2.7","id_orig_p":5000,"id_resp_h":"192.0.2.80","id_resp_p":443,"#,
        r#"{"ts":1500000000.5,"uid":"C1","id":{"orig_h":"192.0.2.7","orig_p":5000,"resp_h":"192.0.2.80","resp_p":443},"#,
        r#"{"conn":{"ts":1500000000.5,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":5000,"id.resp_h":"192.0.2.80","id.resp_p":443,"#,
    ] {
        let end = if start.starts_with("{\"conn\"") { "}" } else { "" };
        let line = format!("{start}{rest}{end}");
        let log = format!("{{\"_path\":\"dns\",\"ts\":1,\"query\":\"x\"}}\n{line}\n<13>Feb 25 00:44:00 host zeek: {line}\n");
        let (records, rejected, summary) = read(&log);
        assert_eq!((records.len(), rejected.len(), repairs(&summary)), (2, 0, vec![("skipped path dns", 1)]), "{line}");
        assert_eq!(records[0].event.destination, "192.0.2.80:443", "{line}");
        assert_eq!(summary.format.map(|chosen| (chosen.name, chosen.sure)), Some(("zeek", 1.0)));
        events.extend(records.into_iter().map(|record| format!("{:?}", record.event)));
    }
    assert!(events.iter().all(|event| *event == events[0]), "{events:#?}");
}

const EVE: &str = r#"{"timestamp":"2026-01-31T10:00:09.000000+0100","flow_id":42,"event_type":"flow","src_ip":"192.0.2.7","src_port":5000,"dest_ip":"192.0.2.80","dest_port":80,"proto":"TCP","flow":{"pkts_toserver":4,"pkts_toclient":2,"bytes_toserver":400,"bytes_toclient":800,"start":"2026-01-31T10:00:00.000000+0100","end":"2026-01-31T10:00:03.000000+0100","state":"closed"},"truth":"DDoS"}"#;

#[test]
fn suricata_is_read_behind_syslog_and_after_a_bad_beginning() {
    let (expected, ..) = read(EVE);
    let netflow = r#"{"event_type":"netflow","netflow":{"pkts":1}}"#;
    for (name, before, bad) in [
        ("plain", String::new(), 0),
        ("syslog", format!("<13>Feb 25 00:44:00 host suricata: {EVE}\n"), 0),
        ("syslog without a priority", format!("Feb 25 00:44:00 host suricata[7]: {EVE}\n"), 0),
        ("RFC 5424", format!("<13>1 2025-02-25T00:44:00Z host suricata 7 - - {EVE}\n"), 0),
        ("CEE", format!("<13>Feb 25 00:44:00 host suricata: @cee: {EVE}\n"), 0),
        ("a cut line", format!("{}\n", &EVE[30..]), 1),
        ("a cut line that begins well", format!("{}\n", &EVE[..90]), 1),
        ("a note", "log rotated\n".to_owned(), 1),
        ("NULs", "\0".repeat(8_192), 0),
        ("a line of NULs", "\0".repeat(8_192) + "\n", 0),
        ("a byte order mark", "\u{feff}".to_owned(), 0),
        ("another event", r#"{"event_type":"stats"}"#.to_owned() + "\n", 0),
    ] {
        let log = format!("{before}{EVE}\n{netflow}\n{EVE}\n");
        let (records, rejected, summary) = read(&log);
        assert_eq!(rejected.len(), bad, "{name}: {rejected:?}");
        let event = |record: &bartizan_core::Record<_>| format!("{:?}", record.event);
        assert!(records.len() >= 2 && records.iter().all(|record| event(record) == event(&expected[0])), "{name}");
        assert!(repairs(&summary).contains(&("skipped event_type netflow", 1)), "{name}");
        assert!(summary.format.is_some_and(|chosen| chosen.name == "suricata" && chosen.sure > 0.5), "{name}");
    }
}

#[test]
fn a_named_field_of_a_log_holds_the_labels_or_is_refused() {
    let iot = labelled("   ", &[" Malicious DDoS", " Benign -"]);
    let nested = EVE.replace("\"truth\":\"DDoS\"", "\"truth\":{\"kind\":\"DDoS\",\"is\":true}");
    let json = r#"{"ts":1500000000.5,"id.orig_h":"192.0.2.7","id.resp_p":443,"duration":2.0,"label":"Malicious","truth":"Benign"}"#;
    for (name, log, column, expected) in [
        ("a column", iot.as_str(), "detailed-label", vec![(ATTACK, Some("DDoS")), (None, None)]),
        ("a usual column", &iot, "label", vec![(ATTACK, Some("Malicious")), (BENIGN, Some("Benign"))]),
        ("a column of another meaning", &iot, "proto", vec![(ATTACK, Some("tcp")); 2]),
        ("a field", EVE, "truth", vec![(ATTACK, Some("DDoS"))]),
        ("a nested field", EVE, "flow.state", vec![(ATTACK, Some("closed"))]),
        ("a nested truth", &nested, "truth.is", vec![(ATTACK, Some("true"))]),
        ("a field of Zeek", json, "truth", vec![(BENIGN, Some("Benign"))]),
    ] {
        let found = read_how(log.as_bytes(), How { format: "auto", label_column: Some(column), ..How::default() }).expect(name);
        assert_eq!(labels(&found), expected, "{name}");
    }
    for (log, has) in [(iot.as_str(), "ts, uid, id.orig_h"), (EVE, "flow.state"), (json, "label, truth")] {
        let error =
            read_how(log.as_bytes(), How { format: "auto", label_column: Some("nosuch"), ..How::default() }).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no column or field \"nosuch\" to read labels from; there are ") && error.contains(has),
            "{error}"
        );
    }
}

#[test]
fn what_zeek_leaves_out_is_missing() {
    let found = try_read(labelled("\t", &["\t-\t-"]).as_bytes(), "zeek").unwrap();
    let features = finite(&found.0[0]);
    assert!(features.contains(&(F::FwdPackets as usize)) && !features.contains(&(F::Syn as usize)), "{features:?}");
    assert!(found.2.missing.contains(&"Flow IAT Std".to_owned()));
}
