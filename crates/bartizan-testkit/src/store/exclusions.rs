//! Cases about what is kept out of training.

use super::{DETECTOR, Shared};
use bartizan_core::Timestamp;
use bartizan_storage::{Exclusion, MAX_EXCLUSIONS, NewExclusion};

fn of(entity: Option<&str>, from: Option<i64>, to: Option<i64>) -> NewExclusion {
    NewExclusion {
        detector: DETECTOR.to_owned(),
        entity: entity.map(str::to_owned),
        from: from.map(Timestamp::from_micros),
        to: to.map(Timestamp::from_micros),
        note: String::new(),
        created_at: Timestamp::from_secs(7),
    }
}

async fn add(store: &Shared, exclusion: NewExclusion) -> i64 {
    store.add_exclusion(exclusion).await.expect("the store answers").expect("there is room")
}

async fn listed(store: &Shared, detector: &str) -> Vec<Exclusion> {
    store.exclusions(detector).await.expect("the store answers")
}

pub(super) async fn exclusions_come_back_whole_oldest_first(store: Shared) {
    assert_eq!(listed(&store, DETECTOR).await, [], "of a detector that stored nothing");
    let long = "é".repeat(100_000);
    let mut expected = Vec::new();
    for exclusion in [
        of(Some("192.0.2.1"), None, None),
        of(None, Some(-5), None),
        of(None, None, Some(0)),
        of(Some("a\0b'\"\u{202e}"), Some(i64::MIN), Some(i64::MAX)),
        NewExclusion { note: long.clone(), ..of(Some(&long), Some(1), Some(2)) },
        of(Some("192.0.2.1"), None, None),
    ] {
        expected.push(Exclusion { id: add(&store, exclusion.clone()).await, exclusion });
    }
    assert!(expected[0].id > 0 && expected.is_sorted_by(|a, b| a.id < b.id), "positive and growing");
    assert_eq!(listed(&store, DETECTOR).await, expected);
}

pub(super) async fn exclusions_of_detectors_are_apart(store: Shared) {
    let here = add(&store, of(Some("a"), None, None)).await;
    let there = add(&store, NewExclusion { detector: "edge".to_owned(), ..of(Some("a"), None, None) }).await;
    assert_eq!((listed(&store, DETECTOR).await.len(), listed(&store, "edge").await.len()), (1, 1));
    assert!(!store.remove_exclusion("edge", here).await.expect("the store answers"), "it is another detector's");
    assert!(!store.remove_exclusion("unknown", here).await.expect("the store answers"));
    assert!(store.remove_exclusion("edge", there).await.expect("the store answers"));
    assert_eq!((listed(&store, DETECTOR).await.len(), listed(&store, "edge").await.len()), (1, 0));
}

pub(super) async fn a_removed_exclusion_is_gone_and_its_id_is_not_used_again(store: Shared) {
    let (first, second) = (add(&store, of(Some("a"), None, None)).await, add(&store, of(Some("b"), None, None)).await);
    assert!(store.remove_exclusion(DETECTOR, second).await.expect("the store answers"));
    for absent in [second, second + 1, 0, -1, i64::MIN, i64::MAX] {
        assert!(!store.remove_exclusion(DETECTOR, absent).await.expect("the store answers"), "{absent}");
    }
    let third = add(&store, of(Some("c"), None, None)).await;
    assert!(third > second);
    assert_eq!(listed(&store, DETECTOR).await.iter().map(|exclusion| exclusion.id).collect::<Vec<_>>(), [first, third]);
}

pub(super) async fn exclusions_that_name_nothing_are_refused(store: Shared) {
    for (name, exclusion) in [
        ("nothing", of(None, None, None)),
        ("an empty range", of(None, Some(5), Some(5))),
        ("the end before the beginning", of(Some("a"), Some(5), Some(4))),
    ] {
        assert!(store.add_exclusion(exclusion).await.is_err(), "{name}");
    }
    assert_eq!(listed(&store, DETECTOR).await, []);
}

pub(super) async fn there_are_at_most_so_many_exclusions_of_a_detector(store: Shared) {
    let mut last = 0;
    for number in 0..MAX_EXCLUSIONS {
        last = add(&store, of(Some(&number.to_string()), None, None)).await;
    }
    let one_more = || of(Some("one more"), None, None);
    assert_eq!(store.add_exclusion(one_more()).await.expect("the store answers"), None);
    assert_eq!(listed(&store, DETECTOR).await.len(), MAX_EXCLUSIONS);
    add(&store, NewExclusion { detector: "edge".to_owned(), ..one_more() }).await;
    assert!(store.remove_exclusion(DETECTOR, last).await.expect("the store answers"));
    assert!(add(&store, one_more()).await > last);
}
