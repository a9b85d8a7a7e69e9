//! Bodies that do not validate: the same answer with and without a model, since they are looked at first.

use crate::client::{Answer, post, shown};
use crate::common::Running;
use crate::fixture::{entry, refused, stream, trained, trained_with, untrained, with, without};
use serde_json::{Value, json};

/// Sends a body to a server with and to one without a model, and expects the same answer.
fn both(servers: &[Running], path: &str, body: &str) -> Answer {
    let [with, without] = [0, 1].map(|at| post(&servers[at], path, body));
    assert_eq!((with.status, &with.text), (without.status, &without.text), "{path} {body:.200}");
    with
}

fn servers() -> (Vec<tempfile::TempDir>, Vec<Running>) {
    [trained(), untrained("")].into_iter().unzip()
}

fn check(servers: &[Running], path: &str, body: &str, expected: &[(&str, Value)]) {
    let expected: Vec<(String, String)> = expected.iter().map(|(kind, loc)| ((*kind).to_owned(), loc.to_string())).collect();
    assert_eq!(both(servers, path, body).faults(), expected, "{path} {body:.200}");
}

#[test]
fn bodies_without_entries() {
    let (_folders, servers) = servers();
    let (body, logs) = (|| json!(["body"]), || json!(["body", "logs"]));
    for (text, kind, loc) in [
        ("", "missing", body()),
        ("null", "missing", body()),
        ("[]", "model_attributes_type", body()),
        ("\"logs\"", "model_attributes_type", body()),
        ("{}", "missing", logs()),
        (r#"{"threshold":-0.4}"#, "missing", logs()),
        (r#"{"logs":null}"#, "list_type", logs()),
        (r#"{"logs":{"a":1}}"#, "list_type", logs()),
        (r#"{"logs":"x"}"#, "list_type", logs()),
    ] {
        check(&servers, "/logs/detect", text, &[(kind, loc)]);
    }
    for text in ["[]", "\"logs\""] {
        check(&servers, "/logs/train", text, &[("model_attributes_type", body())]);
    }
    for text in [r#"{"logs":{"a":1}}"#, r#"{"logs":7}"#] {
        check(&servers, "/logs/train", text, &[("list_type", logs())]);
    }
    for path in ["/logs/detect", "/logs/train", "/logs/analyze"] {
        for text in ["{", "{\"logs\":[}", "logs=1", "{'logs': []}", "{\"logs\":[]} x", "{\"logs\":[nan]}"] {
            let answer = both(&servers, path, text);
            let loc = answer.json()["detail"][0]["loc"].clone();
            assert!(answer.faults()[0].0 == "json_invalid" && loc[0] == "body" && loc[1].is_u64(), "{path} {text}: {}", answer.text);
        }
    }
}

#[test]
fn every_fault_of_every_entry_is_listed() {
    let (_folders, servers) = servers();
    for path in ["/logs/detect", "/logs/train"] {
        for (name, value, kind) in [
            ("status_code", json!("-"), "int_parsing"),
            ("status_code", json!(""), "int_parsing"),
            ("status_code", json!(200.5), "int_from_float"),
            ("status_code", json!("200.5"), "int_parsing"),
            ("status_code", Value::Null, "int_type"),
            ("status_code", json!([200]), "int_type"),
            ("response_time", json!("fast"), "float_parsing"),
            ("response_time", Value::Null, "float_type"),
            ("response_time", json!({}), "float_type"),
            ("timestamp", json!("yesterday"), "datetime_parsing"),
            ("timestamp", json!("2026-02-30T00:00:00Z"), "datetime_parsing"),
            ("user_id", json!(7), "string_type"),
            ("user_id", Value::Null, "string_type"),
            ("endpoint", json!(["/a"]), "string_type"),
            ("method", json!(true), "string_type"),
            ("ip_address", json!(3.5), "string_type"),
            ("user_agent", json!(3), "string_type"),
            ("request_size", json!("large"), "int_parsing"),
            ("request_size", json!(1.5), "int_from_float"),
            ("response_size", json!([]), "int_type"),
        ] {
            let body = json!({"logs": [entry(0), with(1, name, value)]}).to_string();
            check(&servers, path, &body, &[(kind, json!(["body", "logs", 1, name]))]);
        }
        for name in ["timestamp", "user_id", "endpoint", "method", "ip_address", "status_code", "response_time"] {
            let body = json!({"logs": [without(0, name)]}).to_string();
            check(&servers, path, &body, &[("missing", json!(["body", "logs", 0, name]))]);
        }
        let mut many = with(1, "status_code", "x");
        many["response_time"] = "y".into();
        let body = json!({"logs": [entry(0), many, 7, null, without(4, "method")]}).to_string();
        let expected = [
            ("int_parsing", json!(["body", "logs", 1, "status_code"])),
            ("float_parsing", json!(["body", "logs", 1, "response_time"])),
            ("model_attributes_type", json!(["body", "logs", 2])),
            ("model_attributes_type", json!(["body", "logs", 3])),
            ("missing", json!(["body", "logs", 4, "method"])),
        ];
        check(&servers, path, &body, &expected);
        let body = json!({"logs": vec![json!({}); 3_000]}).to_string();
        assert_eq!(both(&servers, path, &body).faults().len(), 100, "{path}: the first ones");
    }
    check(&servers, "/logs/analyze", &with(0, "status_code", "-").to_string(), &[("int_parsing", json!(["body", "status_code"]))]);
    check(&servers, "/logs/analyze", &without(0, "user_id").to_string(), &[("missing", json!(["body", "user_id"]))]);
}

#[test]
fn thresholds_and_shares() {
    let (_folders, servers) = servers();
    for (value, kind) in [(json!("low"), "float_parsing"), (json!([]), "float_type"), (json!({}), "float_type")] {
        let body = json!({"logs": [with(0, "status_code", "-")], "threshold": value}).to_string();
        check(
            &servers,
            "/logs/detect",
            &body,
            &[("int_parsing", json!(["body", "logs", 0, "status_code"])), (kind, json!(["body", "threshold"]))],
        );
    }
    for (value, kind, bound) in [
        (json!(0), "greater_than", json!({"gt": 0.0})),
        (json!(1), "less_than", json!({"lt": 1.0})),
        (json!(-1), "greater_than", json!({"gt": 0.0})),
        (json!("2"), "less_than", json!({"lt": 1.0})),
        (json!(1e300), "less_than", json!({"lt": 1.0})),
        (json!("x"), "float_parsing", Value::Null),
        (json!([]), "float_type", Value::Null),
    ] {
        let body = json!({"logs": stream(0..2), "test_size": value}).to_string();
        check(&servers, "/logs/train", &body, &[(kind, json!(["body", "test_size"]))]);
        assert_eq!(both(&servers, "/logs/train", &body).json()["detail"][0]["ctx"], bound, "{value}");
    }
    check(&servers, "/logs/detect?explain=perhaps", r#"{"logs":[]}"#, &[("bool_parsing", json!(["query", "explain"]))]);
}

#[test]
fn the_model_is_asked_for_last() {
    let (_folders, servers) = servers();
    let sentence = "Model not trained. Please train the model first.".to_owned();
    assert_eq!(refused(&servers[1], "/logs/detect", &json!({ "logs": stream(0..3) })), (400, sentence.clone()));
    assert_eq!(refused(&servers[1], "/logs/detect", &json!({ "logs": [] })), (400, sentence.clone()));
    assert_eq!(refused(&servers[1], "/logs/analyze", &entry(0)), (400, sentence));
    assert_eq!(shown(&servers[1], "/logs/statistics")["total_requests_analyzed"], 0);
}

#[test]
fn one_request_may_have_so_many_entries() {
    let (_folder, server) = trained_with("[server]\nmax_batch_events = 50\n");
    assert_eq!(post(&server, "/logs/detect", json!({ "logs": stream(0..50) }).to_string()).status, 200);
    let expected = "Too many log entries in one request: at most 50 are allowed (server.max_batch_events). Send them in several.";
    assert_eq!(refused(&server, "/logs/detect", &json!({ "logs": stream(0..51) })), (413, expected.to_owned()));
    assert_eq!(post(&server, "/logs/train", json!({ "logs": stream(0..200) }).to_string()).status, 200, "lessons may be longer");
}
