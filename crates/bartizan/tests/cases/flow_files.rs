//! Tables and logs of flows: their labels and placeholders, the columns that hold them, and what stands around their lines.

use crate::common::{bartizan, json, run, stderr};
use crate::fixture::{Checks, Trained};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;

/// A table of flows of which every row has one of these labels in turn.
fn table(count: usize, labels: &[&str]) -> String {
    let rows = (0..count).map(|i| format!("{},{},8,9,{}\n", 49_000 + i % 50, 1_000 + 37 * i % 400, labels[i % labels.len()]));
    format!("Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets, Label\n{}", rows.collect::<String>())
}

/// The bodies of the same, with the label in a field of its own.
fn bodies(count: usize, labels: &[&str]) -> String {
    let body = |i: usize| json!({"data": {"Destination Port": 443, "Flow Duration": 1_000 + i, "Total Fwd Packets": 8}, "Label": labels[i % labels.len()]});
    (0..count).map(|i| format!("{}\n", body(i))).collect()
}

const ZEEK: &str = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_pkts\tresp_pkts\ttunnel_parents";

/// A log of Zeek with IoT-23's two columns of labels, between them and before them what is given.
fn zeek(between: &str, labels: &[(&str, &str)]) -> String {
    let mut log = format!(
        "#separator \\x09\n#set_separator\t,\n#unset_field\t-\n#path\tconn\n#fields\t{ZEEK}{between}label{between}detailed-label\n"
    );
    for i in 0..400 {
        let (label, detailed) = labels[i % labels.len()];
        log += &format!(
            "{}.5\tC{i}\t192.0.2.7\t5000\t192.0.2.80\t23\ttcp\t2.5\t6\t4\t-{between}{label}{between}{detailed}\n",
            1_545_403_816 + i
        );
    }
    log + "#close\t2019-03-15-10-00-00\n"
}

/// One record of Suricata's, with its number.
fn eve(i: usize) -> String {
    let time = format!("2025-02-25T00:44:{:02}.080283+0100", i % 60);
    json!({
        "timestamp": time, "flow_id": 1_000 + i, "event_type": "flow", "src_ip": "192.0.2.7", "src_port": 5_000 + i, "dest_ip": "198.51.100.2",
        "dest_port": 443, "proto": "TCP", "flow": {"pkts_toserver": 8, "pkts_toclient": 9, "bytes_toserver": 710, "bytes_toclient": 4_500,
        "start": time, "end": time, "age": 0, "state": "closed", "alerted": false},
    })
    .to_string()
}

fn events(wrapped: impl Fn(usize, String) -> String) -> String {
    (0..30).map(|i| wrapped(i, eve(i)) + "\n").collect()
}

