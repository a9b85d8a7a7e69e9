//! `POST /train`, in every form that flows may be given.

use crate::client::{Answer, ask, done, post, shown};
use crate::common::Running;
use crate::fixture::{Flow, flows, normal, untrained};
use serde_json::{Map, Value, json};

/// With its label, as one of a `/train` body.
fn labelled(flow: &Flow) -> Value {
    let mut named = flow.public();
    named.insert("Label".to_owned(), flow.label.as_str().into());
    named.into()
}

fn plain(flows: &[Flow]) -> Vec<Map<String, Value>> {
    flows.iter().map(Flow::public).collect()
}

/// A table as the public ones are: leading blanks, one column twice.
fn table(flows: &[Flow]) -> String {
    let names: Vec<&str> = crate::dialects::NAMES.iter().map(|names| names[0].trim_end_matches(".1")).collect();
    let row = |flow: &Flow| {
        let cells: Vec<String> = flow.values.iter().map(f64::to_string).collect();
        format!("{},{}\r\n", cells.join(","), flow.label)
    };
    format!(" {}, Label\r\n{}", names.join(", "), flows.iter().map(row).collect::<String>())
}

fn train(server: &Running, body: &Value) -> Answer {
    post(server, "/flows/train", body.to_string())
}

/// The answer of a training that succeeded.
fn check(answer: &Answer, version: &str, samples: usize) {
    let body = answer.json();
    assert_eq!((answer.status, &body["success"]), (200, &true.into()), "{}", answer.text);
    assert_eq!((&body["model_version"], &body["training_samples"]), (&version.into(), &samples.into()), "{body}");
    assert!(body["training_duration_seconds"].is_number() && body["message"].is_string(), "{body}");
}

fn check_measures(answer: &Answer) {
    let body = answer.json();
    for name in ["accuracy", "precision", "recall", "f1_score", "accuracy_score"] {
        assert!(body[name].as_f64().is_some_and(|measure| measure > 0.7 && measure <= 1.0), "{name}: {body}");
    }
}

#[test]
fn every_form_of_the_same_flows_makes_the_same_model() {
    let flows = flows(600, 1, "0.1");
    let labels: Vec<&str> = flows.iter().map(|flow| flow.label.as_str()).collect();
    let numbers: Vec<u8> = flows.iter().map(|flow| u8::from(flow.is_attack())).collect();
    let inside: Vec<Value> = flows.iter().map(labelled).collect();
    let probes = json!({"flows": plain(&crate::fixture::flows(30, 2, "0.3"))});
    let json_type = "content-type: application/json";
    let csv_type = "content-type: text/csv; charset=utf-8";
    let forms = [
        ("labels beside", json_type, json!({"flows": plain(&flows), "labels": labels}).to_string()),
        ("numbers beside", json_type, json!({"flows": plain(&flows), "labels": numbers}).to_string()),
        ("labels inside", json_type, json!({"flows": inside}).to_string()),
        ("labels beside go before those inside", json_type, {
            let wrong: Vec<Value> =
                flows.iter().map(|flow| labelled(&Flow { values: flow.values.clone(), label: "Bot".to_owned() })).collect();
            json!({"flows": wrong, "labels": labels}).to_string()
        }),
        ("short names", json_type, json!({"flows": flows.iter().map(Flow::short).collect::<Vec<_>>(), "labels": labels}).to_string()),
        ("a table in JSON", json_type, json!({"csv": table(&flows)}).to_string()),
        ("a table as the body", csv_type, table(&flows)),
    ];
    let mut first = None;
    for (what, kind, body) in forms {
        let (_folder, server) = untrained(&[]);
        let answer = ask(&server, "POST", "/flows/train", &[kind], &body);
        check(&answer, "v1.0", normal(&flows));
        check_measures(&answer);
        let verdicts = done(&server, "/flows/predict/batch", &probes);
        let confidences: Vec<f64> = verdicts["predictions"].as_array().unwrap().iter().map(|v| v["confidence"].as_f64().unwrap()).collect();
        let expected = first.get_or_insert_with(|| confidences.clone());
        let same = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
        assert!(expected.iter().zip(&confidences).all(same), "{what}: {confidences:?}, expected {expected:?}");
    }
}

