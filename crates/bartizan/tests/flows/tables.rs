//! Files on the command line: trained on, scored, measured; and the faults that files have.

use crate::common::{fails, json, run, stderr};
use crate::fixture::{flows, normal, table};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.join(name), text).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A folder with 300 generated flows in `flows.csv`, and those lines.
fn folder() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "flows.csv", 300, 1, "0.1");
    let lines = read(folder.path(), "flows.csv").lines().map(str::to_owned).collect();
    (folder, lines)
}

/// Scores a file. Returns the summary, the confidences of all its flows by line, and the messages about the file.
fn scored(folder: &Path, name: &str) -> (Value, Vec<(u64, f64)>, String) {
    let output = run(folder, &["score", "flows", name, "--out", "scores.ndjson", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let lines = read(folder, "scores.ndjson");
    let of = |line: &str| {
        let score: Value = serde_json::from_str(line).unwrap();
        (score["line"].as_u64().unwrap(), score["score"].as_f64().unwrap())
    };
    (serde_json::from_slice(&output.stdout).unwrap(), lines.lines().map(of).collect(), stderr(&output))
}

#[test]
fn train_score_and_evaluate() {
    let (folder, _) = folder();
    let at = folder.path();
    table(at, "more.csv", 200, 2, "0");
    table(at, "test.csv", 400, 3, "0.2");
    let trained = json(at, &["train", "flows", "flows.csv", "more.csv"]);
    assert_eq!(
        (&trained["model_version"], &trained["training_samples"], &trained["labels"]),
        (&"v1.0".into(), &(normal(&flows(300, 1, "0.1")) + 200).into(), &500.into())
    );

    let summary = json(at, &["score", "flows", "test.csv", "--top", "7", "--out", "out.csv", "--reasons"]);
    let worst = summary["worst"].as_array().unwrap();
    assert_eq!((&summary["scored"], worst.len()), (&400.into(), 7), "{summary}");
    let out = read(at, "out.csv");
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(
        (rows.len(), rows[0]),
        (401, "line,event_id,time,client,action,resource,score,grade,is_anomaly,confidence,class,risk,reasons,flagged")
    );
    let anomalous: Vec<&&str> = rows.iter().filter(|row| row.contains(",true,")).collect();
    assert_eq!(anomalous.len() as u64, summary["anomalous"].as_u64().unwrap());
    assert!(anomalous.len() > 60, "{summary}");
    let without: Vec<_> = anomalous.iter().filter(|row| !row.ends_with("\",true") || !row.contains(" is ")).collect();
    assert!(without.is_empty(), "without reasons: {without:?}");
    assert!(rows[1..].iter().filter(|row| row.contains(",false,")).all(|row| row.ends_with(",,false")), "no reasons for what is normal");

    json(at, &["score", "flows", "test.csv", "--out", "out.ndjson", "--reasons"]);
    let scores: Vec<Value> = read(at, "out.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((scores.len(), &scores[0]["line"], &scores[399]["line"]), (400, &2.into(), &401.into()));
    let with_reasons = |score: &&Value| score["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty());
    assert_eq!(scores.iter().filter(with_reasons).count(), anomalous.len());

    let measured = json(at, &["evaluate", "flows", "test.csv"]);
    assert!(measured["roc_auc"].as_f64().unwrap() > 0.95 && measured["recall"].as_f64().unwrap() > 0.8, "{measured}");
    let names: Vec<&str> = measured["by_name"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"BENIGN") && names.len() > 5, "{names:?}");
    assert!(fails(at, &["score", "flows", "test.csv", "--out", "x.txt"], 2).contains(".csv or .ndjson"));
    assert!(fails(at, &["score", "flows", "test.csv", "--format", "netflow"], 2).contains("cicflow"));
}

#[test]
fn a_file_is_split_in_three_ways() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at, "flows.csv", 800, 1, "0.2");
    for by in ["random", "time", "client", "auto"] {
        let measure = || json(at, &["evaluate", "flows", "flows.csv", "--split", "0.5", "--by", by]);
        let measured = measure();
        let events = measured["events"].as_u64().unwrap();
        assert!((250..550).contains(&events) && measured["roc_auc"].as_f64().unwrap() > 0.9, "{by}: {measured}");
        assert!(by == "random" || by == "client" || events == 400, "{by}: the last half in time: {measured}");
        assert_eq!(measure(), measured, "{by}: the same each time");
    }
    assert!(!at.join("bartizan-data").exists(), "nothing is stored");
    assert!(fails(at, &["evaluate", "flows", "flows.csv", "--split", "1"], 2).contains("--split"));
    table(at, "benign.csv", 300, 2, "0");
    let said = fails(at, &["evaluate", "flows", "benign.csv", "--split", "0.5"], 3);
    assert!(said.contains("labels of both kinds; got 0 anomalous"), "{said}");
}

#[test]
fn a_split_by_time_learns_from_the_past_and_one_by_client_parts_the_clients() {
    let (folder, lines) = folder();
    let at = folder.path();
    // Attacks in the first half only: a split by time has none to measure on.
    let (attacks, benign): (Vec<&String>, Vec<&String>) = lines[1..].iter().partition(|line| !line.ends_with("BENIGN"));
    let row = |(at, line): (usize, &String)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        let (time, client) = (format!("2026-01-05T{:02}:{:02}:00Z", at / 60, at % 60), format!("10.0.0.{}", at % 20));
        // Each client has attacks of a name of its own.
        let name = if line.ends_with("BENIGN") { "BENIGN".to_owned() } else { format!("of {client}") };
        let last = cells.len() - 1;
        (cells[1], cells[4], cells[last]) = (&client, &time, &name);
        cells.join(",")
    };
    let rows: Vec<String> = attacks.iter().chain(&benign).copied().enumerate().map(row).collect();
    write(at, "early.csv", format!("{}\n{}\n", lines[0], rows.join("\n")));
    let said = fails(at, &["evaluate", "flows", "early.csv", "--split", "0.5", "--by", "time"], 3);
    assert!(said.contains("got 0 anomalous and 150 legitimate"), "{said}");

    let by_client = json(at, &["evaluate", "flows", "early.csv", "--split", "0.3", "--by", "client"]);
    let of_client = |name: &str| rows.iter().filter(|row| row.ends_with(name)).count();
    let kinds = by_client["by_name"].as_array().unwrap();
    let whole = |kind: &&Value| kind["name"] == "BENIGN" || kind["events"] == of_client(kind["name"].as_str().unwrap());
    assert!(kinds.len() > 3 && kinds.len() < 20 && kinds.iter().all(|kind| whole(&kind)), "{by_client}");
    let random = json(at, &["evaluate", "flows", "early.csv", "--split", "0.3", "--by", "random"]);
    assert!(!random["by_name"].as_array().unwrap().iter().all(|kind| whole(&kind)), "{random}");
}

