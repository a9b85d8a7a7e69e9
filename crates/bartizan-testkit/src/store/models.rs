//! Cases about stored models.

use super::{DETECTOR, Shared, detection, everything, listed, model, normal};
use bartizan_core::Label;
use bartizan_storage::{Existing, Judged, NewDetection, NewModel, Replaced};
use std::sync::Arc;

async fn active(store: &Shared) -> Vec<String> {
    let models = store.models(DETECTOR).await.expect("the store answers");
    models.into_iter().filter(|record| record.is_active).map(|record| record.model.version).collect()
}

fn replaced(version: &str) -> Replaced {
    Replaced { active: Some(version.to_owned()) }
}

pub(super) async fn a_stored_model_comes_back(store: Shared) {
    assert_eq!(store.active_model(DETECTOR).await.expect("the store answers"), None);
    assert_eq!(store.models(DETECTOR).await.expect("the store answers"), []);
    let stored = NewModel { accuracy: None, blob: (0..=255).cycle().take(300_000).collect(), ..model("v1.0", 1) };
    assert_eq!(store.store_and_activate(stored.clone(), Vec::new()).await.expect("the store answers"), Replaced { active: None });
    assert_eq!(store.active_model(DETECTOR).await.expect("the store answers"), Some(stored.clone()));
    assert_eq!(store.model(DETECTOR, "v1.0").await.expect("the store answers"), Some(stored));
    assert_eq!(store.model(DETECTOR, "v1").await.expect("the store answers"), None);
    assert_eq!(store.active_model("flows").await.expect("the store answers"), None);
}

pub(super) async fn models_are_listed_newest_first_without_blobs(store: Shared) {
    store.store_and_activate(model("v1.1", 2), Vec::new()).await.expect("the store answers");
    store.store_model(model("v1.0", 1), false).await.expect("the store answers");
    store.store_model(model("v2.0", 3), false).await.expect("the store answers");
    store.store_model(NewModel { detector: "flows".to_owned(), ..model("v9.0", 9) }, false).await.expect("the store answers");
    let listed = store.models(DETECTOR).await.expect("the store answers");
    let versions: Vec<_> = listed.iter().map(|record| (record.model.version.as_str(), record.is_active)).collect();
    assert_eq!(versions, [("v2.0", false), ("v1.1", true), ("v1.0", false)]);
    let whole = model("v2.0", 3);
    assert_eq!(listed[0].size_bytes, whole.blob.len() as u64);
    assert_eq!(listed[0].model, NewModel { blob: Vec::new(), ..whole });
}

pub(super) async fn activating_replaces_the_active_one(store: Shared) {
    store.store_model(model("v1.0", 1), false).await.expect("the store answers");
    assert_eq!(active(&store).await, [""; 0], "storing does not activate");
    assert_eq!(store.activate(DETECTOR, "v1.0").await.expect("the store answers"), Some(Replaced { active: None }));
    assert_eq!(store.store_and_activate(model("v2.0", 2), Vec::new()).await.expect("the store answers"), replaced("v1.0"));
    assert_eq!(store.activate(DETECTOR, "v1.0").await.expect("the store answers"), Some(replaced("v2.0")));
    assert_eq!(store.activate(DETECTOR, "v1.0").await.expect("the store answers"), Some(replaced("v1.0")));
    assert_eq!(store.activate(DETECTOR, "v3.0").await.expect("the store answers"), None);
    assert_eq!(store.activate("flows", "v1.0").await.expect("the store answers"), None);
    assert_eq!(active(&store).await, ["v1.0"]);
}

pub(super) async fn storing_again_replaces_the_version_and_its_activity(store: Shared) {
    store.store_and_activate(model("v1.0", 1), Vec::new()).await.expect("the store answers");
    assert_eq!(store.store_and_activate(model("v1.0", 2), Vec::new()).await.expect("the store answers"), replaced("v1.0"));
    assert_eq!(store.active_model(DETECTOR).await.expect("the store answers"), Some(model("v1.0", 2)));
    store.store_model(model("v1.0", 3), true).await.expect("the store answers");
    assert_eq!(store.active_model(DETECTOR).await.expect("the store answers"), Some(model("v1.0", 3)), "the active one stays active");
    store.store_and_activate(model("v2.0", 4), Vec::new()).await.expect("the store answers");
    store.store_model(model("v1.0", 5), true).await.expect("the store answers");
    assert_eq!(active(&store).await, ["v2.0"]);
    assert_eq!(store.models(DETECTOR).await.expect("the store answers").len(), 2);
}

