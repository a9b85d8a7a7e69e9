//! Judging one event as it arrives.

use crate::active::Active;
use crate::instance::{Kept, judgement};
use crate::{Instance, JudgeError, Judgement};
use bartizan_core::{Arrival, Domain, Recency};
use bartizan_storage::{NewDetection, StoreError};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Events of more bytes than this are judged away from the threads that answer.
const HEAVY: usize = 16 * 1_024;

/// Events that were counted into the windows. They are taken back when this is dropped, unless they were recorded: a request that is
/// refused after all leaves no trace.
pub(crate) struct InWindows<R, E>
where
    R: Deref<Target: Recency>,
    E: AsRef<[<R::Target as Recency>::Event]>,
{
    windows: R,
    events: E,
    recorded: bool,
}

impl<R, E> InWindows<R, E>
where
    R: Deref<Target: Recency>,
    E: AsRef<[<R::Target as Recency>::Event]>,
{
    /// Events that `windows` has observed just now.
    pub(crate) fn new(windows: R, events: E) -> Self {
        Self { windows, events, recorded: false }
    }

    /// The events.
    pub(crate) fn events(&self) -> &[<R::Target as Recency>::Event] {
        self.events.as_ref()
    }

    /// They stay.
    pub(crate) fn keep(mut self) {
        self.recorded = true;
    }
}

impl<R, E> Drop for InWindows<R, E>
where
    R: Deref<Target: Recency>,
    E: AsRef<[<R::Target as Recency>::Event]>,
{
    fn drop(&mut self) {
        if !self.recorded {
            self.events.as_ref().iter().for_each(|event| self.windows.forget(event));
        }
    }
}

/// One event, judged and not yet recorded.
struct Prepared {
    judgement: Judgement,
    /// As what it is recorded; `None` when it is only counted.
    detection: Option<NewDetection>,
}

