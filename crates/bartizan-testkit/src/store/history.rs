//! What there is to learn from.

use super::{DETECTOR, Shared, anomalous, detection, normal};
use bartizan_core::{Label, Timestamp};
use bartizan_storage::{Detection, HistoryQuery, NewDetection};

const ALL: HistoryQuery = HistoryQuery { newest: usize::MAX, max_labelled: usize::MAX, since: None };

fn labelled(number: i64) -> NewDetection {
    NewDetection { label: Some(Label::Anomalous), ..anomalous(number) }
}

async fn ids(store: &Shared, query: HistoryQuery) -> Vec<i64> {
    store.history(DETECTOR, query).await.expect("the store answers").into_iter().map(|row| row.id).collect()
}

pub(super) async fn history_is_in_event_time_order_with_ties_by_id(store: Shared) {
    let rows = vec![normal(3), normal(1), detection(DETECTOR, 2), labelled(1), normal(1)];
    let given = store.record(rows).await.expect("the store answers");
    assert_eq!(ids(&store, ALL).await, [1, 3, 4, 2, 0].map(|index: usize| given[index]));
}

pub(super) async fn the_newest_unlabelled_rows_and_the_labelled_ones_on_top(store: Shared) {
    // Event times run against the ids, so that newest by id is oldest by time.
    let rows = (0..10).map(|n| if n < 4 { labelled(100 - n) } else { normal(100 - n) }).collect();
    let given = store.record(rows).await.expect("the store answers");
    let query = HistoryQuery { newest: 3, max_labelled: 2, since: None };
    assert_eq!(ids(&store, query).await, [9, 8, 7, 3, 2].map(|index: usize| given[index]));
    let unlabelled = HistoryQuery { newest: 2, max_labelled: 0, since: None };
    assert_eq!(ids(&store, unlabelled).await, [9, 8].map(|index: usize| given[index]));
    let only_labelled = HistoryQuery { newest: 0, max_labelled: 10, since: None };
    assert_eq!(ids(&store, only_labelled).await, [3, 2, 1, 0].map(|index: usize| given[index]));
}

pub(super) async fn history_since_a_time(store: Shared) {
    let given =
        store.record(vec![normal(5), labelled(6), normal(7), labelled(4), detection(DETECTOR, 6)]).await.expect("the store answers");
    let query = HistoryQuery { since: Some(Timestamp::from_secs(6)), ..ALL };
    assert_eq!(ids(&store, query).await, [1, 4, 2].map(|index: usize| given[index]));
    let one = HistoryQuery { newest: 1, max_labelled: 1, ..query };
    assert_eq!(ids(&store, one).await, [1, 4].map(|index: usize| given[index]));
}

pub(super) async fn history_has_samples_and_events(store: Shared) {
    let rows = vec![normal(1), labelled(2), detection(DETECTOR, 3)];
    let given = store.record(rows.clone()).await.expect("the store answers");
    let expected: Vec<Detection> = given.into_iter().zip(rows).map(|(id, detection)| Detection { id, detection }).collect();
    assert_eq!(store.history(DETECTOR, ALL).await.expect("the store answers"), expected);
}