#[test]
fn attacks_are_kept_out_of_what_is_normal() {
    let (_folder, server) = untrained(&[]);
    let flows = flows(600, 1, "0.3");
    let share = |version: &str| {
        let attacks: Vec<_> = flows.iter().filter(|flow| flow.is_attack()).map(Flow::public).collect();
        let verdicts = done(&server, "/flows/predict/batch", &json!({"flows": attacks}));
        assert_eq!(verdicts["predictions"][0]["model_version"], version);
        verdicts["attack_count"].as_f64().unwrap() / verdicts["total_flows"].as_f64().unwrap()
    };
    let labels: Vec<&str> = flows.iter().map(|flow| flow.label.as_str()).collect();
    check(&train(&server, &json!({"flows": plain(&flows), "labels": labels})), "v1.0", normal(&flows));
    let with = share("v1.0");
    check(&train(&server, &json!({"flows": plain(&flows)})), "v1.1", 600);
    let without = share("v1.1");
    assert!(with > 0.9 && without < with - 0.2, "{with} with labels, {without} without");
}

#[test]
fn normal_flows_alone_are_enough_and_attacks_alone_are_not() {
    let (_folder, server) = untrained(&[]);
    let benign: Vec<Value> = flows(300, 1, "0").iter().map(labelled).collect();
    let attacks: Vec<Value> = flows(300, 2, "1").iter().map(labelled).collect();
    let none = train(&server, &json!({"flows": attacks})).refusal();
    let sentence = "Insufficient training data. Need at least 10 samples that are neither labelled anomalous nor flagged and not cleared, got 0 among 300";
    assert_eq!(none, (400, sentence.to_owned()));
    let mixed = [&benign[..9], &attacks[..]].concat();
    let nine = train(&server, &json!({"flows": mixed})).refusal();
    assert_eq!(nine, (400, sentence.replace("got 0 among 300", "got 9 among 309")));
    let few = train(&server, &json!({"flows": benign[..99]})).refusal();
    assert_eq!(few, (400, "Insufficient training data. Need at least 100 samples, got 99".to_owned()));
    assert_eq!(shown(&server, "/flows/statistics")["stored_records"], 0, "what cannot be learned from is not kept");
    assert_eq!(shown(&server, "/flows/models")["models"], json!([]));

    let answer = train(&server, &json!({"flows": benign}));
    check(&answer, "v1.0", 300);
    assert!(answer.json().get("precision").is_none(), "there is nothing to measure it on: {}", answer.text);
    let none = train(&server, &json!({"flows": attacks, "model_version": "v1.0"}));
    assert_eq!(none.status, 400);
    assert_eq!(shown(&server, "/flows/model/info")["training_samples"], 300, "a training that fails changes nothing");
}

