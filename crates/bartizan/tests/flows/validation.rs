//! Bodies that do not validate: the same answer with and without a model, since they are looked at first.

use crate::client::{Answer, post};
use crate::common::Running;
use crate::fixture::{trained, untrained};
use serde_json::Value;

/// Sends a request to a server with and to one without a model, and expects the same answer.
fn both(servers: &[Running], path: &str, body: &str) -> Answer {
    let [with, without] = [0, 1].map(|at| post(&servers[at], path, body));
    assert_eq!((with.status, &with.text), (without.status, &without.text), "{path} {body}");
    with
}

fn servers() -> (Vec<tempfile::TempDir>, Vec<Running>) {
    [trained(&[]), untrained(&[])].into_iter().unzip()
}

/// A body, and for each of its faults the type and the place after `body`.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

fn check(servers: &[Running], path: &str, cases: &[Case]) {
    for (body, expected) in cases {
        let found = both(servers, path, body).faults();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(kind, rest)| ((*kind).to_owned(), if rest.is_empty() { "[\"body\"]".to_owned() } else { format!("[\"body\",{rest}]") }))
            .collect();
        assert_eq!(found, expected, "{path} {body}");
    }
}

#[test]
fn one_flow() {
    let (_folders, servers) = servers();
    check(
        &servers,
        "/flows/predict",
        &[
            ("", &[("missing", "")]),
            ("null", &[("missing", "")]),
            (" \n", &[("missing", "")]),
            ("[]", &[("model_attributes_type", "")]),
            ("\"data\"", &[("model_attributes_type", "")]),
            ("{}", &[("missing", "\"data\"")]),
            (r#"{"flows":[{}]}"#, &[("missing", "\"data\"")]),
            (r#"{"data":{}}"#, &[("value_error", "\"data\"")]),
            (r#"{"data":null}"#, &[("dict_type", "\"data\"")]),
            (r#"{"data":[1]}"#, &[("dict_type", "\"data\"")]),
            (r#"{"data":"1"}"#, &[("dict_type", "\"data\"")]),
            (r#"{"data":{"Flow Duration":null}}"#, &[("float_type", r#""data","Flow Duration""#)]),
            (r#"{"data":{"Flow Duration":[1]}}"#, &[("float_type", r#""data","Flow Duration""#)]),
            (r#"{"data":{"Flow Duration":{"a":1}}}"#, &[("float_type", r#""data","Flow Duration""#)]),
            (r#"{"data":{"Flow Duration":"fast"}}"#, &[("float_parsing", r#""data","Flow Duration""#)]),
            (r#"{"data":{"Flow Duration":""}}"#, &[("float_parsing", r#""data","Flow Duration""#)]),
            (r#"{"data":{"Flow Duration":"1,5"}}"#, &[("float_parsing", r#""data","Flow Duration""#)]),
            (r#"{"data":{"nobody":"knows"}}"#, &[("float_parsing", r#""data","nobody""#)]),
            (
                r#"{"data":{" Active Max":null,"Bwd IAT Std":1,"Flow Duration":"x","Idle Min":[]}}"#,
                &[
                    ("float_type", r#""data"," Active Max""#),
                    ("float_parsing", r#""data","Flow Duration""#),
                    ("float_type", r#""data","Idle Min""#),
                ],
            ),
        ],
    );
    let empty = both(&servers, "/flows/predict", r#"{"data":{}}"#).json();
    assert_eq!(empty["detail"][0]["msg"], "Value error, Data dictionary cannot be empty", "{empty}");
    for (body, named) in [
        (r#"{"data":{" Flow Duration":1,"Flow Duration":2}}"#, "Flow Duration"),
        (r#"{"data":{"Idle Min":1,"Idle Min  ":1}}"#, "Idle Min"),
        (r#"{"data":{"nobody":1," nobody":2}}"#, "nobody"),
    ] {
        let (status, text) = both(&servers, "/flows/predict", body).refusal();
        assert!(status == 400 && text.starts_with("Prediction failed: ") && text.contains(named), "{body}: {status} {text}");
    }
    check(
        &servers,
        "/flows/predict",
        &[(r#"{"data":{" x":1,"x":2,"Flow Duration":null}}"#, &[("float_type", r#""data","Flow Duration""#)])],
    );
}

#[test]
fn many_flows() {
    let (_folders, servers) = servers();
    check(
        &servers,
        "/flows/predict/batch",
        &[
            ("", &[("missing", "")]),
            ("null", &[("missing", "")]),
            ("[{}]", &[("model_attributes_type", "")]),
            ("{}", &[("missing", "\"flows\"")]),
            (r#"{"flows":[]}"#, &[("too_short", "\"flows\"")]),
            (r#"{"flows":null}"#, &[("list_type", "\"flows\"")]),
            (r#"{"flows":{"a":1}}"#, &[("list_type", "\"flows\"")]),
            (r#"{"flows":[{},7,[],null]}"#, &[("dict_type", "\"flows\",1"), ("dict_type", "\"flows\",2"), ("dict_type", "\"flows\",3")]),
            (
                r#"{"flows":[{"a":null},{"Flow Duration":1},{"Flow Duration":"x"}]}"#,
                &[("float_type", r#""flows",0,"a""#), ("float_parsing", r#""flows",2,"Flow Duration""#)],
            ),
        ],
    );
    let short = both(&servers, "/flows/predict/batch", r#"{"flows":[]}"#).json();
    assert_eq!(short["detail"][0]["ctx"]["min_length"], 1, "{short}");
    let (status, text) = both(&servers, "/flows/predict/batch", r#"{"flows":[{},{"Idle Min":1," Idle Min":1}]}"#).refusal();
    assert!(status == 400 && text.starts_with("Prediction failed: "), "{status} {text}");
}

#[test]
fn bodies_that_are_no_json_say_where() {
    let (_folders, servers) = servers();
    for path in ["/flows/predict", "/flows/predict/batch"] {
        for body in [
            "{",
            "{\"data\":{\"a\":1}",
            "{\"data\":nope}",
            "data=1",
            "{\"data\":{\"a\":nan}}",
            "{'data': {}}",
            "\u{feff}{",
            "{\"data\":{\"a\":1}} x",
        ] {
            let answer = both(&servers, path, body);
            let (kind, _) = answer.faults().remove(0);
            let loc = answer.json()["detail"][0]["loc"].clone();
            assert!(kind == "json_invalid" && loc[0] == "body" && loc[1].is_u64(), "{path} {body}: {}", answer.text);
        }
    }
    let binary = post(&servers[0], "/flows/predict", b"{\"data\":{\"a\xff\":1}}");
    assert_eq!(binary.status, 422, "{binary:?}");
}

#[test]
fn lines() {
    let (_folders, servers) = servers();
    let missing = "Missing 'csv' field in request body";
    let kind = "'csv' field must be a string or array";
    let count = |n: usize| format!("CSV must have 80 or 82 fields, got {n}");
    let commas = |n: usize| format!("{{\"csv\":\"{}\"}}", ",".repeat(n));
    let list = |n: usize| format!("{{\"csv\":{}}}", Value::from(vec![0; n]));
    for (body, expected) in [
        ("{}".to_owned(), missing.to_owned()),
        (r#"{"data":{}}"#.to_owned(), missing.to_owned()),
        (r#"{"csv":5}"#.to_owned(), kind.to_owned()),
        (r#"{"csv":null}"#.to_owned(), kind.to_owned()),
        (r#"{"csv":true}"#.to_owned(), kind.to_owned()),
        (r#"{"csv":{"a":1}}"#.to_owned(), kind.to_owned()),
        (r#"{"csv":"1,2"}"#.to_owned(), count(2)),
        (r#"{"csv":""}"#.to_owned(), count(1)),
        (r#"{"csv":[]}"#.to_owned(), count(0)),
        (commas(78), count(79)),
        (commas(80), count(81)),
        (commas(82), count(83)),
        (list(78), count(78)),
        (list(81), count(81)),
        (list(5000), count(5000)),
    ] {
        assert_eq!(both(&servers, "/flows/predict/csv", &body).refusal(), (400, expected), "{body}");
    }
    for body in ["", "null", "[]", "{", "csv=1,2", "\u{7f}"] {
        let (status, text) = both(&servers, "/flows/predict/csv", body).refusal();
        assert!(status == 400 && !text.is_empty() && !text.starts_with('{'), "{body}: {status} {text}");
    }
}
