//! The thread that owns the connection that writes.

use crate::checkpoint::Checkpoints;
use crate::error::explain;
use crate::insert::{Inserted, Names, insert};
use crate::probe::Probes;
use crate::queue::{Call, Job, Queue};
use bartizan_storage::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A transaction takes no further calls once it has this many rows.
const MAX_ROWS: usize = 4096;

/// What a probe writes after a failure.
const PROBE_BYTES: i64 = 64 << 10;

/// The only connection that writes, and its state.
pub(crate) struct Writer {
    db: Connection,
    path: Arc<PathBuf>,
    names: Names,
    checkpoints: Option<Checkpoints>,
    /// How long a transaction waits for another process that writes.
    patience: Duration,
    lock: Lock,
    /// Callers that wait for the result of a transaction.
    probes: Arc<Probes>,
    /// The last transaction failed for a reason that the next one will have too.
    failing: bool,
}

/// What is known of another process that writes. All queued jobs have waited together: once one has timed out waiting for its lock,
/// the others are tried without waiting again.
#[derive(Default)]
struct Lock {
    held: bool,
    /// Waits that timed out since the start.
    waits: Arc<AtomicU64>,
}

/// Sends an error to callers that still wait when the thread ends, for whatever reason.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Creates a writer on an open, migrated database.
    pub(crate) fn new(db: Connection, path: Arc<PathBuf>, patience: Duration) -> Self {
        let (names, lock) = (Names::default(), Lock::default());
        Self { db, path, names, checkpoints: None, patience, lock, probes: Arc::default(), failing: false }
    }

    /// Returns the probes, which test whether transactions succeed.
    pub(crate) fn probes(&self) -> Arc<Probes> {
        Arc::clone(&self.probes)
    }

    /// Returns the count of waits for another process that timed out.
    pub(crate) fn lock_waits(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lock.waits)
    }

    /// Processes the queue until it is closed and empty, then copies the write-ahead log into the database. In between,
    /// that is done over `copier`, a second connection.
    pub(crate) fn run(mut self, queue: &Arc<Queue>, copier: Connection) {
        let _abandon = Abandon(Arc::clone(queue));
        match Checkpoints::start(&self.db, copier, Arc::clone(queue)) {
            Ok(checkpoints) => self.checkpoints = Some(checkpoints),
            Err(error) => tracing::error!(path = %self.path.display(), %error, "no thread to fold in the write-ahead log: it will grow"),
        }
        let mut jobs = Vec::new();
        let mut group = Vec::new();
        while queue.take(MAX_ROWS, &mut jobs) {
            self.begin_round();
            for job in jobs.drain(..) {
                match job {
                    Job::Call(call) => group.push(call),
                    Job::Task(task) => {
                        self.commit(&mut group);
                        task(&mut self);
                    }
                }
            }
            self.commit(&mut group);
        }
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.stop();
        }
        if let Err(error) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(path = %self.path.display(), %error, "the write-ahead log could not be folded in; the next start does it");
        }
    }

    fn begin_round(&mut self) {
        if std::mem::take(&mut self.lock.held)
            && let Err(error) = self.db.busy_timeout(self.patience)
        {
            tracing::warn!(path = %self.path.display(), %error, "the wait for other processes could not be set");
        }
    }

    /// Tests whether transactions can be committed now: with a small write as long as all went well, after a failure with one as
    /// large as a group of recordings, since the last free page of a full disk means nothing.
    pub(crate) fn probe(&mut self) -> Result<(), StoreError> {
        if !self.failing {
            return self.transaction(|db| db.prepare_cached("UPDATE sequence SET last_id = last_id")?.execute([]).map(drop));
        }
        self.transaction(|db| {
            db.prepare_cached("INSERT OR REPLACE INTO probes(id, filler) VALUES(1, zeroblob(?1))")?.execute([PROBE_BYTES]).map(drop)
        })?;
        self.transaction(|db| db.prepare_cached("DELETE FROM probes")?.execute([]).map(drop))
    }

    /// Copies the rest of the write-ahead log, after the other thread has copied most of it.
    pub(crate) fn finish_checkpoint(&mut self) {
        let Some(checkpoints) = &mut self.checkpoints else { return };
        if let Err(error) = checkpoints.finish(&self.db) {
            tracing::warn!(path = %self.path.display(), %error, "the write-ahead log could not be folded in; it is tried again later");
        }
    }

    /// Runs `work` in a transaction of its own.
    pub(crate) fn transaction<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.transact(|db, _| work(db)).map_err(|error| explain(&self.path, &error))
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let Self { db, names, checkpoints, .. } = self;
        if let Err(error) = db.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])) {
            self.note(Some(&error));
            return Err(error);
        }
        let done = work(db, names).and_then(|value| db.prepare_cached("COMMIT")?.execute([]).map(|_| value));
        if done.is_err() {
            *names = Names::default();
            if !db.is_autocommit() {
                db.execute_batch("ROLLBACK")?;
            }
        }
        match (&done, checkpoints) {
            (Ok(_), Some(checkpoints)) => checkpoints.committed(),
            (Err(error), Some(checkpoints)) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => checkpoints.full(),
            _ => {}
        }
        self.note(done.as_ref().err());
        done
    }

    /// Records the result of a transaction.
    fn note(&mut self, error: Option<&rusqlite::Error>) {
        let Some(error) = error else {
            self.failing = false;
            return self.probes.answer(|| Ok(()));
        };
        // Any other error is one of this transaction alone.
        let reason = explain(&self.path, error);
        if matches!(reason, StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::Corrupt(_)) {
            self.failing = true;
            self.probes.answer(|| Err(reason.clone()));
        }
        let busy = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
        if busy && !std::mem::replace(&mut self.lock.held, true) {
            self.lock.waits.fetch_add(1, Relaxed);
            // It can fail for a closed connection alone.
            let _ = self.db.busy_timeout(Duration::ZERO);
        }
    }

    /// Commits the calls in one transaction and answers them. When that fails, each is tried alone, so that one cannot
    /// fail the others; but not when no call can succeed now, since each would wait for the lock again.
    fn commit(&mut self, group: &mut Vec<Call>) {
        if group.is_empty() {
            return;
        }
        match self.transact(|db, names| insert(db, names, group)) {
            Ok(inserted) => answer(group.drain(..), inserted),
            Err(error) => match explain(&self.path, &error) {
                StoreError::Unavailable(_) | StoreError::Corrupt(_) => self.refuse(group.drain(..), &error),
                _ if group.len() == 1 => self.refuse(group.drain(..), &error),
                _ => group.drain(..).for_each(|call| self.commit(&mut vec![call])),
            },
        }
    }

    fn refuse(&self, calls: impl Iterator<Item = Call>, error: &rusqlite::Error) {
        tracing::error!(path = %self.path.display(), %error, "a transaction failed; its callers get the error");
        for call in calls {
            // A caller that has gone away needs no answer.
            let _ = match call {
                Call::Record { reply, .. } => reply.send(Err(explain(&self.path, error))).is_ok(),
                Call::Accept { reply, .. } => reply.send(Err(explain(&self.path, error))).is_ok(),
                Call::Count { reply, .. } => reply.send(Err(explain(&self.path, error))).is_ok(),
            };
        }
    }
}

fn answer(calls: impl Iterator<Item = Call>, inserted: Inserted) {
    let (mut next, mut accepted) = (inserted.first, inserted.accepted.into_iter());
    for call in calls {
        // A caller that has gone away needs no answer.
        let _ = match call {
            Call::Record { detections, reply, .. } => {
                let ids = (next..).take(detections.len()).collect();
                next += detections.len() as i64;
                reply.send(Ok(ids)).is_ok()
            }
            Call::Accept { reply, .. } => accepted.next().is_some_and(|accepted| reply.send(Ok(accepted)).is_ok()),
            Call::Count { reply, .. } => reply.send(Ok(())).is_ok(),
        };
    }
}