#[test]
fn a_file_without_times_or_clients_is_split_at_random_or_not_at_all() {
    let (folder, lines) = folder();
    let at = folder.path();
    let features = |line: &String| line.splitn(6, ',').last().unwrap().to_owned();
    write(at, "features.csv", lines.iter().map(features).collect::<Vec<_>>().join("\n"));
    let evaluate = |by| ["evaluate", "flows", "features.csv", "--split", "0.4", "--by", by];
    assert_eq!(json(at, &evaluate("auto")), json(at, &evaluate("random")));
    for (by, part) in [("time", "no different times"), ("client", "too few different clients")] {
        let said = fails(at, &evaluate(by), 3);
        assert!(said.contains("leaves one side without events") && said.contains(part) && said.contains("--by random"), "{said}");
    }
}

#[test]
fn forms_of_the_same_table_are_read_alike() {
    let (folder, lines) = folder();
    let at = folder.path();
    json(at, &["train", "flows", "flows.csv"]);
    let (_, expected, _) = scored(at, "flows.csv");
    let text = format!("{}\n", lines.join("\n"));
    for (what, bytes) in [
        ("BOM", format!("\u{feff}{text}").into_bytes()),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("BOM, CRLF and semicolons", format!("\u{feff}{}", text.replace(',', ";").replace('\n', "\r\n")).into_bytes()),
        ("tabs", text.replace(',', "\t").into_bytes()),
        ("no last line's end", text.trim_end().as_bytes().to_vec()),
        ("quotes", text.replace("BENIGN", "\"BENIGN\"").into_bytes()),
        ("the dash of windows-1252", text.chars().map(|c| if c == '–' { 0x96 } else { c as u8 }).collect()),
    ] {
        write(at, "form.csv", bytes);
        let (summary, found, _) = scored(at, "form.csv");
        assert_eq!((found == expected, &summary["rejected"]), (true, &0.into()), "{what}");
    }
}

