//! Files that are no database, disks that are full, other processes: a clear error, nothing lost, and it goes on.

use bartizan_core::{Label, Timestamp};
use bartizan_storage::{AuditFilter, DetectionKey, DetectionRepository, LabelChange, ModelRepository, StoreError};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use bartizan_testkit::{detection, model};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::new(path) })
}

/// The error and its text, which must name the file.
#[expect(clippy::unwrap_used, reason = "called by tests")]
fn refused(path: &Path) -> (StoreError, String) {
    let error = open(path).err().unwrap();
    let text = error.to_string();
    (error, text)
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("text", &b"hello, this is a text of more than sixteen bytes\n"[..]), ("zip", b"PK\x03\x04 and so on and on")] {
        let path = folder.path().join(name);
        std::fs::write(&path, content.repeat(100)).unwrap();
        let (error, text) = refused(&path);
        assert!(matches!(error, StoreError::Corrupt(_)), "{text}");
        assert!(text.contains(path.to_str().unwrap()) && text.contains("is not an SQLite database; move it away"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), content.repeat(100));
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks(url TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let (error, text) = refused(&path);
    assert!(matches!(error, StoreError::Corrupt(_)) && text.contains("database of another program"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_truncated_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.db");
    let store = open(&path).unwrap();
    store.record((0..500).map(|number| detection("requests", number)).collect()).await.unwrap();
    store.close().await;
    let whole = std::fs::read(&path).unwrap();
    for length in [whole.len() / 2, 5000, 100, 17] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (error, text) = refused(&path);
        assert!(matches!(error, StoreError::Corrupt(_)), "{length} bytes: {text}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
}

#[test]
fn a_newer_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let (error, text) = refused(&path);
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{text}");
}

#[test]
fn a_folder_that_is_missing_or_a_path_that_is_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/x.db"), folder.path().to_owned()] {
        let (error, text) = refused(&path);
        assert!(matches!(error, StoreError::Unavailable(_)), "{text}");
        assert!(text.contains(path.to_str().unwrap()) && text.contains("folder must exist"), "{text}");
    }
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let store = open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.record(vec![detection("requests", 1)]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("is locked by another process"), "{error}");
    let error = store.ping().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("is locked by another process"), "{error}");
    assert_eq!(store.stored("requests").await.unwrap(), 0, "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    store.ping().await.unwrap();
    store.record(vec![detection("requests", 1)]).await.unwrap();
    assert_eq!(store.stored("requests").await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_queued_waits_once_for_a_lock_that_another_process_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let store = Arc::new(open(&path).unwrap());
    let ids = store.record((0..20).map(|number| detection("requests", number)).collect()).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // On a runtime of one thread, all ask before any is answered. Those that the writer takes together wait together.
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.activate("requests", &format!("v{number}")).await.map(drop) })
        })
        .chain((0..20).map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { ask(store, number).await.map(drop) })
        }))
        .collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("is locked by another process"), "{error}");
    }
    let waits = store.lock_waits();
    assert!((1..10).contains(&waits), "{waits} waits for forty transactions");
    other.execute_batch("COMMIT").unwrap();
    let change = LabelChange { label: Label::Legitimate, changed_by: "ann".to_owned(), changed_at: Timestamp::from_secs(1) };
    store.label("requests", &DetectionKey::Id(ids[0]), change).await.unwrap().unwrap();
    assert_eq!(store.lock_waits(), waits, "once the lock is gone nothing waits");
}

#[tokio::test]
async fn a_query_that_takes_too_long_ends_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { query_timeout: Duration::ZERO, ..SqliteOptions::new(folder.path().join("slow.db")) };
    let store = SqliteStore::open(options).unwrap();
    let ids = store.record((0..5000).map(|number| detection("requests", number)).collect()).await.unwrap();
    let filter = AuditFilter { entity: Some("nobody".to_owned()), include_unjudged: true, ..AuditFilter::default() };
    let error = store.audit("requests", &filter, 0, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::TimedOut { .. }) && !error.is_transient(), "{error}");
    let error = store.find("requests", &DetectionKey::EventId("none".to_owned())).await.unwrap_err();
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
    assert_eq!(store.statistics("requests").await.unwrap().stored, 5000);
    assert!(store.find("requests", &DetectionKey::Id(ids[7])).await.unwrap().is_some());
    store.ping().await.unwrap();
}

