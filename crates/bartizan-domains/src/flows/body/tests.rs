//! Bodies, case by case.

use super::super::features::{F, WIDTH};
use super::super::names::FIELDS;
use super::{BodyError, CsvError, Lesson, parse_csv, parse_data, parse_record};
use crate::faults::{Fault, Loc, MAX_FAULTS};
use crate::flows::FlowEvent;
use crate::raw::Raw;
use bartizan_core::{Label, Record, Seed, Timestamp};
use proptest::prelude::*;
use serde_json::json;

fn now() -> Timestamp {
    Timestamp::from_secs(1_000_000)
}

/// Flows that one batch may have here.
const MOST: usize = 1_000;

fn parse_batch(bytes: &[u8], now: Timestamp) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    super::parse_batch(bytes, now, MOST)
}

fn parse_training(bytes: &[u8], now: Timestamp) -> Result<Lesson, BodyError> {
    super::parse_training(bytes, now, MOST, Seed(1))
}

fn places(faults: Vec<Fault>) -> Vec<(&'static str, String)> {
    let step = |loc: &Loc| match loc {
        Loc::Key(name) => name.clone(),
        Loc::Index(i) => i.to_string(),
    };
    faults.iter().map(|f| (f.kind, f.loc.iter().map(step).collect::<Vec<_>>().join("."))).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, BodyError>) -> Vec<(&'static str, String)> {
    match result.expect_err("must be refused") {
        BodyError::Faults(faults) => places(faults),
        BodyError::Duplicate(name) => vec![("duplicate", name)],
        BodyError::TooMany(most) => vec![("too many", most.to_string())],
    }
}

fn flow(json: &str) -> FlowEvent {
    parse_data(json.as_bytes(), now()).expect(json)
}

fn value(flow: &FlowEvent, feature: F) -> f32 {
    flow.values[feature as usize]
}