#[test]
fn labels_are_told_from_placeholders_and_counted() {
    let trained = Trained::generated("flows");
    let mut checks = Checks::default();
    let iot = [("Benign", "-"), ("Benign", "-"), ("Benign", "-"), ("Malicious", "PartOfAHorizontalPortScan")];
    let plain = [("Benign", "-"), ("Malicious", "-"), ("-", "-"), ("-", "-")];
    let port_scan: &[(&str, u64)] = &[("Benign", 300), ("PartOfAHorizontalPortScan", 100)];
    let nested = r#"{"conn":{"ts":1545403816.5,"uid":"C1","id.orig_h":"192.0.2.7","id.resp_h":"192.0.2.80","id.resp_p":23,"proto":"tcp","duration":2.5,"orig_pkts":6,"resp_pkts":4,"label":"Malicious"}}"#.to_owned() + "\n";
    for (name, text, labels, anomalous) in [
        ("No Label", table(400, &["No Label"]), &[][..], None),
        ("NeedManualLabel", table(400, &["NeedManualLabel"]), &[], None),
        ("NEED_MANUAL_LABEL", table(400, &["NEED_MANUAL_LABEL"]), &[], None),
        ("blanks, dashes and nothing known", table(400, &["", "-", "Unknown", " n/a ", "?"]), &[], None),
        ("placeholders in JSON", bodies(400, &["No Label", "NeedManualLabel", "-", ""]), &[], None),
        (
            "placeholders among labels",
            table(400, &["No Label", "BENIGN", "NeedManualLabel", "DDoS"]),
            &[("BENIGN", 100), ("DDoS", 100)],
            Some(100),
        ),
        (
            "words for what is benign",
            table(400, &["BenignTraffic", "Normal", "Background", "Bot"]),
            &[("Background", 100), ("BenignTraffic", 100), ("Bot", 100), ("Normal", 100)],
            Some(100),
        ),
        ("numbers", table(400, &["0", "0", "0", "1"]), &[("0", 300), ("1", 100)], Some(100)),
        ("IoT-23 with blanks", zeek("   ", &iot), port_scan, Some(100)),
        ("IoT-23 with one blank", zeek(" ", &iot), port_scan, Some(100)),
        ("IoT-23 with tabs", zeek("\t", &iot), port_scan, Some(100)),
        ("IoT-23 behind a bad beginning", format!("d\t-\n{}", zeek("   ", &iot)), port_scan, Some(100)),
        ("IoT-23 of Windows", zeek("   ", &iot).replace('\n', "\r\n"), port_scan, Some(100)),
        ("IoT-23 without details", zeek("   ", &plain), &[("Benign", 100), ("Malicious", 100)], Some(100)),
        ("IoT-23 without labels", zeek("\t", &[("-", "-"), ("(empty)", "-")]), &[], None),
        ("Zeek's JSON, nested", nested.repeat(3), &[("Malicious", 3)], None),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        checks.equal(name, (scored.code, scored.labels()), (Some(0), labels.to_vec()), &scored.said);
        if let Some(anomalous) = anomalous {
            let output = run(trained.at(), &["evaluate", "flows", "file", "--json"]);
            let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            checks.equal(name, document["anomalous"].as_u64(), Some(anomalous), &stderr(&output));
        }
    }
    checks.end();
}

#[test]
fn what_nobody_labelled_is_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut checks = Checks::default();
    for (name, text) in [
        ("a table", table(500, &["No Label"])),
        ("one of another tool", table(500, &["NeedManualLabel"])),
        ("bodies", bodies(500, &["No Label"])),
        ("a log", zeek("   ", &[("-", "-")])),
    ] {
        fs::write(folder.path().join("file"), &text).unwrap();
        let trained = json(folder.path(), &["train", "flows", "file", "--data-dir", name]);
        checks.equal(name, trained["training_samples"].as_u64(), Some(if name == "a log" { 400 } else { 500 }), &trained);
    }
    checks.end();
}

#[test]
fn suricata_is_read_whatever_carries_it() {
    let trained = Trained::generated("flows");
    let mut checks = Checks::default();
    let syslog = |i: usize, line: String| format!("<13>Feb 25 00:44:{:02} host suricata: {line}", i % 60);
    for (name, text) in [
        ("nothing", events(|_, line| line)),
        ("RFC 3164", events(syslog)),
        ("without a priority", events(|i, line| format!("Feb 25 00:44:{:02} host suricata[77]: {line}", i % 60))),
        ("RFC 5424", events(|i, line| format!("<13>1 2025-02-25T00:44:{:02}Z host suricata 77 - - {line}", i % 60))),
        (
            "RFC 5424 with data and a mark",
            events(|i, line| format!("<13>1 2025-02-25T00:44:{:02}Z host suricata - - [a@1 b=\"c\\\"]\"] \u{feff}{line}", i % 60)),
        ),
        ("CEE", events(|i, line| syslog(i, format!("@cee: {line}")))),
        (
            "Docker's JSON",
            events(|i, line| {
                json!({"log": line + "\n", "stream": "stdout", "time": format!("2025-02-25T00:44:{:02}.5Z", i % 60)}).to_string()
            }),
        ),
        ("CRI", events(|i, line| format!("2025-02-25T00:44:{:02}.5Z stdout F {line}", i % 60))),
        ("docker compose", events(|_, line| format!("suricata-1  | {line}"))),
        ("kubectl logs --prefix", events(|_, line| format!("[pod/suricata-7d9/suricata] {line}"))),
        ("some of each", events(|i, line| if i % 2 == 0 { line } else { syslog(i, line) })),
        ("records of other kinds among them", events(|_, line| format!("{{\"event_type\":\"stats\",\"stats\":{{}}}}\n{line}"))),
        ("a bad beginning", format!("0\",\"dest_port\":443}}\n{}", events(syslog))),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        let (read, skipped, format) = scored.met();
        let expected = (Some(0), 30, u64::from(name == "a bad beginning"), "suricata");
        checks.equal(name, (scored.code, read, skipped, format), expected, &scored.said);
        checks.equal(name, scored.all("client").iter().all(|client| *client == "192.0.2.7"), true, &scored.said);
    }
    checks.end();
}

