//! `/predict`, `/predict/batch` and `/predict/csv`: the verdicts, and that they agree with each other.

use crate::client::{done, get, post, shown};
use crate::common::Connection;
use crate::dialects::NAMES;
use crate::fixture::{Flow, flows, normal, trained, untrained};
use serde_json::{Value, json};

/// One flow, one answer.
fn single(connection: &mut Connection, flow: &Flow) -> Value {
    let (status, verdict) = connection.send("POST", "/flows/predict", &json!({"data": flow.public()}).to_string()).unwrap();
    assert_eq!(status, 200, "{verdict}");
    verdict
}

fn check(verdict: &Value, [benign, attack]: [&str; 2]) {
    let confidence = verdict["confidence"].as_f64().unwrap();
    let is_anomaly = verdict["is_anomaly"].as_bool().unwrap();
    assert!(confidence.is_finite() && (confidence < 0.0) == is_anomaly, "{verdict}");
    assert_eq!(verdict["prediction"], if is_anomaly { attack } else { benign }, "{verdict}");
}

#[test]
fn prediction_sign_and_flag_agree_and_a_batch_answers_as_single_flows_do() {
    let (_folder, server) = trained(&[]);
    let flows = flows(300, 2, "0.3");
    let mut connection = server.connect();
    let singles: Vec<Value> = flows.iter().map(|flow| single(&mut connection, flow)).collect();
    singles.iter().for_each(|verdict| check(verdict, ["BENIGN", "ATTACK"]));

    let batch = done(&server, "/flows/predict/batch", &json!({"flows": flows.iter().map(Flow::public).collect::<Vec<_>>()}));
    let predictions = batch["predictions"].as_array().unwrap();
    let shown = |verdict: &Value| ["prediction", "confidence", "is_anomaly"].map(|name| verdict[name].clone());
    let of = |verdicts: &[Value]| verdicts.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(of(predictions), of(&singles));
    let attacks = singles.iter().filter(|verdict| verdict["is_anomaly"] == true).count();
    assert!(attacks > 60 && attacks < 150, "{attacks} of 300");
    assert_eq!(
        (&batch["total_flows"], &batch["attack_count"], &batch["benign_count"]),
        (&300.into(), &attacks.into(), &(300 - attacks).into())
    );

    let right = flows.iter().zip(&singles).filter(|(flow, verdict)| flow.is_attack() == (verdict["is_anomaly"] == true)).count();
    assert!(right > 270, "{right} of 300 verdicts are right");
    let again: Vec<Value> = flows[..20].iter().map(|flow| single(&mut connection, flow)).collect();
    assert_eq!(of(&again), of(&singles[..20]), "what was judged before changes nothing");
}

#[test]
fn lines_are_judged_as_flows_are_in_lower_case() {
    let (_folder, server) = trained(&[]);
    let mut connection = server.connect();
    let mut found = [0, 0];
    for flow in flows(100, 3, "0.5") {
        let verdict = done(&server, "/flows/predict/csv", &json!({"csv": flow.fields().join(",")}));
        check(&verdict, ["benign", "attack"]);
        let expected = single(&mut connection, &flow);
        assert_eq!(verdict["is_anomaly"], expected["is_anomaly"], "{verdict} {expected}");
        found[usize::from(verdict["is_anomaly"] == true)] += 1;
    }
    assert!(found.iter().all(|count| *count > 20), "{found:?}");
}

#[test]
fn a_header_row_and_texts_are_zeros_and_answered() {
    let (_folder, server) = trained(&[]);
    let csv = |fields: Value| {
        let verdict = done(&server, "/flows/predict/csv", &json!({"csv": fields}));
        check(&verdict, ["benign", "attack"]);
        verdict["confidence"].clone()
    };
    let zeros = csv(Value::from(vec!["0"; 82]));
    let header = crate::dialects::FIELDS.split_whitespace().collect::<Vec<_>>();
    assert_eq!(csv(json!(header)), zeros, "the header as a list");
    assert_eq!(csv(json!(header.join(","))), zeros, "the header as a text");
    assert_eq!(csv(json!(header[2..].join(","))), zeros, "the header of the short form");
    assert_eq!(csv(Value::from(vec!["text"; 82])), zeros);
    assert_eq!(csv(json!(",".repeat(81))), zeros, "nothing but commas");
    assert_eq!(csv(Value::Array(vec![Value::Null; 80])), zeros, "nulls");
    let odd = [json!([1]), json!({"a": 1}), json!(false)];
    assert_eq!(csv(odd.into_iter().chain(vec![json!(0); 79]).collect()), zeros, "of any type");

    let flow = &flows(1, 4, "0")[0];
    let fields = flow.fields();
    let expected = csv(json!(fields));
    assert_eq!(csv(json!(fields.join(","))), expected, "text and list");
    assert_eq!(csv(json!(fields[2..])), expected, "80 and 82 fields");
    assert_eq!(csv(json!(format!("  {}\r\n", fields.join(" , ")))), expected, "blanks and a line's end");
    let numbers: Vec<Value> = fields.iter().map(|field| field.parse::<f64>().map_or(json!(field), Value::from)).collect();
    assert_eq!(csv(json!(numbers)), expected, "numbers as such");
    let mut odd = fields.clone();
    odd[7] = "what".to_owned();
    let odd = csv(json!(odd));
    let mut zero = fields;
    zero[7] = "0".to_owned();
    assert_eq!(odd, csv(json!(zero)), "one text among the numbers");
}

