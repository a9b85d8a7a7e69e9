//! The feed of what is detected, for listeners such as metrics, notifications and exports. A listener that is too slow misses detections,
//! which is counted; judging never waits for one. Normal verdicts are not sent: the store has all of them.
//!
//! Listeners look at the feed a few times a second. Waking a task for each detection would take 5 % of the requests that are served.

use crate::Instance;
use bartizan_core::{Domain, Timestamp};
use bartizan_storage::{JudgedClass, NewDetection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::broadcast::{Receiver, Sender, error::TryRecvError};

/// Detections that a listener may be behind before it misses the oldest.
const MAX_BEHIND: usize = 8_192;
/// Detections after which listeners are woken.
const WOKEN_AFTER: usize = MAX_BEHIND / 2;
/// Longest time until a listener receives a detection.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Detections that are published before listeners get a turn.
const PUBLISHED_AT_ONCE: usize = 512;

/// An event that was judged anomalous, and recorded; the row of this id has everything else. Making one allocates nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Row id in the store.
    pub id: i64,
    /// When it happened.
    pub event_time: Timestamp,
    /// When it was judged.
    pub analyzed_at: Timestamp,
    /// The score on the product-wide scale, above 0.5.
    pub grade: f64,
    /// Probability that the verdict is right, [0, 1].
    pub confidence: f64,
    /// Its class, for kinds that tell classes apart.
    pub class: Option<JudgedClass>,
}

/// The listeners of one instance.
pub(crate) struct Feed {
    sender: Sender<Detected>,
    missed: Arc<AtomicU64>,
    sent: AtomicUsize,
    /// Wakes listeners when much has been sent.
    far_behind: Arc<Notify>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { sender: Sender::new(MAX_BEHIND), missed: Arc::default(), sent: AtomicUsize::new(0), far_behind: Arc::default() }
    }
}

impl Feed {
    /// Returns what listeners receive once `detection` is recorded; `None` when there are none, or it is not anomalous.
    pub(crate) fn prepare(&self, detection: &NewDetection) -> Option<Detected> {
        let judged = detection.judged.as_ref().filter(|judged| judged.verdict.is_anomalous() && self.sender.receiver_count() > 0)?;
        Some(Detected {
            id: 0,
            event_time: detection.event_time,
            analyzed_at: detection.analyzed_at,
            grade: judged.grade,
            confidence: judged.confidence,
            class: judged.class.clone(),
        })
    }

