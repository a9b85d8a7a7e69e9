//! Cases about checkpoints of sliding windows.

use super::{DETECTOR, Shared, normal};
use bartizan_storage::WindowsPart;

fn part(checkpoint: i64, part: u32, after: i64) -> WindowsPart {
    WindowsPart { checkpoint, part, after, blob: vec![checkpoint as u8, part as u8] }
}

async fn put(store: &Shared, detector: &str, parts: &[WindowsPart], whole: bool) {
    for (at, part) in parts.iter().enumerate() {
        store.store_windows(detector, part.clone(), whole && at + 1 == parts.len()).await.expect("the store answers");
    }
}

pub(super) async fn a_checkpoint_replaces_the_one_before_when_it_is_whole(store: Shared) {
    let windows = async || store.windows(DETECTOR).await.expect("the store answers");
    assert_eq!(windows().await, [], "of a detector that stored nothing");
    let ids = store.record((0..20).map(normal).collect()).await.expect("the store answers");
    put(&store, DETECTOR, &[part(70, 0, 5)], false).await;
    assert_eq!(windows().await, [], "begun and not ended");
    let first = [part(71, 0, 7), part(71, 1, 7), part(71, 2, 7)];
    put(&store, DETECTOR, &first, true).await;
    assert_eq!(windows().await, first);
    // The clock may have gone back meanwhile.
    for number in [72, 3] {
        put(&store, DETECTOR, &[part(number, 0, 9), part(number, 1, 9)], false).await;
        assert_eq!(windows().await, first, "the one before stays until the new one is whole");
    }
    let second = [part(4, 0, 9), part(4, 1, 9)];
    put(&store, DETECTOR, &second, true).await;
    assert_eq!(windows().await, second, "fewer parts replace more");
    for (after, expected) in [(-5, 0), (ids[19], ids[19]), (i64::MAX, ids[19])] {
        put(&store, DETECTOR, &[part(5, 0, after)], true).await;
        assert_eq!(windows().await, [part(5, 0, expected)], "{after}");
    }
}

pub(super) async fn checkpoints_of_detectors_are_apart(store: Shared) {
    put(&store, DETECTOR, &[part(1, 0, 0), part(1, 1, 0)], true).await;
    put(&store, "edge", &[part(2, 0, 0)], true).await;
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers").len(), 2);
    assert_eq!(store.windows("edge").await.expect("the store answers"), [part(2, 0, 0)]);
}
