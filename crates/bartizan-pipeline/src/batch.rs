//! Judging many events at once, in chunks: a batch is never larger than what the store takes, and memory holds the rows of two chunks
//! beside the judgements.

use crate::active::Active;
use crate::inbox::Taken;
use crate::instance::{Kept, judgement};
use crate::judge::{InWindows, is_kept};
use crate::{ColdStart, Explanation, Instance, JudgeError, Judgement};
use bartizan_core::{Domain, Recency};
use bartizan_storage::{Counted, NewDetection, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Events that are scored, recorded and counted together, in one transaction.
const CHUNK: usize = 4_096;
/// Most events of one batch that are explained: the anomalous ones first, in their order, then the others. At about 170 µs each
/// they take less than a quarter of a second.
pub const MAX_EXPLAINED: usize = 1_000;

/// One chunk, judged and not yet recorded.
pub(crate) struct Prepared<D: Domain> {
    in_windows: InWindows<Arc<D::Recency>, Vec<D::Event>>,
    judgements: Vec<Judgement>,
    /// Which of them are recorded, and as what.
    kept: Vec<usize>,
    detections: Vec<NewDetection>,
    /// The others.
    counted: Counted,
    /// Where it was taken from the inbox: what is removed there when it is recorded.
    pub(crate) taken: Taken,
}

/// Which events of a batch are explained.
pub(crate) struct Reasons<D: Domain> {
    /// How many more may be.
    left: usize,
    /// Normal events that are explained when the anomalous ones leave room: position, event and row.
    normal: Vec<(usize, D::Event, Vec<f32>)>,
    /// Events met so far.
    met: usize,
    stopped: Arc<AtomicBool>,
}

impl<D: Domain> Reasons<D> {
    pub(crate) fn new(explain: bool, stopped: &Arc<AtomicBool>) -> Self {
        Self { left: if explain { MAX_EXPLAINED } else { 0 }, normal: Vec::new(), met: 0, stopped: Arc::clone(stopped) }
    }

    /// Whether there is one more to explain, and somebody to read it.
    fn goes_on(&self) -> bool {
        self.left > 0 && !self.stopped.load(Ordering::Relaxed)
    }

    /// Meets the next event: one that is anomalous is explained here and now.
    fn meet(
        &mut self,
        event: &D::Event,
        row: &[f32],
        judgement: &mut Judgement,
        explain: impl Fn(&D::Event, &[f32]) -> Option<Explanation>,
    ) {
        if judgement.verdict.is_anomalous() && self.goes_on() {
            self.left -= 1;
            judgement.explain(explain(event, row));
        } else if self.left > self.normal.len() {
            self.normal.push((self.met, event.clone(), row.to_vec()));
        }
        self.met += 1;
    }

    /// Explains normal events, as many as the anomalous ones have left room for.
    fn finish(mut self, judgements: &mut [Judgement], explain: impl Fn(&D::Event, &[f32]) -> Option<Explanation>) {
        for (position, event, row) in std::mem::take(&mut self.normal) {
            if !self.goes_on() {
                return;
            }
            self.left -= 1;
            judgements[position].explain(explain(&event, &row));
        }
    }
}

/// Stops the work on a batch when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Judgement {
    /// Says why; nothing when the algorithm cannot.
    pub(crate) fn explain(&mut self, explanation: Option<Explanation>) {
        self.explained = true;
        self.reasons = explanation.map(|explanation| explanation.reasons).unwrap_or_default();
    }
}

impl<D: Domain> Instance<D> {
    /// Judges many events at once, in order, as [`judge`](Self::judge) would one after the other, and explains up to
    /// [`MAX_EXPLAINED`] of them. Verdicts are recorded and counted in chunks, each in one transaction, and all of them before this
    /// returns; where too much waits to be written, a chunk waits for its turn. When this is dropped, no further chunk is begun.
    ///
    /// # Errors
    /// Without a model, or when a chunk cannot be recorded: then no verdict is given, and the chunks before it stay recorded.
    pub async fn judge_many(self: &Arc<Self>, events: Vec<D::Event>, explain: bool) -> Result<Vec<Judgement>, JudgeError> {
        let total = events.len();
        let mut events = events.into_iter().map(|mut event| {
            self.arrive(&mut event);
            event
        });
        let mut chunks = std::iter::from_fn(|| Some(events.by_ref().take(CHUNK).collect()).filter(|chunk: &Vec<_>| !chunk.is_empty()));
        let Some(active) = self.active.load_full() else { return self.meet_many_without_model(chunks).await };
        let stop = StopOnDrop(Arc::default());
        let mut reasons = Reasons::new(explain, &stop.0);
        let mut judgements = Vec::with_capacity(total);
        let mut judged = None;
        loop {
            // One chunk is judged while the one before it is written.
            let chunk = chunks.next();
            let (recorded, prepared) = tokio::join!(self.record_prepared(judged.take()), self.prepare(&active, chunk, reasons));
            judgements.extend(recorded?);
            (judged, reasons) = prepared?;
            if judged.is_none() {
                break;
            }
        }
        if !reasons.goes_on() {
            return Ok(judgements);
        }
        let this = Arc::clone(self);
        let explained = self.settings.workers.judge(move || {
            reasons.finish(&mut judgements, |event, row| active.explain(event, row, &this.schema));
            judgements
        });
        Ok(explained.await?)
    }

