//! What waits for the writer, in order and bounded.

use crate::writer::Writer;
use bartizan_storage::{Counted, NewDetection, StoreError};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

/// Answers one call.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work of any other kind: opens its own transaction and answers its own caller.
pub(crate) type Task = Box<dyn FnOnce(&mut Writer) + Send>;

/// One call that shares a transaction with others.
pub(crate) enum Call {
    /// Rows to insert.
    Record { detections: Vec<NewDetection>, counted: Option<(String, Counted)>, reply: Reply<Vec<i64>> },
    /// Totals to raise.
    Count { detector: String, counted: Counted, reply: Reply<()> },
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
    /// Jobs with the room that each takes.
    jobs: VecDeque<(Job, usize)>,
    closed: bool,
    idle: bool,
}

/// The queue itself: many senders, one taker.
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    /// Room for detections. It is handed out in the order in which it was asked for, so that who waits for much is not passed by those who
    /// need little.
    room: Semaphore,
    limit: usize,
}

impl Queue {
    /// An empty queue for `limit` detections.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { state: Mutex::default(), ready: Condvar::new(), room: Semaphore::new(limit), limit }
    }

    /// The room that a job takes; one that is larger than the queue takes all of it.
    fn room_for(&self, job: &Job) -> usize {
        job.weight().min(self.limit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, never waiting for room.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let room = self.room_for(&job);
        match self.room.try_acquire_many(room as u32) {
            Ok(taken) => taken.forget(),
            Err(TryAcquireError::NoPermits) => return Err(Refused::Full),
            Err(TryAcquireError::Closed) => return Err(Refused::Closed),
        }
        self.append(job, room)
    }

    /// Adds a job as soon as there is room for it.
    pub(crate) async fn push_in_turn(&self, job: Job) -> Result<(), Refused> {
        let room = self.room_for(&job);
        self.room.acquire_many(room as u32).await.map_err(|_| Refused::Closed)?.forget();
        self.append(job, room)
    }

    /// Adds one of the engine's own jobs, also to a full queue; a closed one needs no more of them.
    pub(crate) fn force(&self, job: Job) {
        let _ = self.append(job, 0);
    }

    fn append(&self, job: Job, room: usize) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        state.jobs.push_back((job, room));
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
        let (mut taken, mut room) = (0, 0);
        while taken < max
            && let Some((job, takes)) = state.jobs.pop_front()
        {
            taken += job.weight();
            room += takes;
            into.push(job);
        }
        drop(state);
        self.room.add_permits(room);
        true
    }

    /// Takes no more jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.ready.notify_all();
    }

    /// Takes no more jobs and drops those that wait, which tells their callers.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.room.close();
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
    async fn who_waits_for_room_gets_it_before_later_jobs() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(job()), queue.push(job())), (Ok(()), Ok(())));
        let mut waiting = pin!(queue.push_in_turn(job()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        let mut taken = Vec::new();
        assert!(queue.take(1, &mut taken));
        assert_eq!(queue.push(job()), Err(Refused::Full), "the room that came free is promised");
        assert_eq!(waiting.await, Ok(()));
        let mut late = pin!(queue.push_in_turn(job()));
        assert!(late.as_mut().poll(&mut context).is_pending());
        queue.close();
        assert_eq!(late.await, Err(Refused::Closed));
        assert!(queue.take(9, &mut taken));
        assert_eq!(taken.len(), 3);
    }
}
