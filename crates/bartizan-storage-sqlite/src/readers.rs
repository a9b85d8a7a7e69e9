//! A pool of connections that only read.

use crate::error::{closed, explain};
use bartizan_storage::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Instructions of SQLite's virtual machine between two checks of the time: some ten microseconds of a scan.
const OPS_BETWEEN_CHECKS: i32 = 2000;

/// Signals, when it is dropped, that a query's caller has gone away.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// The pool. Queries run on tokio's blocking threads, each in a read transaction: it sees one state of the database.
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    path: Arc<PathBuf>,
    size: u32,
}

impl Readers {
    /// Opens `size` connections to a database that exists.
    pub(crate) fn open(path: Arc<PathBuf>, size: usize, busy_timeout: Duration) -> rusqlite::Result<Self> {
        let size = size.clamp(1, 64);
        let free = (0..size).map(|_| connect(&path, busy_timeout)).collect::<rusqlite::Result<Vec<_>>>()?;
        let permits = Arc::new(Semaphore::new(size));
        Ok(Self { free: Arc::new(Mutex::new(free)), permits, path, size: size as u32 })
    }

    /// Runs a query, which is interrupted when its caller goes away.
    pub(crate) async fn run<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run_until(None, query).await
    }

    /// Runs a query with a time limit, the wait for a connection included.
    pub(crate) async fn run_within<T, F>(&self, longest: Duration, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let timed_out = || StoreError::TimedOut { secs: longest.as_secs() };
        let run = self.run_until(Some(Instant::now() + longest), query);
        // The query ends itself; this is for the wait for a connection. Whichever comes first, the query is given up.
        match tokio::time::timeout(longest, run).await {
            Ok(Err(StoreError::TimedOut { .. })) | Err(_) => Err(timed_out()),
            Ok(result) => result,
        }
    }

    async fn run_until<T, F>(&self, deadline: Option<Instant>, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed(&self.path))?;
        let (free, path) = (Arc::clone(&self.free), Arc::clone(&self.path));
        let wanted = Arc::new(AtomicBool::new(true));
        let _caller = Caller(Arc::clone(&wanted));
        let work = move || {
            let db = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let result = db.as_ref().map(|db| {
                let given_up = move || !wanted.load(Relaxed) || deadline.is_some_and(|deadline| Instant::now() >= deadline);
                db.progress_handler(OPS_BETWEEN_CHECKS, Some(given_up));
                let result = snapshot(db, query);
                db.progress_handler(0, None::<fn() -> bool>);
                result
            });
            free.lock().unwrap_or_else(PoisonError::into_inner).extend(db);
            drop(permit);
            result.ok_or_else(|| closed(&path))?.map_err(|error| explain(&path, &error))
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Other(format!("a query did not finish: {error}")))?
    }

    /// Waits for running queries and closes the connections.
    pub(crate) async fn close(&self) {
        if let Ok(_all) = self.permits.acquire_many(self.size).await {
            self.permits.close();
            self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

fn connect(path: &std::path::Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(busy_timeout)?;
    db.pragma_update(None, "cache_size", -2048)?;
    Ok(db)
}

fn snapshot<T>(db: &Connection, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let transaction = db.unchecked_transaction()?;
    let result = query(&transaction);
    transaction.finish()?;
    result
}

#[cfg(test)]
mod tests {
    use super::Readers;
    use bartizan_storage::StoreError;
    use rusqlite::Connection;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn endless(db: &Connection) -> rusqlite::Result<i64> {
        db.query_row("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", [], |row| row.get(0))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn queries_past_their_time_and_those_of_callers_that_have_gone_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = Arc::new(folder.path().join("any.db"));
        drop(Connection::open(path.as_path()).unwrap().execute_batch("CREATE TABLE t(x)"));
        let readers = Arc::new(Readers::open(path, 1, Duration::ZERO).unwrap());
        let late = readers.run_until(Some(Instant::now()), endless).await;
        assert!(matches!(late, Err(StoreError::TimedOut { .. })), "{late:?}");
        let (begun, begins) = tokio::sync::oneshot::channel();
        let caller = tokio::spawn({
            let readers = Arc::clone(&readers);
            async move {
                let query = |db: &Connection| {
                    let _ = begun.send(());
                    endless(db)
                };
                readers.run(query).await
            }
        });
        begins.await.unwrap();
        caller.abort();
        // The only connection is free again, and works.
        let seven: i64 = readers.run(|db| db.query_row("SELECT 7", [], |row| row.get(0))).await.unwrap();
        assert_eq!(seven, 7);
    }
}
