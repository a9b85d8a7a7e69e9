//! Decides how much heavy work runs at once, for all detectors of a process: the threads that answer are kept free of it, and what is
//! judged goes before what is learned.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies that are read at once for each core.
const READ_PER_CORE: usize = 2;

/// The process stops: work that waited for its turn was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process stops")]
pub struct Stopped;

/// Where heavy work runs. Each kind of work has turns of its own; who comes when all are taken waits.
pub struct Workers {
    /// Chunks of batches and large events that are judged at once: one for each core.
    judging: Arc<Semaphore>,
    /// Bodies that are decoded and parsed at once.
    reading: Arc<Semaphore>,
    /// Trainings that run at once.
    trainings: Arc<Semaphore>,
    /// The threads that learn, made at the first training: one for each core, with `prepare_thread` run in each.
    learners: OnceLock<Option<ThreadPool>>,
    prepare_thread: fn(),
    cores: usize,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("cores", &self.cores).finish_non_exhaustive()
    }
}

impl Workers {
    /// For a process in which at most `trainings` trainings run at once. `prepare_thread` is run once in each thread that learns; it may
    /// lower its priority.
    #[must_use]
    pub fn new(trainings: usize, prepare_thread: fn()) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            judging: Arc::new(Semaphore::new(cores)),
            reading: Arc::new(Semaphore::new(cores * READ_PER_CORE)),
            trainings: Arc::new(Semaphore::new(trainings.max(1))),
            learners: OnceLock::new(),
            prepare_thread,
            cores,
        })
    }

    /// Judges something large in its turn.
    ///
    /// # Errors
    /// When the process stops.
    pub async fn judge<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
        in_turn(&self.judging, work).await
    }

    /// The turns of those that read something large: decode or parse it.
    #[must_use]
    pub fn reading(&self) -> &Arc<Semaphore> {
        &self.reading
    }

    /// Takes every turn to judge something large.
    #[cfg(test)]
    pub(crate) async fn all_turns_to_judge(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.judging).acquire_many_owned(self.cores as u32).await.unwrap()
    }

    /// Waits for the turn of a training, which lasts until the permit is dropped.
    ///
    /// # Errors
    /// When the process stops.
    pub async fn training(&self) -> Result<OwnedSemaphorePermit, Stopped> {
        Arc::clone(&self.trainings).acquire_owned().await.map_err(|_| Stopped)
    }

    /// Runs the computations of a training, on threads of their own; the caller has its turn.
    ///
    /// # Errors
    /// When the process stops.
    pub(crate) async fn learn<T: Send + 'static>(self: &Arc<Self>, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
        let this = Arc::clone(self);
        aside(move || match this.learners() {
            Some(learners) => learners.install(work),
            None => work(),
        })
        .await
    }

    /// `None` where the system gives no more threads: what is learned then shares those of all others.
    fn learners(&self) -> Option<&ThreadPool> {
        let make = || {
            let prepare = self.prepare_thread;
            let named = |at| format!("learner-{at}");
            let pool = ThreadPoolBuilder::new().num_threads(self.cores).thread_name(named).start_handler(move |_| prepare()).build();
            pool.inspect_err(|error| tracing::warn!(%error, "there are no threads of its own for training")).ok()
        };
        self.learners.get_or_init(make).as_ref()
    }
}

async fn in_turn<T: Send + 'static>(turns: &Arc<Semaphore>, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| Stopped)?;
    let work = move || {
        let _turn = turn;
        work()
    };
    aside(work).await
}

/// Runs work away from the threads that answer, at once; a panic goes on here.
///
/// # Errors
/// When the process stops.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Stopped),
    }
}

#[cfg(test)]
mod tests {
    use super::Workers;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static PREPARED: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_kind_of_work_has_its_turns_and_learning_its_threads() {
        let workers = Workers::new(1, || _ = PREPARED.fetch_add(1, Ordering::SeqCst));
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let judging = (0..64).map(|_| {
            let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
            workers.judge(move || {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                at_once.fetch_sub(1, Ordering::SeqCst);
            })
        });
        futures::future::join_all(judging).await.into_iter().for_each(|done| done.unwrap());
        assert!((1..=workers.cores).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(PREPARED.load(Ordering::SeqCst), 0, "threads that learn are made when something is learned");
        let name = workers.learn(|| std::thread::current().name().map(str::to_owned)).await.unwrap();
        assert!(name.as_ref().is_some_and(|name| name.starts_with("learner-")), "{name:?}");
        let first = workers.training().await.unwrap();
        let second = workers.training();
        assert!(futures::poll!(std::pin::pin!(second)).is_pending(), "one training at once");
        assert_eq!(workers.judge(|| 7).await, Ok(7), "judging and reading do not wait for learning");
        assert!(workers.reading().try_acquire().is_ok());
        drop(first);
        assert!(workers.training().await.is_ok());
    }
}