    /// Keeps a batch as history, all of it; see [`meet_without_model`](Self::meet_without_model).
    async fn meet_many_without_model(self: &Arc<Self>, chunks: impl Iterator<Item = Vec<D::Event>>) -> Result<Vec<Judgement>, JudgeError> {
        let mut judgements = Vec::new();
        for chunk in chunks {
            let recents: Vec<D::Recent> = chunk.iter().map(|event| self.recency.observe(event)).collect();
            let in_windows = InWindows::new(&*self.recency, &chunk);
            let met = self.meet_without_model(&chunk, &recents, true).await;
            if is_kept(&met) {
                in_windows.keep();
            }
            match met {
                Ok(more) => judgements.extend(more),
                Err(JudgeError::NoModel) => {}
                Err(error) => return Err(error),
            }
        }
        if self.settings.cold_start == ColdStart::Learn { Ok(judgements) } else { Err(JudgeError::NoModel) }
    }

    /// Judges a chunk away from the threads that answer: a thousand rows are a millisecond's work or more.
    async fn prepare(
        self: &Arc<Self>,
        active: &Arc<Active<D>>,
        chunk: Option<Vec<D::Event>>,
        mut reasons: Reasons<D>,
    ) -> Result<(Option<Prepared<D>>, Reasons<D>), JudgeError> {
        let Some(events) = chunk else { return Ok((None, reasons)) };
        let (this, active) = (Arc::clone(self), Arc::clone(active));
        let judge = move || Ok((Some(this.judge_chunk(&active, events, &mut reasons)?), reasons));
        self.settings.workers.judge(judge).await?
    }

    pub(crate) fn judge_chunk(
        &self,
        active: &Active<D>,
        events: Vec<D::Event>,
        reasons: &mut Reasons<D>,
    ) -> Result<Prepared<D>, StoreError> {
        let recents: Vec<D::Recent> = events.iter().map(|event| self.recency.observe(event)).collect();
        let in_windows = InWindows::new(Arc::clone(&self.recency), events);
        let events = in_windows.events();
        let scored = active.score_many(events.iter().zip(&recents));
        let at = self.clock.now();
        let (mut judgements, mut kept, mut detections) = (Vec::with_capacity(events.len()), Vec::new(), Vec::new());
        let mut counted = Counted::default();
        for (position, ((event, recent), scored)) in events.iter().zip(&recents).zip(scored).enumerate() {
            // One after the other: what was judged before has its say.
            let scored = active.judge(&active.live, scored, event);
            let mut judgement = judgement(active, &scored, at);
            reasons.meet(event, &scored.row, &mut judgement, |event, row| active.explain(event, row, &self.schema));
            judgements.push(judgement);
            match self.keeps(scored.verdict) {
                Kept::No => {
                    counted.judged += 1;
                    counted.confidence_sum += scored.confidence;
                }
                as_what => {
                    kept.push(position);
                    let detection = self.judged_detection((event, recent, true), scored, &active.version, at)?;
                    detections.push(NewDetection { sampled: as_what == Kept::Sampled, ..detection });
                }
            }
        }
        Ok(Prepared { in_windows, judgements, kept, detections, counted, taken: Taken::default() })
    }

    pub(crate) async fn record_prepared(&self, prepared: Option<Prepared<D>>) -> Result<Vec<Judgement>, StoreError> {
        let Some(Prepared { in_windows, mut judgements, kept, detections, counted, taken }) = prepared else { return Ok(Vec::new()) };
        let detected: Vec<_> = detections.iter().map(|detection| self.feed.prepare(detection)).collect();
        let ids = self.store.record_part(detections, &self.settings.name, counted, &taken.ids).await?;
        self.judged_of_inbox(&taken);
        self.learn_by_itself(in_windows.events(), judgements.len());
        in_windows.keep();
        self.progress.recorded(&ids);
        self.count(judgements.len(), judgements.iter().filter(|judgement| judgement.verdict.is_anomalous()).count());
        self.feed.publish_all(detected, &ids).await;
        for (position, id) in kept.into_iter().zip(ids) {
            judgements[position].id = Some(id);
        }
        Ok(judgements)
    }
}
