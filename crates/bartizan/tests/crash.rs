//! Killed under load, again and again: no answered verdict is lost, and exactly one model is active.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use bartizan_storage::{AuditFilter, DetectionRepository as _};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use common::{Connection, Running, browser, generate, json};
use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc;

const ROUNDS: usize = 20;
const CLIENTS: usize = 6;
/// Answers after which the server is killed; differs from round to round so that the kill falls at different moments.
const ANSWERS: usize = 150;

#[test]
fn no_answered_verdict_is_lost_and_one_model_is_active() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "train.ndjson", 400, 1);
    json(folder.path(), &["train", "requests", "train.ndjson", "--model-version", "v1.0"]);
    let mut answered = HashSet::new();
    for round in 0..ROUNDS {
        let server = Running::start(folder.path(), &["--only", "requests"]);
        assert_eq!(Connection::open(server.address).get("/requests/health")["model_loaded"], true);
        assert_one_active(&mut server.connect(), round);
        assert_kept(folder.path(), &answered, round);
        let before = answered.len();
        load_and_kill(server, round, &mut answered);
        assert!(answered.len() >= before + ANSWERS, "round {round}");
    }
    let server = Running::start(folder.path(), &["--only", "requests"]);
    assert_one_active(&mut server.connect(), ROUNDS);
    assert_kept(folder.path(), &answered, ROUNDS);
}

/// Clients and a trainer work until enough answers have arrived, then the server is killed in the middle of it.
fn load_and_kill(server: Running, round: usize, answered: &mut HashSet<String>) {
    let (sender, receiver) = mpsc::channel();
    // All are connected before the load begins: enough answers may have come before a slow thread would have connected.
    let clients: Vec<Connection> = (0..CLIENTS).map(|_| server.connect()).collect();
    let trainer = server.connect();
    std::thread::scope(|scope| {
        for (client, connection) in clients.into_iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || post(connection, &format!("r{round}-c{client}"), &sender));
        }
        drop(sender);
        scope.spawn(move || train(trainer, round));
        answered.extend(receiver.iter().take(ANSWERS + 17 * round));
        server.kill();
        answered.extend(receiver.iter());
    });
}

/// Posts until the server goes away; sends on the id of every request whose whole answer arrived.
fn post(mut connection: Connection, prefix: &str, answered: &mpsc::Sender<String>) {
    for number in 0.. {
        let id = format!("{prefix}-{number}");
        match connection.send("POST", "/requests/analyze", &browser(&id)) {
            Ok((200, body)) => {
                assert_eq!(body["request_id"], id.as_str());
                answered.send(id).unwrap();
            }
            Ok((status, body)) => panic!("{status}: {body}"),
            Err(_) => return,
        }
    }
}

fn train(mut connection: Connection, round: usize) {
    for number in 0.. {
        let body = format!(r#"{{"model_version": "v{round}.{number}", "training_params": {{"n_estimators": 20}}}}"#);
        match connection.send("POST", "/requests/train", &body) {
            Ok((200, _)) => {}
            Ok((status, body)) => panic!("{status}: {body}"),
            Err(_) => return,
        }
    }
}

fn assert_one_active(connection: &mut Connection, round: usize) {
    let models = connection.get("/requests/models");
    let active = models["models"].as_array().unwrap().iter().filter(|model| model["is_active"] == true).count();
    assert_eq!(active, 1, "round {round}: {models}");
}

/// Reads the store itself, beside the running server.
fn assert_kept(folder: &Path, answered: &HashSet<String>, round: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kept: HashSet<String> = runtime.block_on(async {
        let store = SqliteStore::open(SqliteOptions::new(folder.join("bartizan-data/bartizan.db"))).unwrap();
        let page = store.audit("requests", &AuditFilter::default(), 0, 1_000_000).await.unwrap();
        store.close().await;
        page.rows.into_iter().map(|row| row.detection.event_id).collect()
    });
    let lost: Vec<_> = answered.difference(&kept).collect();
    assert!(lost.is_empty(), "round {round}: {} of {} answered verdicts are lost: {lost:?}", lost.len(), answered.len());
}
