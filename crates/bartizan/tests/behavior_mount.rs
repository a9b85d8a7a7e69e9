//! Section 0 of the contract, which holds for every mount, on the mount of `behavior` in the running binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::sessions::{CASES, good, prepared, server, session};
use common::{Connection, Running, bartizan};
use serde_json::{Value, json};
use std::path::Path;

/// A server that wants a token and takes small bodies only.
fn guarded(folder: &Path) -> Running {
    let mut command = bartizan(folder, &["serve", "--listen", "127.0.0.1:0", "--only", "behavior"]);
    command.env("AUTH_TOKEN", "secret-token-of-the-test").env("BARTIZAN_SERVER_MAX_BODY_BYTES", "2048");
    Running::spawn(command)
}

fn status(connection: &mut Connection, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, Value) {
    let answer = connection.exchange(method, path, headers, body).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
}

#[test]
fn the_mount_describes_itself() {
    let (_folder, _server, mut connection) = server();
    let info = connection.get("/behavior");
    assert_eq!(info, connection.get("/behavior/"), "a slash at the end changes nothing");
    assert_eq!((&info["detector"], &info["status"], &info["documentation"]), (&"behavior".into(), &"running".into(), &"/docs".into()));
    assert!(info["service"].is_string() && info["version"].is_string(), "{info}");
    for (name, path) in [("predict", "/behavior/predict"), ("predict_batch", "/behavior/predict-batch"), ("features", "/behavior/features")]
    {
        assert_eq!(info["endpoints"][name], path, "{info}");
    }
    let document = connection.get("/openapi.json");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (path, method) in
        [("/behavior/predict", "post"), ("/behavior/predict-batch", "post"), ("/behavior/train", "post"), ("/behavior/health", "get")]
    {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
    for path in ["/docs", "/redoc", "/behavior/docs", "/behavior/redoc", "/behavior/openapi.json"] {
        assert_eq!(connection.exchange("GET", path, &[], "").unwrap().status, 200, "{path}");
    }
}

#[test]
fn what_is_not_there_or_not_meant_is_said() {
    let (_folder, _server, mut connection) = server();
    for (method, path, code, detail) in [
        ("GET", "/behavior/nothing", 404, "Not Found"),
        ("GET", "/requests/health", 404, "Not Found"),
        ("GET", "/behavior/predict", 405, "Method Not Allowed"),
        ("DELETE", "/behavior/predict-batch", 405, "Method Not Allowed"),
        ("POST", "/behavior/features", 405, "Method Not Allowed"),
    ] {
        assert_eq!(status(&mut connection, method, path, &[], ""), (code, json!({ "detail": detail })), "{method} {path}");
    }
    for (query, kind, name) in [
        ("page=0", "greater_than_equal", "page"),
        ("page_size=101", "less_than_equal", "page_size"),
        ("page=one", "int_parsing", "page"),
        ("min_confidence=2", "less_than_equal", "min_confidence"),
        ("is_anomaly=perhaps", "bool_parsing", "is_anomaly"),
        ("date_from=yesterday", "datetime_parsing", "date_from"),
    ] {
        let (code, answer) = status(&mut connection, "GET", &format!("/behavior/audit?{query}"), &[], "");
        let fault = &answer["detail"][0];
        let loc = fault["loc"].as_array().unwrap();
        assert_eq!((code, fault["type"].as_str().unwrap(), loc), (422, kind, &vec!["query".into(), name.into()]), "{query}: {answer}");
    }
    let empty = connection.get("/behavior/audit?page=7");
    assert_eq!((&empty["data"], &empty["total_pages"], &empty["page_size"]), (&json!([]), &0.into(), &20.into()), "{empty}");
    let verdict = good(&mut connection, "/behavior/predict/", &session(CASES[0].0));
    assert_eq!(verdict["attack_type"], "Injection", "a slash at the end changes nothing");
}

#[test]
fn a_token_is_asked_for_before_anything_is_read() {
    let folder = prepared();
    let server = guarded(folder.path());
    let mut connection = server.connect();
    let body = session(CASES[1].0).to_string();
    for path in ["/behavior/predict", "/behavior/predict-batch", "/behavior/train", "/behavior/nothing"] {
        for body in [body.as_str(), "{}", "no JSON"] {
            let answer = connection.exchange("POST", path, &[], body).unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (401, r#"{"detail":"Not authenticated"}"#), "{path}");
            assert!(answer.headers.contains(&"www-authenticate: bearer".to_owned()), "{:?}", answer.headers);
        }
    }
    let wrong = ["authorization: Bearer other"];
    let refused = (401, json!({"detail": "Invalid authentication credentials"}));
    assert_eq!(status(&mut connection, "POST", "/behavior/predict", &wrong, &body), refused);
    for path in ["/behavior/features", "/behavior/statistics", "/behavior/audit", "/behavior/models"] {
        assert_eq!(status(&mut connection, "GET", path, &[], "").0, 401, "{path}");
    }
    for path in ["/behavior", "/behavior/health", "/behavior/metrics", "/metrics", "/docs", "/openapi.json"] {
        assert_eq!(connection.exchange("GET", path, &[], "").unwrap().status, 200, "{path} is open");
    }
    let right = ["authorization: Bearer secret-token-of-the-test"];
    let (code, verdict) = status(&mut connection, "POST", "/behavior/predict", &right, &body);
    assert_eq!((code, &verdict["attack_type"]), (200, &"BruteForce".into()), "{verdict}");
    let large = json!({"logs": vec![session(CASES[1].0); 40]}).to_string();
    let (code, answer) = status(&mut connection, "POST", "/behavior/predict-batch", &right, &large);
    assert_eq!((code, answer), (413, json!({"detail": "Request body too large: limit 2048 bytes"})));
}

#[test]
fn what_was_asked_and_found_is_counted() {
    let (_folder, _server, mut connection) = server();
    let value = |connection: &mut Connection, sample: &str| {
        let text = connection.exchange("GET", "/behavior/metrics", &[], "").unwrap().body;
        let line = text.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("{sample}: {text}"));
        line.trim().parse::<f64>().unwrap()
    };
    let (asked, found) =
        (r#"api_requests_total{method="POST",endpoint="/behavior/predict"}"#, r#"anomalies_detected_total{detector="behavior"}"#);
    assert_eq!((value(&mut connection, asked), value(&mut connection, found)), (0.0, 0.0), "there before they are first used");
    assert_eq!(good(&mut connection, "/behavior/predict", &session(CASES[7].0))["is_anomaly"], true);
    assert_eq!(connection.exchange("POST", "/behavior/predict", &[], "{}").unwrap().status, 422);
    let batch = good(&mut connection, "/behavior/predict-batch", &json!({"logs": CASES.map(|(values, _)| session(values))}));
    let anomalies = batch["results"].as_array().unwrap().iter().filter(|verdict| verdict["is_anomaly"] == true).count();
    assert_eq!((value(&mut connection, asked), value(&mut connection, found)), (2.0, 1.0 + anomalies as f64));
    let statistics = connection.get("/behavior/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["anomaly_count"]), (&9.into(), &(1 + anomalies).into()));
}

#[test]
fn it_can_be_mounted_at_the_root() {
    let folder = prepared();
    let server = Running::start(folder.path(), &["--only", "behavior", "--root", "behavior"]);
    let mut connection = server.connect();
    for prefix in ["", "/behavior"] {
        assert_eq!(good(&mut connection, &format!("{prefix}/predict"), &session(CASES[3].0))["attack_type"], "DataExfil");
        let batch = good(&mut connection, &format!("{prefix}/predict-batch"), &json!({"logs": []}));
        assert_eq!(batch["total_processed"], 0);
        assert_eq!(connection.get(&format!("{prefix}/features"))["total_features"], 6);
        assert_eq!(connection.get(&format!("{prefix}/health"))["model_loaded"], true);
    }
    assert_eq!(connection.get("/statistics")["total_requests_analyzed"], 2, "it is the same detector");
}
