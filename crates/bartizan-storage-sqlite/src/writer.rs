//! The thread that writes.

use crate::errors::{again, sort};
use crate::insert::{Added, Batch, Names};
use bartizan_storage::{NewDetection, StoreError};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Rows that one transaction takes at most, so that nobody waits long for a huge one.
const MAX_BATCH: usize = 4_096;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub(crate) enum Job {
    /// Record and reply with the ids.
    Record(Vec<NewDetection>, Reply<Vec<i64>>),
    /// Add to the totals.
    Count(Arc<str>, Added, Reply<()>),
    /// Anything else, in its turn.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    /// Finish what came before, then end.
    Stop,
}

/// A job done but not committed.
enum Done {
    Recorded(Vec<i64>, Reply<Vec<i64>>),
    Counted(Reply<()>),
}

pub(crate) struct Writer {
    pub(crate) db: Connection,
    pub(crate) file: PathBuf,
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) names: Names,
}

impl Writer {
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut next = Some(first);
            while let Some(job) = next.take() {
                match job {
                    Job::Stop => return,
                    Job::Run(run) => {
                        run(&mut self.db);
                        // It may have rolled names back that this thread has numbers for.
                        self.names.forget();
                    }
                    recording => next = self.transaction(recording, jobs),
                }
            }
        }
    }

    /// Records this job and all that wait behind it in one transaction; gives back the job that could not join.
    fn transaction(&mut self, first: Job, jobs: &Receiver<Job>) -> Option<Job> {
        let mut taken = Vec::new();
        let (mut rows, mut left, mut next) = (0, None, Some(first));
        while let Some(job) = next.take() {
            match job {
                Job::Record(..) | Job::Count(..) => {
                    rows += weight(&job);
                    taken.push(job);
                }
                other => {
                    left = Some(other);
                    break;
                }
            }
            next = if rows < MAX_BATCH { jobs.try_recv().ok() } else { None };
        }
        self.queued.fetch_sub(rows, Ordering::Relaxed);
        match self.commit(&mut taken) {
            Ok(done) => done.into_iter().for_each(Done::reply),
            Err(error) => {
                self.names.forget();
                let error = sort(&error, &self.file);
                tracing::warn!(%error, rows, "a transaction failed; its verdicts are not given");
                taken.into_iter().for_each(|job| refuse(job, &error));
            }
        }
        left
    }

    fn commit(&mut self, jobs: &mut Vec<Job>) -> rusqlite::Result<Vec<Done>> {
        let mut batch = Batch::begin(&mut self.db, &mut self.names)?;
        let mut ids = Vec::with_capacity(jobs.len());
        for job in jobs.iter() {
            ids.push(match job {
                Job::Record(new, _) => new.iter().map(|n| batch.insert(n)).collect::<rusqlite::Result<Vec<i64>>>()?,
                Job::Count(detector, added, _) => batch.count(detector, *added).map(|()| Vec::new())?,
                Job::Run(_) | Job::Stop => Vec::new(),
            });
        }
        batch.commit()?;
        let done = jobs.drain(..).zip(ids).filter_map(|(job, ids)| match job {
            Job::Record(_, reply) => Some(Done::Recorded(ids, reply)),
            Job::Count(_, _, reply) => Some(Done::Counted(reply)),
            Job::Run(_) | Job::Stop => None,
        });
        Ok(done.collect())
    }
}

/// What a job counts for in the queue: its rows, and one where it has none.
pub(crate) fn weight(job: &Job) -> usize {
    match job {
        Job::Record(rows, _) => rows.len().max(1),
        Job::Count(..) => 1,
        Job::Run(_) | Job::Stop => 0,
    }
}

impl Done {
    fn reply(self) {
        // A caller that went away does not want the answer; what it asked for is recorded all the same.
        match self {
            Self::Recorded(ids, reply) => drop(reply.send(Ok(ids))),
            Self::Counted(reply) => drop(reply.send(Ok(()))),
        }
    }
}

fn refuse(job: Job, error: &StoreError) {
    match job {
        Job::Record(_, reply) => drop(reply.send(Err(again(error)))),
        Job::Count(_, _, reply) => drop(reply.send(Err(again(error)))),
        Job::Run(_) | Job::Stop => {}
    }
}
