//! What waits for the writer, in order and bounded.

use crate::writer::Writer;
use bartizan_storage::{NewDetection, StoreError};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Answers one call.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work of any other kind: opens its own transaction and answers its own caller.
pub(crate) type Task = Box<dyn FnOnce(&mut Writer) + Send>;

/// One call that shares a transaction with others.
pub(crate) enum Call {
    /// Rows to insert.
    Record { detections: Vec<NewDetection>, reply: Reply<Vec<i64>> },
    /// Totals to raise.
    Count { detector: String, judged: u64, anomalous: u64, confidence_sum: f64, reply: Reply<()> },
}

impl Call {
    /// How many rows it inserts.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Record { detections, .. } => detections.len(),
            Self::Count { .. } => 0,
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
            Self::Call(call) => call.rows().max(1),
            Self::Task(_) => 1,
        }
    }
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As much as is allowed is waiting.
    Full,
    /// No more jobs are taken.
    Closed,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    weight: usize,
    closed: bool,
    idle: bool,
}

/// The queue itself: many senders, one taker.
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    limit: usize,
}

impl Queue {
    /// An empty queue for `limit` detections.
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), ready: Condvar::new(), limit }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, never waiting for room.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.weight > 0 && state.weight + job.weight() > self.limit {
            return Err(Refused::Full);
        }
        self.append(state, job);
        Ok(())
    }

    /// Adds one of the engine's own jobs, also to a full queue; a closed one needs no more of them.
    pub(crate) fn force(&self, job: Job) {
        let state = self.lock();
        if !state.closed {
            self.append(state, job);
        }
    }

    fn append(&self, mut state: MutexGuard<'_, State>, job: Job) {
        state.weight += job.weight();
        state.jobs.push_back(job);
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.ready.notify_one();
        }
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
        let mut taken = 0;
        while taken < max
            && let Some(job) = state.jobs.pop_front()
        {
            taken += job.weight();
            into.push(job);
        }
        state.weight -= taken;
        true
    }

    /// Takes no more jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    /// Takes no more jobs and drops those that wait, which tells their callers.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, Queue, Refused};

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
}