pub(super) async fn a_version_is_replaced_only_when_asked(store: Shared) {
    let stored = |number, replace| {
        let store = Arc::clone(&store);
        async move { store.store_model(model("v1.0", number), replace).await.expect("the store answers") }
    };
    let kept = || async { store.model(DETECTOR, "v1.0").await.expect("the store answers") };
    assert_eq!(stored(1, false).await, Existing::Nothing);
    assert_eq!((stored(2, false).await, kept().await), (Existing::Inactive, Some(model("v1.0", 1))));
    assert_eq!((stored(3, true).await, kept().await), (Existing::Inactive, Some(model("v1.0", 3))));
    store.activate(DETECTOR, "v1.0").await.expect("the store answers");
    assert_eq!((stored(4, false).await, kept().await), (Existing::Active, Some(model("v1.0", 3))));
    assert_eq!((stored(5, true).await, kept().await), (Existing::Active, Some(model("v1.0", 5))));
    assert_eq!(active(&store).await, ["v1.0"]);
}

pub(super) async fn one_of_many_that_store_a_version_at_once_does(store: Shared) {
    let tasks: Vec<_> = (1..=8)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { (number, store.store_model(model("v1.0", number), false).await.expect("the store answers")) })
        })
        .collect();
    let mut first = Vec::new();
    for task in tasks {
        let (number, existing) = task.await.expect("the store answers");
        if existing == Existing::Nothing {
            first.push(number);
        }
    }
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(store.model(DETECTOR, "v1.0").await.expect("the store answers"), Some(model("v1.0", first[0])));
}

pub(super) async fn an_active_model_is_not_deleted(store: Shared) {
    store.store_and_activate(model("v1.0", 1), Vec::new()).await.expect("the store answers");
    store.store_model(model("v2.0", 2), false).await.expect("the store answers");
    assert!(!store.delete_model(DETECTOR, "v1.0").await.expect("the store answers"));
    assert!(store.delete_model(DETECTOR, "v2.0").await.expect("the store answers"));
    assert!(!store.delete_model(DETECTOR, "v2.0").await.expect("the store answers"));
    assert!(!store.delete_model("flows", "v1.0").await.expect("the store answers"));
    assert_eq!(active(&store).await, ["v1.0"]);
    assert_eq!(store.models(DETECTOR).await.expect("the store answers").len(), 1);
}

pub(super) async fn exactly_one_is_active_under_concurrent_changes(store: Shared) {
    store.store_and_activate(model("v0", 0), Vec::new()).await.expect("the store answers");
    let change = |number: i64| {
        let store = Arc::clone(&store);
        async move {
            let version = format!("v{}", number % 4);
            match number % 3 {
                0 => drop(store.store_and_activate(model(&version, number), Vec::new()).await.expect("the store answers")),
                1 => drop(store.store_model(model(&version, number), true).await.expect("the store answers")),
                _ => drop(store.activate(DETECTOR, &version).await.expect("the store answers")),
            }
            assert_eq!(active(&store).await.len(), 1, "after change {number}");
            assert!(store.active_model(DETECTOR).await.expect("the store answers").is_some());
        }
    };
    let tasks: Vec<_> = (0..48).map(|number| tokio::spawn(change(number))).collect();
    for task in tasks {
        task.await.expect("the store answers");
    }
}

pub(super) async fn a_model_and_its_history_are_stored_together_or_not_at_all(store: Shared) {
    let bad = Judged { score: f64::NAN, ..normal(1).judged.expect("it is judged") };
    let refused = vec![normal(1), NewDetection { judged: Some(bad), ..normal(2) }];
    assert!(store.store_and_activate(model("v1.0", 1), refused).await.is_err());
    assert_eq!((store.active_model(DETECTOR).await.expect("the store answers"), listed(&store, &everything()).await.0), (None, 0));
    let history = vec![detection(DETECTOR, 1), NewDetection { label: Some(Label::Anomalous), ..detection(DETECTOR, 2) }];
    let before = store.record(vec![normal(9)]).await.expect("the store answers");
    store.store_and_activate(model("v1.0", 1), history).await.expect("the store answers");
    assert_eq!(active(&store).await, ["v1.0"]);
    assert_eq!(listed(&store, &everything()).await.1, [before[0] + 2, before[0] + 1, before[0]]);
    let totals = store.statistics(DETECTOR).await.expect("the store answers");
    assert_eq!((totals.stored, totals.labelled, totals.judged), (3, 1, 1));
    let others = vec![detection("flows", 1)];
    assert!(store.store_and_activate(model("v2.0", 1), others).await.is_err(), "history of another detector");
    let long = (0..3_000).map(|number| detection(DETECTOR, number)).collect();
    store.store_and_activate(model("v2.0", 1), long).await.expect("the store answers");
    assert_eq!(active(&store).await, ["v2.0"]);
    assert_eq!(store.statistics(DETECTOR).await.expect("the store answers").stored, 3_003);
}