#[test]
fn missing_numbers_count_as_zero_however_they_are_written() {
    let (_folder, server) = trained(&[]);
    let flow = flows(1, 4, "0").remove(0);
    let confidence = |text: String| {
        let answer = post(&server, "/flows/predict", &text);
        assert_eq!(answer.status, 200, "{text}: {}", answer.text);
        answer.json()["confidence"].clone()
    };
    let mut rest = flow.public();
    for name in ["Flow IAT Mean", "Idle Min"] {
        rest.remove(name);
    }
    let rest = Value::Object(rest).to_string();
    let with = |value: &str| format!("{{\"data\":{{\"Flow IAT Mean\":{value},\"Idle Min\":{value},{}}}", &rest[1..]);
    let zero = confidence(with("0"));
    assert_eq!(confidence(format!("{{\"data\":{rest}}}")), zero, "left out");
    for value in
        ["NaN", "Infinity", "-Infinity", "\"nan\"", "\"NaN\"", "\"inf\"", "\"-inf\"", "\"Infinity\"", "1e999", "\"0\"", "false", " 0.0 "]
    {
        assert_eq!(confidence(with(value)), zero, "{value}");
    }
    let one = confidence(with("150000"));
    assert_ne!(one, zero);
    for value in ["\"150000\"", "\" 150000.0 \"", "1.5e5", "\"1.5E5\""] {
        assert_eq!(confidence(with(value)), one, "{value}");
    }
    // Too large for 32 bits, and a number all the same: the flow is far from all that was learned.
    let huge = confidence(with("1e300"));
    assert!(huge.as_f64() < one.as_f64().map(|one| one - 1.0), "{huge} for {one}");
    let unknown = confidence(with("0,\"Nobody Knows\":5,\"\":-1,\"SYN\":\"17\",\"Src IP\":\"10.0.0.1\",\"Label\":\"BENIGN\""));
    assert_eq!(unknown, zero, "unknown names are ignored");
    let spaced = confidence(with("0").replace("\"Flow Duration\"", "\"  Flow Duration \""));
    assert_eq!(spaced, zero, "names are stripped");

    let batch = done(&server, "/flows/predict/batch", &json!({"flows": [{}, {"Flow Duration": 0}]}));
    assert_eq!(batch["predictions"][0]["confidence"], batch["predictions"][1]["confidence"], "an empty flow is all zeros");
    let bare = post(&server, "/flows/predict/batch", "{\"flows\":[{\"Flow Bytes/s\":Infinity},{\"Flow Bytes/s\":NaN},{}]}");
    let bare = bare.json();
    assert!((1..3).all(|at| bare["predictions"][at]["confidence"] == bare["predictions"][0]["confidence"]), "{bare}");
}

#[test]
fn features_model_and_health_have_their_shapes() {
    let (_folder, server) = trained(&[]);
    let names: Vec<&str> = NAMES.iter().map(|names| names[0]).collect();
    let features = shown(&server, "/flows/features");
    assert_eq!((&features["feature_count"], &features["features"]), (&78.into(), &json!(names)));
    let details = features["details"].as_array().unwrap();
    assert!(details.len() == 78 && details.iter().all(|d| d["name"].is_string() && d["unit"].is_string() && d["description"].is_string()));

    let health = shown(&server, "/flows/health");
    assert_eq!(health["model_loaded"], true, "{health}");
    let model = shown(&server, "/flows/model/info");
    for info in [&health["model_info"], &model] {
        assert_eq!((&info["model_type"], &info["kernel"]), (&"One-Class SVM".into(), &"rbf".into()), "{info}");
        assert_eq!((&info["nu"], &info["n_features"]), (&0.05.into(), &78.into()), "{info}");
        assert!(!info["gamma"].is_null(), "{info}");
    }
    let first: Vec<&str> = names[..10].iter().copied().chain(["..."]).collect();
    assert_eq!(model["features"], json!(first));
    assert!(model["shrinking"].is_boolean() && model["cache_size"].is_number() && model["max_iter"].is_number(), "{model}");
    assert!(model["n_support"].as_u64().is_some_and(|rows| rows > 0 && rows < 600), "{model}");
    for name in ["Accuracy", "Precision", "Recall", "F1_score"] {
        let metric = model["performance_metrics"][name].as_f64().unwrap();
        assert!(metric > 0.7 && metric <= 1.0, "{name}: {model}");
    }
    assert_eq!(
        (&model["model_version"], &model["algorithm"], &model["training_samples"]),
        (&"v1.0".into(), &"one_class_svm".into(), &normal(&flows(600, 1, "0.1")).into())
    );
}

#[test]
fn without_a_model_everything_that_needs_one_is_refused() {
    let (_folder, server) = untrained(&[]);
    let flow = flows(1, 4, "0").remove(0);
    let bodies = [
        ("/flows/predict", json!({"data": flow.public()})),
        ("/flows/predict", json!({"data": {"unknown": 1}})),
        ("/flows/predict/batch", json!({"flows": [flow.public(), {}]})),
        ("/flows/predict/csv", json!({"csv": flow.fields().join(",")})),
        ("/flows/predict/csv", json!({"csv": flow.fields()[2..]})),
    ];
    for (path, body) in bodies {
        assert_eq!(post(&server, path, body.to_string()).refusal(), (503, "Model not loaded".to_owned()), "{path} {body}");
    }
    for path in ["/flows/features", "/flows/model/info"] {
        assert_eq!(get(&server, path).refusal(), (503, "Model not loaded".to_owned()), "{path}");
    }
    let health = shown(&server, "/flows/health");
    assert_eq!((&health["status"], &health["model_loaded"], &health["model_info"]), (&"degraded".into(), &false.into(), &Value::Null));
    let status = shown(&server, "/flows/status");
    assert_eq!((&status["is_trained"], &status["feature_count"]), (&false.into(), &0.into()));
}
