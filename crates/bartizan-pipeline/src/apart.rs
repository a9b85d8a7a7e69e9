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
        let (live, at) = (active.fresh_live(), self.clock.now());
        let (mut judgements, mut kept, mut detections) = (Vec::with_capacity(events.len()), Vec::new(), Vec::new());
        let (mut counted, mut failed) = (Counted::default(), None);
        active.score_each(events.iter().zip(recents), |row, unjudged| {
            let position = judgements.len();
            let (event, recent) = (&events[position], &recents[position]);
            let scored = active.decide_by(&live, row, unjudged);
            let mut judgement = judgement(active, &scored, at);
            if asked.explain && room > 0 && judgement.grade > asked.listed_above {
                room -= 1;
                judgement.explain(active.explain(event, row, &self.schema));
            }
            judgements.push(judgement);
            match self.keeps(scored.verdict) {
                Kept::No => {
                    counted.judged += 1;
                    counted.confidence_sum += scored.confidence;
                }
                as_what => {
                    let scored = Scored { row: row.to_vec(), ..scored };
                    match self.judged_detection((event, recent, false), scored, &active.version, at) {
                        Ok(detection) => {
                            kept.push(position);
                            detections.push(NewDetection { sampled: as_what == Kept::Sampled, ..detection });
                        }
                        Err(error) => failed = Some(error),
                    }
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(Prepared { judgements, kept, detections, counted })
    }

    async fn record_apart(&self, prepared: Option<Prepared>, asked: Apart) -> Result<Vec<Judgement>, StoreError> {
        let Some(Prepared { mut judgements, kept, detections, counted }) = prepared else { return Ok(Vec::new()) };
        let detected: Vec<_> = detections.iter().map(|detection| self.feed.prepare(detection)).collect();
        let ids = self.store.record_part(detections, &self.settings.name, counted, &[]).await?;
        self.progress.recorded(&ids);
        self.count(judgements.len(), judgements.iter().filter(|judgement| judgement.grade > asked.listed_above).count());
        self.feed.publish_all(detected, &ids).await;
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
            let (live, mut verdicts) = (active.fresh_live(), Vec::with_capacity(events.len()));
            for chunk in events.chunks(CHUNK) {
                let recents: Vec<D::Recent> = chunk.iter().map(|event| windows.observe(event)).collect();
                active.score_each(chunk.iter().zip(&recents), |row, unjudged| {
                    verdicts.push(active.decide_by(&live, row, unjudged).verdict);
                });
            }
            Ok(verdicts)
        });
        judged.await?
    }
}
