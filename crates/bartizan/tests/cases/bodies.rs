//! Bodies over HTTP: byte order marks, compression, nesting, and lists of addresses.

use crate::common::{Answer, Running, browser, json};
use crate::fixture::Checks;
use serde_json::{Value, json};
use std::io::Write as _;
use tempfile::TempDir;

/// A server of all kinds that has learned.
fn server() -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["requests", "flows", "behavior"] {
        json(folder.path(), &["generate", kind, "--rows", "400", "--seed", "1", "--out", kind]);
        json(folder.path(), &["train", kind, kind]);
    }
    let server = Running::start(folder.path(), &[]);
    (folder, server)
}

fn post(server: &Running, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    server.connect().exchange("POST", path, headers, body).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 19).unwrap()
}

fn flow() -> String {
    json!({"data": {"Destination Port": 443, "Flow Duration": 112_740, "Total Fwd Packets": 8, "Total Backward Packets": 9}}).to_string()
}

fn session() -> String {
    json!({"failed_logins": 1, "request_rate": 50, "commands_count": 3, "sql_payload": 0, "honeytoken_access": 0, "session_time": 300})
        .to_string()
}

/// Where each kind judges, and a body that it takes.
fn judged() -> [(&'static str, String); 4] {
    [
        ("/requests/analyze", browser("b-1")),
        ("/requests/explain", browser("b-2")),
        ("/flows/predict", flow()),
        ("/behavior/predict", session()),
    ]
}

#[test]
fn a_mark_or_a_coding_before_a_body_is_no_fault() {
    let (_folder, server) = server();
    let mut checks = Checks::default();
    let marked = |body: &str| [b"\xef\xbb\xbf", body.as_bytes()].concat();
    for (path, body) in judged() {
        let plain = body.as_bytes().to_vec();
        for (name, headers, bytes, status) in [
            ("plain", &[][..], plain.clone(), 200),
            ("a byte order mark", &[], marked(&body), 200),
            ("a mark and blanks", &[], marked(&format!(" \r\n{body}\n")), 200),
            ("two marks", &[], marked(&format!("\u{feff}{body}")), 422),
            ("a mark alone", &[], marked(""), 422),
            ("gzip", &["content-encoding: gzip"], gzip(&plain), 200),
            ("its older name", &["Content-Encoding: X-GZIP"], gzip(&plain), 200),
            ("zstd", &["content-encoding: zstd"], zstd(&plain), 200),
            ("a mark in gzip", &["content-encoding: gzip"], gzip(&marked(&body)), 200),
            ("said to be itself", &["content-encoding: identity"], plain.clone(), 200),
            ("another coding", &["content-encoding: br"], plain.clone(), 415),
            ("one upon the other", &["content-encoding: gzip, zstd"], zstd(&gzip(&plain)), 415),
            ("a name that is none", &["content-encoding: \u{1b}x"], plain.clone(), 400),
            ("not what it says", &["content-encoding: gzip"], plain.clone(), 400),
            ("cut", &["content-encoding: gzip"], gzip(&plain)[..20].to_vec(), 400),
            ("a bomb", &["content-encoding: gzip"], gzip(&vec![b' '; 64 << 20]), 413),
            ("a bomb of zstd", &["content-encoding: zstd"], zstd(&vec![b' '; 64 << 20]), 413),
        ] {
            let answer = post(&server, path, headers, bytes);
            checks.equal(&format!("{path}, {name}"), answer.status, status, &answer.body);
            let accepted = answer.headers.iter().any(|line| line == "accept-encoding: gzip, zstd");
            checks.equal(&format!("{path}, {name}: Accept-Encoding"), accepted, status == 415, &answer.body);
        }
    }
    checks.equal("alive", server.connect().get("/readyz")["status"].is_string(), true, &"");
    checks.end();
}

/// A body whose payload is so many lists deep.
fn nested(id: &str, depth: usize) -> String {
    browser(id).replace(r#"{"name":"Ada"}"#, &format!("{}{}", "[".repeat(depth), "]".repeat(depth)))
}

#[test]
fn nesting_is_judged_however_deep() {
    let (_folder, server) = server();
    let mut checks = Checks::default();
    for (name, depth, form) in [("lists", 200, "["), ("objects", 200, "{"), ("more", 5_000, "["), ("far more", 100_000, "[")] {
        let mut body = nested(&format!("{name}-{depth}"), depth);
        if form == "{" {
            body = body.replacen(&"[".repeat(depth), &"{\"a\":".repeat(depth), 1).replacen(
                &"]".repeat(depth),
                &format!("1{}", "}".repeat(depth)),
                1,
            );
        }
        let answer = post(&server, "/requests/explain", &[], &body);
        checks.equal(name, answer.status, 200, &answer.body);
        let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        checks.equal(name, answer["isAnomaly"].as_bool(), Some(true), &answer);
        checks.equal(name, answer.to_string().contains("payload_depth"), true, &answer);
    }
    let deep = "[".repeat(100_000);
    for (name, path, body, status) in [
        ("never closed", "/requests/analyze", nested("x", 0).replace("\"payload\":", &format!("\"payload\":{deep}")), 422),
        ("nothing but that", "/requests/analyze", deep.clone(), 422),
        ("of another kind", "/flows/predict", deep.clone(), 422),
        ("of the third kind", "/behavior/predict", deep.clone(), 422),
        ("in a field of another kind", "/flows/predict", flow().replacen('{', &format!("{{\"x\":{deep}{},", "]".repeat(100_000)), 1), 200),
        ("in a field of the third", "/behavior/predict", session().replace(":1,", &format!(":{deep}{},", "]".repeat(100_000))), 422),
    ] {
        let answer = post(&server, path, &[], &body);
        checks.equal(name, answer.status, status, &answer.body);
    }
    checks.equal("alive", server.connect().get("/readyz")["status"].is_string(), true, &"");
    checks.end();
}

#[test]
fn the_first_of_a_list_of_addresses_is_the_client() {
    let (_folder, server) = server();
    let mut checks = Checks::default();
    let mut connection = server.connect();
    for (name, address, client) in [
        ("alone", "203.0.113.7", "203.0.113.7"),
        ("a list", "203.0.113.7, 10.0.0.1, 172.16.0.9", "203.0.113.7"),
        ("a list without blanks", "203.0.113.7,10.0.0.1", "203.0.113.7"),
        ("a list of one", "203.0.113.7,", "203.0.113.7"),
        ("with its port", "203.0.113.7:51514", "203.0.113.7"),
        ("a list with ports", "203.0.113.7:4711, 10.0.0.1:80", "203.0.113.7"),
        ("within IPv6", "::ffff:203.0.113.7", "203.0.113.7"),
        ("IPv6", "2001:DB8::7, 10.0.0.1", "2001:db8::7"),
        ("IPv6 with its port", "[2001:db8::7]:443, 10.0.0.1", "2001:db8::7"),
        ("blanks around", " 203.0.113.7 , 10.0.0.1", "203.0.113.7"),
    ] {
        let mut body: Value = serde_json::from_str(&browser(name)).unwrap();
        body["ip_address"] = json!(address);
        let answer = connection.exchange("POST", "/requests/analyze", &[], body.to_string()).unwrap();
        checks.equal(name, answer.status, 200, &answer.body);
        let stored = &connection.get("/requests/audit")["data"][0];
        checks.equal(name, [&stored["entity"], &stored["ip_address"]], [&json!(client), &json!(client)], stored);
        let whole = connection.get(&format!("/requests/detections/{}", stored["id"]));
        checks.equal(name, &whole["entity"], &json!(client), &whole);
    }
    checks.end();
}
