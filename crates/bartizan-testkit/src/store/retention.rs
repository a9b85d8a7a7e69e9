//! Cases about retention.

use super::{DETECTOR, Shared, anomalous, bytes, change, detection, everything, judged_detection, listed, normal};
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{AuditFilter, DetectionKey, HistoryQuery, NewDetection, Pruned, Retention, Statistics};
use std::sync::Arc;

fn before(secs: i64) -> Retention {
    Retention { analyzed_before: Some(Timestamp::from_secs(secs)), ..Retention::default() }
}

fn newest(rows: u64) -> Retention {
    Retention { max_rows: Some(rows), ..Retention::default() }
}

pub(super) async fn pruning_by_age_keeps_the_bound_and_the_labelled(store: Shared) {
    let ids = store.record([3, 1, 2, 5, 1, 4].map(normal).to_vec()).await.expect("the store answers");
    store
        .label(DETECTOR, &DetectionKey::Id(ids[4]), change(Label::Legitimate, "ann", 1))
        .await
        .expect("the store answers")
        .expect("the store answers");
    assert_eq!(store.prune(DETECTOR, before(3)).await.expect("the store answers").removed, 2);
    assert_eq!(listed(&store, &everything()).await.1, [5, 4, 3, 0].map(|index: usize| ids[index]));
    assert_eq!(store.find(DETECTOR, &DetectionKey::Id(ids[1])).await.expect("the store answers"), None);
    assert_eq!(store.prune(DETECTOR, before(3)).await.expect("the store answers").removed, 0);
    assert_eq!(store.prune(DETECTOR, Retention::default()).await.expect("the store answers").removed, 0);
}

pub(super) async fn pruning_by_number_keeps_the_newest(store: Shared) {
    let ids = store.record((0..700).map(normal).collect()).await.expect("the store answers");
    for index in [0, 699] {
        store
            .label(DETECTOR, &DetectionKey::Id(ids[index]), change(Label::Legitimate, "ann", 1))
            .await
            .expect("the store answers")
            .expect("the store answers");
    }
    assert_eq!(store.prune(DETECTOR, newest(800)).await.expect("the store answers").removed, 0);
    assert_eq!(store.prune(DETECTOR, newest(698)).await.expect("the store answers").removed, 0);
    assert_eq!(store.prune(DETECTOR, newest(3)).await.expect("the store answers").removed, 695);
    assert_eq!(listed(&store, &everything()).await.1, [699, 698, 697, 696, 0].map(|index: usize| ids[index]));
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers").removed, 3);
    let all = HistoryQuery { labelled: Some(true), most: 1000, ..HistoryQuery::default() };
    assert_eq!(store.history_index(DETECTOR, all).await.expect("the store answers").len(), 2, "labelled rows stay to be learned from");
}

pub(super) async fn age_removes_a_share_at_once_and_reports_what_it_left(store: Shared) {
    let ids = store.record((0..20).map(normal).collect()).await.expect("the store answers");
    let share = Retention { max_aged_share: Some(0.25), ..before(18) };
    for (removed, spared) in [(5, 13), (3, 10), (3, 7), (2, 5)] {
        assert_eq!(store.prune(DETECTOR, share).await.expect("the store answers"), Pruned { removed, spared });
    }
    assert_eq!(listed(&store, &everything()).await.1, (13..20).rev().map(|index: usize| ids[index]).collect::<Vec<_>>());
    // What is too many goes at once, and what is left of those too old bit by bit, at least one.
    let both = Retention { max_aged_share: Some(0.01), max_rows: Some(5), ..before(18) };
    assert_eq!(store.prune(DETECTOR, both).await.expect("the store answers"), Pruned { removed: 3, spared: 2 });
    let all = Retention { max_aged_share: Some(1.0), ..before(18) };
    assert_eq!(store.prune(DETECTOR, all).await.expect("the store answers"), Pruned { removed: 2, spared: 0 });
}