#[test]
fn numbers_are_taken_in_every_spelling() {
    let f32_nan = f32::NAN;
    for (json, expected) in [
        ("1.5", 1.5),
        ("-3", -3.0),
        ("true", 1.0),
        ("false", 0.0),
        (r#""12.5""#, 12.5),
        (r#"" 7 ""#, 7.0),
        (r#""inf""#, f32_nan),
        (r#""-Infinity""#, f32_nan),
        (r#""nan""#, f32_nan),
        ("NaN", f32_nan),
        ("Infinity", f32_nan),
        ("-Infinity", f32_nan),
        ("1e999", f32_nan),
        ("1e300", f32::MAX),
        ("123456789012345678901234567890", 1.234_567_9e29),
    ] {
        let flow = flow(&format!(r#"{{"data": {{"Flow Packets/s": {json}, "other": 3}}, "more": [1]}}"#));
        let found = value(&flow, F::FlowPacketsRate);
        assert!(found == expected || (found.is_nan() && expected.is_nan()), "{json}: {found}");
        assert_eq!((flow.values.len(), value(&flow, F::Syn).is_nan(), flow.time), (WIDTH, true, now()), "{json}");
    }
}

#[test]
fn names_are_understood_in_every_dialect_and_unit() {
    for (name, feature, expected) in [
        (" Flow Duration ", F::FlowDuration, 2.0),
        ("Flow Dur", F::FlowDuration, 2.0),
        ("flow_duration", F::FlowDuration, 2e6),
        ("idle_max", F::IdleMax, 2e6),
        ("Idle Max", F::IdleMax, 2.0),
        ("flow_byts_s", F::FlowBytesRate, 2.0),
        ("fwd_header_len", F::FwdHeader1, 2.0),
        ("Fwd Header Length.1", F::FwdHeader1, 2.0),
        ("CWR Flag Count", F::Cwe, 2.0),
        ("dst_port", F::DestinationPort, 2.0),
        ("\\u0046low Duration", F::FlowDuration, 2.0),
    ] {
        assert_eq!(value(&flow(&format!(r#"{{"data":{{"{name}":2}}}}"#)), feature), expected, "{name}");
    }
    let both = flow(r#"{"data":{"Fwd Header Length":20,"Fwd Header Length.1":40}}"#);
    assert_eq!((value(&both, F::FwdHeader), value(&both, F::FwdHeader1)), (20.0, 40.0));
    let aliases = flow(r#"{"data":{"Flow Duration":5,"flow_duration":7}}"#);
    assert_eq!(value(&aliases, F::FlowDuration), 5.0, "the first spelling counts");
}

#[test]
fn what_identifies_a_flow_is_kept() {
    let event = flow(
        r#"{"data":{"Flow ID":"f1","Src IP":"10.0.0.1","dst_ip":"10.0.0.2","Dst Port":443,"Protocol":6,"Timestamp":"2026-01-31T09:30:00Z","Label":null}}"#,
    );
    assert_eq!((event.event_id.as_str(), event.source.as_str(), event.destination.as_str()), ("f1", "10.0.0.1", "10.0.0.2:443"));
    assert_eq!((event.protocol.as_str(), event.time.to_string().as_str()), ("tcp", "2026-01-31T09:30:00Z"));
    assert_eq!(flow(r#"{"data":{"Destination Port":53}}"#).destination, "53");
}

#[test]
fn every_fault_of_a_flow_is_listed() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("{}", &[("missing", "data")]),
        ("null", &[("missing", "")]),
        ("", &[("missing", "")]),
        (" \n", &[("missing", "")]),
        ("[1]", &[("model_attributes_type", "")]),
        (r#"{"data":{}}"#, &[("value_error", "data")]),
        (r#"{"data":[]}"#, &[("dict_type", "data")]),
        (r#"{"data":null}"#, &[("dict_type", "data")]),
        (r#"{"data":NaN}"#, &[("dict_type", "data")]),
        (
            r#"{"data":{"Flow Duration":null,"b":"abc","c":"","d":[1],"e":{},"f":1}}"#,
            &[
                ("float_type", "data.Flow Duration"),
                ("float_parsing", "data.b"),
                ("float_parsing", "data.c"),
                ("float_type", "data.d"),
                ("float_type", "data.e"),
            ],
        ),
        (r#"{"data":{"Label":{}}}"#, &[("float_type", "data.Label")]),
        (r#"{"data":{"a":1,}"#, &[("json_invalid", "15")]),
        (r#"{"data":{"a":nan}}"#, &[("json_invalid", "14")]),
        (r#"{"data":{"a":1}} x"#, &[("json_invalid", "17")]),
        (r#"{"data":{"Flow Duration":1," Flow Duration":2}}"#, &[("duplicate", "Flow Duration")]),
        (r#"{"data":{"what":1,"what ":2}}"#, &[("duplicate", "what")]),
    ];
    for (body, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(kind, place)| (*kind, (*place).to_owned())).collect();
        assert_eq!(refused(parse_data(body.as_bytes(), now())), expected, "{body}");
    }
    let same = flow(r#"{"data":{"Flow Duration":1,"Flow Duration":2,"what":1,"what":"7"}}"#);
    assert_eq!(value(&same, F::FlowDuration), 2.0, "the very same name twice is JSON's own matter: the last counts");
}

#[test]
fn the_texts_are_those_of_the_contract() {
    let Err(BodyError::Faults(faults)) = parse_data(br#"{"data":{}}"#, now()) else { panic!("must be refused") };
    assert_eq!((faults[0].msg.as_str(), &faults[0].input), ("Value error, Data dictionary cannot be empty", &json!({})));
    let Err(BodyError::Faults(faults)) = parse_data(br#"{"data":{"a":null,"b":"x"}}"#, now()) else { panic!("must be refused") };
    assert_eq!(faults[0].msg, "Input should be a valid number");
    assert_eq!(faults[1].msg, "Input should be a valid number, unable to parse string as a number");
}

#[test]
fn batches_are_read_in_order_and_name_the_faulty_flow() {
    let batch = br#"{"flows":[{"Flow Duration":1,"Label":"BENIGN"},{},{"flow_duration":NaN,"Label":"DDoS"},{"Flow Dur":"4","label":0}]}"#;
    let records = parse_batch(batch, now()).unwrap();
    let found: Vec<f32> = records.iter().map(|r| value(&r.event, F::FlowDuration)).collect();
    assert!(found[0] == 1.0 && found[1].is_nan() && found[2].is_nan() && found[3] == 4.0, "{found:?}");
    let labels: Vec<_> = records.iter().map(|r| r.label).collect();
    assert_eq!(labels, [Some(Label::Legitimate), None, Some(Label::Anomalous), Some(Label::Legitimate)]);
    assert_eq!((records[2].label_name.as_deref(), records[2].line), (Some("DDoS"), 3));
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("{}", &[("missing", "flows")]),
        (r#"{"flows":[]}"#, &[("too_short", "flows")]),
        (r#"{"flows":{}}"#, &[("list_type", "flows")]),
        (
            r#"{"flows":[{"a":1},{"a":null},7,{"b":"x"}]}"#,
            &[("float_type", "flows.1.a"), ("dict_type", "flows.2"), ("float_parsing", "flows.3.b")],
        ),
        (r#"{"flows":[{},{"a":1,"a ":1}]}"#, &[("duplicate", "a")]),
        (r#"{"flows":[{"a":1,"a ":1},{"b":null}]}"#, &[("float_type", "flows.1.b")]),
    ];
    for (body, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(kind, place)| (*kind, (*place).to_owned())).collect();
        assert_eq!(refused(parse_batch(body.as_bytes(), now())), expected, "{body}");
    }
}

#[test]
fn training_bodies_carry_labels_beside_the_flows_or_in_them() {
    let flows = r#""flows":[{"Flow Duration":1,"Label":"Bot"},{"Flow Duration":NaN},{"Flow Duration":3}]"#;
    let labels = |body: String| -> Vec<_> {
        let lesson = parse_training(body.as_bytes(), now()).expect(&body);
        assert_eq!(lesson.met, lesson.records.len() as u64);
        lesson.records.into_iter().map(|r| (r.label, r.label_name)).collect()
    };
    let named = |name: &str| (Some(if name == "BENIGN" { Label::Legitimate } else { Label::Anomalous }), Some(name.to_owned()));
    assert_eq!(labels(format!("{{{flows}}}")), [named("Bot"), (None, None), (None, None)]);
    assert_eq!(labels(format!(r#"{{{flows},"labels":["BENIGN",null,"DDoS"]}}"#)), [named("BENIGN"), (None, None), named("DDoS")]);
    assert_eq!(labels(format!(r#"{{"labels":[null,1,0],"x":{{"y":[]}},{flows}}}"#))[0], named("Bot"));
    let placeholders =
        labels(format!(r#"{{{},"labels":["No Label","NeedManualLabel","-"]}}"#, flows.replace("NaN", "2,\"Label\":\"n/a\"")));
    assert_eq!(placeholders, [named("Bot"), (None, None), (None, None)]);
    for (labels, kind) in [("[1]", "value_error"), ("{}", "list_type")] {
        let body = format!(r#"{{{flows},"labels":{labels}}}"#);
        assert_eq!(refused(parse_training(body.as_bytes(), now())), [(kind, "labels".to_owned())]);
    }
    let all = r#"{"flows":[{"Idle Min":null},{}],"labels":[[],"BENIGN"]}"#;
    let expected = [("float_type", "flows.0.Idle Min".to_owned()), ("string_type", "labels.0".to_owned())];
    assert_eq!(refused(parse_training(all.as_bytes(), now())), expected);
    assert_eq!(labels(format!(r#"{{{flows},"labels":null}}"#)).len(), 3);
}

#[test]
fn hostile_bodies_are_harmless() {
    let listed = |first: &str, times: usize, last: &str| format!(r#"{{"flows":[{}{last}]}}"#, format!("{first},").repeat(times));
    assert_eq!(parse_batch(listed("{}", MOST - 1, "{}").as_bytes(), now()).unwrap().len(), MOST);
    let too_many = [("too many", MOST.to_string())];
    for body in [listed("{}", MOST, "{}"), listed(r#"{"a":1,"a":2}"#, MOST, "{}"), listed("{}", MOST + 1, "no JSON")] {
        assert_eq!(refused(parse_batch(body.as_bytes(), now())), too_many);
    }
    for (faulty, times) in [(r#"{"a":null}"#, 20_000), (r#"{"a":[]}"#, 20_000), ("7", 20_000)] {
        assert_eq!(refused(parse_batch(listed(faulty, times, "{}").as_bytes(), now())).len(), MAX_FAULTS, "{faulty}");
        assert_eq!(refused(parse_training(listed(faulty, times, "{}").as_bytes(), now())).len(), MAX_FAULTS, "{faulty}");
    }
    let nulls: Vec<String> = (0..20_000).map(|i| format!(r#""n{i}":null"#)).collect();
    assert_eq!(refused(parse_data(format!(r#"{{"data":{{{}}}}}"#, nulls.join(",")).as_bytes(), now())).len(), MAX_FAULTS);
    let labels = format!(r#"{{"flows":[{{}}],"labels":[{}[]]}}"#, "[],".repeat(20_000));
    assert_eq!(refused(parse_training(labels.as_bytes(), now())).len(), MAX_FAULTS);
    let wide: Vec<String> = (0..10_000).map(|i| format!(r#""n{i}":1"#)).collect();
    assert!(parse_data(format!(r#"{{"data":{{{}}}}}"#, wide.join(",")).as_bytes(), now()).is_ok());
    let deep = format!(r#"{{"data":{}1{}}}"#, r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    assert_eq!(refused(parse_data(deep.as_bytes(), now())), [("float_type", "data.a".to_owned())]);
    let long = flow(&format!(r#"{{"data":{{"Flow ID":"{}","Syn":1}}}}"#, "é".repeat(100_000)));
    assert_eq!(long.event_id.chars().count(), 256);
}

#[test]
fn a_refusal_is_small_whatever_the_body() {
    let name = "n".repeat(100_000);
    let size = |result: Result<FlowEvent, BodyError>| match result.unwrap_err() {
        BodyError::Faults(faults) => faults.iter().map(|f| f.input.to_string().len() + format!("{:?}", f.loc).len()).sum::<usize>(),
        other => other.to_string().len(),
    };
    for body in [
        format!(r#"{{"other":["{name}"]}}"#),
        format!(r#"{{"data":{{"{name}":null}}}}"#),
        format!(r#"{{"data":{{"{name}":1," {name}":1}}}}"#),
        format!(r#"{{"data":["{name}"]}}"#),
        format!(r#"{{"data":{{"a":"{name}"}}}}"#),
        format!(r#"["{name}"]"#),
    ] {
        assert!(size(parse_data(body.as_bytes(), now())) < 2_000, "{}", &body[..20]);
    }
    let missing = parse_data(br#"{"other":1}"#, now());
    assert!(matches!(&missing, Err(BodyError::Faults(faults)) if faults[0].input == json!({"other": 1})), "{missing:?}");
}

#[test]
fn names_that_come_twice_count_as_they_last_came() {
    for (data, expected) in [
        (r#""Flow Duration":1,"Flow Duration":2"#, 2.0),
        (r#""Flow Duration":null,"Flow Duration":2"#, 2.0),
        (r#""Flow Duration":5,"flow_duration":7,"flow_duration":8"#, 5.0),
        (r#""flow_duration":7,"Flow Duration":5,"flow_duration":8"#, 8e6),
        (r#""x":"no","Flow Duration":3,"x":1"#, 3.0),
    ] {
        assert_eq!(value(&flow(&format!(r#"{{"data":{{{data}}}}}"#)), F::FlowDuration), expected, "{data}");
    }
    let twice = flow(r#"{"data":{"Flow Duration":1},"data":{"Flow Duration":2}}"#);
    assert_eq!(value(&twice, F::FlowDuration), 2.0);
}

#[test]
fn of_many_flows_to_learn_from_a_sample_is_kept_with_its_labels() {
    let flows: Vec<String> = (0..5_000).map(|i| format!(r#"{{"Flow Duration":{i}}}"#)).collect();
    let labels: Vec<&str> = (0..5_000).map(|i| if i % 2 == 0 { r#""BENIGN""# } else { "1" }).collect();
    let body = format!(r#"{{"labels":[{}],"flows":[{}]}}"#, labels.join(","), flows.join(","));
    let lesson = parse_training(body.as_bytes(), now()).unwrap();
    assert_eq!((lesson.met, lesson.records.len()), (5_000, MOST));
    for record in &lesson.records {
        let position = value(&record.event, F::FlowDuration) as u64;
        assert_eq!((record.line, record.label.unwrap().is_anomalous()), (position + 1, position % 2 == 1));
    }
    assert!(lesson.records.is_sorted_by(|a, b| a.line < b.line) && lesson.records[MOST - 1].line > 4_000);
    let faulty = body.replace(r#"{"Flow Duration":4321}"#, r#"{"Flow Duration":"x"}"#);
    assert_eq!(refused(parse_training(faulty.as_bytes(), now())), [("float_parsing", "flows.4321.Flow Duration".to_owned())]);
    let short = body.replacen(r#""BENIGN","#, "", 1);
    assert_eq!(refused(parse_training(short.as_bytes(), now())), [("value_error", "labels".to_owned())]);
}

#[test]
fn lines_of_files_are_flows_with_or_without_a_wrapper() {
    for line in [
        r#"{"data":{"Flow Duration":2},"label":"DoS Hulk"}"#,
        r#"{"Flow Duration":2,"Label":"DoS Hulk"}"#,
        r#"{"Flow Duration":2,"Label":"DoS Hulk","note":"text","tags":[1]}"#,
    ] {
        let record = parse_record(line.as_bytes(), 9, now()).unwrap();
        assert_eq!((value(&record.event, F::FlowDuration), record.label, record.line), (2.0, Some(Label::Anomalous), 9), "{line}");
    }
    assert_eq!(refused(parse_record(br#"{"a":1}"#, 1, now())), [("missing", String::new())]);
    assert_eq!(refused(parse_record(br#"{"Flow Duration":"x"}"#, 1, now())), [("float_parsing", "Flow Duration".to_owned())]);
}

#[test]
fn the_fields_of_a_line_are_in_the_order_of_the_contract() {
    let long: Vec<String> = (0..82).map(|i| i.to_string()).collect();
    let event = parse_csv(json!({"csv": long.join(",")}).to_string().as_bytes(), now()).unwrap();
    for (feature, expected) in [
        (F::DestinationPort, 3.0),
        (F::FlowDuration, 6e6),
        (F::FlowBytesRate, 7.0),
        (F::FwdRate, 9.0),
        (F::FwdLengthMax, 15.0),
        (F::LengthVariance, 27.0),
        (F::FwdHeader, 28.0),
        (F::FwdHeader1, 28.0),
        (F::FlowIatMean, 32e6),
        (F::BwdIatStd, 45e6),
        (F::Ece, 56.0),
        (F::FwdWindow, 59.0),
        (F::IdleStd, 68e6),
        (F::Cwe, 77.0),
        (F::SubflowBwdBytes, 81.0),
    ] {
        assert_eq!(value(&event, feature), expected, "{feature:?}");
    }
    assert!(event.values.iter().all(|v| v.is_finite()), "every feature has a field");
    let short = parse_csv(json!({"csv": &long[2..]}).to_string().as_bytes(), now()).unwrap();
    assert_eq!((short.values, short.destination.as_str(), event.destination.as_str()), (event.values, "3", "1:3"));
    let header = parse_csv(json!({"csv": FIELDS.join(",")}).to_string().as_bytes(), now()).unwrap();
    assert!(header.values.iter().all(|v| *v == 0.0));
    let numbers: Vec<_> = (0..82).map(|i| json!(i)).collect();
    assert_eq!(value(&parse_csv(json!({"csv": numbers}).to_string().as_bytes(), now()).unwrap(), F::FlowDuration), 6e6);
    let line = format!(r#"{{"csv":[NaN{}]}}"#, ",Infinity".repeat(79));
    assert!(parse_csv(line.as_bytes(), now()).is_ok());
}

#[test]
fn lines_that_are_none_say_so() {
    for (body, expected) in [
        ("{}", "Missing 'csv' field in request body"),
        ("[]", "Missing 'csv' field in request body"),
        (r#"{"csv":5}"#, "'csv' field must be a string or array"),
        (r#"{"csv":null}"#, "'csv' field must be a string or array"),
        (r#"{"csv":""}"#, "CSV must have 80 or 82 fields, got 1"),
        (r#"{"csv":[]}"#, "CSV must have 80 or 82 fields, got 0"),
        (r#"{"csv":"1,2,3"}"#, "CSV must have 80 or 82 fields, got 3"),
    ] {
        assert_eq!(parse_csv(body.as_bytes(), now()).unwrap_err().to_string(), expected, "{body}");
    }
    let many = json!({"csv": ",".repeat(100)});
    assert_eq!(parse_csv(many.to_string().as_bytes(), now()).unwrap_err(), CsvError::Count(101));
    assert!(matches!(parse_csv(b"{csv", now()), Err(CsvError::Json(_))));
    let million = format!(r#"{{"csv":[{}0]}}"#, "0,".repeat(1_000_000));
    assert_eq!(parse_csv(million.as_bytes(), now()).unwrap_err(), CsvError::Count(1_000_001));
    let deep = format!(r#"{{"csv":[{}{}{}]}}"#, "[".repeat(100), "]".repeat(100), ",0".repeat(79));
    assert!(parse_csv(deep.as_bytes(), now()).is_ok(), "a list in a field is no number");
}

#[test]
fn what_is_no_json_is_refused() {
    for number in ["01", "-", "+1", "1.", ".5", "1e", "0x1", "1_0", "--1", "tru", "1 2", "'1'", "-01", "1.5.2", "00"] {
        let body = format!(r#"{{"data":{{"Flow Duration":{number}}}}}"#);
        assert_eq!(refused(parse_data(body.as_bytes(), now()))[0].0, "json_invalid", "{number}");
    }
    for body in [
        r#"{"data":{"a":1,}}"#,
        r#"{"data":{,"a":1}}"#,
        r#"{"data":{"a" 1}}"#,
        r#"{"data":{"a":1}},"#,
        "{\"data\":{\"a\tb\":1}}",
        r#"{"data":{"a":1}"#,
    ] {
        let body = body.replace("\\t", "\t");
        assert_eq!(refused(parse_data(body.as_bytes(), now()))[0].0, "json_invalid", "{body}");
    }
}

/// A flow's number as JSON may write it.
fn numbers() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f32>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| n.to_string()),
        any::<i32>().prop_map(|n| n.to_string()),
        "-?[1-9][0-9]{0,24}(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?"
    ]
}

proptest! {
    #[test]
    fn the_fast_way_and_the_slow_way_agree(
        flows in prop::collection::vec(prop::collection::vec((0..12_usize, numbers(), 0..2_usize), 1..9), 1..5),
    ) {
        const NAMES: [&str; 12] = ["Flow Duration", "flow_duration", " Idle Max", "x", "y", "Label", "Src IP", "Protocol", "Syn", "Flow Byts/s", "dst_port", "tot_fwd_pkts"];
        let flow = |pairs: &Vec<(usize, String, usize)>| {
            let pairs: Vec<String> = pairs.iter().map(|(name, number, blanks)| format!("\"{}\":{}{number}", NAMES[*name], " ".repeat(*blanks))).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let flows: Vec<String> = flows.iter().map(flow).collect();
        let body = format!("{{\"flows\": [{}]}}", flows.join(", "));
        let all = || super::All { records: Vec::new(), most: MOST };
        let (mut fast, mut slow) = (all(), all());
        if super::fast::batch(body.as_bytes(), now(), &mut fast).is_some() {
            super::slow::batch(Raw::parse(body.as_bytes()).unwrap(), now(), &mut slow).unwrap();
            prop_assert_eq!(fast.records.len(), slow.records.len());
            for (fast, slow) in fast.records.iter().zip(&slow.records) {
                for (a, b) in fast.event.values.iter().zip(&slow.event.values) {
                    prop_assert!((a - b).abs() <= 1e-6 * a.abs() || a.is_nan() && b.is_nan(), "{} {} {}", a, b, body);
                }
                prop_assert_eq!((&fast.event.protocol.is_empty(), fast.label), (&slow.event.protocol.is_empty(), slow.label));
            }
        }
    }
}

const GOOD: &str = r#"{"data":{"Flow Duration":1.5,"Src IP":"a","x":"7","Timestamp":1e9},"flows":[{"Idle Max":NaN},{}],"csv":[1,"2"]}"#;

proptest! {
    #[test]
    fn any_bytes_end_in_a_flow_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (parse_data(&bytes, now()), parse_batch(&bytes, now()), parse_record(&bytes, 1, now()), parse_csv(&bytes, now()), parse_training(&bytes, now()));
    }

    #[test]
    fn any_change_of_a_good_body_ends_in_a_flow_or_faults(at in 0..GOOD.len(), byte in any::<u8>()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = (parse_data(&bytes, now()), parse_batch(&bytes, now()), parse_record(&bytes, 1, now()), parse_csv(&bytes, now()), parse_training(&bytes, now()));
    }
}
