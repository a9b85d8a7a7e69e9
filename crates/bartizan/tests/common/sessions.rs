//! Sessions and servers that judge them.

use super::{Connection, Running};
use bartizan_storage::ModelRepository as _;
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;
use std::ffi::OsString;
use std::sync::OnceLock;

pub(crate) const NAMES: [&str; 6] = ["failed_logins", "request_rate", "commands_count", "sql_payload", "honeytoken_access", "session_time"];
pub(crate) const RANGES: [(i64, i64); 6] = [(0, 150), (1, 600), (0, 20), (0, 1), (0, 1), (10, 600)];

/// The cases that deployed clients test.
pub(crate) const CASES: [([i64; 6], &str); 8] = [
    ([2, 50, 1, 1, 0, 120], "Injection"),
    ([120, 200, 0, 0, 0, 600], "BruteForce"),
    ([5, 550, 2, 0, 0, 180], "Recon"),
    ([0, 100, 15, 0, 1, 450], "DataExfil"),
    ([1, 50, 3, 0, 0, 300], "Normal"),
    ([95, 450, 18, 1, 1, 580], "Injection"),
    ([0, 1, 0, 0, 0, 10], "Normal"),
    ([150, 600, 20, 1, 1, 600], "Injection"),
];

/// The default folder of a server's data.
const DATA: &str = "bartizan-data";

/// The files of a server that has learned by itself: it is made once and copied to where a test needs one of its own.
fn learned() -> &'static [(OsString, Vec<u8>)] {
    static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (code, log) = Running::start(folder.path(), &["--only", "behavior"]).stop();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("learned from generated sessions"), "{log}");
        let files = std::fs::read_dir(folder.path().join(DATA)).unwrap().map(|entry| entry.unwrap());
        files.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
    })
}

/// A folder with the database of a server that has learned by itself.
pub(crate) fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join(DATA);
    std::fs::create_dir(&data).unwrap();
    for (name, content) in learned() {
        std::fs::write(data.join(name), content).unwrap();
    }
    folder
}

/// The same with a byte of the model that is not what was written.
pub(crate) fn damaged() -> tempfile::TempDir {
    let folder = prepared();
    let done = async {
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join(DATA).join("bartizan.db"))).unwrap();
        let mut model = store.active_model("behavior").await.unwrap().unwrap();
        let middle = model.blob.len() / 2;
        model.blob[middle] ^= 1;
        store.store_model(model, true).await.unwrap();
        store.close().await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(done);
    folder
}

/// A server with a database of its own that has learned from the generator, and a connection to it.
pub(crate) fn server() -> (tempfile::TempDir, Running, Connection) {
    let folder = prepared();
    let server = Running::start(folder.path(), &["--only", "behavior"]);
    let connection = server.connect();
    (folder, server, connection)
}

pub(crate) fn session(values: [i64; 6]) -> Value {
    NAMES.into_iter().map(str::to_owned).zip(values.map(Value::from)).collect::<serde_json::Map<_, _>>().into()
}

/// A usual session with one thing changed.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut body = session(CASES[4].0);
    body[name] = value;
    body
}

pub(crate) fn without(name: &str) -> Value {
    let mut body = session(CASES[4].0);
    body.as_object_mut().unwrap().remove(name);
    body
}

pub(crate) fn post(connection: &mut Connection, path: &str, body: &Value) -> (u16, Value) {
    connection.send("POST", path, &body.to_string()).unwrap()
}

/// Expects 200.
pub(crate) fn good(connection: &mut Connection, path: &str, body: &Value) -> Value {
    let (status, answer) = post(connection, path, body);
    assert_eq!(status, 200, "{path} {body}: {answer}");
    answer
}

/// Type and place of each fault of a 422 answer.
pub(crate) fn faults(connection: &mut Connection, path: &str, body: &str) -> Vec<(String, Value)> {
    let (status, answer) = connection.send("POST", path, body).unwrap();
    assert_eq!(status, 422, "{path} {body}: {answer}");
    let detail = answer["detail"].as_array().unwrap();
    for fault in detail {
        assert!(fault["msg"].as_str().is_some_and(|msg| !msg.is_empty()) && fault.get("input").is_some(), "{fault}");
    }
    detail.iter().map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].clone())).collect()
}

pub(crate) fn risk(verdict: &Value) -> i64 {
    verdict["risk_score"].as_i64().unwrap()
}
