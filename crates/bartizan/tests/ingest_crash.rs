//! Killed while shippers post, again and again: what was accepted is judged, and judged once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use bartizan_storage::{AuditFilter, DetectionRepository as _, InboxRepository as _};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use common::{Connection, Running, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc;

/// The detector that is posted to.
const DETECTOR: &str = "logs";
const ROUNDS: usize = 20;
const CLIENTS: usize = 4;
/// Answers after which the server is killed; differs from round to round so that the kill falls at different moments.
const ANSWERS: usize = 20;
/// Entries of a batch differ in number up to this.
const MOST: usize = 90;

/// An entry as a shipper posts it; its user has its name.
fn entry(id: &str) -> String {
    serde_json::json!({
        "timestamp": "2026-01-31T09:30:00Z", "user_id": id, "endpoint": "/api/users/profile", "method": "GET", "ip_address": "203.0.113.7",
        "status_code": 200, "response_time": 0.043, "response_size": 5300,
    })
    .to_string()
}

/// A batch by its name: the names of its entries.
fn entries(batch: &str) -> Vec<String> {
    let size = 1 + batch.bytes().fold(7, |sum: usize, byte| sum * 31 % 8_191 + usize::from(byte)) % MOST;
    (0..size).map(|number| format!("{batch}/{number}")).collect()
}

/// Sends a batch under its name as its key.
fn post(connection: &mut Connection, batch: &str) -> std::io::Result<()> {
    let names = entries(batch);
    let body: String = names.iter().map(|id| entry(id) + "\n").collect();
    let answer = connection.exchange("POST", &format!("/{DETECTOR}/ingest"), &[&format!("idempotency-key: {batch}")], body)?;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&said["accepted"], &said["rejected"]), (&names.len().into(), &0.into()), "{batch}");
    Ok(())
}

/// What a client tells of a batch.
enum Told {
    Accepted(String),
    /// The server went away before it answered.
    Unanswered(String),
}

#[test]
fn what_was_accepted_is_judged_once_whenever_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    json(folder.path(), &["generate", DETECTOR, "--rows", "400", "--seed", "1", "--out", "train.ndjson"]);
    json(folder.path(), &["train", DETECTOR, "train.ndjson", "--model-version", "v1.0"]);
    let (mut accepted, mut unanswered): (Vec<String>, Vec<String>) = Default::default();
    for round in 0..ROUNDS {
        let server = Running::start(folder.path(), &["--only", DETECTOR]);
        let mut connection = server.connect();
        // Half of what was not answered is sent again, as shippers do: it may have been accepted or not.
        let again = unanswered.split_off(unanswered.len() / 2);
        again.iter().for_each(|batch| post(&mut connection, batch).unwrap());
        accepted.extend(again);
        load_and_kill(server, round, &mut accepted, &mut unanswered);
    }
    let server = Running::start(folder.path(), &["--only", DETECTOR]);
    while server.connect().get(&format!("/{DETECTOR}/status"))["waiting"] != 0 {
        std::thread::yield_now();
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_judged(folder.path(), &accepted, &unanswered);
}

/// Clients post until enough answers have arrived, then the server is killed in the middle of it.
fn load_and_kill(server: Running, round: usize, accepted: &mut Vec<String>, unanswered: &mut Vec<String>) {
    let (sender, receiver) = mpsc::channel();
    let clients: Vec<Connection> = (0..CLIENTS).map(|_| server.connect()).collect();
    std::thread::scope(|scope| {
        for (client, mut connection) in clients.into_iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || {
                for number in 0.. {
                    let batch = format!("{round}.{client}.{number}");
                    if post(&mut connection, &batch).is_err() {
                        return sender.send(Told::Unanswered(batch)).unwrap();
                    }
                    sender.send(Told::Accepted(batch)).unwrap();
                }
            });
        }
        drop(sender);
        let mut note = |told| match told {
            Told::Accepted(batch) => accepted.push(batch),
            Told::Unanswered(batch) => unanswered.push(batch),
        };
        receiver.iter().take(ANSWERS + 3 * round).for_each(&mut note);
        server.kill();
        receiver.iter().for_each(note);
    });
}

/// Reads the store itself: entries of accepted batches are there once, those of a batch that was not answered once or not at all.
fn assert_judged(folder: &Path, accepted: &[String], unanswered: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (rows, statistics, backlog) = runtime.block_on(async {
        let store = SqliteStore::open(SqliteOptions::new(folder.join("bartizan-data/bartizan.db"))).unwrap();
        let page = store.audit(DETECTOR, &AuditFilter::default(), 0, 1_000_000).await.unwrap();
        let (statistics, backlog) = (store.statistics(DETECTOR).await.unwrap(), store.backlog(DETECTOR).await.unwrap());
        store.close().await;
        (page.rows, statistics, backlog)
    });
    let mut times: HashMap<String, usize> = HashMap::new();
    rows.into_iter().for_each(|row| *times.entry(row.detection.entity).or_default() += 1);
    let total: usize = times.values().sum();
    assert_eq!((statistics.judged, backlog.events), (total as u64, 0));
    let mut wrong = Vec::new();
    for (batches, expected) in [(accepted, &[1][..]), (unanswered, &[0, 1])] {
        for batch in batches {
            let found: Vec<usize> = entries(batch).iter().map(|id| times.remove(id).unwrap_or(0)).collect();
            if !expected.contains(&found[0]) || found.iter().any(|times| *times != found[0]) {
                wrong.push((batch, found));
            }
        }
    }
    assert!(wrong.is_empty(), "lost or judged twice, of {} batches: {wrong:?}", accepted.len());
    assert!(times.is_empty(), "nobody sent them: {times:?}");
    assert!(accepted.len() > ROUNDS * ANSWERS && total > accepted.len(), "{} batches, {total} entries", accepted.len());
}
