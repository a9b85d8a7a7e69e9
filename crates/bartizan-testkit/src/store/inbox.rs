//! Cases about the inbox.

use super::{DETECTOR, Shared, anomalous, detection, normal};
use bartizan_storage::{Accepted, Backlog, BatchKey, Counted, KEY_BYTES, NewBatch, NewPart, WaitingPart};
use std::sync::Arc;

/// How long keys are remembered in these cases, in seconds.
const REMEMBERED: i64 = 100;

fn part(number: u8) -> NewPart {
    NewPart { events: u32::from(number), blob: vec![number; usize::from(number) * 3] }
}

fn batch(detector: &str, parts: &[u8]) -> NewBatch {
    NewBatch { detector: detector.into(), parts: parts.iter().map(|number| part(*number)).collect(), key: None }
}

fn keyed(detector: &str, parts: &[u8], key: u8, now: i64) -> NewBatch {
    let key = BatchKey { hash: [key; KEY_BYTES], now, remembered_secs: REMEMBERED, answer: format!("{parts:?}").into_bytes() };
    NewBatch { key: Some(key), ..batch(detector, parts) }
}

async fn all(store: &Shared, detector: &str) -> Vec<WaitingPart> {
    store.waiting(detector, 0, u64::MAX, u64::MAX).await.expect("the store answers")
}

async fn numbers(store: &Shared, detector: &str) -> Vec<u32> {
    all(store, detector).await.iter().map(|waiting| waiting.part.events).collect()
}

async fn accept(store: &Shared, batch: NewBatch) -> Accepted {
    store.accept(batch).await.expect("the store answers")
}

pub(super) async fn what_is_accepted_waits_in_order_and_detectors_are_apart(store: Shared) {
    assert_eq!(all(&store, DETECTOR).await, []);
    assert_eq!(store.backlog(DETECTOR).await.expect("the store answers"), Backlog::default());
    for (detector, parts) in [(DETECTOR, &[3_u8, 1, 2][..]), ("flows", &[9]), (DETECTOR, &[]), (DETECTOR, &[4])] {
        assert_eq!(accept(&store, batch(detector, parts)).await, Accepted::Now);
    }
    let waiting = all(&store, DETECTOR).await;
    assert_eq!(waiting.iter().map(|waiting| waiting.part.clone()).collect::<Vec<_>>(), [part(3), part(1), part(2), part(4)]);
    assert!(waiting[0].id > 0 && waiting.is_sorted_by(|a, b| a.id < b.id), "{waiting:?}");
    assert_eq!(numbers(&store, "flows").await, [9]);
    assert_eq!(store.backlog(DETECTOR).await.expect("the store answers"), Backlog { events: 10, bytes: 30 });
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 0);
    for (after, max_events, max_bytes, expected) in [
        (0, 4, 1_000, &[3_u32, 1][..]),
        (0, 5, 1_000, &[3, 1]),
        (0, 100, 18, &[3, 1, 2]),
        (0, 100, 17, &[3, 1]),
        (0, 0, 0, &[3]),
        (waiting[0].id, 100, 1_000, &[1, 2, 4]),
        (waiting[3].id, 100, 1_000, &[]),
    ] {
        let listed = store.waiting(DETECTOR, after, max_events, max_bytes).await.expect("the store answers");
        let listed: Vec<_> = listed.iter().map(|waiting| waiting.part.events).collect();
        assert_eq!(listed, expected, "after {after}, {max_events} events, {max_bytes} bytes");
    }
}

pub(super) async fn verdicts_and_what_they_are_on_change_together(store: Shared) {
    accept(&store, batch(DETECTOR, &[1, 2, 3])).await;
    accept(&store, batch("flows", &[4])).await;
    let ids: Vec<i64> = all(&store, DETECTOR).await.iter().map(|waiting| waiting.id).collect();
    let others = all(&store, "flows").await[0].id;
    let record = async |rows, judged: Vec<i64>| store.record_part(rows, DETECTOR, Counted::default(), &judged).await;
    assert_eq!(record(vec![normal(1), anomalous(2)], vec![ids[0], ids[1]]).await.expect("the store answers").len(), 2);
    assert_eq!(numbers(&store, DETECTOR).await, [3]);
    for (name, judged) in [("again", ids[0]), ("one of another detector", others), ("none", 1_000)] {
        assert!(record(vec![normal(3)], vec![ids[2], judged]).await.is_err(), "{name}");
        assert_eq!(numbers(&store, DETECTOR).await, [3], "{name}");
        assert_eq!(store.statistics(DETECTOR).await.expect("the store answers").judged, 2, "{name}");
    }
    assert!(store.record_part(vec![detection("requests", 7)], DETECTOR, Counted::default(), &[ids[1]]).await.is_err());
    let counted = Counted { judged: 3, anomalous: 0, confidence_sum: 1.5 };
    assert_eq!(store.record_part(Vec::new(), DETECTOR, counted, &[ids[2]]).await.expect("the store answers"), []);
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers").judged, 5);
    assert_eq!(numbers(&store, DETECTOR).await, [0_u32; 0]);
    accept(&store, batch(DETECTOR, &[5])).await;
    assert!(!ids.contains(&all(&store, DETECTOR).await[0].id), "an id is not used again");
}

pub(super) async fn a_key_counts_once_for_its_time_and_its_detector(store: Shared) {
    for (name, sent, expected) in [
        ("the first", keyed(DETECTOR, &[1], 7, 1_000), None),
        ("again, with other events", keyed(DETECTOR, &[2, 3], 7, 1_000 + REMEMBERED), Some("[1]")),
        ("of another detector", keyed("flows", &[4], 7, 1_001), None),
        ("another key, of nothing", keyed(DETECTOR, &[], 8, 1_001), None),
        ("of nothing again", keyed(DETECTOR, &[5], 8, 1_002), Some("[]")),
        ("after its time", keyed(DETECTOR, &[6], 7, 1_001 + REMEMBERED), None),
        ("again after that", keyed(DETECTOR, &[7], 7, 1_002 + REMEMBERED), Some("[6]")),
        ("without a key", batch(DETECTOR, &[8]), None),
    ] {
        let expected = expected.map_or(Accepted::Now, |answer| Accepted::Before(answer.as_bytes().to_vec()));
        assert_eq!(accept(&store, sent).await, expected, "{name}");
    }
    assert_eq!((numbers(&store, DETECTOR).await, numbers(&store, "flows").await), (vec![1, 6, 8], vec![4]));
}

pub(super) async fn of_many_that_send_one_key_at_once_one_is_accepted(store: Shared) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut accepted = 0_usize;
            for key in 0..8 {
                accepted += usize::from(accept(&store, keyed(DETECTOR, &[1], key, 5)).await == Accepted::Now);
            }
            accepted
        });
    }
    let accepted: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!((accepted, numbers(&store, DETECTOR).await.len()), (8, 8));
}

pub(super) async fn what_is_discarded_is_gone(store: Shared) {
    accept(&store, batch(DETECTOR, &[1, 2, 3])).await;
    let ids: Vec<i64> = all(&store, DETECTOR).await.iter().map(|waiting| waiting.id).collect();
    store.discard("flows", &ids).await.expect("the store answers");
    store.discard(DETECTOR, &[ids[1], 1_000]).await.expect("the store answers");
    assert_eq!(numbers(&store, DETECTOR).await, [1, 3]);
    assert_eq!(store.backlog(DETECTOR).await.expect("the store answers"), Backlog { events: 4, bytes: 12 });
}
