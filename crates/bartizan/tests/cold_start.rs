//! A detector that starts from nothing, over HTTP: it says how far it is, flags what is an attack by its marks, learns by itself as often as its
//! history doubles, and keeps the share of alarms that was asked for, also after a restart.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Connection, Running};
use serde_json::{Value, json};
use std::fs;

const ASKED: f64 = 0.1;
/// The first training waits for twenty alarms of the share that is asked for.
const FIRST: usize = 200;

/// Readers of a small site, one request in about fifteen seconds: a few pages that most read, many that few do, now and then a search. It has
/// nothing in common with the product's generator.
fn readers(events: usize) -> Vec<String> {
    let mut state = 7_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut secs = 1_770_100_000;
    let mut event = |number: usize| {
        secs += 1 + draw(28);
        let path = match draw(10) {
            0..=5 => ["/", "/news", "/news/latest", "/about"][draw(4) as usize].to_owned(),
            6..=8 => format!("/article/{}", draw(40) * draw(40)),
            _ => format!("/search?q={}", ["rain", "harbour", "council", "bridge", "school"][draw(5) as usize]),
        };
        let agent =
            ["Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "Mozilla/5.0 (Macintosh) Safari/605.1", "feed-reader/2.4"][draw(3) as usize];
        let client = draw(80);
        json!({
            "request_id": format!("r-{number}"), "ip_address": format!("10.3.{}.{}", client % 8, client + 1), "endpoint": path,
            "http_method": "GET", "headers": {"user-agent": agent, "accept": "text/html"}, "timestamp": secs * 1_000,
        })
        .to_string()
    };
    (0..events).map(&mut event).collect()
}

fn judge(client: &mut Connection, body: &str) -> Value {
    let (status, answer) = client.send("POST", "/requests/analyze", body).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The share of them that is flagged. Each training that comes due is waited for, so that the events between two models are always the same.
fn flagged(client: &mut Connection, bodies: &[String]) -> f64 {
    let due = |status: &Value| {
        let count = |name: &str| status["learning"][name].as_u64().unwrap();
        count("needed") - count("events")
    };
    let (mut alarms, mut left) = (0, due(&client.get("/requests/status")));
    for body in bodies {
        alarms += usize::from(judge(client, body)["isAnomaly"] == true);
        left -= 1;
        if left == 0 {
            left = due(&settled(client));
        }
    }
    alarms as f64 / bodies.len() as f64
}

/// Waits for the training that is due; returns the status then.
fn settled(client: &mut Connection) -> Value {
    loop {
        let status = client.get("/requests/status");
        let learning = &status["learning"];
        if learning["needed"].as_u64().unwrap() > learning["events"].as_u64().unwrap() {
            return status;
        }
    }
}

fn attack(id: &str) -> String {
    json!({
        "request_id": id, "ip_address": "203.0.113.9", "endpoint": "/search?q=1'+UNION+SELECT+password+FROM+users--", "http_method": "GET",
        "headers": {"user-agent": "sqlmap/1.7.2#stable (https://sqlmap.org)"}, "timestamp": 1_770_100_000_000_i64,
    })
    .to_string()
}

#[test]
fn it_says_how_far_it_is_and_keeps_the_share_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bartizan.toml"), format!("[detectors.requests]\ncold_start = \"learn\"\ncontamination = {ASKED}\n"))
        .unwrap();
    let server = Running::start(folder.path(), &["--only", "requests"]);
    let mut client = server.connect();
    let events = readers(3_000);

    let (status, first) = client.send("POST", "/requests/analyze?explain=true", &attack("attack-1")).unwrap();
    assert_eq!((status, &first["isAnomaly"], &first["model_version"]), (200, &json!(true), &json!("learning")), "{first}");
    assert!(first["reasons"][0]["text"].as_str().unwrap().contains("SQL"), "it says which mark: {first}");
    assert_eq!(flagged(&mut client, &events[..99]), 0.0, "nothing is flagged for being unlike what is not known");
    let status = client.get("/requests/status");
    let learning = &status["learning"];
    assert_eq!((&learning["events"], &learning["needed"], &learning["allows"]), (&json!(100), &json!(FIRST), &json!(0.2)), "{status}");
    assert!(learning["ready_at"].is_string() && learning["message"].as_str().unwrap().contains("100 of 200"), "{status}");

    flagged(&mut client, &events[99..250]);
    assert_eq!(settled(&mut client)["is_trained"], true);
    let mut shares = Vec::new();
    for (from, to) in [(250, 600), (600, 1_300), (1_300, 2_500)] {
        shares.push(flagged(&mut client, &events[from..to]) * (to - from) as f64 / 2_250.0);
        settled(&mut client);
    }
    let share = shares.iter().sum::<f64>();
    assert!((0.03..=0.15).contains(&share), "{share} flagged, {ASKED} asked: {shares:?}");
    let models = client.get("/requests/models")["models"].as_array().unwrap().len();
    assert!(models >= 3, "it has learned again: {models}");

    assert_eq!(server.stop().0, Some(0));
    let server = Running::start(folder.path(), &["--only", "requests"]);
    let mut client = server.connect();
    let status = client.get("/requests/status");
    assert!(status["learning"]["needed"].as_u64().unwrap() > 2_501, "it goes on after a restart: {status}");
    assert_eq!(judge(&mut client, &attack("attack-2"))["isAnomaly"], true);
    let share = flagged(&mut client, &events[2_500..]);
    assert!(share <= 0.2, "{share} flagged, {ASKED} asked");

    let (status, answer) = client.send("POST", "/requests/train", r#"{"model_version": "asked-for"}"#).unwrap();
    assert_eq!((status, &answer["activated"]), (200, &json!(true)), "{answer}");
    assert_eq!(client.get("/requests/status")["learning"], Value::Null, "a model that was asked for stays");
}
