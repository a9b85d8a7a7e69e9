//! Probes whether the database can be written to, on the thread that writes.

use crate::queue::{Job, Queue, Reply};
use crate::writer::Writer;
use bartizan_storage::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Those who wait for an answer. The next transaction gives it, however much is queued behind that; where nothing is to be
/// written, a probe in the queue does. However many ask, at most one waits there.
#[derive(Default)]
pub(crate) struct Probes {
    waiting: Mutex<Vec<Reply<()>>>,
}

impl Probes {
    /// Returns the result of a transaction that ends after this call; an error when the writer is gone.
    pub(crate) fn ask(self: &Arc<Self>, queue: &Queue) -> oneshot::Receiver<Result<(), StoreError>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.lock();
        let first = waiting.is_empty();
        waiting.push(reply);
        drop(waiting);
        if first {
            let probe = QueuedProbe(Some(Arc::clone(self)));
            queue.force(Job::Task(Box::new(move |writer| probe.run(writer))));
        }
        answer
    }

    /// Sends the result to all callers that wait.
    pub(crate) fn answer(&self, outcome: impl Fn() -> Result<(), StoreError>) {
        for reply in std::mem::take(&mut *self.lock()) {
            // A caller that has gone away needs no answer.
            let _ = reply.send(outcome());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reply<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A probe in the queue. When it is dropped there, its callers get an error.
struct QueuedProbe(Option<Arc<Probes>>);

impl QueuedProbe {
    fn run(mut self, writer: &mut Writer) {
        let Some(probes) = self.0.take() else { return };
        // Those that ask while it runs are not answered by it: what it found may have changed before they asked.
        let asked = std::mem::take(&mut *probes.lock());
        if asked.is_empty() {
            return;
        }
        let outcome = writer.probe();
        for reply in asked {
            // A caller that has gone away needs no answer.
            let _ = reply.send(outcome.clone());
        }
    }
}

impl Drop for QueuedProbe {
    fn drop(&mut self) {
        if let Some(probes) = self.0.take() {
            probes.lock().clear();
        }
    }
}
