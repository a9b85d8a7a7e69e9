//! What a score depends on: the entry and the past, and nothing else.

use crate::fixture::{LESSON, at, attack, changed, detect, entry, ingested, score, scores, stream, trained, with};
use serde_json::{Value, json};

/// Failed logins of one user, a second apart.
fn guesses(count: i64) -> Vec<Value> {
    let guess =
        |n| changed(entry(LESSON), json!({"timestamp": at(16_000 + n), "user_id": "user-4", "status_code": 401, "endpoint": "/login"}));
    (0..count).map(guess).collect()
}

/// What follows them.
fn afterwards() -> Value {
    changed(entry(LESSON), json!({"timestamp": at(16_200), "user_id": "user-4", "status_code": 200, "endpoint": "/login"}))
}

#[test]
fn asked_twice_it_says_the_same() {
    let (_folder, server) = trained();
    let mut logs = stream(LESSON..LESSON + 100);
    logs.extend(guesses(40));
    logs.push(afterwards());
    let first = scores(&server, &logs);
    assert_eq!(first, scores(&server, &logs));
    let mut halves = scores(&server, &logs[..50]);
    assert_eq!(halves, &first[..50], "later ones change nothing");
    halves.clear();
    assert_eq!(scores(&server, &logs), first, "and none of it has left a trace");
}

#[test]
fn the_order_of_the_list_says_nothing() {
    let (_folder, server) = trained();
    let mut logs = stream(LESSON..LESSON + 60);
    logs.extend(guesses(20));
    // Some at one time, of one user.
    logs.extend((0..6).map(|n| changed(attack(n), json!({"timestamp": at(17_000)}))));
    let expected = scores(&server, &logs);
    for step in [1, 7, 31, 85] {
        let order: Vec<usize> = (0..logs.len()).map(|n| (n * step + 3) % logs.len()).collect();
        let permuted: Vec<Value> = order.iter().map(|n| logs[*n].clone()).collect();
        let found = scores(&server, &permuted);
        for (position, number) in order.iter().enumerate() {
            assert_eq!(found[position], expected[*number], "entry {number} with step {step}");
        }
    }
    let reversed: Vec<Value> = logs.iter().rev().cloned().collect();
    assert_eq!(scores(&server, &reversed).into_iter().rev().collect::<Vec<_>>(), expected);
}

#[test]
fn later_entries_and_those_of_others_change_nothing_before_them() {
    let (_folder, server) = trained();
    let one = entry(LESSON);
    let alone = score(&server, &one);
    let later: Vec<Value> = [one.clone()].into_iter().chain(guesses(30)).chain((0..30).map(attack)).collect();
    assert_eq!(scores(&server, &later)[0], alone);
    // Of another user, address and endpoint, and before.
    let others = (0..30).map(|n| {
        let fields = json!({"timestamp": at(11_900 + n), "user_id": format!("other-{n}"), "endpoint": format!("/other/{n}/x"), "ip_address": format!("203.0.113.{n}")});
        changed(entry(n as usize), fields)
    });
    let with_others: Vec<Value> = [one].into_iter().chain(others).collect();
    assert_eq!(scores(&server, &with_others)[0], alone);
}

#[test]
fn earlier_entries_of_the_request_are_history() {
    let (_folder, server) = trained();
    let alone = score(&server, &afterwards());
    let logs: Vec<Value> = guesses(40).into_iter().chain([afterwards()]).collect();
    let found = scores(&server, &logs)[40];
    assert!(found < alone, "{found} after forty failed logins, {alone} alone");
    assert_eq!(score(&server, &afterwards()), alone, "which leave no trace");
}

#[test]
fn the_stream_is_history_of_what_is_asked_later() {
    let (_folder, server) = trained();
    let alone = score(&server, &afterwards());
    let before = changed(afterwards(), json!({"timestamp": at(16_000 - 7_200)}));
    let alone_before = score(&server, &before);
    let together: Vec<Value> = guesses(40).into_iter().chain([afterwards()]).collect();
    let foreseen = scores(&server, &together)[40];
    ingested(&server, &guesses(40));
    let found = score(&server, &afterwards());
    assert!(found < alone, "{found} after forty failed logins of the stream, {alone} before");
    assert!((found - foreseen).abs() < 1e-6, "{found}, and {foreseen} with them in one request");
    let reasons = crate::client::done(&server, "/logs/detect?explain=true", &json!({"logs": [afterwards()], "threshold": 0}));
    assert!(reasons["anomalies"][0]["reasons"].to_string().contains("failed_logins"), "{reasons}");
    assert_eq!(score(&server, &before), alone_before, "what came before them has nothing of them");
}

#[test]
fn zones_are_one_time() {
    let (_folder, server) = trained();
    let times = [
        "2026-01-31T12:30:00",
        "2026-01-31T12:30:00Z",
        "2026-01-31 12:30:00",
        "2026-01-31T14:30:00.000+02:00",
        "2026-01-31T01:00:00-11:30",
    ];
    let asked: Vec<Value> = times.iter().map(|time| with(LESSON, "timestamp", *time)).collect();
    let alone: Vec<f64> = asked.iter().map(|entry| score(&server, entry)).collect();
    assert!(alone.iter().all(|score| *score == alone[0]), "{alone:?}");
    let together = scores(&server, &asked);
    assert!(together.iter().all(|score| *score == together[0]), "{together:?}");
}

#[test]
fn entries_out_of_order_by_a_day_are_judged() {
    let (_folder, server) = trained();
    let mut logs = stream(LESSON..LESSON + 200);
    for (number, log) in logs.iter_mut().enumerate() {
        let secs = 12_000 + 20 * number as i64 - if number % 3 == 0 { 86_400 } else { 0 };
        let time = at(secs);
        log["timestamp"] = if number % 2 == 0 { time.trim_end_matches('Z').into() } else { time.into() };
    }
    let found = scores(&server, &logs);
    assert!(found.iter().all(|score| (-1.0..0.0).contains(score)));
    ingested(&server, &logs);
    ingested(&server, &stream(LESSON + 200..LESSON + 300));
    let answer = detect(&server, &stream(LESSON + 300..LESSON + 360));
    let flagged = answer["anomalies"].as_array().unwrap().iter().filter(|a| a["anomaly_score"].as_f64().unwrap() < -0.5).count();
    assert!(flagged <= 12, "{flagged} of 60 ordinary entries");
}
