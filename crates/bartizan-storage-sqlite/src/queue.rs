//! The bounded queue of jobs for the writer.

use crate::writer::Writer;
use bartizan_storage::{Accepted, Counted, NewBatch, NewDetection, StoreError};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

/// Bytes of a batch that take as much capacity as a detection.
const BYTES_OF_A_ROW: usize = 1 << 10;

/// Answers one call.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work of any other kind: opens its own transaction and answers its own caller.
pub(crate) type Task = Box<dyn FnOnce(&mut Writer) + Send>;

/// What comes with the rows of a part of a batch.
pub(crate) struct CountedBeside {
    pub(crate) detector: String,
    /// Totals to raise.
    pub(crate) counted: Counted,
    /// Parts of the inbox to remove.
    pub(crate) judged: Vec<i64>,
}

/// One call that shares a transaction with others.
pub(crate) enum Call {
    /// Rows to insert.
    Record { detections: Vec<NewDetection>, counted: Option<CountedBeside>, reply: Reply<Vec<i64>> },
    /// A batch for the inbox.
    Accept { batch: NewBatch, reply: Reply<Accepted> },
    /// Totals to raise.
    Count { detector: String, counted: Counted, reply: Reply<()> },
}

impl Call {
    /// Returns the number of rows that it inserts.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Record { detections, .. } => detections.len(),
            Self::Accept { .. } | Self::Count { .. } => 0,
        }
    }

    /// Returns the capacity that it takes.
    fn weight(&self) -> usize {
        match self {
            Self::Accept { batch, .. } => batch.parts.iter().map(|part| part.blob.len()).sum::<usize>() / BYTES_OF_A_ROW,
            other => other.rows(),
        }
    }
}

/// One entry of the queue.
pub(crate) enum Job {
    /// May share a transaction with its neighbours.
    Call(Call),
    /// Runs alone.
    Task(Task),
}

impl Job {
    fn weight(&self) -> usize {
        match self {
            Self::Call(call) => call.weight().max(1),
            Self::Task(_) => 1,
        }
    }
}

/// Why a job was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As much as is allowed is waiting.
    Full,
    /// No more jobs are taken.
    Closed,
}

#[derive(Default)]
struct State {
    /// Jobs with the capacity that each takes.
    jobs: VecDeque<(Job, usize)>,
    closed: bool,
    idle: bool,
}

/// The queue itself: many senders, one taker.
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    /// Capacity for detections. It is granted in the order of the requests, so that a caller that waits for much is not overtaken by those that
    /// need little.
    capacity: Semaphore,
    limit: usize,
}

impl Queue {
    /// An empty queue for `limit` detections.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { state: Mutex::default(), ready: Condvar::new(), capacity: Semaphore::new(limit), limit }
    }

    /// Returns the capacity that a job takes; one that is larger than the queue takes all of it.
    fn capacity_for(&self, job: &Job) -> usize {
        job.weight().min(self.limit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job without waiting for capacity.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let capacity = self.capacity_for(&job);
        match self.capacity.try_acquire_many(capacity as u32) {
            Ok(taken) => taken.forget(),
            Err(TryAcquireError::NoPermits) => return Err(Refused::Full),
            Err(TryAcquireError::Closed) => return Err(Refused::Closed),
        }
        self.append(job, capacity)
    }

    /// Adds a job as soon as there is capacity for it.
    pub(crate) async fn push_when_free(&self, job: Job) -> Result<(), Refused> {
        let capacity = self.capacity_for(&job);
        self.capacity.acquire_many(capacity as u32).await.map_err(|_| Refused::Closed)?.forget();
        self.append(job, capacity)
    }

    /// Adds one of the engine's own jobs, also to a full queue; a closed one needs no more of them.
    pub(crate) fn force(&self, job: Job) {
        let _ = self.append(job, 0);
    }

    fn append(&self, job: Job, capacity: usize) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        state.jobs.push_back((job, capacity));
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for jobs and moves some of them, up to about `max` detections, to the end of `into`. False when the queue
    /// is closed and empty.
    pub(crate) fn take(&self, max: usize, into: &mut Vec<Job>) -> bool {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state.idle = true;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut taken, mut capacity) = (0, 0);
        while taken < max
            && let Some((job, takes)) = state.jobs.pop_front()
        {
            taken += job.weight();
            capacity += takes;
            into.push(job);
        }
        drop(state);
        self.capacity.add_permits(capacity);
        true
    }

    /// Closes the queue to new jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.capacity.close();
        self.ready.notify_all();
    }

    /// Closes the queue to new jobs and drops those that wait, so that their callers get an error.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.capacity.close();
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, Queue, Refused};
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn job() -> Job {
        Job::Task(Box::new(|_| {}))
    }

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_is_emptied_first() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(job()), queue.push(job()), queue.push(job())), (Ok(()), Ok(()), Err(Refused::Full)));
        queue.close();
        assert_eq!(queue.push(job()), Err(Refused::Closed));
        let mut taken = Vec::new();
        assert!(queue.take(1, &mut taken) && queue.take(9, &mut taken));
        assert_eq!(taken.len(), 2);
        assert!(!queue.take(9, &mut taken));
    }

    #[tokio::test]
    async fn a_job_that_waits_for_capacity_gets_it_before_later_jobs() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(job()), queue.push(job())), (Ok(()), Ok(())));
        let mut waiting = pin!(queue.push_when_free(job()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        let mut taken = Vec::new();
        assert!(queue.take(1, &mut taken));
        assert_eq!(queue.push(job()), Err(Refused::Full), "the capacity that became free is reserved");
        assert_eq!(waiting.await, Ok(()));
        let mut late = pin!(queue.push_when_free(job()));
        assert!(late.as_mut().poll(&mut context).is_pending());
        queue.close();
        assert_eq!(late.await, Err(Refused::Closed));
        assert!(queue.take(9, &mut taken));
        assert_eq!(taken.len(), 3);
    }
}
