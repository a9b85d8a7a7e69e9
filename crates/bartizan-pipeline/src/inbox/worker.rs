//! Judging what waits in the inbox: one task for each instance, a chunk at a time. A chunk is recorded and removed from the inbox in one
//! transaction, so that whatever ends the process, each event is judged once.

use super::incoming::{PART_BYTES, PART_EVENTS};
use super::size;
use crate::batch::{Prepared, Reasons};
use crate::judge::{InWindows, is_kept};
use crate::{Instance, JudgeError, codec};
use bartizan_core::{Domain, Recency as _};
use bartizan_storage::{Backlog, StoreError, WaitingPart};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first pause after a failure; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a part is tried that fails alone, for a reason that does not go away by itself, until it is discarded.
const TRIES: u32 = 5;

/// The parts of the inbox that a chunk was made of.
#[derive(Default)]
pub(crate) struct Taken {
    /// Their ids.
    pub(crate) ids: Vec<i64>,
    /// How much they hold.
    size: Backlog,
}

/// A chunk that could not be judged.
pub(super) struct Failed {
    ids: Vec<i64>,
    error: JudgeError,
}

/// What has failed, until all that waits is judged.
#[derive(Default)]
struct Trouble {
    failures: u32,
    /// Parts are judged one by one, to find the one that fails.
    one_by_one: bool,
    /// The one that failed last, and how often it did.
    suspect: Option<(i64, u32)>,
}

impl Trouble {
    fn pause(&self) -> Duration {
        FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures.saturating_sub(1))).min(LONGEST_PAUSE)
    }

    /// Notes a failure; gives the part that is to be discarded.
    fn note(&mut self, Failed { ids, error }: &Failed) -> Option<i64> {
        self.failures += 1;
        if !matches!(error, JudgeError::Store(StoreError::Other(_))) {
            return None;
        }
        self.one_by_one = true;
        let [id] = ids[..] else { return None };
        let times = self.suspect.filter(|(suspect, _)| *suspect == id).map_or(1, |(_, times)| times + 1);
        self.suspect = Some((id, times));
        (times >= TRIES).then_some(id)
    }
}

impl<D: Domain> Instance<D> {
    /// The chunk of these parts is recorded.
    pub(crate) fn judged_of_inbox(&self, taken: &Taken) {
        self.inbox.leave(taken.size);
    }

