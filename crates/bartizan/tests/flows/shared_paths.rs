//! What every mount has, seen through this one.

use crate::client::{ask, get, post, shown};
use crate::common::{Running, bartizan};
use crate::fixture::{flows, trained, untrained};
use serde_json::{Value, json};

#[test]
fn the_mount_describes_itself() {
    let (_folder, server) = untrained(&[]);
    let info = shown(&server, "/flows");
    assert_eq!((&info["detector"], &info["status"], &info["documentation"]), (&"flows".into(), &"running".into(), &"/docs".into()));
    assert!(info["service"].is_string() && info["version"].is_string(), "{info}");
    let endpoints: Vec<&str> = info["endpoints"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    for path in ["/predict", "/predict/batch", "/predict/csv", "/train", "/retrain", "/features", "/model/info", "/health", "/audit"] {
        assert!(endpoints.contains(&format!("/flows{path}").as_str()), "{path}: {info}");
    }
    let document = shown(&server, "/flows/openapi.json");
    for (path, method) in
        [("/predict", "post"), ("/predict/batch", "post"), ("/predict/csv", "post"), ("/train", "post"), ("/features", "get")]
    {
        assert!(document["paths"][format!("/flows{path}")][method].is_object(), "{path}");
    }
    for path in ["/flows/docs", "/flows/redoc"] {
        let page = get(&server, path);
        assert!(page.status == 200 && page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
    }
    for path in ["/flows/health/", "/flows/", "/flows/statistics/", "/flows/models/"] {
        assert_eq!(get(&server, path).status, 200, "{path}: with and without a slash alike");
    }
}

#[test]
fn unknown_paths_and_methods_are_refused() {
    let (_folder, server) = untrained(&[]);
    for (method, path, expected) in [
        ("GET", "/flows/nowhere", (404, "Not Found")),
        ("POST", "/flows/predict/nowhere", (404, "Not Found")),
        ("GET", "/flows/predict", (405, "Method Not Allowed")),
        ("PUT", "/flows/predict/csv", (405, "Method Not Allowed")),
        ("POST", "/flows/features", (405, "Method Not Allowed")),
    ] {
        let answer = ask(&server, method, path, &[], "");
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{method} {path}");
        assert!(answer.header("x-request-id").is_some());
    }
}

#[test]
fn mounted_at_the_root_its_clients_find_everything_where_it_was() {
    let (_folder, server) = trained(&["--root", "flows"]);
    let flow = &flows(1, 2, "0")[0];
    let body = json!({"data": flow.public()}).to_string();
    let [at_root, mounted] = ["/predict", "/flows/predict"].map(|path| post(&server, path, &body).json());
    assert_eq!((&at_root["confidence"], &at_root["prediction"]), (&mounted["confidence"], &mounted["prediction"]));
    assert!(at_root["confidence"].is_number(), "{at_root}");
    assert_eq!(post(&server, "/predict/csv", json!({"csv": flow.fields()}).to_string()).status, 200);
    for path in ["/health", "/features", "/model/info", "/statistics", "/metrics", "/openapi.json"] {
        assert_eq!(get(&server, path).status, 200, "{path}");
    }
    assert_eq!(shown(&server, "/")["detector"], "flows");
    assert_eq!(shown(&server, "/features")["feature_count"], 78);
}

#[test]
fn a_token_is_asked_for_before_the_body_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("AUTH_TOKEN", "a-token-of-some-length");
    let server = Running::spawn(command);
    let right = "authorization: Bearer a-token-of-some-length";
    for path in ["/flows/predict", "/flows/predict/batch", "/flows/predict/csv", "/flows/train", "/flows/nowhere"] {
        for (headers, expected) in
            [(&[][..], "Not authenticated"), (&["authorization: Bearer wrong"][..], "Invalid authentication credentials")]
        {
            let answer = ask(&server, "POST", path, headers, "{");
            assert_eq!(answer.refusal(), (401, expected.to_owned()), "{path}");
            assert_eq!(answer.header("www-authenticate"), Some("bearer"));
        }
    }
    assert_eq!(ask(&server, "POST", "/flows/predict", &[right], "{").status, 422);
    assert_eq!(ask(&server, "GET", "/flows/features", &[], "").status, 401);
    assert_eq!(ask(&server, "GET", "/flows/features", &[right], "").status, 503);
    for path in ["/flows", "/flows/health", "/flows/metrics", "/flows/docs", "/flows/openapi.json"] {
        assert_eq!(get(&server, path).status, 200, "{path} is open");
    }
}

#[test]
fn requests_and_anomalies_are_counted() {
    let (_folder, server) = trained(&[]);
    let value = |name: &str| {
        let text = get(&server, "/flows/metrics").text;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    let requests = "api_requests_total{method=\"POST\",endpoint=\"/flows/predict/batch\"}";
    let anomalies = "anomalies_detected_total{detector=\"flows\"}";
    assert_eq!((value(requests), value(anomalies)), (0.0, 0.0), "there before they are first used");
    let flows: Vec<_> = flows(50, 2, "0.5").iter().map(crate::fixture::Flow::public).collect();
    let batch = post(&server, "/flows/predict/batch", json!({"flows": flows}).to_string()).json();
    assert_eq!(post(&server, "/flows/predict/batch", "{").status, 422);
    assert_eq!((value(requests), value(anomalies)), (2.0, batch["attack_count"].as_f64().unwrap()), "refused ones count as requests");
}

#[test]
fn bodies_have_a_limit() {
    let (folder, server) = trained(&[]);
    drop(server);
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("BARTIZAN_SERVER_MAX_BODY_BYTES", "2000");
    let server = Running::spawn(command);
    for path in ["/flows/predict", "/flows/predict/batch", "/flows/predict/csv", "/flows/train"] {
        let answer = post(&server, path, " ".repeat(2001));
        assert_eq!(answer.refusal(), (413, "Request body too large: limit 2000 bytes".to_owned()), "{path}");
    }
}
