//! The engine keeps every promise of the repository traits.

use bartizan_storage_sqlite::{Durability, SqliteOptions, SqliteStore};
use bartizan_testkit::store_conformance;
use std::sync::Arc;

#[expect(clippy::unwrap_used, reason = "called by tests")]
async fn conforms(durability: Durability) {
    let folder = tempfile::tempdir().unwrap();
    let case = std::cell::Cell::new(0);
    store_conformance(async || {
        case.set(case.get() + 1);
        let path = folder.path().join(format!("{}.db", case.get()));
        Arc::new(SqliteStore::open(SqliteOptions { durability, ..SqliteOptions::new(path) }).unwrap())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_promises() {
    conforms(Durability::Process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_promises_when_power_may_fail() {
    conforms(Durability::Power).await;
}
