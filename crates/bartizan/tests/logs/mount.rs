//! What every mount has, on the mount of `logs`: its description, tokens, counters, the environment.

use crate::client::{ask, done, get, post, shown};
use crate::common::{Running, bartizan};
use crate::fixture::{LESSON, attack, entry, lines, metric, stream, trained, untrained};
use serde_json::{Value, json};
use std::fs;

const TOKEN: &str = "authorization: Bearer a-token-of-some-length";

#[test]
fn the_mount_describes_itself() {
    let (_folder, server) = untrained("");
    let info = shown(&server, "/logs");
    assert_eq!(info, shown(&server, "/logs/"), "a slash at the end changes nothing");
    assert_eq!((&info["detector"], &info["status"], &info["documentation"]), (&"logs".into(), &"running".into(), &"/docs".into()));
    assert!(info["service"].is_string() && info["version"].is_string(), "{info}");
    let endpoints: Vec<&str> = info["endpoints"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    let document = shown(&server, "/logs/openapi.json");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (method, path) in [
        ("post", "/train"),
        ("post", "/detect"),
        ("post", "/ingest"),
        ("post", "/analyze"),
        ("get", "/status"),
        ("post", "/load-model"),
        ("get", "/health"),
        ("get", "/features"),
        ("get", "/model/info"),
        ("get", "/models"),
        ("post", "/retrain"),
        ("get", "/audit"),
        ("get", "/statistics"),
    ] {
        let path = format!("/logs{path}");
        assert!(endpoints.contains(&path.as_str()), "{path}: {info}");
        assert!(document["paths"][&path][method].is_object(), "{method} {path}");
        let slashed = ask(&server, &method.to_uppercase(), &format!("{path}/"), &[], "");
        assert_eq!(slashed.status, ask(&server, &method.to_uppercase(), &path, &[], "").status, "{path}/");
    }
    for path in ["/logs/docs", "/logs/redoc"] {
        let page = get(&server, path);
        assert!(page.status == 200 && page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
    }
    let metrics = get(&server, "/logs/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{metrics:?}");
    for (method, path, expected) in [
        ("GET", "/logs/nowhere", (404, "Not Found")),
        ("GET", "/logs/detect", (405, "Method Not Allowed")),
        ("PUT", "/logs/train", (405, "Method Not Allowed")),
        ("POST", "/logs/status", (405, "Method Not Allowed")),
        ("GET", "/logs/load-model", (405, "Method Not Allowed")),
    ] {
        let answer = ask(&server, method, path, &[], "");
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{method} {path}");
        assert!(answer.header("x-request-id").is_some());
    }
}

#[test]
fn a_token_is_asked_for_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--only", "logs"]);
    command.env("AUTH_TOKEN", "a-token-of-some-length").env("BARTIZAN_SERVER_MAX_BODY_BYTES", "400000");
    let server = Running::spawn(command);
    let json_type = "content-type: application/json";
    for path in ["/logs/detect", "/logs/train", "/logs/ingest", "/logs/analyze", "/logs/load-model", "/logs/nowhere"] {
        for body in [json!({ "logs": stream(0..3) }).to_string(), "{".to_owned(), " ".repeat(400_001)] {
            for (headers, expected) in [
                (&[json_type][..], "Not authenticated"),
                (&[json_type, "authorization: Basic YTpi"], "Not authenticated"),
                (&[json_type, "authorization: Bearer wrong"], "Invalid authentication credentials"),
            ] {
                let answer = ask(&server, "POST", path, headers, &body);
                assert_eq!(answer.refusal(), (401, expected.to_owned()), "{path}");
                assert_eq!(answer.header("www-authenticate"), Some("bearer"));
            }
        }
    }
    for path in ["/logs/status", "/logs/audit", "/logs/statistics", "/logs/models", "/logs/features", "/logs/model/info"] {
        assert_eq!(get(&server, path).status, 401, "{path}");
        assert!([200, 503].contains(&ask(&server, "GET", path, &[TOKEN], "").status), "{path}");
    }
    for path in ["/logs", "/logs/health", "/logs/metrics", "/metrics", "/logs/docs", "/logs/openapi.json"] {
        assert_eq!(get(&server, path).status, 200, "{path} is open");
    }
    let asked = |method: &str, path: &str, body: &str| ask(&server, method, path, &[json_type, TOKEN], body);
    let good = json!({ "logs": stream(0..3) }).to_string();
    // Then the size, then the body, then the model.
    assert_eq!(
        asked("POST", "/logs/detect", &" ".repeat(400_001)).refusal(),
        (413, "Request body too large: limit 400000 bytes".to_owned())
    );
    assert_eq!(asked("POST", "/logs/detect", r#"{"logs":[{}]}"#).status, 422);
    let sentence = "Model not trained. Please train the model first.".to_owned();
    assert_eq!(asked("POST", "/logs/detect", &good).refusal(), (400, sentence));
    assert_eq!(asked("POST", "/logs/load-model", "").status, 404);
    assert_eq!(asked("POST", "/logs/train", &json!({ "logs": stream(0..LESSON) }).to_string()).status, 200);
    assert_eq!(asked("POST", "/logs/detect", &good).json()["total_logs"], 3);
    assert_eq!(asked("POST", "/logs/ingest", &lines(&stream(0..3))).status, 202);
    assert_eq!(asked("POST", "/logs/load-model", "").status, 200);
}

#[test]
fn what_was_asked_and_found_is_counted() {
    let (_folder, server) = untrained("");
    let asked = |path: &str| metric(&server, &format!("api_requests_total{{method=\"POST\",endpoint=\"/logs{path}\"}}"));
    let found = || metric(&server, "anomalies_detected_total{detector=\"logs\"}");
    for path in ["/detect", "/train", "/ingest", "/analyze", "/load-model"] {
        assert_eq!(asked(path), 0.0, "{path}: there before it is first used");
    }
    assert_eq!(found(), 0.0);
    let text = get(&server, "/metrics").text;
    assert!(
        text.contains("# TYPE api_request_duration_seconds histogram") && text.contains("api_request_duration_seconds_bucket{le="),
        "{text}"
    );
    assert_eq!(post(&server, "/logs/detect", json!({"logs": [entry(0)]}).to_string()).status, 400);
    assert_eq!(post(&server, "/logs/detect/", "{").status, 422);
    assert_eq!((asked("/detect"), found()), (2.0, 0.0), "refused ones count as requests");
    done(&server, "/logs/train", &json!({ "logs": stream(0..LESSON) }));
    assert_eq!((asked("/train"), found()), (1.0, 0.0), "what was learned from is not detected");
    let logs: Vec<Value> = stream(LESSON..LESSON + 40).into_iter().chain((0..3).map(attack)).collect();
    let mut listed = 0.0;
    for threshold in [-0.5, -0.9, 0.0] {
        let answer = done(&server, "/logs/detect", &json!({"logs": logs, "threshold": threshold}));
        listed += answer["anomaly_count"].as_f64().unwrap();
        assert_eq!(found(), listed, "those that were listed, at {threshold}");
    }
    assert!(listed >= 43.0);
    assert_eq!(asked("/detect"), 5.0);
}

#[test]
fn refusals_for_the_token_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--only", "logs"]);
    command.env("AUTH_TOKEN", "a-token-of-some-length");
    let server = Running::spawn(command);
    assert_eq!(post(&server, "/logs/detect", "{}").status, 401);
    assert_eq!(metric(&server, "api_requests_total{method=\"POST\",endpoint=\"/logs/detect\"}"), 1.0);
}

#[test]
fn the_environment_says_where_it_listens_and_what_it_logs() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = bartizan(folder.path(), &["serve", "--only", "logs"]);
    command.env("HOST", "127.0.0.1").env("PORT", port.to_string()).env("LOG_FILE", "logs/api.log").env("LOG_LEVEL", "debug");
    let server = Running::spawn(command);
    assert_eq!(server.address.to_string(), format!("127.0.0.1:{port}"));
    assert_eq!(shown(&server, "/logs/health")["status"], "healthy");
    assert_eq!(server.stop().0, Some(0));
    let files: Vec<_> = fs::read_dir(folder.path().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(
        text.lines().count() > 1 && text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object())),
        "{text}"
    );
}

#[test]
fn mounted_at_the_root_its_clients_find_everything_where_it_was() {
    let (folder, server) = trained();
    assert_eq!(server.stop().0, Some(0));
    let server = Running::start(folder.path(), &["--only", "logs", "--root", "logs"]);
    let body = json!({"logs": stream(LESSON..LESSON + 10), "threshold": 0});
    let [at_root, mounted] = ["/detect", "/logs/detect"].map(|path| done(&server, path, &body)["anomalies"].clone());
    let scores = |anomalies: &Value| anomalies.as_array().unwrap().iter().map(|a| a["anomaly_score"].clone()).collect::<Vec<_>>();
    assert_eq!(scores(&at_root), scores(&mounted));
    for path in ["/health", "/status", "/features", "/model/info", "/statistics", "/metrics", "/openapi.json", "/docs"] {
        assert_eq!(get(&server, path).status, 200, "{path}");
    }
    assert_eq!(shown(&server, "/")["detector"], "logs");
    assert_eq!(post(&server, "/load-model", "").json()["status"], "success");
    assert_eq!(post(&server, "/ingest", lines(&stream(0..2))).status, 202);
    assert_eq!(post(&server, "/train", json!({ "logs": stream(0..LESSON) }).to_string()).status, 200);
}
