//! Which trainings of a detector are under way: one runs, one waits for it, a third is refused. Each can be ended early.

use crate::{Stopped, TrainError, Workers};
use bartizan_core::Stop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};

/// Trainings of one detector that may be under way at once, with the one that waits its turn.
const MOST: usize = 2;

/// Why a training ends before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Somebody asked for it.
    Cancelled,
    /// It took longer than this many seconds.
    TooLong(u64),
    /// The service stops.
    Stopping,
}

/// The trainings of one detector.
pub(crate) struct Trainings {
    state: Mutex<State>,
    /// The training that runs holds it.
    turn: Semaphore,
}

#[derive(Default)]
struct State {
    next: u64,
    under_way: Vec<Entry>,
    /// The service stops: none begins any more.
    closed: bool,
}

struct Entry {
    number: u64,
    stop: Stop,
    ended: watch::Sender<Option<Ended>>,
    /// It is being stored: too late to end it.
    done: bool,
}

impl Entry {
    fn can_end(&self) -> bool {
        !self.done && self.ended.borrow().is_none()
    }

    fn end(&self, why: Ended) {
        if self.can_end() {
            self.stop.set();
            self.ended.send_replace(Some(why));
        }
    }
}

impl Trainings {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), turn: Semaphore::new(1) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`TrainError::Busy`] when all places are taken.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Training, TrainError> {
        self.begin_beside(MOST - 1)
    }

    /// Takes a place if no training is under way.
    ///
    /// # Errors
    /// [`TrainError::Busy`] when one is.
    pub(crate) fn begin_alone(self: &Arc<Self>) -> Result<Training, TrainError> {
        self.begin_beside(0)
    }

    fn begin_beside(self: &Arc<Self>, others: usize) -> Result<Training, TrainError> {
        let mut state = self.state();
        if state.closed {
            return Err(TrainError::Stopped(Stopped));
        }
        if state.under_way.len() > others {
            return Err(TrainError::Busy { under_way: state.under_way.len() });
        }
        let (number, stop) = (state.next, Stop::default());
        let (sender, ended) = watch::channel(None);
        state.next += 1;
        state.under_way.push(Entry { number, stop: stop.clone(), ended: sender, done: false });
        Ok(Training { all: Arc::clone(self), number, stop, ended })
    }

    /// Ends those that are under way and not yet being stored; gives how many.
    pub(crate) fn cancel(&self) -> usize {
        let state = self.state();
        state.under_way.iter().filter(|entry| entry.can_end()).inspect(|entry| entry.end(Ended::Cancelled)).count()
    }

    /// How many there are.
    pub(crate) fn under_way(&self) -> usize {
        self.state().under_way.len()
    }

    /// Ends all and lets none begin.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.under_way.iter().for_each(|entry| entry.end(Ended::Stopping));
    }
}

/// One training under way; dropping it frees its place.
pub(crate) struct Training {
    all: Arc<Trainings>,
    number: u64,
    stop: Stop,
    ended: watch::Receiver<Option<Ended>>,
}

impl Training {
    /// What the computation looks at.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for work that may be left where it is when the training ends early.
    ///
    /// # Errors
    /// Why it ended.
    pub(crate) async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Result<T, TrainError> {
        let mut ended = self.ended.clone();
        tokio::select! {
            biased;
            () = async { drop(ended.wait_for(Option::is_some).await.map(drop)) } => self.check().and(Err(TrainError::Stopped(Stopped))),
            done = work => Ok(done),
        }
    }

    /// Runs `work` once the training before it is over and it has its turn among those of all detectors.
    ///
    /// # Errors
    /// Why it ended early.
    pub(crate) async fn in_turn<T>(&self, workers: &Workers, work: impl Future<Output = T>) -> Result<T, TrainError> {
        let _turn = self.unless_ended(self.all.turn.acquire()).await?.map_err(|_| TrainError::Stopped(Stopped))?;
        let _among_all = self.unless_ended(workers.training()).await??;
        Ok(work.await)
    }

    /// Ends it because it took too long.
    pub(crate) fn end_for_time(&self, max_secs: u64) {
        let state = self.all.state();
        state.under_way.iter().filter(|entry| entry.number == self.number).for_each(|entry| entry.end(Ended::TooLong(max_secs)));
    }

    /// Goes on unless it was ended.
    ///
    /// # Errors
    /// Why it ended.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        match *self.ended.borrow() {
            None => Ok(()),
            Some(Ended::Cancelled) => Err(TrainError::Cancelled),
            Some(Ended::TooLong(max_secs)) => Err(TrainError::TooLong { max_secs }),
            Some(Ended::Stopping) => Err(TrainError::Stopped(Stopped)),
        }
    }

    /// From here on it cannot be ended: what it made is stored.
    ///
    /// # Errors
    /// Why it ended before.
    pub(crate) fn finish(&self) -> Result<(), TrainError> {
        let mut state = self.all.state();
        self.check()?;
        state.under_way.iter_mut().filter(|entry| entry.number == self.number).for_each(|entry| entry.done = true);
        Ok(())
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        self.all.state().under_way.retain(|entry| entry.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::Trainings;
    use crate::{Stopped, TrainError, Workers};

    #[test]
    fn one_runs_one_waits_and_a_third_is_refused() {
        let all = Trainings::new();
        let (first, second) = (all.begin().unwrap(), all.begin().unwrap());
        assert!(matches!(all.begin(), Err(TrainError::Busy { under_way: 2 })));
        drop(first);
        assert!(matches!(all.begin_alone(), Err(TrainError::Busy { under_way: 1 })));
        drop((all.begin().unwrap(), second));
        assert!(all.begin_alone().is_ok());
    }

    #[test]
    fn what_is_being_stored_is_not_cancelled_any_more() {
        let all = Trainings::new();
        assert_eq!(all.cancel(), 0);
        let (first, second) = (all.begin().unwrap(), all.begin().unwrap());
        first.finish().unwrap();
        assert_eq!(all.cancel(), 1);
        assert!(!first.stop().is_set() && second.stop().is_set());
        assert!(matches!(second.finish(), Err(TrainError::Cancelled)));
        assert_eq!(all.cancel(), 0, "it is cancelled already");
    }

    #[tokio::test]
    async fn one_that_waits_its_turn_hears_that_it_is_cancelled() {
        let (all, workers) = (Trainings::new(), Workers::new(1, || ()));
        let running = all.begin().unwrap();
        let waiting = all.begin().unwrap();
        let waits = waiting.in_turn(&workers, async {});
        let outcome = running.in_turn(&workers, async { tokio::join!(waits, async { all.cancel() }) }).await.unwrap();
        assert!(matches!(outcome, (Err(TrainError::Cancelled), 2)));
    }

    #[test]
    fn none_begins_when_the_service_stops() {
        let all = Trainings::new();
        let running = all.begin().unwrap();
        all.close();
        assert!(matches!(running.check(), Err(TrainError::Stopped(Stopped))));
        assert!(matches!(all.begin(), Err(TrainError::Stopped(Stopped))));
    }
}
