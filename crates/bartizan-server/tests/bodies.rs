//! Bodies of every route: their encodings, and the cost of large ones.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{io::Write, pin::pin, sync::mpsc};
use support::{Answer, Running, record};

/// Every route that reads a body.
const ROUTES: [(&str, &str); 14] = [
    ("POST", "/requests/analyze"),
    ("POST", "/requests/explain"),
    ("POST", "/requests/train"),
    ("POST", "/requests/retrain"),
    ("PUT", "/requests/label/1"),
    ("POST", "/requests/exclusions"),
    ("POST", "/flows/predict"),
    ("POST", "/flows/predict/batch"),
    ("POST", "/flows/train"),
    ("POST", "/flows/retrain"),
    ("POST", "/behavior/predict"),
    ("POST", "/behavior/predict-batch"),
    ("POST", "/behavior/train"),
    ("POST", "/behavior/retrain"),
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// The fields of all routes, each of a wrong type: the answer shows that the body was read.
fn faulty() -> Value {
    json!({"model_version": 1, "request_id": 1, "user_label": 7, "data": 7, "flows": 7, "logs": 7, "failed_logins": "x", "entity": 7})
}

fn wrong() -> Vec<u8> {
    faulty().to_string().into_bytes()
}

fn detail(answer: &Answer) -> Vec<Value> {
    answer.json()["detail"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn every_route_takes_coded_bodies_and_a_byte_order_mark() {
    let server = Running::start_all(|_| {}).await;
    let plain = wrong();
    let marked = [b"\xef\xbb\xbf", &plain[..]].concat();
    for (method, path) in ROUTES {
        let expected = server.send(method, path, &[], &plain).await;
        assert_eq!(expected.status, 422, "{path}: {}", expected.body);
        assert!(detail(&expected).iter().all(|fault| fault["type"] != "json_invalid"), "{path}: {}", expected.body);
        for (name, coding, body) in [
            ("marked", "identity", marked.clone()),
            ("gzip", "GZIP", gzip(&plain)),
            ("x-gzip", "x-gzip", gzip(&plain)),
            ("zstd", "zstd", zstd(&plain)),
            ("marked and coded", "zstd", zstd(&marked)),
        ] {
            let answer = server.send(method, path, &[("content-encoding", coding)], &body).await;
            assert_eq!((answer.status, answer.json()), (422, expected.json()), "{path} {name}");
        }
        for coding in ["br", "gzip, zstd"] {
            let answer = server.send(method, path, &[("content-encoding", coding)], &plain).await;
            assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("gzip, zstd")), "{path} {coding}");
            assert!(answer.json()["detail"].as_str().unwrap().contains(coding), "{path} {coding}");
        }
        for coding in ["gzip", "zstd"] {
            let answer = server.send(method, path, &[("content-encoding", coding)], &plain).await;
            assert_eq!(answer.status, 400, "{path} {coding}");
        }
    }
}

/// One thread answers, and the only other one is held: a large body must wait for that one, and no other request waits for the body.
#[test]
fn every_route_parses_large_bodies_away_from_the_threads_that_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Running::start_all(|_| {}).await;
        let mut large = faulty();
        large["other"] = "x".repeat(64 << 10).into();
        let large = large.to_string().into_bytes();
        for (method, path) in ROUTES {
            let (go, wait) = mpsc::channel::<()>();
            let held = tokio::task::spawn_blocking(move || wait.recv());
            let mut answer = pin!(server.send(method, path, &[], &large));
            for _ in 0..20 {
                assert!(futures::poll!(&mut answer).is_pending(), "{path}: parsed by the thread that answers");
                assert_eq!(server.get("/nowhere").await.status, 404, "{path}: others are answered meanwhile");
            }
            go.send(()).unwrap();
            held.await.unwrap().unwrap();
            let answer = answer.await;
            assert_eq!(answer.status, 422, "{path}: {}", answer.body);
        }
    });
}

#[tokio::test]
async fn a_coded_request_is_judged() {
    let server = Running::start().await;
    server.train("v1.0", 150).await;
    let body = record(0).to_string();
    for (coding, coded) in [("gzip", gzip(body.as_bytes())), ("zstd", zstd(body.as_bytes()))] {
        let answer = server.send("POST", "/requests/analyze", &[("content-encoding", coding)], &coded).await;
        assert_eq!((answer.status, &answer.json()["request_id"]), (200, &json!("r-0")), "{coding}");
    }
}

#[tokio::test]
async fn bombs_are_too_large() {
    let server = Running::start_all(|config| config.max_body_bytes = 1 << 20).await;
    let zeros = vec![b' '; 64 << 20];
    for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        assert!(bomb.len() < 1 << 20);
        for (method, path) in ROUTES {
            let answer = server.send(method, path, &[("content-encoding", coding)], &bomb).await;
            let expected = json!({"detail": "Request body too large: limit 1048576 bytes"});
            assert_eq!((answer.status, answer.json()), (413, expected), "{path} {coding}");
        }
    }
}

