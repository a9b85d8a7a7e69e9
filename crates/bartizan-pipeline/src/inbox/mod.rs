//! The inbox of an instance: events are stored when they are accepted, and judged in the background.

mod incoming;
mod worker;

pub use incoming::{Incoming, TooMuch};
pub(crate) use worker::Taken;

use crate::{AcceptError, Instance};
use bartizan_core::Domain;
use bartizan_storage::{Accepted, Backlog, BatchKey, NewBatch, NewPart};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// For how many seconds a key is remembered: a day.
const REMEMBERED_SECS: i64 = 86_400;

/// What an instance knows of its inbox.
#[derive(Default)]
pub(crate) struct Inbox {
    /// What waits, and what is being accepted.
    waiting: Mutex<Backlog>,
    /// Wakes who judges it.
    came: Notify,
    accepted: AtomicU64,
    rejected: AtomicU64,
}

/// Events accepted and records rejected since the start, and events that wait to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InboxCounts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) waiting: u64,
}

impl Inbox {
    /// One in which so much waits.
    pub(crate) fn new(waiting: Backlog) -> Self {
        Self { waiting: Mutex::new(waiting), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a batch. One of any size is taken while nothing waits: it could never be taken otherwise.
    fn enter(&self, batch: Backlog, most: Backlog) -> bool {
        let mut waiting = self.lock();
        let then = Backlog { events: waiting.events.saturating_add(batch.events), bytes: waiting.bytes.saturating_add(batch.bytes) };
        let fits = waiting.events == 0 || (then.events <= most.events && then.bytes <= most.bytes);
        if fits {
            *waiting = then;
        }
        fits
    }

    /// So much does not wait any more.
    fn leave(&self, gone: Backlog) {
        let mut waiting = self.lock();
        *waiting = Backlog { events: waiting.events.saturating_sub(gone.events), bytes: waiting.bytes.saturating_sub(gone.bytes) };
    }

    pub(crate) fn counts(&self) -> InboxCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        InboxCounts { accepted: read(&self.accepted), rejected: read(&self.rejected), waiting: self.lock().events }
    }
}

/// How much parts hold together.
fn size<'p>(parts: impl IntoIterator<Item = &'p NewPart>) -> Backlog {
    parts.into_iter().fold(Backlog::default(), |sum, part| Backlog {
        events: sum.events + u64::from(part.events),
        bytes: sum.bytes + part.blob.len() as u64,
    })
}

impl<D: Domain> Instance<D> {
    /// Accepts a batch of events, which [`incoming`](Self::incoming) has made ready, beside `rejected` records of it that could not be read.
    /// When this returns they are stored, and they will be judged once: in the background, in the order of acceptance, as
    /// [`judge_many`](Self::judge_many) would. Gives `answer`, or that of the first batch with this key, which alone counts.
    ///
    /// # Errors
    /// When too much waits to be judged, or the batch cannot be stored: then none of it is accepted.
    pub async fn accept(
        self: &Arc<Self>,
        parts: Vec<NewPart>,
        rejected: u64,
        key: Option<&[u8]>,
        answer: Vec<u8>,
    ) -> Result<Vec<u8>, AcceptError> {
        let batch = size(&parts);
        let now = self.clock.now().secs();
        let key =
            key.map(|key| BatchKey { hash: Sha256::digest(key).into(), now, remembered_secs: REMEMBERED_SECS, answer: answer.clone() });
        let most = Backlog { events: self.settings.max_waiting_events, bytes: self.settings.max_waiting_bytes };
        if batch.events > 0 && !self.inbox.enter(batch, most) {
            return Err(AcceptError::Full { waiting: self.inbox.counts().waiting });
        }
        let this = Arc::clone(self);
        // To its end, whoever goes away: what is stored must be counted and judged.
        let accepted = self.background.to_its_end(async move {
            let accepted = match (&key, &parts[..]) {
                (None, []) => Ok(Accepted::Now),
                _ => this.store.accept(NewBatch { detector: Arc::clone(&this.settings.name), parts, key }).await,
            };
            match accepted {
                Ok(Accepted::Now) => {
                    this.inbox.accepted.fetch_add(batch.events, Ordering::Relaxed);
                    this.inbox.rejected.fetch_add(rejected, Ordering::Relaxed);
                    this.inbox.came.notify_one();
                }
                _ => this.inbox.leave(batch),
            }
            accepted
        });
        match accepted.await?? {
            Accepted::Now => Ok(answer),
            Accepted::Before(first) => Ok(first),
        }
    }
}

#[cfg(test)]
mod tests;
