//! Judging many events apart from the stream: the windows say what they know of the past, and are left as they are.

use crate::active::{Active, Scored};
use crate::instance::{Kept, judgement};
use crate::{Instance, JudgeError, Judgement, LoadError};
use bartizan_core::{Domain, Recency, Verdict};
use bartizan_storage::{Counted, NewDetection, StoreError};
use std::ops::Range;
use std::sync::Arc;

/// Events that are scored and recorded together, in one transaction.
const CHUNK: usize = 4_096;

/// Events with what the windows say of each.
struct Looked<D: Domain> {
    events: Vec<D::Event>,
    recents: Vec<D::Recent>,
}

/// A chunk, judged and not yet recorded.
struct Prepared {
    judgements: Vec<Judgement>,
    /// Which of them are recorded.
    kept: Vec<usize>,
    detections: Vec<NewDetection>,
    counted: Counted,
}

/// What is asked of a batch.
#[derive(Clone, Copy)]
pub struct Apart {
    /// Whether listed events are explained, up to [`MAX_EXPLAINED`](crate::MAX_EXPLAINED) of them.
    pub explain: bool,
    /// Events above this grade are listed: they count as detected, whatever the verdict that is recorded.
    pub listed_above: f64,
}

impl<D: Domain> Instance<D> {
    /// Judges events by their own times, as if those among them that are earlier had come before, and counts none of them into the windows:
    /// asked twice, it says the same twice. The threshold is the model's own. Verdicts are recorded before this returns; given back are the
    /// events too.
    ///
    /// # Errors
    /// Without a model, or when a chunk cannot be recorded: then no verdict is given, and the chunks before it stay recorded.
    pub async fn judge_apart(self: &Arc<Self>, events: Vec<D::Event>, asked: Apart) -> Result<(Vec<D::Event>, Vec<Judgement>), JudgeError> {
        let active = self.active.load_full().ok_or(JudgeError::NoModel)?;
        let this = Arc::clone(self);
        let looked = self.settings.workers.judge(move || {
            let mut events = events;
            events.iter_mut().for_each(|event| this.arrive(event));
            let recents = this.recency.foresee(&events);
            Arc::new(Looked::<D> { events, recents })
        });
        let looked = looked.await?;
        let total = looked.events.len();
        let (mut judgements, mut before, mut room) = (Vec::with_capacity(total), None, crate::MAX_EXPLAINED);
        for first in (0..total).step_by(CHUNK) {
            let (this, active, looked) = (Arc::clone(self), Arc::clone(&active), Arc::clone(&looked));
            let range = first..(first + CHUNK).min(total);
            // One chunk is judged while the one before it is written.
            let prepare = self.settings.workers.judge(move || this.prepare_apart(&active, &looked, range, asked, room));
            let (recorded, prepared) = tokio::join!(self.record_apart(before.take(), asked), prepare);
            judgements.extend(recorded?);
            let prepared = prepared??;
            room -= prepared.judgements.iter().filter(|judgement| judgement.explained).count();
            before = Some(prepared);
        }
        judgements.extend(self.record_apart(before, asked).await?);
        self.learn_by_itself(&looked.events, total);
        let events = Arc::try_unwrap(looked).map_or_else(|shared| shared.events.clone(), |looked| looked.events);
        Ok((events, judgements))
    }

    fn prepare_apart(
        &self,
        active: &Active<D>,
        Looked { events, recents }: &Looked<D>,
        range: Range<usize>,
        asked: Apart,
        mut room: usize,
    ) -> Result<Prepared, StoreError> {
        let (events, recents) = (&events[range.clone()], &recents[range]);
        let scored = decided(active, events, recents);
        let at = self.clock.now();
        let (mut judgements, mut kept, mut detections) = (Vec::with_capacity(events.len()), Vec::new(), Vec::new());
        let mut counted = Counted::default();
        for (position, ((event, recent), scored)) in events.iter().zip(recents).zip(scored).enumerate() {
            let mut judgement = judgement(active, &scored, at);
            if asked.explain && room > 0 && judgement.grade > asked.listed_above {
                room -= 1;
                judgement.explain(active.explain(event, &scored.row, &self.schema));
            }
            judgements.push(judgement);
            match self.keeps(scored.verdict) {
                Kept::No => {
                    counted.judged += 1;
                    counted.confidence_sum += scored.confidence;
                }
                as_what => {
                    kept.push(position);
                    let detection = self.detection_apart(event, recent, scored, &active.version, at)?;
                    detections.push(NewDetection { sampled: as_what == Kept::Sampled, ..detection });
                }
            }
        }
        Ok(Prepared { judgements, kept, detections, counted })
    }

    async fn record_apart(&self, prepared: Option<Prepared>, asked: Apart) -> Result<Vec<Judgement>, StoreError> {
        let Some(Prepared { mut judgements, kept, detections, counted }) = prepared else { return Ok(Vec::new()) };
        let detected: Vec<_> = detections.iter().map(|detection| self.feed.prepare(detection)).collect();
        let ids = self.store.record_part(detections, &self.settings.name, counted, &[]).await?;
        self.progress.recorded(&ids);
        self.count(judgements.len(), judgements.iter().filter(|judgement| judgement.grade > asked.listed_above).count());
        for (detected, id) in detected.into_iter().zip(&ids) {
            if let Some(detected) = detected {
                self.feed.publish(detected, *id);
            }
        }
        for (position, id) in kept.into_iter().zip(ids) {
            judgements[position].id = Some(id);
        }
        Ok(judgements)
    }

    /// What a stored model, perhaps not the one at work, says of events in the order of their times, with windows of their own. Nothing is
    /// recorded.
    ///
    /// # Errors
    /// When the model cannot be loaded.
    pub async fn verdicts_of(self: &Arc<Self>, version: &str, events: Vec<D::Event>) -> Result<Vec<Verdict>, LoadError> {
        let name = &self.settings.name;
        let Some(stored) = self.store.model(name, version).await? else { return Ok(Vec::new()) };
        let this = Arc::clone(self);
        let judged = self.settings.workers.judge(move || {
            let active = Active::<D>::load(&stored)?;
            let (mut events, windows) = (events, D::recency(&this.settings.tracking()));
            events.iter_mut().for_each(|event| this.arrive(event));
            events.sort_by_cached_key(|event| D::facts(event).time);
            let mut verdicts = Vec::with_capacity(events.len());
            for chunk in events.chunks(CHUNK) {
                let recents: Vec<D::Recent> = chunk.iter().map(|event| windows.observe(event)).collect();
                verdicts.extend(decided(&active, chunk, &recents).map(|scored| scored.verdict));
            }
            Ok(verdicts)
        });
        judged.await?
    }
}

/// Events judged by the model's own threshold, which the traffic has not moved.
fn decided<'a, D: Domain>(
    active: &'a Active<D>,
    events: &'a [D::Event],
    recents: &'a [D::Recent],
) -> impl Iterator<Item = Scored> + use<'a, D> {
    let live = active.fresh_live();
    active.score_many(events.iter().zip(recents)).into_iter().map(move |unjudged| active.decide(&live, unjudged))
}
