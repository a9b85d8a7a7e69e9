//! Removing what is past its time.

use super::{DETECTOR, Shared, anomalous, change, detection, everything, judged_detection, listed, normal};
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{AuditFilter, DetectionKey, HistoryQuery, Retention, Statistics};
use std::sync::Arc;

fn before(secs: i64) -> Retention {
    Retention { analyzed_before: Some(Timestamp::from_secs(secs)), max_rows: None }
}

fn newest(rows: u64) -> Retention {
    Retention { analyzed_before: None, max_rows: Some(rows) }
}

pub(super) async fn pruning_by_age_keeps_the_bound_and_the_labelled(store: Shared) {
    let ids = store.record([3, 1, 2, 5, 1, 4].map(normal).to_vec()).await.expect("the store answers");
    store
        .label(DETECTOR, &DetectionKey::Id(ids[4]), change(Label::Legitimate, "ann", 1))
        .await
        .expect("the store answers")
        .expect("the store answers");
    assert_eq!(store.prune(DETECTOR, before(3)).await.expect("the store answers"), 2);
    assert_eq!(listed(&store, &everything()).await.1, [5, 4, 3, 0].map(|index: usize| ids[index]));
    assert_eq!(store.find(DETECTOR, &DetectionKey::Id(ids[1])).await.expect("the store answers"), None);
    assert_eq!(store.prune(DETECTOR, before(3)).await.expect("the store answers"), 0);
    let nothing = Retention { analyzed_before: None, max_rows: None };
    assert_eq!(store.prune(DETECTOR, nothing).await.expect("the store answers"), 0);
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
    assert_eq!(store.prune(DETECTOR, newest(800)).await.expect("the store answers"), 0);
    assert_eq!(store.prune(DETECTOR, newest(698)).await.expect("the store answers"), 0);
    assert_eq!(store.prune(DETECTOR, newest(3)).await.expect("the store answers"), 695);
    assert_eq!(listed(&store, &everything()).await.1, [699, 698, 697, 696, 0].map(|index: usize| ids[index]));
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers"), 3);
    let all = HistoryQuery { newest: 1000, max_labelled: 1000, since: None };
    assert_eq!(store.history(DETECTOR, all).await.expect("the store answers").len(), 2, "labelled rows stay to be learned from");
}

pub(super) async fn ids_are_not_used_again_after_the_newest_is_pruned(store: Shared) {
    let last = *store.record((0..5).map(normal).collect()).await.expect("the store answers").last().expect("the store answers");
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers"), 5);
    assert!(store.record(vec![normal(9)]).await.expect("the store answers")[0] > last);
}

pub(super) async fn totals_survive_pruning(store: Shared) {
    store.record(vec![normal(1), anomalous(2), detection(DETECTOR, 3), normal(4)]).await.expect("the store answers");
    let full = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!(store.prune(DETECTOR, before(4)).await.expect("the store answers"), 3);
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers"), Statistics { stored: 1, ..full });
    assert_eq!(store.stored(DETECTOR).await.expect("the store answers"), 1);
    assert_eq!(listed(&store, &AuditFilter::default()).await.0, 1);
    assert_eq!(listed(&store, &everything()).await.0, 1);
}

pub(super) async fn pruning_does_not_touch_neighbours(store: Shared) {
    let rows = vec![normal(1), judged_detection("flows", 1, Verdict::Normal, 0.5), normal(2)];
    let ids = store.record(rows).await.expect("the store answers");
    assert_eq!(store.prune(DETECTOR, newest(0)).await.expect("the store answers"), 2);
    assert_eq!(store.prune("nobody", newest(0)).await.expect("the store answers"), 0);
    assert!(store.find("flows", &DetectionKey::Id(ids[1])).await.expect("the store answers").is_some());
    assert_eq!(store.stored("flows").await.expect("the store answers"), 1);
}

pub(super) async fn recording_goes_on_while_pruning(store: Shared) {
    store.record((0..3000).map(normal).collect()).await.expect("the store answers");
    let pruning = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.prune(DETECTOR, before(3000)).await.expect("the store answers") }
    });
    for number in 3000..3200 {
        store.record(vec![normal(number)]).await.expect("the store answers");
    }
    assert_eq!(pruning.await.expect("the store answers"), 3000);
    let totals = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!((totals.judged, totals.stored), (3200, 200));
    assert_eq!(listed(&store, &everything()).await.0, 200);
}
