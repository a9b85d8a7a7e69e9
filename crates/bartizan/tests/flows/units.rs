//! The same flow in every dialect, in microseconds or in seconds, is the same flow.

use crate::client::done;
use crate::common::Running;
use crate::dialects::NAMES;
use crate::fixture::{Flow, flows, trained};
use serde_json::{Map, Value, json};

/// Numbers go through a division and a multiplication by a million.
const ROUNDING: f64 = 1e-6;

fn renamed(mut flow: Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    for (from, to) in names {
        let value = flow.remove(*from).unwrap();
        flow.insert((*to).to_owned(), value);
    }
    flow
}

fn predict(server: &Running, flow: &Map<String, Value>) -> f64 {
    done(server, "/flows/predict", &json!({"data": flow}))["confidence"].as_f64().unwrap()
}

fn csv(server: &Running, line: Value) -> f64 {
    done(server, "/flows/predict/csv", &json!({"csv": line}))["confidence"].as_f64().unwrap()
}

fn same(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= ROUNDING, "{what}: {found}, expected {expected}");
}

#[test]
fn every_dialect_of_a_flow_gets_the_same_confidence() {
    let (_folder, server) = trained(&[]);
    for flow in flows(40, 5, "0.4") {
        let expected = predict(&server, &flow.public());
        same(predict(&server, &flow.short()), expected, "short Java names");
        let abbreviated = renamed(flow.short(), &[("Flow Duration", "Flow Dur")]);
        same(predict(&server, &abbreviated), expected, "Flow Dur");
        same(predict(&server, &flow.snake()), expected, "snake_case, seconds");
        let upper = flow.public().into_iter().map(|(name, value)| (format!(" {}", name.to_uppercase()), value)).collect();
        same(predict(&server, &upper), expected, "another case, leading blanks");
        same(csv(&server, json!(flow.fields().join(","))), expected, "82 fields");
        same(csv(&server, json!(flow.fields()[2..])), expected, "80 fields");
        let mixed = json!({"flows": [flow.public(), flow.short(), flow.snake(), abbreviated]});
        let batch = done(&server, "/flows/predict/batch", &mixed);
        for prediction in batch["predictions"].as_array().unwrap() {
            same(prediction["confidence"].as_f64().unwrap(), expected, "in one batch");
        }
    }
}

#[test]
fn seconds_under_the_names_of_microseconds_are_another_flow() {
    let (_folder, server) = trained(&[]);
    let differ = |flow: &Flow| {
        let snake = flow.snake();
        let wrong = NAMES.iter().filter(|names| !names[2].is_empty()).map(|names| (names[0].to_owned(), snake[names[2]].clone()));
        (predict(&server, &wrong.collect()) - predict(&server, &flow.public())).abs() > 0.01
    };
    assert!(flows(10, 6, "0").iter().all(differ));
}

#[test]
fn dialects_may_be_mixed_within_a_flow() {
    let (_folder, server) = trained(&[]);
    for flow in flows(10, 7, "0.2") {
        let (public, short, snake) = (flow.public(), flow.short(), flow.snake());
        let pick = |(at, names): (usize, &[&str; 3])| {
            let dialect = if names[1].is_empty() { 0 } else { at % 3 };
            let value = [&public, &short, &snake][dialect][names[dialect]].clone();
            (names[dialect].to_owned(), value)
        };
        let mixed = NAMES.iter().enumerate().map(pick).collect();
        same(predict(&server, &mixed), predict(&server, &public), "every third name");
    }
}

#[test]
fn the_repeated_header_length_is_filled_from_the_first() {
    let (_folder, server) = trained(&[]);
    for flow in flows(10, 8, "0") {
        let expected = predict(&server, &flow.public());
        let mut once = flow.public();
        let length = once.remove("Fwd Header Length.1").unwrap();
        same(predict(&server, &once), expected, "named once");
        let snake = renamed(once, &[("Fwd Header Length", "fwd_header_len")]);
        same(predict(&server, &snake), expected, "named once, in snake_case");
        let mut zero = flow.public();
        zero.insert("Fwd Header Length.1".to_owned(), json!(0));
        assert!(length == 0 || (predict(&server, &zero) - expected).abs() > ROUNDING, "one that is given is kept");
    }
}
