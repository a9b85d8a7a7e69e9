//! Opening, closing, and handing work to the writer and the readers.

use crate::errors::sort;
use crate::insert::Names;
use crate::migrations;
use crate::writer::{Job, Writer, weight};
use bartizan_storage::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// What a verdict survives once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however it ends; not that of the machine.
    Process,
    /// The loss of power too: each transaction waits for the disk.
    Power,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; made when it is not there, in a directory that is.
    pub path: PathBuf,
    /// What an answered verdict survives.
    pub durability: Durability,
    /// Detections that may wait for the writer; more are refused.
    pub max_queued: usize,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
}

impl SqliteOptions {
    /// The defaults for a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), durability: Durability::Process, max_queued: 65_536, busy_timeout: Duration::from_secs(5) }
    }
}

/// Connections kept for reading.
const MAX_IDLE_READERS: usize = 4;

/// An open store.
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    options: SqliteOptions,
    jobs: Sender<Job>,
    queued: Arc<AtomicUsize>,
    readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.shared.options.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// When the file is not a database, is damaged or newer than this release, or cannot be written.
    pub fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let db = connect(&options, true)?;
        let queued = Arc::new(AtomicUsize::new(0));
        let (jobs, received) = channel();
        let writer = Writer { db, file: options.path.clone(), queued: Arc::clone(&queued), names: Names::default() };
        let thread = std::thread::Builder::new().name("bartizan-writer".to_owned());
        let writer = thread.spawn(move || writer.run(&received)).map_err(|e| StoreError::Other(format!("the writer cannot start: {e}")))?;
        let shared = Shared { options, jobs, queued, readers: Mutex::new(Vec::new()) };
        Ok(Self { shared: Arc::new(shared), writer: Mutex::new(Some(writer)) })
    }

    /// Finishes all recordings handed in so far and closes the file. Later calls fail as unavailable.
    pub async fn close(&self) {
        let _ = self.shared.jobs.send(Job::Stop);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many detections wait for the writer.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.shared.options.path
    }

    /// Hands a recording to the writer and waits for its commit.
    pub(crate) async fn hand_in<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = make(reply);
        let (weight, most) = (weight(&job), self.shared.options.max_queued);
        if self.shared.queued.fetch_add(weight, Ordering::Relaxed) + weight > most {
            self.shared.queued.fetch_sub(weight, Ordering::Relaxed);
            return Err(StoreError::Unavailable(format!("{most} detections wait to be recorded already")));
        }
        self.shared.jobs.send(job).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs `work` on the writing connection, in its turn.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let run = move |db: &mut Connection| drop(reply.send(work(db)));
        self.shared.jobs.send(Job::Run(Box::new(run))).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(|e| sort(&e, self.file()))
    }

    /// Runs `work` on a reading connection, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let idle = shared.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = idle.map_or_else(|| connect(&shared.options, false), Ok)?;
            let result = work(&db).map_err(|e| sort(&e, &shared.options.path));
            let mut readers = shared.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if result.is_ok() && readers.len() < MAX_IDLE_READERS {
                readers.push(db);
            }
            result
        };
        tokio::task::spawn_blocking(read).await.map_err(|e| StoreError::Other(format!("reading was interrupted: {e}")))?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        let _ = self.shared.jobs.send(Job::Stop);
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn connect(options: &SqliteOptions, writing: bool) -> Result<Connection, StoreError> {
    let sort = |e: rusqlite::Error| crate::errors::sort(&e, &options.path);
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
    if writing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut db = Connection::open_with_flags(&options.path, flags).map_err(sort)?;
    db.busy_timeout(options.busy_timeout).map_err(sort)?;
    db.set_prepared_statement_cache_capacity(64);
    let synchronous = if options.durability == Durability::Power { "FULL" } else { "NORMAL" };
    // The cache is small: appends meet at the end of each table. The log is folded back every 16 MiB: seldom enough not
    // to be felt, often enough to stay small. `temp_store`: sorting never needs a second disk.
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; \
         PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; PRAGMA query_only = {};",
        if writing { "OFF" } else { "ON" }
    ))
    .map_err(sort)?;
    if writing {
        migrations::migrate(&mut db, &options.path)?;
    }
    Ok(db)
}