#[test]
fn a_database_that_another_is_just_making_is_not_taken_for_that_of_another_program() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared.db");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(SqliteStore::open(SqliteOptions::new(&path)).unwrap()));
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_give_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let start = || Arc::new(SqliteStore::open(SqliteOptions::new(&path)).unwrap());
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(start), scope.spawn(start));
        (one.join().unwrap(), two.join().unwrap())
    });
    let record = |store: &Arc<SqliteStore>, detector: &'static str| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for number in 0..100 {
                ids.extend(store.record(vec![detection(detector, number), detection("shared", number)]).await.unwrap());
            }
            ids
        })
    };
    let (first, second) = (record(&one, "first"), record(&two, "second"));
    let mut ids = first.await.unwrap();
    ids.extend(second.await.unwrap());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 400);
    assert_eq!((one.stored("shared").await.unwrap(), two.stored("shared").await.unwrap()), (200, 200));
}

#[tokio::test]
async fn one_bad_call_does_not_fail_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poison.db");
    let store = Arc::new(SqliteStore::open(SqliteOptions::new(&path)).unwrap());
    store.record(vec![detection("requests", 0)]).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER poison BEFORE INSERT ON detections_1 WHEN new.event_id = 'event-7' BEGIN SELECT RAISE(ABORT, 'poison'); END",
        )
        .unwrap();
    // On a runtime of one thread, all ask before any is answered; behind this lock they queue up and share a transaction.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (1..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record(vec![detection("requests", number)]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    let mut good = 0;
    for (number, call) in (1..20).zip(calls) {
        match call.await.unwrap() {
            Ok(ids) => good += ids.len(),
            Err(error) => assert!(number == 7 && error.to_string().contains("poison"), "{number}: {error}"),
        }
    }
    assert_eq!(good, 18);
    assert_eq!(store.stored("requests").await.unwrap(), 19);
}

#[tokio::test]
async fn a_full_queue_refuses_but_takes_a_large_call_when_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let options = SqliteOptions { max_queued: 3, ..SqliteOptions::new(&path) };
    let store = Arc::new(SqliteStore::open(options).unwrap());
    store.record((0..10).map(|number| detection("requests", number)).collect()).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // On a runtime of one thread, all ask before any is answered. The writer waits for the lock with what it has taken.
    let calls: Vec<_> = (0..50).map(|number| tokio::spawn(ask(Arc::clone(&store), number))).collect();
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    let (mut kept, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(ids) => kept += ids.len() as u64,
            Err(error) => {
                assert!(error.is_transient() && error.to_string().contains("3 detections wait"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && kept > 0);
    assert_eq!(store.stored("requests").await.unwrap(), 10 + kept);
}

async fn ask(store: Arc<SqliteStore>, number: i64) -> Result<Vec<i64>, StoreError> {
    store.record(vec![detection("requests", number)]).await
}

#[tokio::test]
async fn closing_or_dropping_finishes_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("closed.db");
    let store = Arc::new(open(&path).unwrap());
    let calls: Vec<_> = (0..50).map(|number| tokio::spawn(ask(Arc::clone(&store), number))).collect();
    tokio::task::yield_now().await;
    store.close().await;
    store.close().await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    for error in [ask(Arc::clone(&store), 1).await.unwrap_err(), store.stored("requests").await.unwrap_err()] {
        assert!(error.to_string().contains("has been closed"), "{error}");
    }
    assert!(!path.with_extension("db-wal").exists(), "the write-ahead log has been folded in");
    drop(store);
    let store = open(&path).unwrap();
    store.store_and_activate(model("v1.0", 1), Vec::new()).await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.stored("requests").await.unwrap(), 50);
    assert!(store.active_model("requests").await.unwrap().is_some());
    assert!(store.find("requests", &DetectionKey::EventId("event-7".to_owned())).await.unwrap().is_some());
    assert_eq!(store.audit("requests", &AuditFilter::default(), 0, 9).await.unwrap().total, 0);
}
