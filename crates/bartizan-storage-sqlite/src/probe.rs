//! Whether the database can be written to, asked of the thread that writes.

use crate::queue::{Job, Queue, Reply};
use crate::writer::Writer;
use bartizan_storage::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Those who wait for an answer. However many ask, at most one probe waits in the queue.
#[derive(Default)]
pub(crate) struct Probes {
    waiting: Mutex<Vec<Reply<()>>>,
}

impl Probes {
    /// Asks; the answer is of a probe that begins after this call. Without one, the writer is gone.
    pub(crate) fn ask(self: &Arc<Self>, queue: &Queue) -> oneshot::Receiver<Result<(), StoreError>> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.push(reply);
        drop(waiting);
        if first {
            let asked = Asked(Arc::clone(self));
            queue.force(Job::Task(Box::new(move |writer| asked.run(writer))));
        }
        answer
    }

    fn take(&self) -> Vec<Reply<()>> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A probe that waits in the queue. Dropped there, it lets those go who wait for it.
struct Asked(Arc<Probes>);

impl Asked {
    fn run(self, writer: &mut Writer) {
        let waiting = self.0.take();
        let outcome = writer.probe();
        for reply in waiting {
            // A caller that has gone away needs no answer.
            let _ = reply.send(outcome.clone());
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}