impl<D: Domain> Instance<D> {
    /// Fills in what is known of an event that comes in, and counts those whose time is not believed.
    pub(crate) fn arrive(&self, event: &mut D::Event) {
        let Self { settings, clock, .. } = self;
        let arrival = Arrival { now: clock.now(), max_ahead_secs: settings.max_ahead_secs, proxies: &settings.trusted_proxies };
        if D::arrive(event, &arrival).dated_ahead {
            self.dated_ahead.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Judges one event. Its verdict is recorded before this returns; without a model the event is kept as history.
    ///
    /// # Errors
    /// Without a model, or when the verdict cannot be recorded: then it is not given, and the event counts in no window.
    pub async fn judge(self: &Arc<Self>, mut event: D::Event, explain: bool) -> Result<Judgement, JudgeError> {
        if D::weight(&event) > HEAVY {
            return Box::pin(self.judge_heavy(event, explain)).await;
        }
        self.arrive(&mut event);
        let recent = self.recency.observe(&event);
        let counted = InWindows::new(&*self.recency, std::slice::from_ref(&event));
        // Nothing is awaited while the model is looked at, so that it need not be counted as in use.
        let prepare = |active: &Active<D>| self.prepare_one(active, &event, &event, &recent, explain);
        let prepared = self.active.load().as_deref().map(prepare).transpose()?;
        let judged = match prepared {
            Some(prepared) => self.record(prepared).await.map_err(JudgeError::from),
            None => Box::pin(self.meet_one_without_model(&event, &recent, explain)).await,
        };
        if is_kept(&judged) {
            counted.keep();
        }
        if judged.as_ref().is_ok_and(|judgement| judgement.score.is_some()) {
            self.learn_by_itself(std::slice::from_ref(&event), 1);
        }
        judged
    }

    /// The same of an event that takes longer, after others of its kind: the threads that answer share the processors with as many of
    /// them as there are processors, and only what is stored of it comes back to them. Nothing is begun that nobody waits for.
    async fn judge_heavy(self: &Arc<Self>, mut event: D::Event, explain: bool) -> Result<Judgement, JudgeError> {
        let this = Arc::clone(self);
        let looked_at = self.settings.workers.judge(move || {
            this.arrive(&mut event);
            let recent = this.recency.observe(&event);
            // Taken back even when nobody waits for the answer any more.
            let counted = InWindows::new(Arc::clone(&this.recency), vec![D::bounded(&event).into_owned()]);
            let stored = &counted.events()[0];
            let active = this.active.load_full();
            let prepared = active.map(|active| this.prepare_one(&active, &event, stored, &recent, explain)).transpose();
            prepared.map(|prepared| (prepared, recent, counted))
        });
        let (prepared, recent, counted) = looked_at.await??;
        let judged = match prepared {
            Some(prepared) => self.record(prepared).await.map_err(JudgeError::from),
            None => self.meet_one_without_model(&counted.events()[0], &recent, explain).await,
        };
        if is_kept(&judged) {
            counted.keep();
        }
        judged
    }

    async fn meet_one_without_model(
        self: &Arc<Self>,
        event: &D::Event,
        recent: &D::Recent,
        explain: bool,
    ) -> Result<Judgement, JudgeError> {
        let met = self.meet_without_model(std::slice::from_ref(event), std::slice::from_ref(recent), false).await?;
        let mut judgement = met.into_iter().next().ok_or(JudgeError::NoModel)?;
        if explain && judgement.verdict.is_anomalous() {
            judgement.explained = true;
            judgement.reasons = self.known_reason(event).into_iter().collect();
        }
        Ok(judgement)
    }

    /// Scores a whole event, and makes of `stored`, which may be a shorter one, what is recorded.
    fn prepare_one(
        &self,
        active: &Active<D>,
        event: &D::Event,
        stored: &D::Event,
        recent: &D::Recent,
        explain: bool,
    ) -> Result<Prepared, StoreError> {
        let scored = active.judge(&active.live, active.score(event, recent), event);
        let mut judgement = judgement(active, &scored, self.clock.now());
        if explain {
            judgement.explain(active.explain(event, &scored.row, &self.schema));
        }
        let kept = self.keeps(scored.verdict);
        if kept == Kept::No {
            return Ok(Prepared { judgement, detection: None });
        }
        let detection = self.judged_detection((stored, recent, true), scored, &active.version, judgement.analyzed_at)?;
        Ok(Prepared { judgement, detection: Some(NewDetection { sampled: kept == Kept::Sampled, ..detection }) })
    }

    async fn record(&self, prepared: Prepared) -> Result<Judgement, StoreError> {
        let Prepared { mut judgement, detection } = prepared;
        match detection {
            Some(detection) => {
                let detected = self.feed.prepare(&detection);
                judgement.id = self.store.record(vec![detection]).await?.first().copied();
                if let (Some(detected), Some(id)) = (detected, judgement.id) {
                    self.feed.publish(detected, id);
                }
            }
            None => self.store.count(&self.settings.name, 1, 0, judgement.confidence).await?,
        }
        self.progress.recorded(judgement.id.as_slice());
        self.count(1, usize::from(judgement.verdict.is_anomalous()));
        Ok(judgement)
    }
}

/// Whether an event became part of the history: without a model it does, though it is not judged.
pub(crate) fn is_kept<T>(judged: &Result<T, JudgeError>) -> bool {
    matches!(judged, Ok(_) | Err(JudgeError::NoModel))
}

#[cfg(test)]
mod tests {
    use super::HEAVY;
    use crate::{Fixed, Instance, JudgeError, LifeCycle, Settings, TrainRequest};
    use bartizan_core::{Domain, Recency, Record, Seed, Timestamp};
    use bartizan_domains::requests::generator::{GeneratorConfig, generate};
    use bartizan_domains::requests::{RequestEvent, Requests};
    use bartizan_storage::Store;
    use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
    use std::sync::Arc;

    fn traffic(rows: usize) -> Vec<RequestEvent> {
        let config = GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() };
        generate(&config, Seed(1)).map(|(event, _)| event).collect()
    }

    /// The requests of its client that the windows know of.
    fn counted(instance: &Instance<Requests>, event: &RequestEvent) -> String {
        format!("{:?}", instance.recency.peek(event))
    }

    #[tokio::test]
    async fn refused_requests_count_in_no_window() {
        for trained in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(SqliteOptions::new(dir.path().join("t.db"))).unwrap());
            let dynamic: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
            let instance = Instance::<Requests>::open(Settings::new("requests"), dynamic, Arc::new(Fixed)).await.unwrap();
            if trained {
                let lesson = traffic(120).into_iter().map(|event| Record::new(event, None)).collect();
                instance.import(lesson).await.unwrap();
                instance.train(TrainRequest::default()).await.unwrap();
            }
            let small = RequestEvent { ip_address: "203.0.113.77".to_owned(), ..traffic(1).remove(0) };
            let large = RequestEvent { payload: format!("\"{}\"", "x".repeat(2 * HEAVY)), ..small.clone() };
            assert!(Requests::weight(&small) < HEAVY && Requests::weight(&large) > HEAVY);
            let judged = instance.judge(small.clone(), false).await;
            assert!(super::is_kept(&judged), "{judged:?}");
            let before = counted(&instance, &small);
            assert!(before.contains("hour: 1.0"), "{before}");

            // From now on nothing can be recorded.
            store.close().await;
            for event in [&small, &large] {
                let refused = instance.judge(event.clone(), true).await;
                assert!(matches!(refused, Err(JudgeError::Store(_))), "{refused:?}");
                let refused = instance.judge_many(vec![event.clone(); 3], false).await;
                assert!(matches!(refused, Err(JudgeError::Store(_))), "{refused:?}");
                assert_eq!(counted(&instance, event), before, "trained: {trained}");
            }
        }
    }

    #[tokio::test]
    async fn large_events_are_judged_in_turn_and_not_at_all_when_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::new(dir.path().join("t.db"))).unwrap());
        let instance = Instance::<Requests>::open(Settings::new("requests"), store, Arc::new(Fixed)).await.unwrap();
        // Dated ahead, so that those are counted that were looked at.
        let payload = format!("\"{}\"", "x".repeat(2 * HEAVY));
        let event = RequestEvent { payload, timestamp: Timestamp::from_secs(1_780_000_000), ..traffic(1).remove(0) };
        let turns = instance.settings.workers.all_turns_to_judge().await;
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(instance.judge(event.clone(), false))).collect();
        for judged in &mut waiting {
            assert!(futures::poll!(judged).is_pending());
        }
        drop(waiting);
        drop(turns);
        assert!(matches!(instance.judge(event, false).await, Err(JudgeError::NoModel)));
        assert_eq!(instance.counters().dated_ahead, 1, "of 101");
    }
}
