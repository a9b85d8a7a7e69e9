//! The validation table of the wire contract, case by case.

use super::{LogsError, parse_session, parse_training};
use crate::behavior::{AttackType, NAMES, SessionEvent};
use crate::faults::{Fault, Loc, MAX_FAULTS, object_of};
use bartizan_core::{Seed, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

const GOOD: &str = r#"{"failed_logins":2,"request_rate":50,"commands_count":1,"sql_payload":1,"honeytoken_access":0,"session_time":120}"#;

fn now() -> Timestamp {
    Timestamp::from_secs(1_000_000)
}

/// Sessions that one batch may have here.
const MOST: usize = 1_000;

fn faults<T>(result: Result<T, LogsError>) -> Result<T, Vec<Fault>> {
    result.map_err(|error| match error {
        LogsError::Faults(faults) => faults,
        LogsError::TooMany(most) => panic!("more than {most}"),
    })
}

fn parse_logs(bytes: &[u8], now: Timestamp) -> Result<Vec<SessionEvent>, Vec<Fault>> {
    faults(super::parse_logs(bytes, now, MOST))
}

/// The good body with one field set, or left out.
fn with(name: &str, value: Option<Value>) -> String {
    let mut body: Value = serde_json::from_str(GOOD).expect("the body is good");
    let object = body.as_object_mut().expect("the body is an object");
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    body.to_string()
}

fn place(fault: &Fault) -> String {
    let steps = fault.loc.iter().map(|step| match step {
        Loc::Key(key) => key.clone(),
        Loc::Index(index) => index.to_string(),
    });
    steps.collect::<Vec<_>>().join(".")
}

fn parse(body: &str) -> Result<SessionEvent, Vec<Fault>> {
    parse_session(body.as_bytes(), now())
}

#[test]
fn a_session_is_read() {
    let event = parse(GOOD).unwrap();
    assert_eq!((event.values(), event.time, event.attack), ([2, 50, 1, 1, 0, 120], now(), None));
    assert_eq!((event.client.as_str(), event.event_id.as_str()), ("", ""));
    let more =
        GOOD.replace('}', r#","client":"192.0.2.1","timestamp":"2026-01-31T10:30:00+01:00","session_id":"s","label":"recon","x":[1]}"#);
    let event = parse(&more).unwrap();
    assert_eq!((event.client.as_str(), event.event_id.as_str(), event.attack), ("192.0.2.1", "s", Some(AttackType::Recon)));
    assert_eq!(event.time.to_string(), "2026-01-31T09:30:00Z");
}

#[test]
fn what_is_optional_is_passed_over_where_it_is_not_valid() {
    for extra in [
        r#""client":7,"timestamp":7,"session_id":{},"label":1"#,
        r#""client":null,"timestamp":"soon","session_id":null,"label":"unheard of""#,
    ] {
        let event = parse(&GOOD.replace('}', &format!(",{extra}}}"))).unwrap();
        assert_eq!((event.client.as_str(), event.time, event.event_id.as_str(), event.attack), ("", now(), "", None), "{extra}");
    }
}

#[test]
fn bounds_are_inclusive() {
    for (name, least, most) in [
        ("failed_logins", 0, 150),
        ("request_rate", 1, 600),
        ("commands_count", 0, 20),
        ("sql_payload", 0, 1),
        ("honeytoken_access", 0, 1),
        ("session_time", 10, 600),
    ] {
        let at = NAMES.iter().position(|n| *n == name).unwrap();
        for value in [least, most] {
            assert_eq!(i64::from(parse(&with(name, Some(json!(value)))).unwrap().values()[at]), value, "{name}");
        }
        let low = format!("Input should be greater than or equal to {least}");
        let high = format!("Input should be less than or equal to {most}");
        for (value, kind, msg, ctx) in [
            (least - 1, "greater_than_equal", &low, json!({ "ge": least })),
            (-70_000, "greater_than_equal", &low, json!({ "ge": least })),
            (most + 1, "less_than_equal", &high, json!({ "le": most })),
            (70_000, "less_than_equal", &high, json!({ "le": most })),
        ] {
            let faults = parse(&with(name, Some(json!(value)))).unwrap_err();
            assert_eq!(faults.len(), 1, "{name} {value}");
            assert_eq!((faults[0].kind, place(&faults[0]).as_str(), &faults[0].msg), (kind, name, msg), "{name} {value}");
            assert_eq!((&faults[0].input, &faults[0].ctx), (&json!(value), &Some(ctx)), "{name} {value}");
        }
    }
}

#[test]
fn numbers_may_come_as_other_types_and_not_with_a_fraction() {
    const PARSING: &str = "Input should be a valid integer, unable to parse string as an integer";
    const FRACTION: &str = "Input should be a valid integer, got a number with a fractional part";
    const TYPE: &str = "Input should be a valid integer";
    for (value, expected) in [
        (json!(5.0), Ok(5)),
        (json!("5"), Ok(5)),
        (json!(" 5 "), Ok(5)),
        (json!("+5"), Ok(5)),
        (json!("5.0"), Ok(5)),
        (json!("-0"), Ok(0)),
        (json!(true), Ok(1)),
        (json!(false), Ok(0)),
        (json!(5.5), Err(("int_from_float", FRACTION))),
        (json!("5.5"), Err(("int_parsing", PARSING))),
        (json!("five"), Err(("int_parsing", PARSING))),
        (json!(""), Err(("int_parsing", PARSING))),
        (json!("1e2"), Err(("int_parsing", PARSING))),
        (json!(null), Err(("int_type", TYPE))),
        (json!([5]), Err(("int_type", TYPE))),
        (json!({}), Err(("int_type", TYPE))),
        (json!("99999999999999999999"), Err(("less_than_equal", "Input should be less than or equal to 150"))),
        (json!(1e30), Err(("less_than_equal", "Input should be less than or equal to 150"))),
        (json!(-1e30), Err(("greater_than_equal", "Input should be greater than or equal to 0"))),
        (json!(u64::MAX), Err(("less_than_equal", "Input should be less than or equal to 150"))),
    ] {
        let found = parse(&with("failed_logins", Some(value.clone())));
        let found = found.map(|event| event.failed_logins).map_err(|faults| (faults[0].kind, faults[0].msg.clone()));
        assert_eq!(found, expected.map_err(|(kind, msg): (&str, &str)| (kind, msg.to_owned())), "{value}");
    }
}

#[test]
fn every_fault_is_listed_in_the_order_of_the_features() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("{}", &NAMES.map(|name| ("missing", name))),
        (
            r#"{"failed_logins":151,"request_rate":0.5,"commands_count":"x","sql_payload":2,"session_time":null}"#,
            &[
                ("less_than_equal", "failed_logins"),
                ("int_from_float", "request_rate"),
                ("int_parsing", "commands_count"),
                ("less_than_equal", "sql_payload"),
                ("missing", "honeytoken_access"),
                ("int_type", "session_time"),
            ],
        ),
        ("[]", &[("model_attributes_type", "")]),
        ("7", &[("model_attributes_type", "")]),
        ("null", &[("missing", "")]),
        ("", &[("missing", "")]),
        ("{\"a\": NaN}", &[("json_invalid", "6")]),
        ("{\n\"a\": }", &[("json_invalid", "7")]),
    ];
    for (body, expected) in cases {
        let faults = parse(body).unwrap_err();
        let found: Vec<(&str, String)> = faults.iter().map(|fault| (fault.kind, place(fault))).collect();
        let expected: Vec<(&str, String)> = expected.iter().map(|(kind, place)| (*kind, (*place).to_owned())).collect();
        assert_eq!(found, expected, "{body}");
    }
    let faults = parse(&with("session_time", None)).unwrap_err();
    assert_eq!((faults[0].msg.as_str(), &faults[0].input["request_rate"]), ("Field required", &json!(50)));
}