pub(super) async fn pruning_by_bytes_keeps_the_newest(store: Shared) {
    let row = |number, length| NewDetection { event: vec![7; length], ..normal(number) };
    let rows = vec![row(0, 50), row(1, 5000), row(2, 10), row(3, 0), row(4, 300), detection(DETECTOR, 5), normal(6)];
    let sizes: Vec<u64> = rows.iter().map(bytes).collect();
    let ids = store.record(rows).await.expect("the store answers");
    let held = async || store.statistics(DETECTOR).await.expect("the store answers").stored_bytes;
    assert_eq!(held().await, sizes.iter().sum::<u64>());
    // The labelled row is kept and does not count.
    store
        .label(DETECTOR, &DetectionKey::Id(ids[1]), change(Label::Legitimate, "ann", 1))
        .await
        .expect("the store answers")
        .expect("the store answers");
    let keep = |bytes| Retention { max_bytes: Some(bytes), ..Retention::default() };
    let unlabelled = sizes.iter().sum::<u64>() - sizes[1];
    assert_eq!(store.prune(DETECTOR, keep(unlabelled)).await.expect("the store answers").removed, 0);
    assert_eq!(store.prune(DETECTOR, keep(unlabelled - 1)).await.expect("the store answers").removed, 1);
    assert_eq!(store.prune(DETECTOR, keep(sizes[5] + sizes[6])).await.expect("the store answers").removed, 3);
    assert_eq!(listed(&store, &everything()).await.1, [6, 5, 1].map(|index: usize| ids[index]));
    assert_eq!(held().await, sizes[1] + sizes[5] + sizes[6]);
    assert_eq!(store.prune(DETECTOR, keep(0)).await.expect("the store answers").removed, 2);
    assert_eq!(held().await, sizes[1]);
}

pub(super) async fn ids_are_not_used_again_after_the_newest_is_pruned(store: Shared) {
    let last = *store.record((0..5).map(normal).collect()).await.expect("the store answers").last().expect("the store answers");
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers").removed, 5);
    assert!(store.record(vec![normal(9)]).await.expect("the store answers")[0] > last);
}

pub(super) async fn totals_survive_pruning(store: Shared) {
    store.record(vec![normal(1), anomalous(2), detection(DETECTOR, 3), normal(4)]).await.expect("the store answers");
    let full = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!(store.prune(DETECTOR, before(4)).await.expect("the store answers").removed, 3);
    assert_eq!(
        store.statistics(DETECTOR).await.expect("the store answers"),
        Statistics { stored: 1, stored_bytes: bytes(&normal(4)), ..full }
    );
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 1);
    assert_eq!(listed(&store, &AuditFilter::default()).await.0, 1);
    assert_eq!(listed(&store, &everything()).await.0, 1);
}

pub(super) async fn pruning_does_not_touch_neighbours(store: Shared) {
    let rows = vec![normal(1), judged_detection("flows", 1, Verdict::Normal, 0.5), normal(2)];
    let ids = store.record(rows).await.expect("the store answers");
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers").removed, 2);
    assert_eq!(store.prune("nobody", newest(0)).await.expect("the store answers").removed, 0);
    assert!(store.find("flows", &DetectionKey::Id(ids[1])).await.expect("the store answers").is_some());
    assert_eq!(store.stored("flows").await.expect("the store answers"), 1);
}

pub(super) async fn recording_goes_on_while_pruning(store: Shared) {
    store.record((0..3000).map(normal).collect()).await.expect("the store answers");
    let pruning = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.prune(DETECTOR, before(3000)).await.expect("the store answers").removed }
    });
    for number in 3000..3200 {
        store.record(vec![normal(number)]).await.expect("the store answers");
    }
    assert_eq!(pruning.await.expect("the store answers"), 3000);
    let totals = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!((totals.judged, totals.stored), (3200, 200));
    assert_eq!(listed(&store, &everything()).await.0, 200);
}
