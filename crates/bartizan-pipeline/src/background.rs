//! What an instance does beside answering: judging what waits, rounds of retention, checkpoints of its windows, work that goes on when its caller has gone.
//! All of it is registered here, and over before the store is closed.

use crate::{Instance, LifeCycle as _, Stopped};
use bartizan_core::Domain;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time between two rounds of retention.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// Time between two checkpoints of the windows: what a killed process may have to count in again.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// The tasks of one instance.
#[derive(Default)]
pub(crate) struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Background {
    /// Runs `work` to its end, whoever goes away, and gives what it returned.
    ///
    /// # Errors
    /// When the process stops.
    pub(crate) async fn to_its_end<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Stopped> {
        match self.tasks.spawn(work).await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Stopped),
        }
    }

    /// Runs `work` to its end; nobody waits for it but [`close`](Self::close).
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Is cancelled when the process stops.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Ends what is done now and then, and waits for the rest.
    async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl<D: Domain> Instance<D> {
    /// Begins the work that a detector needs as long as it serves: judging what was accepted, retention and checkpoints.
    pub(crate) fn begin_rounds(self: &Arc<Self>) {
        self.background.spawn(Arc::clone(self).judge_inbox());
        let (pruning, saving) = (Arc::clone(self), Arc::clone(self));
        self.background.spawn(async move {
            let mut round = tokio::time::interval(PRUNE_EVERY);
            let rounds = async {
                loop {
                    round.tick().await;
                    pruning.prune_round().await;
                }
            };
            // Whatever it does is done in transactions of their own: it may end between any two of them.
            let _: Option<()> = pruning.background.stop.run_until_cancelled(rounds).await;
        });
        self.background.spawn(async move {
            // Not at once: what the start has read is stored already.
            let mut round = tokio::time::interval_at(Instant::now() + CHECKPOINT_EVERY, CHECKPOINT_EVERY);
            while saving.background.stop.run_until_cancelled(round.tick()).await.is_some() {
                saving.checkpoint_round().await;
            }
        });
    }

    async fn prune_round(&self) {
        match self.prune().await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(detector = self.name(), rows, "removed detections that are past their retention"),
            Err(error) => {
                tracing::warn!(detector = self.name(), %error, "retention could not be applied; the next round tries again");
            }
        }
    }

    async fn checkpoint_round(&self) {
        if let Err(error) = self.store_windows().await {
            tracing::warn!(detector = self.name(), %error, "the windows could not be stored; the next round tries again");
        }
    }

    /// Ends trainings and rounds, waits for what runs, and stores the windows a last time.
    pub(crate) async fn finish(&self) {
        self.trainings.close();
        self.background.close().await;
        self.checkpoint_round().await;
    }
}
