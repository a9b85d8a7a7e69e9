//! Trainings over HTTP: a third is refused, models are switched meanwhile, and they can be cancelled.

mod support;

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use support::{Running, record};

/// Returns a training with the most trees: no test waits for its end.
fn endless(version: &str) -> serde_json::Value {
    json!({"model_version": version, "training_params": {"algorithm": "isolation_forest", "n_estimators": 10_000}})
}

#[tokio::test]
async fn a_third_training_is_refused_and_models_are_switched_meanwhile() {
    let server = Running::start().await;
    let nothing = server.send("DELETE", "/requests/train", &[], b"").await;
    assert_eq!((nothing.status, nothing.json()), (404, json!({"detail": "No training is under way"})));
    for version in ["v1", "v2"] {
        assert_eq!(server.train(version, 400).await.status, 200);
    }
    let bodies = ["v3", "v4", "v5"].map(endless);
    let mut trainings: FuturesUnordered<_> = bodies.iter().map(|body| server.post("/requests/train", body)).collect();
    let refused = trainings.next().await.unwrap();
    let busy = "2 trainings of this detector are under way; wait for them or cancel them";
    assert_eq!((refused.status, refused.json()), (409, json!({"detail": busy})));

    let activated = server.post("/requests/models/v1/activate", &json!({})).await;
    assert_eq!((activated.status, &activated.json()["old_model_version"]), (200, &json!("v2")));
    assert_eq!(server.post("/requests/load-model", &json!({})).await.status, 200);
    assert_eq!(server.get("/requests/statistics").await.status, 200);

    let cancelled = server.send("DELETE", "/requests/train", &[], b"").await;
    assert_eq!((cancelled.status, cancelled.json()), (200, json!({"success": true, "message": "2 trainings were cancelled"})));
    while let Some(training) = trainings.next().await {
        assert_eq!((training.status, training.json()), (409, json!({"detail": "Training was cancelled"})));
    }
    let models = server.get("/requests/models").await.json();
    assert_eq!(models["models"].as_array().unwrap().len(), 2, "{models}");
    assert_eq!(server.train("v6", 400).await.status, 200);
}

#[tokio::test]
async fn names_that_stand_for_no_model_are_refused() {
    let server = Running::start().await;
    for (path, name) in [("/requests/train", "none"), ("/requests/train", "learning"), ("/requests/retrain", "none")] {
        if path.ends_with("retrain") {
            assert_eq!(server.train("v1", 400).await.status, 200);
            for i in 0..10 {
                let label = json!({"user_label": false, "changed_by": "ann"});
                assert_eq!(server.put(&format!("/requests/label/r-{i}"), &label).await.status, 200);
            }
        }
        let refused = server.post(path, &json!({"model_version": name})).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert_eq!(refused.json()["detail"][0]["loc"], json!(["body", "model_version"]));
    }
}

#[tokio::test]
async fn records_given_with_a_training_are_kept_with_their_labels_and_the_model_or_not_at_all() {
    let server = Running::start().await;
    let stored = async || server.get("/requests/statistics").await.json()["stored_records"].clone();
    let named = |field: &str, count: usize| {
        let mut records: Vec<_> = (0..count).map(record).collect();
        (0..5).for_each(|i| records[i][field] = json!(i == 0));
        json!({"model_version": "v1", "requests": records})
    };
    let few = server.post("/requests/train", &named("label", 99)).await;
    assert_eq!((few.status, stored().await), (400, json!(0)), "{}", few.body);
    let unfit = json!({"model_version": "v1", "training_params": {"algorithm": "random_forest"}, "requests": named("x", 200)["requests"]});
    let refused = server.post("/requests/train", &unfit).await;
    assert_eq!((refused.status, stored().await), (400, json!(0)), "{}", refused.body);
    for (field, labels) in [("label", 5), ("user_label", 10)] {
        let trained = server.post("/requests/train", &named(field, 200)).await;
        assert_eq!(trained.status, 200, "{}", trained.body);
        let totals = server.get("/requests/audit?include_unjudged=true&has_user_label=true").await.json();
        assert_eq!(totals["total_records"], labels, "{field}");
    }
    assert_eq!(stored().await, 400);
}
