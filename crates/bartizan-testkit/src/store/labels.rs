//! Cases about labels.

use super::{DETECTOR, Shared, anomalous, change, detection, normal};
use bartizan_core::Label::{self, Anomalous, Legitimate};
use bartizan_core::Verdict;
use bartizan_storage::{DetectionKey, LabelOutcome, NewDetection, Statistics};

async fn set(store: &Shared, id: i64, label: Label) -> Option<LabelOutcome> {
    store.label(DETECTOR, &DetectionKey::Id(id), change(label, "ann", 1)).await.expect("the store answers")
}

async fn totals(store: &Shared) -> (u64, u64, u64) {
    let Statistics { labelled, false_positives, false_negatives, .. } = store.statistics(DETECTOR).await.expect("the store answers");
    (labelled, false_positives, false_negatives)
}

pub(super) async fn labels_are_kept_with_who_and_when(store: Shared) {
    let id = store.record(vec![anomalous(1)]).await.expect("the store answers")[0];
    let (first, second) = (change(Legitimate, "ann", 10), change(Anomalous, "bob's", 9));
    let key = DetectionKey::Id(id);
    let outcome = store.label(DETECTOR, &key, first.clone()).await.expect("the store answers");
    assert_eq!(outcome, Some(LabelOutcome { id, verdict: Some(Verdict::Anomalous), previous: None }));
    let outcome = store.label(DETECTOR, &key, second.clone()).await.expect("the store answers");
    assert_eq!(outcome, Some(LabelOutcome { id, verdict: Some(Verdict::Anomalous), previous: Some(Legitimate) }));
    let changes = store.label_changes(DETECTOR, id).await.expect("the store answers");
    assert_eq!(changes, [(None, first), (Some(Legitimate), second)], "oldest first, in the order of saying");
    assert_eq!(store.find(DETECTOR, &key).await.expect("the store answers").expect("the store answers").detection.label, Some(Anomalous));
}

pub(super) async fn relabelling_keeps_the_totals_exact(store: Shared) {
    let ids = store.record(vec![anomalous(1), normal(2), detection(DETECTOR, 3)]).await.expect("the store answers");
    let steps = [
        (0, Legitimate, (1, 1, 0)),
        (0, Legitimate, (1, 1, 0)),
        (1, Anomalous, (2, 1, 1)),
        (0, Anomalous, (2, 0, 1)),
        (1, Legitimate, (2, 0, 0)),
        (2, Anomalous, (3, 0, 0)),
        (2, Legitimate, (3, 0, 0)),
        (0, Legitimate, (3, 1, 0)),
    ];
    for (step, (index, label, expected)) in steps.into_iter().enumerate() {
        set(&store, ids[index], label).await.expect("the store answers");
        assert_eq!(totals(&store).await, expected, "step {step}");
    }
    assert_eq!(store.label_changes(DETECTOR, ids[0]).await.expect("the store answers").len(), 4, "a label said again is kept too");
}

pub(super) async fn a_label_by_event_id_is_set_on_the_newest_row(store: Shared) {
    let ids = store.record(vec![normal(7), anomalous(7), normal(8)]).await.expect("the store answers");
    let key = DetectionKey::EventId("event-7".to_owned());
    let outcome = store.label(DETECTOR, &key, change(Legitimate, "ann", 1)).await.expect("the store answers").expect("the store answers");
    assert_eq!(outcome, LabelOutcome { id: ids[1], verdict: Some(Verdict::Anomalous), previous: None });
    assert_eq!(
        store.find(DETECTOR, &DetectionKey::Id(ids[0])).await.expect("the store answers").expect("the store answers").detection.label,
        None
    );
}

pub(super) async fn labels_of_nothing_are_none(store: Shared) {
    let id = store.record(vec![normal(1)]).await.expect("the store answers")[0];
    for key in [DetectionKey::Id(id + 1), DetectionKey::Id(-1), DetectionKey::EventId("event".to_owned())] {
        assert_eq!(store.label(DETECTOR, &key, change(Legitimate, "ann", 1)).await.expect("the store answers"), None, "{key:?}");
    }
    let elsewhere = store.label("flows", &DetectionKey::Id(id), change(Legitimate, "ann", 1)).await.expect("the store answers");
    assert_eq!(elsewhere, None);
    assert_eq!(store.label_changes(DETECTOR, id).await.expect("the store answers"), []);
    assert_eq!(totals(&store).await, (0, 0, 0));
}

pub(super) async fn imported_labels_count(store: Shared) {
    let with = |label, row: NewDetection| NewDetection { label: Some(label), ..row };
    let rows = vec![with(Legitimate, anomalous(1)), with(Anomalous, normal(2)), with(Anomalous, detection(DETECTOR, 3))];
    let ids = store.record(rows).await.expect("the store answers");
    assert_eq!(totals(&store).await, (3, 1, 1));
    assert_eq!(set(&store, ids[1], Legitimate).await.expect("the store answers").previous, Some(Anomalous));
    assert_eq!(totals(&store).await, (3, 1, 0));
}

pub(super) async fn the_newest_labelled_verdicts_are_told(store: Shared) {
    let told = async |most| store.labelled_verdicts(DETECTOR, most).await.expect("the store answers");
    assert_eq!(told(10).await, []);
    let mut learning = normal(4);
    learning.judged.as_mut().expect("it is judged").learning = true;
    let rows = vec![anomalous(1), normal(2), detection(DETECTOR, 3), learning, normal(5), anomalous(6)];
    let confidence = |row: &NewDetection| row.judged.as_ref().map_or(f64::NAN, |judged| judged.confidence);
    let (first, second, last) = (confidence(&rows[0]), confidence(&rows[1]), confidence(&rows[5]));
    let ids = store.record(rows).await.expect("the store answers");
    for (place, label) in [(0, Legitimate), (1, Anomalous), (2, Anomalous), (3, Anomalous), (5, Anomalous)] {
        set(&store, ids[place], label).await;
    }
    let all = [(Verdict::Anomalous, last, Anomalous), (Verdict::Normal, second, Anomalous), (Verdict::Anomalous, first, Legitimate)];
    assert_eq!(told(10).await, all, "newest first, without what was not judged by a model");
    assert_eq!(told(1).await, all[..1]);
}
