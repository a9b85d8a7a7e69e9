//! Cases about checkpoints of sliding windows.

use super::{DETECTOR, Shared};
use bartizan_storage::WindowsPart;

fn part(part: u32, after: i64, byte: u8) -> WindowsPart {
    WindowsPart { part, after, blob: vec![byte; 3] }
}

async fn put(store: &Shared, detector: &str, parts: &[WindowsPart]) {
    for (at, part) in parts.iter().enumerate() {
        store.store_windows(detector, part.clone(), at + 1 == parts.len()).await.expect("the store answers");
    }
}

pub(super) async fn a_checkpoint_comes_back_part_by_part(store: Shared) {
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers"), [], "of a detector that stored nothing");
    let first = [part(0, 7, 1), part(1, 7, 2), part(2, 7, 3)];
    put(&store, DETECTOR, &first).await;
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers"), first);
    store.store_windows(DETECTOR, part(0, 9, 4), false).await.expect("the store answers");
    let begun = [part(0, 9, 4), part(1, 7, 2), part(2, 7, 3)];
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers"), begun, "the parts that are not stored anew stay");
    let second = [part(0, 9, 4), part(1, 9, 5)];
    put(&store, DETECTOR, &second).await;
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers"), second, "fewer parts take the place of more");
}

pub(super) async fn checkpoints_of_detectors_are_apart(store: Shared) {
    put(&store, DETECTOR, &[part(0, 1, 1), part(1, 1, 2)]).await;
    put(&store, "edge", &[part(0, 2, 3)]).await;
    assert_eq!(store.windows(DETECTOR).await.expect("the store answers").len(), 2);
    assert_eq!(store.windows("edge").await.expect("the store answers"), [part(0, 2, 3)]);
}
