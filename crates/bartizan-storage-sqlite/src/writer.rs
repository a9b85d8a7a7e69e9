//! The thread that writes.

use crate::checkpoint::Checkpoints;
use crate::error::explain;
use crate::insert::{Names, insert};
use crate::queue::{Call, Job, Queue};
use bartizan_storage::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::Arc;

/// A transaction takes no further calls once it has this many rows.
const MAX_ROWS: usize = 4096;

/// The only connection that writes, and what it remembers.
pub(crate) struct Writer {
    db: Connection,
    path: Arc<PathBuf>,
    names: Names,
    checkpoints: Option<Checkpoints>,
}

/// Tells callers that still wait when the thread ends, however it ends.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// A writer on an open, migrated database.
    pub(crate) fn new(db: Connection, path: Arc<PathBuf>) -> Self {
        Self { db, path, names: Names::default(), checkpoints: None }
    }

    /// Works off the queue until it is closed and empty, then folds the write-ahead log into the database. In between,
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

    /// Folds in the rest of the write-ahead log, when the other thread has done its part.
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
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
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
        done
    }

    /// Commits the calls in one transaction and answers them. When that fails, each is tried alone, so that one cannot
    /// fail the others; but not when no call can succeed now, since each would wait for the lock again.
    fn commit(&mut self, group: &mut Vec<Call>) {
        if group.is_empty() {
            return;
        }
        match self.transact(|db, names| insert(db, names, group)) {
            Ok(first) => answer(group.drain(..), first),
            Err(error) => match explain(&self.path, &error) {
                StoreError::Unavailable(_) | StoreError::Corrupt(_) => self.refuse(group.drain(..), &error),
                _ if group.len() == 1 => self.refuse(group.drain(..), &error),
                _ => group.drain(..).for_each(|call| self.commit(&mut vec![call])),
            },
        }
    }

    fn refuse(&self, calls: impl Iterator<Item = Call>, error: &rusqlite::Error) {
        tracing::error!(path = %self.path.display(), %error, "a transaction failed; its callers are told");
        for call in calls {
            // A caller that has gone away needs no answer.
            let _ = match call {
                Call::Record { reply, .. } => reply.send(Err(explain(&self.path, error))).is_ok(),
                Call::Count { reply, .. } => reply.send(Err(explain(&self.path, error))).is_ok(),
            };
        }
    }
}

fn answer(calls: impl Iterator<Item = Call>, first: i64) {
    let mut next = first;
    for call in calls {
        // A caller that has gone away needs no answer.
        let _ = match call {
            Call::Record { detections, reply, .. } => {
                let ids = (next..).take(detections.len()).collect();
                next += detections.len() as i64;
                reply.send(Ok(ids)).is_ok()
            }
            Call::Count { reply, .. } => reply.send(Ok(())).is_ok(),
        };
    }
}
