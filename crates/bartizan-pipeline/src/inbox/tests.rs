//! Batches from their acceptance to their verdicts.

use super::incoming::PART_EVENTS;
use crate::{AcceptError, Fixed, Instance, LifeCycle, RecordPolicy, Settings, TrainRequest};
use bartizan_core::{Recency as _, Record, Seed, Timestamp};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_storage::{AuditFilter, Backlog, DetectionRepository as _, InboxRepository as _, NewBatch, NewPart, Store};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const MOST: usize = 64 << 20;

fn traffic(rows: usize) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() };
    generate(&config, Seed(1)).map(|(event, _)| event).collect()
}

/// Requests of these names, a second apart and in order.
fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<RequestEvent> {
    let first = traffic(1).remove(0);
    let event = |(secs, name): (i64, &str)| RequestEvent {
        request_id: name.to_owned(),
        timestamp: Timestamp::from_secs(1_760_000_000 + secs),
        ..first.clone()
    };
    (0..).zip(names).map(event).collect()
}

struct Opened {
    store: Arc<SqliteStore>,
    instance: Arc<Instance<Requests>>,
}

async fn open_with(folder: &Path, change: impl FnOnce(&mut Settings)) -> Opened {
    let store = Arc::new(SqliteStore::open(SqliteOptions::new(folder.join("t.db"))).unwrap());
    let mut settings = Settings::new("requests");
    change(&mut settings);
    let dynamic: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    Opened { instance: Instance::open(settings, dynamic, Arc::new(Fixed)).await.unwrap(), store }
}

async fn open(folder: &Path) -> Opened {
    open_with(folder, |_| {}).await
}

impl Opened {
    async fn train(&self) {
        let lesson = traffic(120).into_iter().map(|event| Record::new(event, None)).collect();
        self.instance.import(lesson).await.unwrap();
        self.instance.train(TrainRequest::default()).await.unwrap();
    }

    async fn accept(&self, events: Vec<RequestEvent>, key: Option<&str>, answer: &str) -> Result<String, AcceptError> {
        let mut incoming = self.instance.incoming(MOST);
        events.into_iter().for_each(|event| incoming.push(event).unwrap());
        let key = key.map(str::as_bytes);
        let answer = self.instance.accept(incoming.into_parts(), 1, key, answer.as_bytes().to_vec()).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    /// Judges what waits now.
    async fn judge(&self) {
        assert!(self.instance.judge_waiting(&CancellationToken::new(), false).await.is_ok());
        assert_eq!(self.store.backlog("requests").await.unwrap(), Backlog::default());
        assert_eq!(self.instance.counters().ingest_waiting, 0);
    }

    /// The names of what is stored of these batches, oldest first.
    async fn stored(&self) -> Vec<String> {
        let all = AuditFilter { include_unjudged: true, ..AuditFilter::default() };
        let rows = self.store.audit("requests", &all, 0, 1_000_000).await.unwrap().rows;
        let names = rows.into_iter().rev().map(|row| row.detection.event_id);
        names.filter(|name| name.starts_with("in-")).collect()
    }
}

#[tokio::test]
async fn events_are_judged_once_in_order_of_acceptance_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    opened.train().await;
    let mut first = named(["in-1", "in-2", "in-3", "in-4"]);
    first.swap(0, 3);
    first[1].timestamp = first[2].timestamp;
    assert_eq!(opened.accept(first, None, "a").await.unwrap(), "a");
    assert_eq!(opened.accept(named(["in-0"]), None, "b").await.unwrap(), "b");
    let counters = opened.instance.counters();
    assert_eq!((counters.ingested, counters.ingest_rejected, counters.ingest_waiting, counters.judged), (5, 2, 5, 0));
    opened.judge().await;
    opened.judge().await;
    assert_eq!(opened.stored().await, ["in-1", "in-2", "in-3", "in-4", "in-0"]);
    assert_eq!(opened.instance.counters().judged, 5);
    assert_eq!(opened.store.statistics("requests").await.unwrap().judged, 5);
}

#[tokio::test]
async fn what_is_accepted_is_judged_as_what_is_posted_to_be_judged() {
    let events: Vec<RequestEvent> = traffic(2 * PART_EVENTS + 500).split_off(400);
    let mut verdicts = Vec::new();
    for is_accepted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(folder.path()).await;
        opened.train().await;
        if is_accepted {
            for batch in [&events[..10], &events[10..20], &events[20..]] {
                opened.accept(batch.to_vec(), None, "").await.unwrap();
            }
            assert!(opened.store.waiting("requests", 0, u64::MAX, u64::MAX).await.unwrap().len() > 3, "in several parts");
            opened.judge().await;
        } else {
            opened.instance.judge_many(events.clone(), false).await.unwrap();
        }
        let rows = opened.store.audit("requests", &AuditFilter::default(), 0, 1_000_000).await.unwrap().rows;
        let of = |row: &bartizan_storage::Detection| {
            let judged = row.detection.judged.as_ref().unwrap();
            (row.detection.event_id.clone(), judged.score, judged.verdict, judged.confidence)
        };
        verdicts.push(rows.iter().map(of).collect::<Vec<_>>());
    }
    assert_eq!(verdicts[0].len(), events.len());
    assert!(verdicts[0] == verdicts[1]);
}

