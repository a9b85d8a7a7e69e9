//! The wire contract of a `requests` mount, as tables of cases against a real server.

mod support;

use bartizan_domains::{behavior::Behavior, flows::Flows, requests::Requests};
use bartizan_server::Outline;
use serde_json::{Value, json};
use support::{Running, record};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(keys(value).contains(name), "{name} is not in {value}");
    }
}

#[tokio::test]
async fn without_a_model_every_path_reports_it() {
    let server = Running::start().await;
    let no_model = json!({"detail": "No active model found. Train a model first."});
    for (method, path, body, status, expected) in [
        ("POST", "/requests/analyze", record(0), 503, no_model.clone()),
        ("POST", "/requests/explain", record(1), 503, no_model.clone()),
        ("GET", "/requests/model/info", Value::Null, 503, no_model),
        ("POST", "/requests/load-model", Value::Null, 404, json!({"detail": "No trained model found on disk"})),
        ("POST", "/requests/models/v9/activate", Value::Null, 404, json!({"detail": "Model version not found"})),
        ("GET", "/requests/models", Value::Null, 200, json!({"models": []})),
        ("PUT", "/requests/label/7", json!({"user_label": true, "changed_by": "a"}), 404, json!({"detail": "Request not found"})),
        (
            "POST",
            "/requests/train",
            json!({"model_version": "v1.0"}),
            400,
            json!({"detail": "Insufficient training data. Need at least 100 samples, got 2"}),
        ),
        (
            "POST",
            "/requests/retrain",
            json!({"model_version": "v1.0"}),
            400,
            json!({"detail": "Insufficient corrected labels. Need at least 10, got 0"}),
        ),
    ] {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = server.send(method, path, &[], &body).await;
        assert_eq!((answer.status, answer.json()), (status, expected), "{method} {path}");
    }
    let statistics = server.get("/requests/statistics").await.json();
    assert_eq!(statistics["total_requests_analyzed"], 0);
    assert_eq!(statistics["anomaly_rate"], 0.0);
    assert_eq!(statistics["active_model"]["version"], "none");
    let status = server.get("/requests/status").await.json();
    assert_eq!((&status["is_trained"], &status["feature_count"], &status["training_date"]), (&json!(false), &json!(0), &Value::Null));
    assert_eq!(server.get("/requests/audit").await.json()["total_records"], 0);
    assert_eq!(server.get("/requests/audit?include_unjudged=true").await.json()["total_records"], 2);
}

#[tokio::test]
async fn the_life_of_a_model() {
    let server = Running::start().await;
    let trained = server.train("v1.0", 400).await;
    assert_eq!(trained.status, 200, "{}", trained.body);
    let trained = trained.json();
    has(&trained, &["success", "model_version", "training_samples", "training_duration_seconds", "accuracy_score", "message"]);
    assert_eq!((&trained["success"], &trained["model_version"], &trained["training_samples"]), (&json!(true), &json!("v1.0"), &json!(400)));

    let verdict = server.post("/requests/analyze", &record(3)).await.json();
    has(&verdict, &["request_id", "isAnomaly", "confidence", "model_version", "analyzed_at"]);
    assert_eq!((&verdict["request_id"], &verdict["model_version"]), (&json!("r-3"), &json!("v1.0")));
    assert!(verdict["analyzed_at"].as_str().is_some_and(|time| time.ends_with('Z')) && verdict.get("reasons").is_none());
    assert!((0.0..=1.0).contains(&verdict["confidence"].as_f64().unwrap()));
    for path in ["/requests/analyze?explain=true", "/requests/analyze/?explain=1", "/requests/explain"] {
        assert!(server.post(path, &record(4)).await.json()["reasons"].is_array(), "{path}");
    }

    let info = server.get("/requests/model/info").await.json();
    let named = ["model_type", "model_version", "algorithm", "n_features", "features", "parameters", "training_date", "training_samples"];
    has(&info, &named);
    has(&info, &["performance_metrics"]);
    assert_eq!(server.post("/requests/load-model", &Value::Null).await.json()["message"], "Model loaded successfully");

    let second = server.post("/requests/training/train", &json!({"model_version": "v2.0"})).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let models = server.get("/requests/models").await.json();
    let listed: Vec<_> =
        models["models"].as_array().unwrap().iter().map(|m| (m["model_version"].as_str(), m["is_active"].as_bool())).collect();
    assert_eq!(listed, [(Some("v2.0"), Some(true)), (Some("v1.0"), Some(false))]);
    has(
        &models["models"][0],
        &["algorithm", "training_date", "training_samples", "n_features", "size_bytes", "sha256", "performance_metrics"],
    );
    let back = server.post("/requests/models/v1.0/activate", &Value::Null).await.json();
    assert_eq!((&back["success"], &back["old_model_version"], &back["new_model_version"]), (&json!(true), &json!("v2.0"), &json!("v1.0")));
    assert_eq!(server.get("/requests/status").await.json()["model_version"], "v1.0");
}