#[test]
fn a_column_that_is_not_there_is_refused_for_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut checks = Checks::default();
    for kind in ["requests", "flows", "behavior"] {
        let listed = json(at, &["formats", kind]);
        for format in listed["formats"].as_array().unwrap() {
            let (name, sample) = (format["name"].as_str().unwrap(), format["sample"].as_str().unwrap());
            if sample.is_empty() {
                continue;
            }
            fs::write(at.join("sample"), sample).unwrap();
            for how in ["auto", name] {
                let output = run(at, &["import", kind, "sample", "--label-column", "nosuch", "--format", how]);
                let said = stderr(&output);
                let told = said.contains("no column or field \"nosuch\"") || said.contains("no column of labels can be named");
                checks.equal(&format!("{kind}, {name} as {how}"), (output.status.code(), told), (Some(3), true), &said);
            }
        }
    }
    assert!(!at.join("bartizan-data").exists(), "nothing is stored");
    checks.end();
}

/// 500 ordinary flows of six columns.
fn six_columns() -> String {
    let row = |i: u64| {
        let (duration, forward, backward) = (100_000 + i * 7_919 % 90_000, 5 + i % 7, 8 + i % 9);
        format!("{duration},{forward},{backward},{},{},{}\n", 4_000 + i * 31 % 3_000, 120 + i % 100, 150 + i % 60)
    };
    format!("{SIX}\n{}", (0..500).map(row).collect::<String>())
}

const SIX: &str = "Flow Duration,Total Fwd Packets,Total Backward Packets,Flow Bytes/s,Flow Packets/s,Fwd Packet Length Mean";

#[test]
fn flows_beyond_all_measure_are_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut checks = Checks::default();
    fs::write(at.join("usual.csv"), six_columns()).unwrap();
    json(at, &["train", "flows", "usual.csv"]);
    for (name, rows, flagged) in [
        ("9e9 and 1e300", "9e9,100000,9,9e8,1e6,1400\n1e300,5,9,1e300,1e300,1e300\n", 2),
        ("one of them", "1e300,8,12,5000,150,170\n", 1),
        ("below nothing", "-9e15,8,12,-9e15,-9e15,-9e15\n", 1),
        ("without an end", "140000,8,12,Infinity,Infinity,170\n140000,8,12,9e30,9e30,170\n", 2),
        ("an ordinary one beside it", "142009,8,12,5597,191,170\n9e9,100000,9,9e8,1e6,1400\n", 1),
    ] {
        fs::write(at.join("file.csv"), format!("{SIX}\n{rows}")).unwrap();
        let scored = json(at, &["score", "flows", "file.csv"]);
        checks.equal(name, scored["flagged"].as_u64(), Some(flagged), &scored["worst"]);
    }
    checks.end();
}

#[test]
fn a_file_may_come_through_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let mut checks = Checks::default();
    for (name, text, read) in
        [("a table", table(40, &["BENIGN"]), 40), ("a log", zeek("   ", &[("Benign", "-")]), 400), ("events", events(|_, line| line), 30)]
    {
        let mut command = bartizan(folder.path(), &["import", "flows", "-", "--json"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, text.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        checks.equal(name, document["imported"].as_u64(), Some(read), &stderr(&output));
    }
    checks.end();
}