    /// Judges what waits, and what comes, until the process stops; then it ends between two chunks.
    pub(crate) async fn judge_inbox(self: Arc<Self>) {
        let stop = self.background.stopping();
        let mut trouble = Trouble::default();
        while !stop.is_cancelled() {
            let Err(failed) = self.judge_waiting(&stop, trouble.one_by_one).await else {
                trouble = Trouble::default();
                let _: Option<()> = stop.run_until_cancelled(self.inbox.came.notified()).await;
                continue;
            };
            if matches!(failed.error, JudgeError::Stopped(_)) {
                return;
            }
            let discarded = trouble.note(&failed);
            let (detector, error, pause) = (self.settings.name.as_ref(), &failed.error, trouble.pause());
            tracing::warn!(detector, %error, ?pause, "accepted events could not be judged; it is tried again");
            if let Some(id) = discarded {
                tracing::error!(detector, part = id, %error, "accepted events are given up: they failed alone, again and again");
                self.discard(&[id], Backlog::default()).await;
            }
            let _: Option<()> = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Judges all that waits, one chunk while the one before it is written.
    pub(super) async fn judge_waiting(self: &Arc<Self>, stop: &CancellationToken, one_by_one: bool) -> Result<(), Failed> {
        let (mut after, mut judged): (i64, Option<Prepared<D>>) = (0, None);
        loop {
            let ids = judged.as_ref().map(|judged| judged.taken.ids.clone()).unwrap_or_default();
            let (recorded, next) = tokio::join!(self.record_prepared(judged.take()), self.prepare_waiting(&mut after, stop, one_by_one));
            recorded.map_err(|error| Failed { ids, error: error.into() })?;
            judged = next?;
            if judged.is_none() {
                return Ok(());
            }
        }
    }

    /// The next chunk, judged and not yet recorded. Without a model, what waits is recorded as history.
    async fn prepare_waiting(
        self: &Arc<Self>,
        after: &mut i64,
        stop: &CancellationToken,
        one_by_one: bool,
    ) -> Result<Option<Prepared<D>>, Failed> {
        let most = if one_by_one { 0 } else { PART_EVENTS as u64 };
        while !stop.is_cancelled() {
            let parts = self.store.waiting(&self.settings.name, *after, most, PART_BYTES as u64).await;
            let parts = parts.map_err(|error| Failed { ids: Vec::new(), error: error.into() })?;
            let Some(last) = parts.last() else { return Ok(None) };
            *after = last.id;
            let ids: Vec<i64> = parts.iter().map(|part| part.id).collect();
            match self.judge_parts(parts).await {
                Ok(Some(prepared)) => return Ok(Some(prepared)),
                Ok(None) => {}
                Err(error) => return Err(Failed { ids, error }),
            }
        }
        Ok(None)
    }

    /// Judges a chunk; `None` when it is done already: without a model, or when there is no event in it that can be read.
    pub(super) async fn judge_parts(self: &Arc<Self>, parts: Vec<WaitingPart>) -> Result<Option<Prepared<D>>, JudgeError> {
        let decoded = self.settings.workers.judge(move || decode::<D>(parts)).await?;
        for (id, lost, error) in &decoded.unreadable {
            let (detector, events) = (self.settings.name.as_ref(), lost.events);
            tracing::error!(detector, part = id, events, %error, "accepted events cannot be read any more, and are given up");
            self.discard(&[*id], *lost).await;
        }
        let Decoded { events, taken, .. } = decoded;
        if taken.ids.is_empty() {
            return Ok(None);
        }
        let this = Arc::clone(self);
        match self.active.load_full() {
            Some(active) => {
                let judge = move || {
                    let mut reasons = Reasons::new(false, &Arc::default());
                    let mut prepared = this.judge_chunk(&active, events, &mut reasons)?;
                    prepared.taken = taken;
                    Ok::<_, StoreError>(Some(prepared))
                };
                Ok(self.settings.workers.judge(judge).await??)
            }
            None => self.meet_parts(events, taken).await.map(|()| None),
        }
    }

    /// Records a chunk as history.
    async fn meet_parts(self: &Arc<Self>, events: Vec<D::Event>, taken: Taken) -> Result<(), JudgeError> {
        let this = Arc::clone(self);
        let meet = move || {
            let recents: Vec<D::Recent> = events.iter().map(|event| this.recency.observe(event)).collect();
            let in_windows = InWindows::new(Arc::clone(&this.recency), events);
            this.met(in_windows.events(), &recents).map(|met| (in_windows, met))
        };
        let (in_windows, met) = self.settings.workers.judge(meet).await??;
        let recorded = self.record_met(in_windows.events(), met, Some(&taken.ids)).await;
        if is_kept(&recorded) {
            in_windows.keep();
            self.judged_of_inbox(&taken);
            return Ok(());
        }
        recorded.map(drop)
    }

    /// Removes parts that cannot be judged. Where that fails, they are met again.
    async fn discard(&self, parts: &[i64], lost: Backlog) {
        match self.store.discard(&self.settings.name, parts).await {
            Ok(()) => self.inbox.leave(lost),
            Err(error) => tracing::warn!(detector = self.settings.name.as_ref(), %error, "they could not be removed"),
        }
    }
}

/// The events of some parts.
struct Decoded<E> {
    events: Vec<E>,
    taken: Taken,
    /// Parts that cannot be read: id, size, and why.
    unreadable: Vec<(i64, Backlog, codec::CodecError)>,
}

fn decode<D: Domain>(parts: Vec<WaitingPart>) -> Decoded<D::Event> {
    let mut decoded = Decoded { events: Vec::new(), taken: Taken::default(), unreadable: Vec::new() };
    for WaitingPart { id, part } in parts {
        let (before, part_size) = (decoded.events.len(), size([&part]));
        match codec::decode_part::<D>(&part.blob, &mut decoded.events) {
            Ok(()) => {
                decoded.taken.ids.push(id);
                let Backlog { events, bytes } = decoded.taken.size;
                decoded.taken.size = Backlog { events: events + part_size.events, bytes: bytes + part_size.bytes };
            }
            Err(error) => {
                decoded.events.truncate(before);
                decoded.unreadable.push((id, part_size, error));
            }
        }
    }
    decoded
}
