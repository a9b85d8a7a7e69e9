//! Cases about recording, finding and the totals.

use super::{DETECTOR, Shared, anomalous, bytes, detection, everything, judged_detection, listed, normal};
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{Counted, Detection, DetectionKey, Judged, NewDetection, Statistics};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) async fn ids_are_positive_and_grow_in_the_order_of_recording(store: Shared) {
    let first = store.record((0..5).map(normal).collect()).await.expect("the store answers");
    let second = store.record(vec![anomalous(9), detection("flows", 1), normal(3)]).await.expect("the store answers");
    let all: Vec<i64> = first.into_iter().chain(second).collect();
    assert_eq!(all.len(), 8);
    assert!(all[0] > 0 && all.is_sorted_by(|a, b| a < b), "{all:?}");
}

pub(super) async fn what_is_recorded_is_found_whole(store: Shared) {
    let learning = Judged { learning: true, model_version: "learning".into(), ..normal(1).judged.expect("the store answers") };
    let rows = vec![
        normal(1),
        anomalous(2),
        detection(DETECTOR, 3),
        NewDetection { label: Some(Label::Anomalous), ..normal(4) },
        NewDetection { label: Some(Label::Legitimate), ..detection(DETECTOR, 5) },
        NewDetection { judged: Some(learning), ..normal(6) },
    ];
    let ids = store.record(rows.clone()).await.expect("the store answers");
    for (id, row) in ids.into_iter().zip(rows) {
        let found = store.find(DETECTOR, &DetectionKey::Id(id)).await.expect("the store answers");
        assert_eq!(found, Some(Detection { id, detection: row.clone() }));
        assert_eq!(store.find(DETECTOR, &DetectionKey::EventId(row.event_id)).await.expect("the store answers"), found);
    }
}

pub(super) async fn extreme_values_survive(store: Shared) {
    let far = |micros| Timestamp::from_micros(micros);
    let judged = Judged {
        score: f64::MAX,
        threshold: f64::INFINITY,
        grade: f64::MIN_POSITIVE,
        confidence: 1.0,
        verdict: Verdict::Normal,
        model_version: "v1.0 – \u{1F4A1} 'quoted'".into(),
        learning: false,
        class: None,
    };
    let rows = vec![
        NewDetection {
            event_id: "it's; DROP TABLE \"x\" -- % _ \u{0} \u{1F980}".to_owned(),
            entity: String::new(),
            resource: "ü".repeat(4000),
            action: "\u{0}".to_owned(),
            event_time: far(i64::MIN),
            analyzed_at: far(i64::MAX),
            judged: Some(judged),
            sample: vec![f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0],
            event: (0..=255).cycle().take(200_000).collect(),
            ..normal(0)
        },
        NewDetection { event_id: String::new(), event: Vec::new(), ..detection(DETECTOR, -1) },
    ];
    let ids = store.record(rows.clone()).await.expect("the store answers");
    for (id, row) in ids.into_iter().zip(rows) {
        assert_eq!(store.find(DETECTOR, &DetectionKey::Id(id)).await.expect("the store answers"), Some(Detection { id, detection: row }));
    }
    let missing = NewDetection { sample: vec![1.0, f32::NAN], ..normal(2) };
    let ids = store.record(vec![missing]).await.expect("the store answers");
    let found = store.find(DETECTOR, &DetectionKey::Id(ids[0])).await.expect("the store answers").expect("the store answers");
    assert!(found.detection.sample[1].is_nan(), "a missing feature stays missing");
}

pub(super) async fn nothing_recorded_is_nothing(store: Shared) {
    assert_eq!(store.record(Vec::new()).await.expect("the store answers"), []);
    assert_eq!(store.find(DETECTOR, &DetectionKey::Id(1)).await.expect("the store answers"), None);
    assert_eq!(store.find(DETECTOR, &DetectionKey::EventId("event-1".to_owned())).await.expect("the store answers"), None);
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers"), Statistics::default());
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 0);
    assert_eq!(listed(&store, &everything()).await, (0, vec![]));
}

pub(super) async fn detectors_are_apart(store: Shared) {
    let mine = store.record(vec![normal(1)]).await.expect("the store answers")[0];
    let other = store.record(vec![judged_detection("flows", 1, Verdict::Anomalous, 0.5)]).await.expect("the store answers")[0];
    assert_eq!(store.find(DETECTOR, &DetectionKey::Id(other)).await.expect("the store answers"), None);
    let found = store.find(DETECTOR, &DetectionKey::EventId("event-1".to_owned())).await.expect("the store answers");
    assert_eq!(found.map(|row| row.id), Some(mine));
    assert_eq!(listed(&store, &everything()).await, (1, vec![mine]));
    assert_eq!(store.statistics("flows").await.expect("the store answers").anomalous, 1);
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers").anomalous, 0);
}

pub(super) async fn detections_of_several_detectors_share_a_call(store: Shared) {
    let rows = vec![normal(1), detection("flows", 2), anomalous(3), detection("it's \"odd\"", 4)];
    let ids = store.record(rows.clone()).await.expect("the store answers");
    for (id, row) in ids.into_iter().zip(rows) {
        let found = store.find(&row.detector, &DetectionKey::Id(id)).await.expect("the store answers");
        assert_eq!(found, Some(Detection { id, detection: row }));
    }
}