#[test]
fn batches_are_read_whole_or_not_at_all() {
    let read = |body: &str| parse_logs(body.as_bytes(), now());
    assert_eq!(read(r#"{"logs":[]}"#).unwrap(), []);
    let two = format!(r#"{{"x":{{"logs":1}},"logs":[{GOOD}, {}],"y":2}}"#, with("session_time", Some(json!("600"))));
    assert_eq!(read(&two).unwrap().iter().map(|event| event.session_time).collect::<Vec<_>>(), [120, 600]);
    let bad = with("failed_logins", Some(json!(-1)));
    let cases: &[(String, &[(&str, &str)])] = &[
        ("{}".to_owned(), &[("missing", "logs")]),
        ("null".to_owned(), &[("missing", "")]),
        ("[]".to_owned(), &[("model_attributes_type", "")]),
        (r#"{"logs":null}"#.to_owned(), &[("list_type", "logs")]),
        (r#"{"logs":{}}"#.to_owned(), &[("list_type", "logs")]),
        (format!(r#"{{"logs":[{GOOD},{bad}]}}"#), &[("greater_than_equal", "logs.1.failed_logins")]),
        (
            format!(r#"{{"logs":[null,7,{GOOD},{bad}]}}"#),
            &[("model_attributes_type", "logs.0"), ("model_attributes_type", "logs.1"), ("greater_than_equal", "logs.3.failed_logins")],
        ),
        (format!(r#"{{"logs":[{GOOD}]"#), &[("json_invalid", "122")]),
        (format!(r#"{{"logs":[{GOOD}]}} x"#), &[("json_invalid", "125")]),
    ];
    for (body, expected) in cases {
        let faults = read(body).unwrap_err();
        let found: Vec<(&str, String)> = faults.iter().map(|fault| (fault.kind, place(fault))).collect();
        let expected: Vec<(&str, String)> = expected.iter().map(|(kind, place)| (*kind, (*place).to_owned())).collect();
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn large_and_deep_bodies_are_harmless() {
    let listed = |session: &str, times: usize| format!(r#"{{"logs":[{}]}}"#, vec![session; times].join(","));
    for session in ["{}", "7", r#"{"failed_logins":-1}"#] {
        assert_eq!(parse_logs(listed(session, 5_000).as_bytes(), now()).unwrap_err().len(), MAX_FAULTS, "{session}");
        assert_eq!(faults(parse_training(listed(session, 5_000).as_bytes(), now(), MOST, Seed(1))).unwrap_err().len(), MAX_FAULTS);
    }
    assert_eq!(parse_logs(listed(GOOD, MOST).as_bytes(), now()).unwrap().len(), MOST);
    let too_many = super::parse_logs(listed(GOOD, MOST + 1).as_bytes(), now(), MOST);
    assert_eq!(too_many, Err(LogsError::TooMany(MOST)));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let with_deep = GOOD.replace('}', &format!(",\"client\":{deep}}}"));
    assert_eq!(parse(&with_deep).unwrap().client, "", "what is optional is passed over, however deep");
    assert_eq!(parse_logs(listed(&with_deep, 3).as_bytes(), now()).unwrap().len(), 3);
    assert_eq!(parse(&deep).unwrap_err()[0].kind, "model_attributes_type");
    let long = "n".repeat(100_000);
    for body in [format!(r#"{{"other":"{long}"}}"#), format!(r#""{long}""#), format!(r#"{{"failed_logins":"{long}"}}"#)] {
        let shown: usize = parse(&body).unwrap_err().iter().map(|fault| fault.input.to_string().len()).sum();
        assert!(shown < 2_000, "{shown}");
    }
}

#[test]
fn sessions_to_learn_from_name_one_of_the_five_types() {
    let listed = |sessions: &[String]| format!(r#"{{"logs":[{}]}}"#, sessions.join(","));
    let read = |sessions: &[String], most| faults(parse_training(listed(sessions).as_bytes(), now(), most, Seed(1)));
    let with_label = |label: Value| with("label", Some(label));
    let [recon, odd] = [with_label(json!("recon")), with_label(json!("unheard of"))];
    let wrong = [recon.clone(), GOOD.to_owned(), odd, with_label(json!(7)), with_label(Value::Null), with("session_time", None)];
    let found = read(&wrong, MOST).unwrap_err();
    let five = "'Normal', 'BruteForce', 'Injection', 'DataExfil' or 'Recon'";
    let expected = [
        ("missing", "logs.1.label", format!("Field required: {five}"), Value::Null),
        ("literal_error", "logs.2.label", format!("Input should be {five}"), json!("unheard of")),
        ("literal_error", "logs.3.label", format!("Input should be {five}"), json!(7)),
        ("missing", "logs.4.label", format!("Field required: {five}"), Value::Null),
    ];
    for (fault, (kind, loc, msg, input)) in found.iter().zip(&expected) {
        assert_eq!((fault.kind, place(fault).as_str(), &fault.msg, &fault.input), (*kind, *loc, msg, input));
        assert_eq!(fault.ctx, Some(json!({ "expected": five })));
    }
    assert_eq!((found.len(), place(&found[4]).as_str()), (5, "logs.5.session_time"));
    let lesson = read(&vec![recon; 5_000], 300).unwrap();
    assert_eq!((lesson.met, lesson.events.len(), lesson.events[0].attack), (5_000, 300, Some(AttackType::Recon)));
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_session_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_session(&bytes, now()).map_or_else(|faults| !faults.is_empty(), |_| true));
        prop_assert!(parse_logs(&bytes, now()).map_or_else(|faults| !faults.is_empty(), |_| true));
    }

    #[test]
    fn any_change_of_a_good_body_ends_in_a_session_or_faults(at in 0..GOOD.len(), byte in any::<u8>()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[at] = byte;
        let alone = parse_session(&bytes, now());
        let batch = parse_logs(&[b"{\"logs\":[", bytes.as_slice(), b"]}"].concat(), now());
        prop_assert_eq!(alone.is_ok(), batch.is_ok());
        prop_assert!(alone.map_or_else(|faults| !faults.is_empty(), |_| true));
    }

    #[test]
    fn the_fast_and_the_slow_way_agree(values in prop::array::uniform6(0..700_u16)) {
        let body = json!({ "failed_logins": values[0], "request_rate": values[1], "commands_count": values[2],
            "sql_payload": values[3], "honeytoken_access": values[4], "session_time": values[5] });
        let fast = parse_session(body.to_string().as_bytes(), now()).map_err(|faults| faults.len());
        let slow = super::closely(&object_of(body.to_string().as_bytes(), &super::FIELDS).unwrap(), now());
        prop_assert_eq!(fast, slow.map(|(event, _)| event).map_err(|faults| faults.len()));
    }
}
