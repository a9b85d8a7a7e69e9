//! `/ingest`: the stream of a shipper, accepted at once and judged afterwards.

use crate::client::{done, shown};
use crate::fixture::{
    LESSON, attack, entry, ingest, ingested, judged, lines, metric, stream, trained, trained_with, untrained, with, without,
};
use serde_json::{Value, json};
use std::io::Write as _;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn what_shippers_send_is_accepted_and_judged() {
    let (_folder, server) = trained();
    let entries = stream(LESSON..LESSON + 20);
    let (ndjson, array) = (lines(&entries), json!(entries).to_string());
    let mut total = 0;
    for (name, headers, body) in [
        ("NDJSON", &["content-type: application/x-ndjson"][..], ndjson.clone().into_bytes()),
        ("NDJSON without a last line feed", &[], ndjson.trim_end().as_bytes().to_vec()),
        ("an array", &["content-type: application/json"], array.clone().into_bytes()),
        ("gzip", &["content-encoding: gzip"], gzip(ndjson.as_bytes())),
        ("gzip of an array", &["content-encoding: gzip"], gzip(array.as_bytes())),
        ("gzip that nobody speaks of", &[], gzip(ndjson.as_bytes())),
        ("zstd", &["content-encoding: zstd"], zstd(array.as_bytes())),
        ("zstd that nobody speaks of", &[], zstd(ndjson.as_bytes())),
    ] {
        let answer = ingest(&server, headers, body);
        assert_eq!((answer.status, answer.json()), (202, json!({"accepted": 20, "rejected": 0, "errors": []})), "{name}: {}", answer.text);
        judged(&server);
        total += 20;
        let statistics = shown(&server, "/logs/statistics");
        assert_eq!(
            (&statistics["total_requests_analyzed"], &statistics["stored_records"]),
            (&total.into(), &(LESSON + total).into()),
            "{name}"
        );
    }
    let answer = ingest(&server, &[], lines(&(0..4).map(attack).collect::<Vec<_>>()));
    assert_eq!(answer.status, 202, "{}", answer.text);
    judged(&server);
    let audit = shown(&server, "/logs/audit?is_anomaly=true&page_size=4");
    for row in audit["data"].as_array().unwrap() {
        assert_eq!((&row["ip_address"], &row["http_method"]), (&"user-3".into(), &"DELETE".into()), "{row}");
    }
    let found = shown(&server, "/logs/statistics")["anomaly_count"].as_f64().unwrap();
    assert!(found >= 4.0);
    assert_eq!(metric(&server, "anomalies_detected_total{detector=\"logs\"}"), found);
    assert_eq!(metric(&server, "bartizan_ingested_events_total{detector=\"logs\"}"), total as f64 + 4.0);
}

#[test]
fn bad_lines_are_named_and_the_others_accepted() {
    let (_folder, server) = trained();
    let mut body = String::new();
    for number in 0..40 {
        let line = match number % 4 {
            1 => with(number, "timestamp", "yesterday").to_string(),
            3 => "no JSON".to_owned(),
            _ => entry(number).to_string(),
        };
        body += &format!("{line}\n");
    }
    let answer = ingest(&server, &[], &body).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&20.into(), &20.into()), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    let expected: Vec<Value> = (0..10).map(|n| json!(2 + 2 * n)).collect();
    assert_eq!(errors.iter().map(|error| error["line"].clone()).collect::<Vec<_>>(), expected, "the first ten: {answer}");
    assert!(errors.iter().all(|error| error["msg"].as_str().is_some_and(|msg| !msg.is_empty() && msg.len() <= 200)), "{answer}");
    assert!(errors[0]["msg"].as_str().unwrap().contains("timestamp"), "{answer}");
    judged(&server);
    assert_eq!(shown(&server, "/logs/statistics")["total_requests_analyzed"], 20);
    assert_eq!(metric(&server, "bartizan_ingest_rejected_total{detector=\"logs\"}"), 20.0);
    let wrong_in_list = json!([entry(0), 7, {"user_id": "x"}, entry(1)]).to_string();
    let answer = ingest(&server, &["content-type: application/json"], wrong_in_list).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&2.into(), &2.into()), "{answer}");
    for body in ["", "\n\n", "[]"] {
        assert_eq!(ingest(&server, &[], body).json(), json!({"accepted": 0, "rejected": 0, "errors": []}), "{body:?}");
    }
}