#[tokio::test]
async fn a_key_counts_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    assert_eq!(opened.accept(named(["in-1"]), Some("k"), "first").await.unwrap(), "first");
    assert_eq!(opened.accept(named(["in-1"]), Some("k"), "second").await.unwrap(), "first");
    assert_eq!(opened.accept(named(["in-2"]), Some("l"), "third").await.unwrap(), "third");
    let counters = opened.instance.counters();
    assert_eq!((counters.ingested, counters.ingest_rejected, counters.ingest_waiting), (2, 2, 2));
    opened.store.close().await;
    drop(opened);
    let opened = open(folder.path()).await;
    assert_eq!(opened.instance.counters().ingest_waiting, 2);
    assert_eq!(opened.accept(named(["in-1"]), Some("k"), "fourth").await.unwrap(), "first");
    opened.judge().await;
    assert_eq!(opened.stored().await, ["in-1", "in-2"], "kept as history: there is no model");
    assert_eq!(opened.instance.counters().judged, 0);
}

#[tokio::test]
async fn no_more_waits_than_may_but_one_batch_always() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_with(folder.path(), |settings| settings.max_waiting_events = 2).await;
    opened.accept(named(["in-1", "in-2", "in-3"]), None, "").await.unwrap();
    for key in [None, Some("k")] {
        let refused = opened.accept(named(["in-4"]), key, "").await;
        assert!(matches!(refused, Err(AcceptError::Full { waiting: 3 })), "{refused:?}");
    }
    assert_eq!(opened.accept(Vec::new(), None, "empty").await.unwrap(), "empty", "nothing takes no room");
    opened.judge().await;
    opened.accept(named(["in-4"]), Some("k"), "").await.unwrap();
    opened.accept(named(["in-5"]), None, "").await.unwrap();
    opened.judge().await;
    assert_eq!(opened.stored().await, ["in-1", "in-2", "in-3", "in-4", "in-5"]);
    let opened = open_with(tempfile::tempdir().unwrap().path(), |settings| settings.max_waiting_bytes = 1_000).await;
    opened.accept(named(["in-1", "in-2"]), None, "").await.unwrap();
    assert!(matches!(opened.accept(named(["in-3", "in-4", "in-5"]), None, "").await, Err(AcceptError::Full { .. })));
    opened.store.close().await;
    let failed = opened.accept(named(Vec::<&str>::new()), Some("k"), "").await;
    assert!(matches!(failed, Err(AcceptError::Store(_))), "{failed:?}");
    assert_eq!(opened.instance.counters().ingest_waiting, 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_removed_and_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    opened.train().await;
    opened.accept(named(["in-1"]), None, "").await.unwrap();
    let good = opened.store.waiting("requests", 0, 9, 9).await.unwrap().remove(0).part.blob;
    let with = |at: usize, byte: u8| {
        let mut blob = good.clone();
        blob[at] = byte;
        blob
    };
    let wrong = [
        ("empty", Vec::new()),
        ("of a later format", with(0, 99)),
        ("with events of a later format", with(1, 99)),
        ("of another kind", with(2, good[2] ^ 1)),
        ("cut", good[..good.len() - 1].to_vec()),
        ("with a length that is too great", with(7, 255)),
        ("with a byte more", [&good[..], &[0]].concat()),
    ];
    for (_, blob) in &wrong {
        let parts = vec![NewPart { events: 1, blob: blob.clone() }];
        opened.store.accept(NewBatch { detector: "requests".into(), parts, key: None }).await.unwrap();
    }
    opened.accept(named(["in-2"]), None, "").await.unwrap();
    assert!(opened.instance.judge_waiting(&CancellationToken::new(), false).await.is_ok());
    assert_eq!(opened.store.backlog("requests").await.unwrap(), Backlog::default());
    assert_eq!(opened.stored().await, ["in-1", "in-2"]);
}

#[tokio::test]
async fn the_recording_policy_holds_and_all_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let change = |settings: &mut Settings| (settings.record, settings.max_training_samples) = (RecordPolicy::Anomalies, 100);
    let opened = open_with(folder.path(), change).await;
    opened.train().await;
    opened.accept(traffic(2_000).split_off(120), None, "").await.unwrap();
    opened.judge().await;
    let statistics = opened.store.statistics("requests").await.unwrap();
    assert_eq!((statistics.judged, opened.instance.counters().judged), (1_880, 1_880));
    assert!(statistics.stored < 1_500, "{statistics:?}");
}

#[tokio::test]
async fn the_worker_judges_what_comes_and_ends_when_the_process_stops() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    opened.accept(named(["in-1"]), None, "").await.unwrap();
    opened.instance.start();
    for name in ["in-2", "in-3"] {
        opened.accept(named([name]), None, "").await.unwrap();
        while opened.instance.counters().ingest_waiting > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(opened.stored().await, ["in-1", "in-2", "in-3"]);
    opened.instance.close().await;
}

#[tokio::test]
async fn events_of_a_chunk_that_cannot_be_recorded_count_in_no_window_and_wait() {
    let folder = tempfile::tempdir().unwrap();
    for trained in [false, true] {
        let opened = open(folder.path()).await;
        if trained {
            opened.train().await;
        }
        opened.accept(named(["before"]), None, "").await.unwrap();
        opened.judge().await;
        opened.accept(named(["in-1"]), None, "").await.unwrap();
        let counted = || format!("{:?}", opened.instance.recency.peek(&named(["in-1"])[0]));
        let parts = opened.store.waiting("requests", 0, 9, 9).await.unwrap();
        opened.store.discard("requests", &parts.iter().map(|part| part.id).collect::<Vec<_>>()).await.unwrap();
        let before = (counted(), opened.instance.counters());
        // Somebody else has judged them meanwhile.
        let prepared = opened.instance.judge_parts(parts).await;
        let recorded = match prepared {
            Ok(prepared) => opened.instance.record_prepared(prepared).await.is_ok(),
            Err(_) => false,
        };
        assert!(!recorded);
        assert_eq!((counted(), opened.instance.counters()), before, "trained: {trained}");
        assert_eq!(opened.stored().await, [""; 0]);
        opened.store.close().await;
    }
}