#[tokio::test]
async fn an_attack_is_graded_above_a_normal_request_and_has_reasons() {
    let server = Running::start().await;
    server.train("v1.0", 400).await;
    let attack = json!({
        "request_id": "attack", "ip_address": "203.0.113.9", "endpoint": "/api/admin/delete", "http_method": "DELETE",
        "headers": {"User-Agent": "BadBot/1.0"}, "payload": {"table": "users"}, "timestamp": "2026-01-15T03:00:00Z",
    });
    let attack = server.post("/requests/explain", &attack).await.json();
    assert_eq!(attack["isAnomaly"], true);
    has(&attack["reasons"][0], &["feature", "value", "share", "text"]);
    // A tenth of normal traffic may be flagged: that is the contamination trained with.
    let mut flagged = 0;
    for i in 0..20 {
        let visit = server.post("/requests/analyze", &record(i)).await.json();
        assert!(attack["grade"].as_f64() > visit["grade"].as_f64(), "{attack} {visit}");
        flagged += u32::from(visit["isAnomaly"] == true);
    }
    assert!(flagged <= 5, "{flagged} of 20 visits flagged");
    let counted = format!("anomalies_detected_total{{detector=\"requests\"}} {}", flagged + 1);
    assert!(server.get("/metrics").await.body.lines().any(|line| line == counted));
}

#[tokio::test]
async fn labels_and_the_audit() {
    let server = Running::start().await;
    server.train("v1.0", 200).await;
    for i in 0..30 {
        server.post("/requests/analyze", &record(i)).await;
    }
    let audit = server.get("/requests/audit?page=2&page_size=12").await.json();
    assert_eq!((&audit["total_records"], &audit["total_pages"], &audit["page"]), (&json!(30), &json!(3), &json!(2)));
    assert_eq!(audit["data"].as_array().unwrap().len(), 12);
    let row = &audit["data"][0];
    has(
        row,
        &[
            "id",
            "request_id",
            "ip_address",
            "endpoint",
            "http_method",
            "is_anomaly",
            "confidence",
            "model_version",
            "user_label",
            "analyzed_at",
        ],
    );
    assert_eq!((&row["request_id"], &row["user_label"]), (&json!("r-17"), &Value::Null));
    let past = server.get("/requests/audit/requests/?page=99999999999999999999").await;
    assert_eq!((past.status, past.json()["data"].as_array().unwrap().len()), (200, 0));

    let id = row["id"].as_i64().unwrap();
    let whole = server.get(&format!("/requests/detections/{id}")).await.json();
    assert_eq!((&whole["id"], &whole["is_anomaly"], &whole["request_id"]), (&row["id"], &row["is_anomaly"], &row["request_id"]));
    assert!(whole["event"].is_object() && !keys(&whole["sample"]).is_empty() && whole["score"].is_number());
    assert_eq!(server.get("/requests/detections/999999").await.json(), json!({"detail": "Detection not found"}));
    let by_row = server.put(&format!("/requests/label/{id}"), &json!({"user_label": true, "changed_by": "ann"})).await.json();
    assert_eq!((&by_row["request_id"], &by_row["new_label"], &by_row["old_label"]), (&json!(id), &json!(true), &row["is_anomaly"]));
    let by_name = server.put("/requests/labeling/label/r-17", &json!({"user_label": "no", "changed_by": "bob"})).await.json();
    assert_eq!((&by_name["request_id"], &by_name["new_label"], &by_name["previous_label"]), (&json!(id), &json!(false), &json!(true)));
    assert_eq!(server.get("/requests/audit?has_user_label=True").await.json()["total_records"], 1);
    for i in 0..10 {
        server.put(&format!("/requests/label/r-{i}"), &json!({"user_label": false, "changed_by": "ann"})).await;
    }
    let retrained = server.post("/requests/training/retrain/", &json!({"model_version": "v1.1"})).await;
    assert_eq!(retrained.status, 200, "{}", retrained.body);
    let retrained = retrained.json();
    assert_eq!((&retrained["old_model_version"], &retrained["new_model_version"]), (&json!("v1.0"), &json!("v1.1")));
    has(&retrained, &["success", "training_samples", "corrected_labels_used", "accuracy_improvement", "message"]);
    let statistics = server.get("/requests/statistics/").await.json();
    assert_eq!(statistics["total_requests_analyzed"], 30);
    assert_eq!(statistics["label_corrections"]["total_corrections"], 11);
    assert_eq!(statistics["active_model"]["version"], "v1.1");
}

