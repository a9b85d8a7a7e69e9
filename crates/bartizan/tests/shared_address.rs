//! A gateway whose address most requests share: one attack through it, and the clean requests that come after, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Connection, Running, json};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What is asked for.
const ASKED: f64 = 0.05;
const LEARNED: usize = 2_000;
/// Clean requests before the attack, and as many after it.
const PHASE: usize = 600;
const ATTACKS: usize = 80;
const GATEWAY: &str = "198.51.100.7";

/// How what comes through the gateway says who it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// Each user has a name in a header.
    User,
    /// Most requests have a token that no other has, and some nothing but their agent.
    Token,
}

/// A night of the made-up shop, in which 65 of 100 clients come through the gateway.
fn shop(folder: &Path, says: Says) -> Vec<Value> {
    let rows = (LEARNED + 2 * PHASE).to_string();
    json(folder, &["generate", "requests", "--rows", &rows, "--attack-share", "0", "--gap-secs", "1", "--out", "shop.ndjson"]);
    let lines = fs::read_to_string(folder.join("shop.ndjson")).unwrap();
    let through = |line: &str| {
        let mut request: Value = serde_json::from_str(line).unwrap();
        let client = request["ip_address"].as_str().unwrap().to_owned();
        if client.bytes().map(usize::from).sum::<usize>() % 20 < 13 {
            request["ip_address"] = json!(GATEWAY);
            if says == Says::User {
                request["headers"]["X-User-Id"] = json!(client);
            }
        }
        request
    };
    lines.lines().map(through).collect()
}

/// Whether each is flagged.
fn flagged(client: &mut Connection, requests: &[Value]) -> Vec<bool> {
    let send = |request: &Value| {
        let (status, answer) = client.send("POST", "/requests/analyze", &request.to_string()).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["isAnomaly"] == Value::Bool(true)
    };
    requests.iter().map(send).collect()
}

/// An attack by a tool through the gateway, within the minute before `until`.
fn attack(until: &Value, says: Says) -> Vec<Value> {
    let request = |i: usize| {
        let mut request = until.clone();
        request["request_id"] = json!(format!("attack-{i}"));
        request["ip_address"] = json!(GATEWAY);
        request["http_method"] = json!("GET");
        request["endpoint"] = json!(format!("/api/search?q=1%27%20UNION%20SELECT%20{i}%2Cpassword%20FROM%20users--"));
        request["payload"] = Value::Null;
        request["headers"] =
            json!({"Host": "shop.example.com", "User-Agent": "sqlmap/1.8.4#stable (https://sqlmap.example)", "Accept": "*/*"});
        if says == Says::User {
            request["headers"]["X-User-Id"] = json!("eve");
        }
        request
    };
    (0..ATTACKS).map(request).collect()
}

/// The share of the requests through the gateway that is flagged.
fn share(requests: &[Value], flagged: &[bool]) -> f64 {
    let through = requests.iter().zip(flagged).filter(|(request, _)| request["ip_address"] == GATEWAY);
    let alarms: Vec<f64> = through.map(|(_, flagged)| f64::from(u8::from(*flagged))).collect();
    alarms.iter().sum::<f64>() / alarms.len() as f64
}

/// The shares flagged of clean requests through the gateway before the attack and after it, and of the attack.
fn shares(says: Says, settings: &str) -> [f64; 3] {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bartizan.toml"), format!("[detectors.requests]\n{settings}\n")).unwrap();
    let traffic = shop(folder.path(), says);
    let server = Running::start(folder.path(), &["--only", "requests"]);
    let mut client = server.connect();
    for request in &traffic[..LEARNED] {
        assert_eq!(client.send("POST", "/requests/analyze", &request.to_string()).unwrap().0, 503);
    }
    let body = json!({"model_version": "v1.0", "training_params": {"contamination": ASKED}}).to_string();
    assert_eq!(client.send("POST", "/requests/train", &body).unwrap().0, 200);
    let (before, after) = traffic[LEARNED..].split_at(PHASE);
    let first = share(before, &flagged(&mut client, before));
    let attacks = attack(&after[0], says);
    let of_attack = share(&attacks, &flagged(&mut client, &attacks));
    // What is known of the gateway outlives the process.
    assert_eq!(server.stop().0, Some(0));
    let server = Running::start(folder.path(), &["--only", "requests"]);
    let second = share(after, &flagged(&mut server.connect(), after));
    [first, second, of_attack]
}

#[test]
fn an_attack_through_a_gateway_flags_nobody_else() {
    for says in [Says::User, Says::Token] {
        let [before, after, attack] = shares(says, "");
        println!("{says:?}: flagged before, after and of the attack: {before}, {after}, {attack}");
        assert!(attack > 0.95, "{says:?}: {attack}");
        assert!(before <= 2.0 * ASKED && after <= before + ASKED / 2.0, "{says:?}: {before}, {after}");
    }
}

/// The model learns what each user does, and the server counts from its first request on as the model does.
#[test]
fn a_gateway_that_is_in_the_file_learned_from_is_known_when_serving() {
    for says in [Says::User, Says::Token] {
        let folder = tempfile::tempdir().unwrap();
        let traffic = shop(folder.path(), says);
        let (learned, live) = traffic.split_at(LEARNED);
        let lines: Vec<String> = learned.iter().map(Value::to_string).collect();
        fs::write(folder.path().join("learned.ndjson"), lines.join("\n")).unwrap();
        json(folder.path(), &["train", "requests", "learned.ndjson", "--contamination", &ASKED.to_string()]);
        let server = Running::start(folder.path(), &["--only", "requests"]);
        let flagged = flagged(&mut server.connect(), live);
        let shares: Vec<f64> = live.chunks(300).zip(flagged.chunks(300)).map(|(requests, flagged)| share(requests, flagged)).collect();
        println!("{says:?}: flagged of each 300 requests: {shares:?}");
        assert!(share(live, &flagged) <= 2.0 * ASKED && shares[0] <= 3.0 * ASKED, "{says:?}: {shares:?}");
    }
}

#[test]
fn where_a_client_is_its_address_all_of_them_are_flagged() {
    let [before, after, _] = shares(Says::User, "identity = []");
    println!("by address: {before}, {after}");
    assert!(before <= 2.0 * ASKED && after > 0.5, "{before}, {after}");
}
