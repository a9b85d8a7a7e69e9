//! Floods of new names, and of one user: memory stays bounded, and nobody who is known is forgotten for them.

use crate::client::{get, post, shown};
use crate::fixture::{LESSON, at, attack, changed, entry, ingest, ingested, judged, lines, score, scores, trained, trained_with};
use serde_json::{Value, json};

/// Failed logins of one user.
fn guesses(count: i64) -> Vec<Value> {
    let guess = |n| {
        let fields =
            json!({"timestamp": at(16_000 + n), "user_id": "user-4", "ip_address": "192.0.2.14", "status_code": 401, "endpoint": "/login"});
        changed(entry(LESSON), fields)
    };
    (0..count).map(guess).collect()
}

fn afterwards() -> Value {
    changed(entry(LESSON), json!({"timestamp": at(16_700), "user_id": "user-4", "ip_address": "192.0.2.14", "endpoint": "/login"}))
}

/// Entries of one second, each with a user, an address and an endpoint that nobody had before.
fn newcomers(from: usize, count: usize) -> Vec<Value> {
    let newcomer = |n: usize| {
        changed(
            entry(LESSON),
            json!({
                "timestamp": at(16_100 + (n / 100) as i64), "user_id": format!("new-{n}"), "endpoint": format!("/new/place{}x/a{n}b", n % 977),
                "ip_address": format!("2001:db8::{:x}:{:x}", n >> 16, n & 0xffff),
            }),
        )
    };
    (from..from + count).map(newcomer).collect()
}

#[test]
fn newcomers_push_out_nobody_who_is_known() {
    let (_folder, server) = trained_with("[detectors.logs]\nmax_tracked_clients = 400\n");
    let alone = score(&server, &afterwards());
    ingested(&server, &guesses(40));
    let known = score(&server, &afterwards());
    assert!(known < alone, "{known} after forty failed logins, {alone} before");
    for part in 0..6 {
        ingested(&server, &newcomers(2_000 * part, 2_000));
    }
    // One user may come as often as it likes.
    let flood: Vec<Value> =
        (0..4_000).map(|n| changed(attack(n), json!({"timestamp": at(16_300 + n as i64 / 100), "user_id": "flood"}))).collect();
    ingested(&server, &flood);
    let after = score(&server, &afterwards());
    assert!((after - known).abs() < 0.05 && after < alone, "{after} after the flood, {known} before it, {alone} before the logins");
    let info = get(&server, "/logs/metrics").text;
    let tracked =
        info.lines().find(|line| line.contains("tracked") && line.contains("detector=\"logs\"")).unwrap_or_else(|| panic!("{info}"));
    assert!(tracked.split(' ').next_back().unwrap().parse::<f64>().unwrap() <= 400.0, "{tracked}");
}

#[test]
fn names_that_are_all_one_or_all_new_are_judged() {
    let (_folder, server) = trained_with("[detectors.logs]\nmax_tracked_clients = 50\n");
    let one: Vec<Value> = (0..3_000).map(|n| changed(entry(n), json!({"user_id": "all"}))).collect();
    for logs in [one, newcomers(0, 3_000)] {
        let found = scores(&server, &logs);
        assert!(found.len() == 3_000 && found.iter().all(|score| (-1.0..0.0).contains(score)));
        assert_eq!(scores(&server, &logs), found, "the same again");
    }
}

/// Most memory that a server ever had, in mebibytes.
fn peak_mib(server: &crate::common::Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[test]
fn memory_is_bounded_under_a_flood() {
    let (_folder, server) = trained_with("[detectors.logs]\nmax_tracked_clients = 1000\n");
    // The queues and caches of the server have their size after the first parts.
    (0..3).for_each(|part| ingested(&server, &newcomers(5_000 * part, 5_000)));
    let before = peak_mib(&server);
    (3..12).for_each(|part| ingested(&server, &newcomers(5_000 * part, 5_000)));
    let after = peak_mib(&server);
    assert!(after < before + 40, "{after} MiB after 60,000 newcomers, {before} MiB after 15,000");
}

#[test]
fn many_ask_and_tell_at_once() {
    let (folder, server) = trained();
    let asked = [entry(LESSON + 3), afterwards()];
    std::thread::scope(|scope| {
        for client in 0..6 {
            let (server, asked) = (&server, &asked);
            scope.spawn(move || {
                for round in 0..10 {
                    match client % 3 {
                        0 => assert_eq!(ingest(server, &[], lines(&newcomers(1_000 * (10 * client + round), 200))).status, 202),
                        1 => _ = scores(server, asked),
                        _ => assert_eq!(post(server, "/logs/analyze", entry(LESSON + 10 * client + round).to_string()).status, 200),
                    }
                }
            });
        }
    });
    judged(&server);
    let expected = 20 * 200 + 20 * 2 + 20;
    assert_eq!(shown(&server, "/logs/statistics")["total_requests_analyzed"], expected);
    let before = score(&server, &afterwards());
    assert_eq!(server.stop().0, Some(0));
    let server = crate::common::Running::start(folder.path(), &["--only", "logs"]);
    assert_eq!(score(&server, &afterwards()), before, "the windows survive a restart");
}