/// Method, path, body, and the faults it has.
type Case = (&'static str, &'static str, Vec<u8>, Vec<(&'static str, Value)>);

fn body(value: Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn training_faults() -> Vec<Case> {
    vec![
        ("POST", "/requests/train", body(json!({})), vec![("missing", json!(["body", "model_version"]))]),
        ("POST", "/requests/retrain", body(json!({"model_version": 1})), vec![("string_type", json!(["body", "model_version"]))]),
        ("POST", "/requests/train", Vec::new(), vec![("missing", json!(["body"]))]),
        ("POST", "/requests/train", b"null".to_vec(), vec![("missing", json!(["body"]))]),
        ("POST", "/requests/train", b"[]".to_vec(), vec![("model_attributes_type", json!(["body"]))]),
        ("POST", "/requests/train", b"{\"a\": nope}".to_vec(), vec![("json_invalid", json!(["body", 7]))]),
        (
            "POST",
            "/requests/train",
            body(
                json!({"model_version": "v", "use_corrected_labels": "maybe", "training_params": {"contamination": "x", "n_estimators": 1.5}}),
            ),
            vec![
                ("bool_parsing", json!(["body", "use_corrected_labels"])),
                ("float_parsing", json!(["body", "training_params", "contamination"])),
                ("int_from_float", json!(["body", "training_params", "n_estimators"])),
            ],
        ),
        (
            "POST",
            "/requests/train",
            body(json!({"model_version": "v", "training_params": {"n_estimators": 0}})),
            vec![("greater_than_equal", json!(["body", "training_params", "n_estimators"]))],
        ),
        (
            "POST",
            "/requests/train",
            body(json!({"model_version": "v", "training_params": {"algorithm": "tails", "n_estimators": "10001", "max_samples": 1}})),
            vec![
                ("less_than_equal", json!(["body", "training_params", "n_estimators"])),
                ("greater_than_equal", json!(["body", "training_params", "max_samples"])),
            ],
        ),
        (
            "POST",
            "/requests/train",
            body(json!({"model_version": "v", "training_params": []})),
            vec![("dict_type", json!(["body", "training_params"]))],
        ),
        ("POST", "/requests/train", body(json!({"model_version": "v", "requests": {}})), vec![("list_type", json!(["body", "requests"]))]),
        (
            "POST",
            "/requests/train",
            body(json!({"model_version": "v", "training_params": {"algorithm": "oracle"}})),
            vec![("value_error", json!(["body", "training_params", "algorithm"]))],
        ),
        (
            "POST",
            "/requests/train",
            body(json!({
                "model_version": null,
                "use_corrected_labels": null,
                "training_params": {"algorithm": "knn", "nu": 0.1, "n_neighbours": 0, "scaling": [], "one_false_alarm_in": 1, "other": {}},
                "requests": [null],
            })),
            vec![
                ("string_type", json!(["body", "model_version"])),
                ("bool_type", json!(["body", "use_corrected_labels"])),
                ("greater_than_equal", json!(["body", "training_params", "one_false_alarm_in"])),
                ("value_error", json!(["body", "training_params", "scaling"])),
                ("value_error", json!(["body", "training_params", "n_neighbours"])),
                ("value_error", json!(["body", "training_params", "nu"])),
                ("missing", json!(["body", "requests", 0])),
            ],
        ),
        ("POST", "/requests/train", body(json!({})), vec![("missing", json!(["body", "model_version"]))]),
        ("POST", "/requests/retrain", body(json!({})), vec![("missing", json!(["body", "model_version"]))]),
        ("POST", "/requests/retrain", body(json!({"model_version": null})), vec![("string_type", json!(["body", "model_version"]))]),
    ]
}

fn other_faults() -> Vec<Case> {
    vec![
        (
            "POST",
            "/requests/exclusions",
            body(json!({"entity": 5, "from": "soon", "to": 1_770_000_000, "note": "x".repeat(201)})),
            vec![
                ("string_type", json!(["body", "entity"])),
                ("datetime_parsing", json!(["body", "from"])),
                ("string_type", json!(["body", "to"])),
                ("value_error", json!(["body", "note"])),
            ],
        ),
        (
            "POST",
            "/requests/exclusions",
            body(json!({"entity": " ", "from": "2026-02-02T04:00:00Z", "to": "2026-02-02T05:00:00+01:00"})),
            vec![("value_error", json!(["body", "entity"])), ("value_error", json!(["body", "to"]))],
        ),
        (
            "POST",
            "/requests/exclusions",
            body(json!({"from": "9999-12-31T23:59:59.999999Z", "to": "9999-12-31T23:59:59-23:00"})),
            vec![("value_error", json!(["body", "to"]))],
        ),
        ("POST", "/requests/exclusions", body(json!({"from": null, "note": "all"})), vec![("value_error", json!(["body"]))]),
        (
            "POST",
            "/requests/exclusions",
            body(json!({"entiti": "a", "from": "2024-01-01T00:00:00Z"})),
            vec![("value_error", json!(["body"]))],
        ),
        ("POST", "/requests/exclusions", body(json!({"entity": " , "})), vec![("value_error", json!(["body", "entity"]))]),
        (
            "PUT",
            "/requests/label/1",
            body(json!({"user_label": 2})),
            vec![("bool_parsing", json!(["body", "user_label"])), ("missing", json!(["body", "changed_by"]))],
        ),
        (
            "GET",
            "/requests/audit?page=0&page_size=101&is_anomaly=perhaps&min_confidence=nan&date_from=soon",
            Vec::new(),
            vec![
                ("greater_than_equal", json!(["query", "page"])),
                ("less_than_equal", json!(["query", "page_size"])),
                ("bool_parsing", json!(["query", "is_anomaly"])),
                ("greater_than_equal", json!(["query", "min_confidence"])),
                ("datetime_parsing", json!(["query", "date_from"])),
            ],
        ),
        (
            "GET",
            "/requests/audit?page=one&page_size=1.5",
            Vec::new(),
            vec![("int_parsing", json!(["query", "page"])), ("int_parsing", json!(["query", "page_size"]))],
        ),
        ("POST", "/requests/analyze", Vec::new(), vec![("missing", json!(["body"]))]),
        ("POST", "/requests/analyze/", b"3".to_vec(), vec![("model_attributes_type", json!(["body"]))]),
        ("POST", "/requests/analyze", b"{\"request_id\": }".to_vec(), vec![("json_invalid", json!(["body", 15]))]),
        (
            "POST",
            "/requests/analyze",
            body(json!({"request_id": 7, "ip_address": "1.2.3.4", "headers": {"a": 1}, "timestamp": "soon"})),
            vec![
                ("string_type", json!(["body", "request_id"])),
                ("missing", json!(["body", "endpoint"])),
                ("missing", json!(["body", "http_method"])),
                ("string_type", json!(["body", "headers", "a"])),
                ("datetime_parsing", json!(["body", "timestamp"])),
            ],
        ),
        (
            "POST",
            "/requests/analyze?explain=perhaps",
            b"null".to_vec(),
            vec![("bool_parsing", json!(["query", "explain"])), ("missing", json!(["body"]))],
        ),
    ]
}

#[tokio::test]
async fn every_fault_is_listed_at_its_place() {
    let server = Running::start().await;
    for (method, path, body, expected) in training_faults().into_iter().chain(other_faults()) {
        let answer = server.send(method, path, &[("content-type", "text/odd")], &body).await;
        assert_eq!(answer.status, 422, "{method} {path}: {}", answer.body);
        let found: Vec<(String, Value)> = answer.json()["detail"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| {
                has(fault, &["type", "loc", "msg", "input"]);
                (fault["type"].as_str().unwrap().to_owned(), fault["loc"].clone())
            })
            .collect();
        let expected: Vec<(String, Value)> = expected.into_iter().map(|(kind, loc)| (kind.to_owned(), loc)).collect();
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn bounds_carry_their_number_and_records_their_place() {
    let server = Running::start().await;
    let page = server.get("/requests/audit?page=0&page_size=101").await.json();
    assert_eq!((&page["detail"][0]["ctx"], &page["detail"][1]["ctx"]), (&json!({"ge": 1}), &json!({"le": 100})));
    let mut broken = record(1);
    broken.as_object_mut().unwrap().remove("endpoint");
    let answer = server.post("/requests/train", &json!({"model_version": "v", "requests": [record(0), broken]})).await;
    assert_eq!((answer.status, &answer.json()["detail"][0]["loc"]), (422, &json!(["body", "requests", 1, "endpoint"])));
    let range = server.post("/requests/train", &json!({"model_version": "v", "training_params": {"contamination": 0.7}})).await;
    assert_eq!((range.status, range.json()), (400, json!({"detail": "contamination must be in (0, 0.5], got 0.7"})));
    assert_eq!(server.get("/requests/audit?include_unjudged=true").await.json()["total_records"], 0);
}

#[tokio::test]
async fn pages_open_without_anything_from_elsewhere() {
    let server = Running::start_with(|config| config.root = Some("requests".to_owned())).await;
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/requests/redoc/", "text/html"),
        ("/openapi.json", "application/json"),
        ("/metrics", "text/plain; version=0.0.4"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").is_some_and(|found| found.starts_with(kind)), "{path}: {:?}", answer.headers);
        for elsewhere in ["cdn.", "googleapis", "unpkg.com", "jsdelivr"] {
            assert!(!answer.body.contains(elsewhere), "{path} mentions {elsewhere}");
        }
    }
    let document = server.get("/requests/openapi.json").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    for (path, operations) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/requests"), "{path}");
        assert!(keys(operations).iter().all(|method| operations[method]["operationId"].is_string()), "{path}");
    }
    let info = server.get("/").await.json();
    has(&info, &["service", "detector", "status", "version", "documentation", "endpoints"]);
    assert_eq!(info["endpoints"]["analyze"], "/analyze");
    assert_eq!(server.get("/requests/").await.json()["endpoints"]["analyze"], "/requests/analyze");
    assert_eq!(server.post("/analyze", &record(0)).await.status, 503);
}

#[test]
fn the_document_is_the_one_that_was_reviewed() {
    let mut outline = Outline::default();
    outline.add::<Requests>("requests");
    outline.add::<Flows>("flows");
    outline.add::<Behavior>("behavior");
    let mut config = support::loopback();
    config.version = "0.1.0";
    insta::assert_json_snapshot!(outline.openapi(&config));
}