pub(super) async fn event_ids_may_repeat_and_the_newest_is_found(store: Shared) {
    let ids = store.record(vec![normal(1), anomalous(1), normal(2)]).await.expect("the store answers");
    let found =
        store.find(DETECTOR, &DetectionKey::EventId("event-1".to_owned())).await.expect("the store answers").expect("the store answers");
    assert_eq!((found.id, found.detection.judged.expect("the store answers").verdict), (ids[1], Verdict::Anomalous));
    assert_eq!(store.find(DETECTOR, &DetectionKey::EventId("event-".to_owned())).await.expect("the store answers"), None);
}

pub(super) async fn a_call_that_cannot_be_stored_stores_nothing(store: Shared) {
    let mut bad = normal(2);
    bad.judged.as_mut().expect("the store answers").confidence = f64::NAN;
    assert!(store.record(vec![normal(1), bad]).await.is_err());
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 0);
    assert_eq!(store.record(vec![normal(1)]).await.expect("the store answers").len(), 1);
    assert!(store.count(DETECTOR, 1, 0, f64::NAN).await.is_err());
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers").judged, 1);
}

pub(super) async fn sixty_four_tasks_record_at_once(store: Shared) {
    const TASKS: i64 = 64;
    const CALLS: i64 = 20;
    let record = |task: i64| {
        let store = Arc::clone(&store);
        async move {
            let mut ids = Vec::new();
            for call in 0..CALLS {
                let number = task * CALLS + call;
                let rows = if number % 3 == 0 { vec![anomalous(number)] } else { vec![normal(number), detection(DETECTOR, -number)] };
                let given = store.record(rows).await.expect("the store answers");
                let found = store.find(DETECTOR, &DetectionKey::Id(given[0])).await.expect("the store answers");
                assert_eq!(found.expect("the store answers").detection.event_id, format!("event-{number}"));
                ids.extend(given);
            }
            assert!(ids.is_sorted_by(|a, b| a < b), "a task's ids grow");
            ids
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(record(task))).collect();
    let mut ids = HashSet::new();
    for task in tasks {
        for id in task.await.expect("the store answers") {
            assert!(ids.insert(id), "id {id} was given twice");
        }
    }
    let calls = TASKS * CALLS;
    let bad = (0..calls).filter(|number| number % 3 == 0).count() as u64;
    let totals = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!((totals.judged, totals.anomalous), (calls as u64, bad));
    assert_eq!(totals.stored, ids.len() as u64);
    assert_eq!(store.audit(DETECTOR, &everything(), 0, 1).await.expect("the store answers").total, ids.len() as u64);
}

pub(super) async fn totals_are_exact(store: Shared) {
    let learning = Judged { learning: true, confidence: 0.0, ..anomalous(1).judged.expect("the store answers") };
    let rows = vec![normal(1), anomalous(2), detection(DETECTOR, 3), NewDetection { judged: Some(learning), ..normal(4) }];
    let stored_bytes = rows.iter().chain([&normal(5)]).map(bytes).sum();
    store.record(rows).await.expect("the store answers");
    store.record(vec![normal(5)]).await.expect("the store answers");
    let expected = Statistics { judged: 4, anomalous: 2, average_confidence: 2.0 / 3.0, stored: 5, stored_bytes, ..Statistics::default() };
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers"), expected);
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 5);
}

pub(super) async fn counting_stores_no_rows(store: Shared) {
    store.count(DETECTOR, 3, 1, 2.25).await.expect("the store answers");
    store.record(vec![normal(1)]).await.expect("the store answers");
    store.count(DETECTOR, 0, 0, 0.0).await.expect("the store answers");
    let expected = Statistics {
        judged: 4,
        anomalous: 1,
        average_confidence: 0.75,
        stored: 1,
        stored_bytes: bytes(&normal(1)),
        ..Statistics::default()
    };
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers"), expected);
    assert_eq!(listed(&store, &everything()).await.0, 1);
}

pub(super) async fn parts_of_a_batch_are_stored_and_counted_together(store: Shared) {
    let counted = Counted { judged: 3, anomalous: 0, confidence_sum: 2.25 };
    let ids = store.record_part(vec![normal(1), anomalous(2)], DETECTOR, counted, &[]).await.expect("the store answers");
    assert_eq!(listed(&store, &everything()).await, (2, vec![ids[1], ids[0]]));
    assert_eq!(store.record_part(Vec::new(), DETECTOR, counted, &[]).await.expect("the store answers"), []);
    assert_eq!(store.record_part(Vec::new(), DETECTOR, Counted::default(), &[]).await.expect("the store answers"), []);
    let before = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!((before.judged, before.anomalous, before.stored), (8, 1, 2));
    let mut bad = normal(3);
    bad.judged.as_mut().expect("the store answers").confidence = f64::NAN;
    assert!(store.record_part(vec![bad], DETECTOR, counted, &[]).await.is_err());
    assert!(store.record_part(vec![normal(4)], DETECTOR, Counted { confidence_sum: f64::NAN, ..counted }, &[]).await.is_err());
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers"), before, "what is not stored is not counted");
}

pub(super) async fn a_store_answers_a_ping(store: Shared) {
    store.ping().await.expect("the store answers");
}