#[test]
fn what_a_log_does_not_tell_is_unknown() {
    let (_folder, server) = trained();
    let entries = [with(0, "status_code", "-"), with(1, "response_time", "-"), without(2, "user_id"), without(3, "response_time")];
    let answer = ingest(&server, &[], lines(&entries)).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&4.into(), &0.into()), "{answer}");
    judged(&server);
    let audit = shown(&server, "/logs/audit");
    let who: Vec<&Value> = audit["data"].as_array().unwrap().iter().rev().map(|row| &row["ip_address"]).collect();
    assert_eq!(who, ["user-0", "user-7", "192.0.2.12", "user-9"], "{audit}");
}

#[test]
fn lines_of_access_logs_are_entries() {
    let (_folder, server) = trained();
    let line = |user: &str, path: &str, status: &str| {
        format!("192.0.2.10 - {user} [31/Jan/2026:12:00:00 +0000] \"GET {path} HTTP/1.1\" {status} 1200 \"-\" \"curl/8.5.0\"\n")
    };
    let body = [line("user-0", "/api/items?page=1", "200"), line("-", "/api/items?page=2", "404"), line("-", "/late", "-")].concat();
    let answer = ingest(&server, &["content-type: text/plain"], body).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&3.into(), &0.into()), "{answer}");
    judged(&server);
    let audit = shown(&server, "/logs/audit");
    let who: Vec<&str> = audit["data"].as_array().unwrap().iter().map(|row| row["ip_address"].as_str().unwrap()).collect();
    assert_eq!(who, ["192.0.2.10", "192.0.2.10", "user-0"], "the user, or the address where nobody authenticated: {audit}");
}

#[test]
fn what_is_more_than_it_weighs_is_refused() {
    let (_folder, server) = trained_with("[server]\nmax_body_bytes = 1000000\n");
    let many = lines(&stream(0..5_000));
    for (name, headers, body, status) in [
        ("large", &[][..], many.clone().into_bytes(), 413),
        ("large when unpacked", &["content-encoding: gzip"], gzip(many.as_bytes()), 413),
        ("large when unpacked, zstd", &["content-encoding: zstd"], zstd(many.as_bytes()), 413),
        ("a bomb of zeros", &["content-encoding: gzip"], gzip(&vec![0; 64 << 20]), 413),
        ("a bomb of lines that nobody speaks of", &[], gzip(&vec![b'\n'; 64 << 20]), 413),
        ("a bomb in a bomb", &["content-encoding: gzip"], gzip(&gzip(&vec![0; 64 << 20])), 415),
        ("cut", &["content-encoding: gzip"], gzip(lines(&stream(0..9)).as_bytes())[..60].to_vec(), 400),
        ("another coding", &["content-encoding: br"], b"x".to_vec(), 415),
    ] {
        let answer = ingest(&server, headers, body);
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
        assert!(answer.json()["detail"].is_string(), "{name}: {}", answer.text);
    }
    let statistics = shown(&server, "/logs/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &shown(&server, "/logs/status")["waiting"]), (&0.into(), &0.into()));
    assert_eq!(shown(&server, "/logs/health")["status"], "healthy");
}

#[test]
fn one_large_entry_among_others_is_stored_in_part() {
    let (_folder, server) = trained();
    let large = |length: usize| with(LESSON, "endpoint", format!("/{}", "x".repeat(length)));
    let answer = ingest(&server, &[], lines(&[entry(LESSON), large(1_000_000), entry(LESSON + 1), large(1 << 20)])).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&3.into(), &1.into()), "{answer}");
    assert_eq!((&answer["errors"][0]["line"], &answer["errors"][0]["msg"]), (&4.into(), &"longer than 1 MiB".into()), "{answer}");
    judged(&server);
    let audit = shown(&server, "/logs/audit");
    assert!(audit["total_records"] == 3 && audit.to_string().len() < 20_000, "{}", audit.to_string().len());
}

#[test]
fn a_key_counts_once() {
    let (_folder, server) = trained();
    let body = lines(&stream(LESSON..LESSON + 5));
    let headers = ["idempotency-key: batch 7"];
    let first = ingest(&server, &headers, &body);
    assert_eq!(first.status, 202);
    assert_eq!(ingest(&server, &headers, &body).json(), first.json());
    judged(&server);
    assert_eq!(shown(&server, "/logs/statistics")["total_requests_analyzed"], 5);
}

#[test]
fn without_a_model_it_is_history() {
    let (_folder, server) = untrained("");
    ingested(&server, &stream(0..LESSON));
    let statistics = shown(&server, "/logs/statistics");
    assert_eq!((&statistics["total_requests_analyzed"], &statistics["stored_records"]), (&0.into(), &LESSON.into()), "{statistics}");
    assert_eq!(shown(&server, "/logs/audit?include_unjudged=true")["total_records"], LESSON);
    assert_eq!(done(&server, "/logs/train", &json!({}))["training_samples"], LESSON);
}
