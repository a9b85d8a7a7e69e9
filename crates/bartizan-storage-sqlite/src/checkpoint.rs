//! Copies the write-ahead log into the database without delaying the writer.
//!
//! SQLite would do it at a commit, on the thread that writes, for as long as the disk takes for megabytes. Here another
//! thread copies page after page while the writer goes on appending. It cannot finish alone, since the log starts anew
//! only once every page in it has been copied; so when little is left, the writer copies the rest, between two
//! transactions.

use crate::queue::{Job, Queue};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::cell::Cell;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Pages in the log that are worth copying: 8 MB.
const WORTH: c_int = 2048;

/// Pages that the writer may be left with: a millisecond or two.
const REST: i64 = 64;

/// Rounds of copying what was appended during the last one.
const ROUNDS: usize = 6;

thread_local! {
    /// Pages in the log after this thread's newest commit.
    static PAGES: Cell<c_int> = const { Cell::new(0) };
}

/// The writer's side.
pub(crate) struct Checkpoints {
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
    running: bool,
    due: c_int,
    /// The disk was full, and nothing has been copied since.
    full: bool,
}

impl Checkpoints {
    /// Starts the thread that copies over `copier`, a connection of its own, and makes `writer` count pages instead of
    /// copying them itself. Call on the thread that writes.
    pub(crate) fn start(writer: &Connection, copier: Connection, queue: Arc<Queue>) -> std::io::Result<Self> {
        writer.wal_hook(Some(|_: &Wal, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("sqlite-checkpoint".to_owned()).spawn(move || copy(&copier, &woken, &queue))?;
        Ok(Self { wake, thread, running: false, due: WORTH, full: false })
    }

    /// Wakes the thread when there is enough to copy. Call after each commit.
    pub(crate) fn committed(&mut self) {
        let pages = PAGES.get();
        if pages < WORTH {
            self.due = WORTH;
        }
        if self.full || pages >= self.due {
            self.wake();
        }
    }

    /// The disk is full. Copies now and again after the next commit: once that works, the log starts anew, and the space
    /// that it has can be written to again.
    pub(crate) fn full(&mut self) {
        self.full = true;
        self.wake();
    }

    fn wake(&mut self) {
        if !self.running {
            self.running = self.wake.try_send(()).is_ok();
        }
    }

    /// Copies what the thread has left. A reader of old pages may keep the log from starting anew; then it is tried
    /// again when as much has been appended.
    pub(crate) fn finish(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.running = false;
        self.due = PAGES.get().saturating_add(WORTH);
        checkpoint(db)?;
        self.full = false;
        Ok(())
    }

    /// Stops the thread.
    pub(crate) fn stop(self) {
        drop(self.wake);
        // It has no more to say than that it is gone.
        let _ = self.thread.join();
    }
}

fn copy(db: &Connection, woken: &Receiver<()>, queue: &Queue) {
    while woken.recv().is_ok() {
        if let Err(error) = rounds(db) {
            tracing::warn!(%error, "the write-ahead log could not be folded in; it is tried again later");
        }
        queue.force(Job::Task(Box::new(|writer| writer.finish_checkpoint())));
    }
}

/// Copies until what was appended during the last round is little, or does not get less.
fn rounds(db: &Connection) -> rusqlite::Result<()> {
    let (mut copied, mut last) = (0, i64::MAX);
    for _ in 0..ROUNDS {
        let now = checkpoint(db)?;
        let new = now - copied;
        if new <= REST || new >= last {
            break;
        }
        (copied, last) = (now, new);
    }
    Ok(())
}

/// Copies what can be copied without waiting. Returns how many pages of the log have been copied in all.
fn checkpoint(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))
}