#[tokio::test]
async fn a_refused_body_is_answered_in_few_words() {
    let server = Running::start_all(|_| {}).await;
    let zeros = format!("[{}0]", "0,".repeat(2 << 20));
    let names: Vec<String> = (0..200_000).map(|i| format!("\"h{i}\":0")).collect();
    let headers = record(0).to_string().replace("\"Accept\":", &format!("{},\"Accept\":", names.join(",")));
    let records = format!("{{\"model_version\":\"v\",\"requests\":[{}{{}}]}}", "{},".repeat(100_000));
    let nested = format!("{{\"model_version\":{zeros},\"training_params\":{{\"nu\":{zeros},\"algorithm\":{zeros}}}}}");
    let large = format!("{{\"x\":{zeros}}}");
    for (method, path) in ROUTES {
        let answer = server.send(method, path, &[], large.as_bytes()).await;
        assert!(answer.body.len() < 100_000, "{path}: {} bytes", answer.body.len());
        assert!(detail(&answer).iter().all(|fault| fault["input"] != json!([])), "{path}");
    }
    for (path, body, faults) in [
        ("/requests/analyze", &large, 5),
        ("/requests/analyze", &headers, 100),
        ("/requests/train", &records, 100),
        ("/requests/train", &nested, 3),
    ] {
        let answer = server.send("POST", path, &[], body.as_bytes()).await;
        assert_eq!((answer.status, detail(&answer).len()), (422, faults), "{path} {:.40}", body);
        assert!(answer.body.len() < 100_000, "{path}: {} bytes", answer.body.len());
    }
    let missing = detail(&server.send("POST", "/requests/analyze", &[], large.as_bytes()).await);
    assert!(missing.iter().all(|fault| fault["type"] == "missing" && fault["input"] == Value::Null));
}

#[tokio::test]
async fn queries_and_paths_are_answered_in_few_words() {
    let server = Running::start().await;
    let long = "x".repeat(20_000);
    let many = vec!["page=x"; 5_000].join("&");
    for path in [format!("/requests/audit?page={long}&is_anomaly={long}"), format!("/requests/audit?{many}")] {
        let answer = server.get(&path).await;
        assert!(answer.status == 422 && answer.body.len() < 10_000, "{} {}", answer.status, answer.body.len());
    }
    for path in [format!("/requests/label/{long}"), format!("/requests/models/{long}/activate")] {
        let answer = server.send(if path.contains("label") { "PUT" } else { "POST" }, &path, &[], b"{}").await;
        assert!(answer.body.len() < 10_000, "{} {}", answer.status, answer.body.len());
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_listed() {
    let server = Running::start().await;
    server.train("v1.0", 150).await;
    let long = "n".repeat(100);
    let mut params =
        json!({"recalculate_features": true, "deep": {"list": [1]}, "nothing": null, "n_estimators": 50, "contamination": 0.05});
    params[&long] = json!(1);
    let answer = server.post("/requests/train", &json!({"model_version": "v1.1", "training_params": params})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["ignored"], json!(["recalculate_features", "deep", "nothing", "n".repeat(64)]));
    let many: serde_json::Map<String, Value> = (0..1_000).map(|i| (format!("p{i}"), json!(true))).collect();
    let answer = server.post("/requests/train", &json!({"model_version": "v1.2", "training_params": many})).await;
    assert_eq!((answer.status, answer.json()["ignored"].as_array().unwrap().len()), (200, 100), "{}", answer.body);
    for plain in [json!({"model_version": "v1.3"}), json!({"model_version": "v1.3", "training_params": null})] {
        assert_eq!(server.post("/requests/train", &plain).await.json()["ignored"], json!([]));
    }
}

#[tokio::test]
async fn parameters_of_other_algorithms_are_refused_by_name() {
    let server = Running::start_all(|_| {}).await;
    let params = json!({"algorithm": "isolation_forest", "nu": 0.05, "kernel": "rbf", "unheard_of": true});
    for path in ["/requests/train", "/flows/train", "/behavior/train"] {
        let answer = server.post(path, &json!({"model_version": "v1.0", "training_params": params})).await;
        let faults = detail(&answer);
        let places: Vec<&Value> = faults.iter().map(|fault| &fault["loc"]).collect();
        assert_eq!(answer.status, 422, "{path}: {}", answer.body);
        assert_eq!(places, [&json!(["body", "training_params", "kernel"]), &json!(["body", "training_params", "nu"])], "{path}");
        assert_eq!((&faults[0]["input"], &faults[1]["input"]), (&json!("rbf"), &json!(0.05)), "{path}");
        assert!(faults[1]["msg"].as_str().unwrap().contains("isolation_forest has no parameter \"nu\""), "{path}");
    }
}