#[test]
fn the_stored_history_is_learned_from_when_no_flows_are_given() {
    let (_folder, server) = untrained(&[]);
    let few = post(&server, "/flows/train", "").refusal();
    assert_eq!(few, (400, "Insufficient training data. Need at least 100 samples, got 0".to_owned()));
    for flow in flows(150, 1, "0") {
        assert_eq!(post(&server, "/flows/predict", json!({"data": flow.public()}).to_string()).status, 503);
    }
    let bodies = ["", "{}", r#"{"flows":null,"csv":null}"#, r#"{"model_version":"mine","training_params":null,"other":[1]}"#];
    for (body, version) in bodies.into_iter().zip(["v1.0", "v1.1", "v1.2", "mine"]) {
        check(&post(&server, "/flows/train", body), version, 150);
    }
}

#[test]
fn parameters_choose_what_is_trained() {
    let (_folder, server) = untrained(&[]);
    let flows = plain(&flows(200, 1, "0"));
    let body = |params: Value| json!({"flows": flows, "training_params": params});
    check(&train(&server, &body(json!({"nu": 0.1, "gamma": "scale", "scaling": "standard"}))), "v1.0", 200);
    let info = shown(&server, "/flows/health")["model_info"].clone();
    assert_eq!((&info["nu"], &info["gamma"], &info["kernel"]), (&0.1.into(), &"scale".into(), &"rbf".into()));
    check(&train(&server, &body(json!({"algorithm": "isolation_forest", "n_estimators": 20, "contamination": 0.02}))), "v1.1", 200);
    let info = shown(&server, "/flows/health")["model_info"].clone();
    assert_eq!((&info["model_type"], &info["kernel"]), (&"Isolation Forest".into(), &Value::Null));
    let probes = json!({"flows": flows[..100]});
    for prediction in done(&server, "/flows/predict/batch", &probes)["predictions"].as_array().unwrap() {
        assert_eq!(prediction["is_anomaly"] == true, prediction["confidence"].as_f64().unwrap() < 0.0, "{prediction}");
    }
}

#[test]
fn bodies_that_cannot_be_trained_on_say_why() {
    let (_folder, server) = untrained(&[]);
    let cases: [(&str, &[(&str, &str)]); 15] = [
        ("null", &[("missing", r#"["body"]"#)]),
        ("[]", &[("model_attributes_type", r#"["body"]"#)]),
        ("[null,null,null,null,null]", &[("model_attributes_type", r#"["body"]"#)]),
        ("5", &[("model_attributes_type", r#"["body"]"#)]),
        (r#"{"flows":5}"#, &[("list_type", r#"["body","flows"]"#)]),
        (r#"{"flows":[]}"#, &[("too_short", r#"["body","flows"]"#)]),
        (r#"{"flows":[{}],"labels":{}}"#, &[("list_type", r#"["body","labels"]"#)]),
        (r#"{"flows":[{}],"labels":["BENIGN","Bot"]}"#, &[("value_error", r#"["body","labels"]"#)]),
        (r#"{"flows":[{},{}],"labels":["BENIGN",[1]]}"#, &[("string_type", r#"["body","labels",1]"#)]),
        (r#"{"flows":null,"labels":{}}"#, &[("list_type", r#"["body","labels"]"#)]),
        (r#"{"labels":["BENIGN"]}"#, &[("value_error", r#"["body","labels"]"#)]),
        (
            r#"{"csv":"Flow Duration\n1\n","labels":[{}]}"#,
            &[("value_error", r#"["body","labels"]"#), ("string_type", r#"["body","labels",0]"#)],
        ),
        (r#"{"training_params":{"algorithm":"magic"}}"#, &[("value_error", r#"["body","training_params","algorithm"]"#)]),
        (r#"{"training_params":{"nu":7}}"#, &[("value_error", r#"["body","training_params","nu"]"#)]),
        (
            r#"{"flows":[{"Idle Min":null},{"Idle Min":"x"}],"labels":5,"model_version":7,"training_params":[]}"#,
            &[
                ("float_type", r#"["body","flows",0,"Idle Min"]"#),
                ("float_parsing", r#"["body","flows",1,"Idle Min"]"#),
                ("list_type", r#"["body","labels"]"#),
                ("string_type", r#"["body","model_version"]"#),
                ("dict_type", r#"["body","training_params"]"#),
            ],
        ),
    ];
    for (body, expected) in cases {
        let expected: Vec<(String, String)> = expected.iter().map(|(kind, loc)| ((*kind).to_owned(), (*loc).to_owned())).collect();
        assert_eq!(post(&server, "/flows/train", body).faults(), expected, "{body}");
    }
    assert_eq!(post(&server, "/flows/train", "{\"flows\":").faults()[0].0, "json_invalid");
    for (body, part) in [
        (r#"{"flows":[{"Flow Duration":1," Flow Duration":2}]}"#, "Training failed: the column \"Flow Duration\" is there twice"),
        (r#"{"csv":5}"#, "'csv' field must be a string"),
        (r#"{"csv":""}"#, "Training failed: the file is empty"),
        (r#"{"csv":"a,b\n1,2\n"}"#, "Training failed: the table has no column of flows"),
        (r#"{"csv":"Flow Duration,Idle Min\n"}"#, "Training failed: the table ends after its header"),
        (r#"{"csv":"Flow Duration,Idle Min\n1,2\n1,2,3\n"}"#, "Training failed: line 3: 3 fields, expected 2"),
        (r#"{"training_params":{"contamination":0.7}}"#, "contamination must be in (0, 0.5], got 0.7"),
    ] {
        let (status, text) = post(&server, "/flows/train", body).refusal();
        assert!(status == 400 && text.starts_with(part), "{body}: {status} {text}");
    }
}
