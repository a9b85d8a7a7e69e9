//! A few connections that only read.

use crate::error::{closed, explain};
use bartizan_storage::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

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

    /// Runs a query.
    pub(crate) async fn run<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed(&self.path))?;
        let (free, path) = (Arc::clone(&self.free), Arc::clone(&self.path));
        let work = move || {
            let db = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let result = db.as_ref().map(|db| snapshot(db, query));
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
