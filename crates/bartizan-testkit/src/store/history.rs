//! Cases about stored history.

use super::{DETECTOR, Shared, anomalous, change, detection, normal};
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{DetectionKey, EntityHash, HistoryEntry, HistoryQuery, NewDetection, StoredEvent};

const ALL: HistoryQuery = HistoryQuery { labelled: None, sampled: false, after: 0, before: None, until: None, most: usize::MAX };

fn labelled(number: i64) -> NewDetection {
    NewDetection { label: Some(Label::Anomalous), ..anomalous(number) }
}

async fn ids(store: &Shared, query: HistoryQuery) -> Vec<i64> {
    store.history_index(DETECTOR, query).await.expect("the store answers").into_iter().map(|row| row.id).collect()
}

pub(super) async fn a_listing_has_what_rows_are_chosen_by(store: Shared) {
    let unknown = NewDetection { entity: String::new(), ..detection(DETECTOR, 9) };
    let rows = vec![normal(1), labelled(2), detection(DETECTOR, 3), unknown];
    let given = store.record(rows.clone()).await.expect("the store answers");
    let expected: Vec<HistoryEntry> = given
        .into_iter()
        .zip(rows)
        .map(|(id, row)| HistoryEntry {
            id,
            entity: EntityHash::of(&row.entity),
            label: row.label,
            verdict: row.judged.map(|judged| judged.verdict),
            event_time: row.event_time,
            bytes: (4 * row.sample.len() + row.event.len()) as u64,
        })
        .rev()
        .collect();
    assert_eq!(store.history_index(DETECTOR, ALL).await.expect("the store answers"), expected);
    assert_eq!(expected[0].entity, EntityHash::NONE);
    assert_eq!(expected[2].verdict, Some(Verdict::Anomalous));
    assert_eq!(store.history_index("nobody", ALL).await.expect("the store answers"), []);
}

pub(super) async fn a_listing_is_restricted_by_label_time_and_number(store: Shared) {
    // Event times run against the ids: the id decides what is newest.
    let rows = (0..10).map(|n| if n < 4 { labelled(100 - n) } else { normal(100 - n) }).collect();
    let given = store.record(rows).await.expect("the store answers");
    store
        .label(DETECTOR, &DetectionKey::Id(given[9]), change(Label::Legitimate, "ann", 1))
        .await
        .expect("the store answers")
        .expect("the store answers");
    let until = Some(Timestamp::from_secs(96));
    for (name, query, expected) in [
        ("all", ALL, vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("the newest", HistoryQuery { most: 2, ..ALL }, vec![9, 8]),
        ("none", HistoryQuery { most: 0, ..ALL }, vec![]),
        ("unlabelled", HistoryQuery { labelled: Some(false), most: 3, ..ALL }, vec![8, 7, 6]),
        ("labelled", HistoryQuery { labelled: Some(true), most: 3, ..ALL }, vec![9, 3, 2]),
        ("until", HistoryQuery { until, ..ALL }, vec![9, 8, 7, 6, 5, 4]),
        ("labelled until", HistoryQuery { until, labelled: Some(true), most: 9, ..ALL }, vec![9]),
    ] {
        let expected: Vec<i64> = expected.into_iter().map(|index: usize| given[index]).collect();
        assert_eq!(ids(&store, query).await, expected, "{name}");
    }
}

pub(super) async fn a_listing_is_restricted_to_the_sample_and_to_what_came_after(store: Shared) {
    let kept = |n: i64| NewDetection { sampled: n % 3 == 0, ..anomalous(n) };
    let given = store.record((0..9).map(kept).collect()).await.expect("the store answers");
    let sampled = HistoryQuery { sampled: true, ..ALL };
    assert_eq!(ids(&store, sampled).await, [given[6], given[3], given[0]]);
    assert_eq!(ids(&store, HistoryQuery { after: given[5], ..ALL }).await, [given[8], given[7], given[6]]);
    assert_eq!(ids(&store, HistoryQuery { after: given[3], ..sampled }).await, [given[6]]);
    assert_eq!(ids(&store, HistoryQuery { after: given[8], ..ALL }).await, [0_i64; 0]);
    let before = |id| HistoryQuery { before: Some(id), ..sampled };
    assert_eq!(ids(&store, before(given[6])).await, [given[3], given[0]]);
    assert_eq!(ids(&store, HistoryQuery { after: given[1], most: 1, ..before(given[6]) }).await, [given[3]]);
    assert_eq!(ids(&store, before(i64::MIN)).await, [0_i64; 0]);
    let found = store.find(DETECTOR, &DetectionKey::Id(given[1])).await.expect("the store answers").expect("it was recorded");
    assert!(!found.detection.sampled);
}

pub(super) async fn events_come_in_the_order_asked_for(store: Shared) {
    let rows = vec![normal(1), labelled(2), anomalous(3)];
    let given = store.record(rows.clone()).await.expect("the store answers");
    let expected = [2, 0, 1].map(|index: usize| {
        let row = rows[index].clone();
        StoredEvent {
            id: given[index],
            event_time: row.event_time,
            analyzed_at: row.analyzed_at,
            label: row.label,
            flagged: row.judged.filter(|judged| judged.verdict.is_anomalous()).map(|judged| judged.grade),
            sample: row.sample,
            event: row.event,
        }
    });
    let asked = [given[2], given[0], i64::MAX, given[1]];
    assert_eq!(store.events(DETECTOR, &asked).await.expect("the store answers"), expected);
    assert_eq!(store.events(DETECTOR, &[]).await.expect("the store answers"), []);
    assert_eq!(store.events("nobody", &asked).await.expect("the store answers"), []);
}