#[test]
fn bad_rows_are_counted_named_and_passed_over() {
    let (folder, mut lines) = folder();
    let at = folder.path();
    json(at, &["train", "flows", "flows.csv"]);
    let (_, expected, _) = scored(at, "flows.csv");
    let cut: Vec<&str> = lines[10].split(',').take(77).collect();
    lines[10] = cut.join(",");
    lines[20] += ",1";
    lines[30] = "the printer is on fire".to_owned();
    write(at, "bad.csv", format!("{}\n", lines.join("\n")));
    let (summary, found, said) = scored(at, "bad.csv");
    assert_eq!((&summary["scored"], &summary["rejected"]), (&297.into(), &3.into()), "{said}");
    for part in ["3 skipped", "3 × like line 11: 77 fields, expected 84 (also lines 21, 31)"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let rest: Vec<_> = expected.into_iter().filter(|(line, _)| ![11, 21, 31].contains(line)).collect();
    assert_eq!(found, rest, "the others are judged as before, under their own lines");
}

#[test]
fn a_header_that_changes_half_way_is_followed() {
    let (folder, lines) = folder();
    let at = folder.path();
    json(at, &["train", "flows", "flows.csv"]);
    let (_, expected, _) = scored(at, "flows.csv");
    // The second half has its columns the other way round; a line with the first header again comes before.
    let turned = |line: &String| line.split(',').rev().collect::<Vec<_>>().join(",");
    let mut changed: Vec<String> = lines[..=100].to_vec();
    changed.push(lines[0].clone());
    changed.extend(lines[101..=200].iter().cloned());
    changed.push(turned(&lines[0].replacen(" Fwd Header Length", "Fwd Header Length.1", 1)));
    changed.extend(lines[201..].iter().map(turned));
    write(at, "changed.csv", changed.join("\n"));
    let (summary, found, said) = scored(at, "changed.csv");
    assert_eq!((&summary["scored"], &summary["rejected"]), (&300.into(), &0.into()), "{said}");
    let scores = |pairs: &[(u64, f64)]| pairs.iter().map(|(_, score)| *score).collect::<Vec<_>>();
    assert_eq!(scores(&found), scores(&expected));
    assert!(said.contains("header changed") && said.contains("header repeated"), "{said}");
}

#[test]
fn a_quoted_text_may_hold_line_breaks() {
    let (folder, mut lines) = folder();
    let at = folder.path();
    json(at, &["train", "flows", "flows.csv"]);
    lines[5] = lines[5].replacen("flow-4", "\"flow\r\n4, with \"\"quotes\"\"\"", 1);
    lines[9] = lines[9].replacen("flow-8", "\"never closed", 1);
    write(at, "quoted.csv", lines.join("\n"));
    let output = json(at, &["score", "flows", "quoted.csv", "--out", "out.ndjson"]);
    let scores: Vec<Value> = read(at, "out.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output["scored"].as_u64().unwrap() >= 299, "an open quote swallows no other line: {output}");
    assert_eq!((&scores[4]["line"], &scores[4]["event_id"]), (&6.into(), &"flow\r\n4, with \"quotes\"".into()));
    assert_eq!(scores[5]["line"], 8, "lines are those of the file");
}

#[test]
fn odd_cells_are_repaired_counted_and_reported() {
    let (folder, mut lines) = folder();
    let at = folder.path();
    let column = |name: &str| lines[0].split(',').position(|cell| cell.trim() == name).unwrap();
    let (rate, window) = (column("Flow Bytes/s"), column("Init_Win_bytes_backward"));
    let set = |line: &mut String, column: usize, value: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[column] = value;
        *line = cells.join(",");
    };
    for (line, value) in [(3, "Infinity"), (4, "NaN"), (5, "inf"), (6, ""), (7, "many")] {
        set(&mut lines[line], rate, value);
    }
    lines[1..].iter_mut().for_each(|line| set(line, window, "-1"));
    write(at, "odd.csv", lines.join("\n"));
    let output = run(at, &["train", "flows", "odd.csv", "--json"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "300 × Init_Win_bytes_backward: -1",
        "2 × Flow Bytes/s: Infinity",
        "1 × Flow Bytes/s: NaN",
        "1 × Flow Bytes/s: empty",
        "1 × Flow Bytes/s: not a number",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let trained: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&trained["training_samples"], &trained["labels"]), (&normal(&flows(300, 1, "0.1")).into(), &300.into()), "no row is lost");
}

#[test]
fn connection_logs_are_scored_and_what_they_lack_is_reported() {
    let (folder, _) = folder();
    let at = folder.path();
    json(at, &["train", "flows", "flows.csv"]);
    let fields = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\torig_pkts\tresp_pkts";
    let row = "1500000000.5\tC1\t10.0.0.1\t5000\t10.0.0.2\t443\ttcp\t2\t100\t900\t6\t4";
    write(at, "conn.log", format!("#separator \\x09\n#fields\t{fields}\n{row}\n#close\n"));
    let zeek = r#"{"ts":1500000000.5,"uid":"C1","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","id.resp_p":443,"proto":"tcp","duration":2.0,"orig_bytes":100,"resp_bytes":900,"orig_pkts":6,"resp_pkts":4}"#;
    write(at, "conn.json", zeek);
    let eve = r#"{"timestamp":"2017-07-14T02:40:00.5+0000","event_type":"flow","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","dest_port":443,"proto":"TCP","flow":{"pkts_toserver":6,"pkts_toclient":4,"bytes_toserver":424,"bytes_toclient":1116,"start":"2017-07-14T02:40:00.5+0000","end":"2017-07-14T02:40:02.5+0000"}}"#;
    write(at, "eve.json", eve);
    for name in ["conn.log", "conn.json", "eve.json"] {
        let (summary, scores, said) = scored(at, name);
        assert_eq!((&summary["scored"], scores.len()), (&1.into(), 1), "{name}: {said}");
        assert!(said.contains(" columns are missing: "), "{name}: {said}");
    }
    write(at, "narrow.csv", "Flow Duration,Dst Port\n5,80\n");
    let (_, _, said) = scored(at, "narrow.csv");
    assert!(said.contains("76 columns are missing: "), "{said}");
}

#[test]
fn files_that_hold_no_flows_are_refused_in_a_sentence() {
    let (folder, lines) = folder();
    let at = folder.path();
    let header = lines[0].as_bytes().to_vec();
    for (name, bytes, sentence) in [
        ("empty.csv", Vec::new(), "the file is empty"),
        ("blank.csv", b"\n\r\n  \n".to_vec(), "the file is empty"),
        ("bom.csv", "\u{feff}".into(), "the file is empty"),
        ("header.csv", header.clone(), "the table ends after its header"),
        ("header-end.csv", [&header[..], b"\r\n\r\n"].concat(), "the table ends after its header"),
        ("other.csv", b"name,age\nAda,36\n".to_vec(), "the table has no column of flows"),
        ("rows.csv", lines[1].clone().into_bytes(), "the table has no column of flows"),
        ("short.csv", [&header[..], b"\n1,2,3\n4,5,6\n"].concat(), "no line of it can be read; line 2: 3 fields, expected 84"),
        (
            "texts.csv",
            [&header[..], b"\n", ["x"; 84].join(",").as_bytes()].concat(),
            "no line of it can be read; line 2: 78 fields are no numbers",
        ),
        ("binary.csv", vec![1, 0, 159, 146, 150], "the file's format is not known"),
        ("cut.csv.gz", vec![0x1f, 0x8b, 8, 0, 0, 0], "reading failed"),
    ] {
        write(at, name, bytes);
        for command in ["train", "import", "evaluate"] {
            let said = fails(at, &[command, "flows", name], 3);
            assert!(said.contains(name) && said.contains(sentence), "{command} {name}: {said}");
            assert_eq!(said.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said}");
        }
    }
    assert!(fails(at, &["train", "flows", "nowhere.csv"], 3).contains("nowhere.csv: cannot be opened"));
}

#[test]
fn training_files_need_normal_flows_enough_of_them_and_no_attacks() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (name, rows, share) in [("attacks.csv", 200, "1"), ("few.csv", 50, "0"), ("benign.csv", 200, "0")] {
        table(at, name, rows, 1, share);
    }
    let said = fails(at, &["train", "flows", "attacks.csv"], 3);
    assert!(
        said.contains("at least 10 that are neither labelled anomalous nor flagged and not cleared are needed, and there are 0 among 200"),
        "{said}"
    );
    let said = fails(at, &["train", "flows", "few.csv"], 3);
    assert!(said.contains("at least 100 are needed, and there are 50"), "{said}");
    assert_eq!(json(at, &["train", "flows", "benign.csv"])["training_samples"], 200);
}