    /// Tells listeners of what was recorded under these ids, in order.
    pub(crate) async fn publish_all(&self, detected: Vec<Option<Detected>>, ids: &[i64]) {
        let anomalous = detected.into_iter().zip(ids).filter_map(|(detected, id)| Some((detected?, *id)));
        for (position, (detected, id)) in anomalous.enumerate() {
            self.publish(detected, id);
            if position % PUBLISHED_AT_ONCE == PUBLISHED_AT_ONCE - 1 {
                // Listeners get their turn before a chunk of anomalous events is more than is kept for them.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sends what was recorded under this id.
    pub(crate) fn publish(&self, detected: Detected, id: i64) {
        // That nobody listens any more is no error.
        let _ = self.sender.send(Detected { id, ..detected });
        if self.sent.fetch_add(1, Ordering::Relaxed) % WOKEN_AFTER == WOKEN_AFTER - 1 {
            self.far_behind.notify_waiters();
        }
    }

    /// Returns how many detections listeners have missed since the start.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl<D: Domain> Instance<D> {
    /// Returns a receiver of what is detected from now on. Who receives too slowly gets [`TryRecvError::Lagged`] with how many were missed.
    pub fn subscribe(&self) -> Receiver<Detected> {
        self.feed.sender.subscribe()
    }

    /// Calls `each` with what is detected, in a task that ends when the detector is closed, after what was sent before.
    pub(crate) fn listen_with(&self, mut each: impl FnMut(&Detected) + Send + 'static) {
        let (mut receiver, stop) = (self.subscribe(), self.background.stopping());
        let (missed, far_behind) = (Arc::clone(&self.feed.missed), Arc::clone(&self.feed.far_behind));
        self.background.spawn(async move {
            loop {
                let woken = tokio::time::timeout(LOOK_EVERY, far_behind.notified());
                let stopped = stop.run_until_cancelled(woken).await.is_none();
                drain(&mut receiver, &mut each, &missed);
                if stopped {
                    return;
                }
            }
        });
    }
}

/// Hands over what has been sent so far, and counts what was missed.
fn drain(receiver: &mut Receiver<Detected>, each: &mut impl FnMut(&Detected), missed: &AtomicU64) {
    loop {
        match receiver.try_recv() {
            Ok(detected) => each(&detected),
            Err(TryRecvError::Lagged(behind)) => _ = missed.fetch_add(behind, Ordering::Relaxed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Detected, MAX_BEHIND};
    use crate::{Fixed, Instance, Lesson, LifeCycle as _, Settings, TrainRequest};
    use bartizan_core::{Record, Seed};
    use bartizan_domains::behavior::{Behavior, SessionEvent, generator};
    use bartizan_storage::{DetectionKey, NewDetection};
    use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
    use std::sync::{Arc, Mutex};

    /// A trained detector of sessions.
    struct Setup {
        instance: Arc<Instance<Behavior>>,
        _folder: tempfile::TempDir,
    }

    impl Setup {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(SqliteOptions::new(folder.path().join("t.db"))).unwrap());
            let mut settings = Settings::new("behavior");
            settings.params.algorithm = Some("isolation_forest".to_owned());
            let instance = Instance::<Behavior>::open(settings, store, Arc::new(Fixed)).await.unwrap();
            let events = sessions(2_000, 1).into_iter().map(|event| Record::new(event, None)).collect();
            instance.learn(Lesson::BuiltIn(events), TrainRequest::default(), ()).await.unwrap();
            Self { instance, _folder: folder }
        }

        async fn row(&self, id: i64) -> NewDetection {
            self.instance.find(&DetectionKey::Id(id)).await.unwrap().unwrap().detection
        }
    }

    fn sessions(rows: usize, seed: u64) -> Vec<SessionEvent> {
        generator::generate(rows, Seed(seed))
    }

    /// What a listener of this detector heard until the detector was closed, and how many it was told of.
    async fn heard(setup: &Setup, batches: usize) -> (Vec<Detected>, usize) {
        let all = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&all);
        setup.instance.listen(Box::new(move |detected| heard.lock().unwrap().push(detected.clone())));
        let mut anomalous = 0;
        for seed in 0..batches {
            let judgements = setup.instance.judge_many(sessions(300, 10 + seed as u64), false).await.unwrap();
            anomalous += judgements.iter().filter(|judgement| judgement.verdict.is_anomalous()).count();
        }
        let one = setup.instance.judge(sessions(1, 5).remove(0), false).await.unwrap();
        anomalous += usize::from(one.verdict.is_anomalous());
        setup.instance.close().await;
        let heard = std::mem::take(&mut *all.lock().unwrap());
        (heard, anomalous)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_listens_hears_of_every_anomalous_event_as_it_was_recorded() {
        let setup = Setup::new().await;
        setup.instance.judge_many(sessions(300, 9), false).await.unwrap();
        let before = setup.instance.counters().anomalous;
        assert!(before > 0, "they were counted although nobody listened");
        let (heard, anomalous) = heard(&setup, 1).await;
        assert_eq!((heard.len(), setup.instance.counters().anomalous - before), (anomalous, anomalous as u64));
        assert_eq!(setup.instance.counters().missed_by_listeners, 0);
        for detected in &heard {
            let row = setup.row(detected.id).await;
            let judged = row.judged.unwrap();
            assert!(judged.verdict.is_anomalous() && detected.grade > 0.5);
            assert_eq!((detected.event_time, detected.analyzed_at), (row.event_time, row.analyzed_at));
            assert_eq!((&detected.class, detected.grade, detected.confidence), (&judged.class, judged.grade, judged.confidence));
        }
    }

    #[tokio::test]
    async fn a_batch_is_not_too_much_for_a_listener_but_one_that_does_not_receive_misses_some() {
        // On one thread, a listener comes to its turn only when judging waits.
        let setup = Setup::new().await;
        let half = TrainRequest { contamination: Some(0.5), ..TrainRequest::default() };
        let events = sessions(2_000, 1).into_iter().map(|event| Record::new(event, None)).collect();
        setup.instance.learn(Lesson::BuiltIn(events), half, ()).await.unwrap();
        let mut slow = setup.instance.subscribe();
        setup.instance.judge_many(sessions(24_000, 3), false).await.unwrap();
        let (heard, anomalous) = heard(&setup, 2).await;
        assert_eq!((heard.len(), setup.instance.counters().missed_by_listeners), (anomalous, 0));
        let lagged = slow.try_recv().unwrap_err();
        assert!(lagged.to_string().contains("lag"), "{lagged}");
        let rest = std::iter::from_fn(|| slow.try_recv().ok()).count();
        assert_eq!(rest, MAX_BEHIND);
    }
}
