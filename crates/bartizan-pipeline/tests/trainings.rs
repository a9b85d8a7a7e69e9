//! Trainings beside each other and beside everything else: who waits, who is refused, who is ended, and what is counted.

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod common;

use bartizan_core::{Label, Record, Seed};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{
    ColdStart, FalseAlarmBudget, ImportError, Instance, Lesson, LifeCycle, RawParams, RequestError, Settings, TrainError, TrainReport,
    TrainRequest, Workers,
};
use common::{Setup, label_change, request, unlabelled};
use std::sync::Arc;
use tokio::task::JoinHandle;

fn traffic(rows: usize, seed: u64) -> Vec<RequestEvent> {
    generate(&GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() }, Seed(seed)).map(|(event, _)| event).collect()
}

fn named(version: &str) -> TrainRequest {
    TrainRequest { version: Some(version.to_owned()), ..request() }
}

/// Of as many trees as there can be: it goes on until somebody ends it, as far as a test can wait.
fn endless(version: &str) -> TrainRequest {
    TrainRequest { params: RawParams::named("isolation_forest").with("n_estimators", 10_000_usize), ..named(version) }
}

type Trained = JoinHandle<Result<TrainReport, TrainError>>;

/// Starts a training and waits until as many as this are under way.
async fn start(instance: &Arc<Instance<Requests>>, request: TrainRequest, under_way: usize) -> Trained {
    let training = tokio::spawn({
        let instance = Arc::clone(instance);
        async move { instance.train(request).await }
    });
    until(|| instance.trainings_under_way() == under_way).await;
    training
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// With 400 events of history and two models, of which `v1.1` is active.
async fn setup() -> Setup<Requests> {
    let setup = Setup::new().await;
    setup.instance.import(unlabelled(traffic(400, 1))).await.expect("an answer");
    setup.instance.train(named("v1.0")).await.expect("an answer");
    setup.instance.train(named("v1.1")).await.expect("an answer");
    setup
}

#[tokio::test]
async fn models_are_switched_while_one_is_learned() {
    let setup = setup().await;
    let training = start(&setup.instance, endless("v2.0"), 1).await;
    assert_eq!(setup.instance.activate("v1.0").await.unwrap().as_deref(), Some("v1.1"));
    setup.instance.reload().await.unwrap();
    assert_eq!(setup.instance.activate("v1.1").await.unwrap().as_deref(), Some("v1.0"));
    assert!(setup.instance.delete_model("v1.0").await.unwrap());
    assert!(!training.is_finished(), "all that was done while it ran");
    assert_eq!(setup.instance.cancel_trainings(), 1);
    assert!(matches!(training.await.unwrap(), Err(TrainError::Cancelled)));
    let versions: Vec<_> = setup.instance.models().await.unwrap().into_iter().map(|m| m.version).collect();
    assert_eq!(versions, ["v1.1"], "what was cancelled is not stored");
}

#[tokio::test]
async fn a_third_training_is_refused() {
    let setup = setup().await;
    let first = start(&setup.instance, endless("v2.0"), 1).await;
    let second = start(&setup.instance, endless("v3.0"), 2).await;
    let refused = setup.instance.train(named("v4.0")).await.unwrap_err();
    assert!(matches!(refused, TrainError::Busy { under_way: 2 }), "{refused}");
    let bad = setup.instance.train(TrainRequest { contamination: Some(2.0), ..request() }).await.unwrap_err();
    assert!(matches!(bad, TrainError::Request(RequestError::Contamination(_))), "what is wrong is said first: {bad}");
    assert_eq!(setup.instance.cancel_trainings(), 2);
    for training in [first, second] {
        assert!(matches!(training.await.unwrap(), Err(TrainError::Cancelled)));
    }
    assert_eq!((setup.instance.cancel_trainings(), setup.instance.trainings_under_way()), (0, 0));
    assert_eq!(setup.instance.train(named("v4.0")).await.unwrap().version, "v4.0");
}

#[tokio::test]
async fn a_training_goes_on_when_its_caller_has_gone() {
    let setup = setup().await;
    let training = start(&setup.instance, named("v2.0"), 1).await;
    training.abort();
    until(|| setup.instance.active().is_some_and(|model| model.version == "v2.0")).await;
}

#[tokio::test]
async fn a_training_that_takes_too_long_is_ended_and_reports_what_to_lower() {
    let setup = setup().await;
    let hasty = setup.open(|settings| settings.max_training_secs = 0).await;
    let error = hasty.train(endless("v2.0")).await.unwrap_err();
    assert!(matches!(error, TrainError::TooLong { max_secs: 0 }), "{error}");
    assert!(error.to_string().contains("lower max_training_samples, n_estimators or max_samples"), "{error}");
    assert_eq!(hasty.models().await.unwrap().len(), 2);
}

#[tokio::test]
async fn no_training_begins_once_the_service_stops() {
    let setup = setup().await;
    let training = start(&setup.instance, endless("v2.0"), 1).await;
    setup.instance.close_trainings();
    assert!(matches!(training.await.unwrap(), Err(TrainError::Stopped(_))));
    assert!(matches!(setup.instance.train(request()).await, Err(TrainError::Stopped(_))));
}

/// What is stored and what is in memory agree, however early the caller leaves.
#[tokio::test]
async fn an_activation_that_was_left_is_finished() {
    let setup = setup().await;
    for patience in 0..60 {
        let to = ["v1.0", "v1.1"][patience % 2];
        let activation = tokio::spawn({
            let instance = Arc::clone(&setup.instance);
            async move { instance.activate(to).await }
        });
        for _ in 0..patience {
            tokio::task::yield_now().await;
        }
        activation.abort();
        drop(activation.await);
        // Waits for what the activation began.
        setup.instance.delete_model("none such").await.unwrap();
        let stored = setup.instance.models().await.unwrap().into_iter().find(|m| m.is_active).map(|m| m.version);
        assert_eq!(setup.instance.active().map(|m| m.version), stored, "left after {patience} turns");
    }
}

#[tokio::test]
async fn a_first_model_that_was_asked_for_is_not_learned_again() {
    let setup = Setup::<Requests>::new().await;
    setup.instance.import(unlabelled(traffic(90, 1))).await.unwrap();
    let workers = Workers::new(1, || ());
    let held = workers.training().await.unwrap();
    let change = move |settings: &mut Settings| {
        settings.cold_start = ColdStart::Learn;
        settings.min_training_samples = 50;
        settings.workers = workers;
    };
    let instance = setup.open(change).await;
    // It waits for its turn; meanwhile enough is judged for the first training to begin by itself.
    let asked = start(&instance, request(), 1).await;
    for event in traffic(150, 2) {
        assert_eq!(&*instance.judge(event, false).await.unwrap().model_version, "learning");
    }
    assert_eq!(instance.trainings_under_way(), 1, "none began beside the one that was asked for");
    drop(held);
    assert_eq!(asked.await.unwrap().unwrap().version, "v1.0");
    for event in traffic(50, 3) {
        instance.judge(event, false).await.unwrap();
    }
    until(|| instance.trainings_under_way() == 0).await;
    assert_eq!(instance.models().await.unwrap().len(), 1);
}

/// A model that came while the first training ran stays.
#[tokio::test]
async fn a_first_training_gives_way_to_a_model_that_came_meanwhile() {
    let source = setup().await;
    let file = source.instance.export_model("v1.0").await.unwrap().unwrap();
    let setup = Setup::<Requests>::new().await;
    let workers = Workers::new(1, || ());
    let held = workers.training().await.unwrap();
    let instance = setup.open(move |s| (s.cold_start, s.workers) = (ColdStart::Learn, workers)).await;
    for event in traffic(200, 1) {
        instance.judge(event, false).await.unwrap();
    }
    until(|| instance.trainings_under_way() == 1).await;
    instance.import_model(&file, Some("carried".to_owned()), false).await.unwrap();
    instance.activate("carried").await.unwrap();
    drop(held);
    until(|| instance.trainings_under_way() == 0).await;
    let versions: Vec<_> = instance.models().await.unwrap().into_iter().map(|m| m.version).collect();
    assert_eq!(versions, ["carried"]);
    assert_eq!(instance.active().unwrap().version, "carried");
}

#[tokio::test]
async fn a_first_training_that_failed_waits_for_twice_the_history() {
    let setup = Setup::<Requests>::new().await;
    // With as many events as are learned from at once, it waits for no time to pass.
    let change = |settings: &mut Settings| (settings.cold_start, settings.max_training_samples) = (ColdStart::Learn, 150);
    let instance = setup.open(change).await;
    // Labelled anomalous, all of them: there is nothing normal to learn from.
    let lesson = traffic(199, 1).into_iter().map(|event| Record::new(event, Some(Label::Anomalous))).collect();
    instance.import(lesson).await.unwrap();
    let mut learned_at = None;
    for (judged, event) in traffic(600, 2).into_iter().enumerate() {
        if &*instance.judge(event, false).await.unwrap().model_version != "learning" {
            learned_at = Some(199 + judged);
            break;
        }
        tokio::task::yield_now().await;
        until(|| instance.trainings_under_way() == 0).await;
    }
    let learned_at = learned_at.expect("a model");
    // It failed at 200 events; from 209 on ten are normal, and it would have succeeded.
    assert!((400..=402).contains(&learned_at), "learned after {learned_at} events");
    assert_eq!(instance.models().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_import_replaces_nothing_without_replace() {
    let setup = setup().await;
    let instance = &setup.instance;
    instance.train(TrainRequest { params: RawParams::named("tails"), ..named("v2.0") }).await.unwrap();
    let [old, other] = [instance.export_model("v1.0").await.unwrap().unwrap(), instance.export_model("v2.0").await.unwrap().unwrap()];
    for (version, active, said) in
        [("v1.0", false, "there is a model v1.0 already"), ("v2.0", true, "there is a model v2.0 already, and it is the active one")]
    {
        let refused = instance.import_model(&other, Some(version.to_owned()), false).await.unwrap_err();
        assert!(matches!(&refused, ImportError::VersionTaken { active: a, .. } if *a == active), "{refused}");
        assert_eq!(refused.to_string(), said);
    }
    for taken in ["none", "learning"] {
        let refused = instance.import_model(&old, Some(taken.to_owned()), false).await.unwrap_err();
        assert!(matches!(refused, ImportError::Version(_)), "{refused}");
        let refused = instance.train(named(taken)).await.unwrap_err();
        assert!(matches!(refused, TrainError::Request(RequestError::Version(_))), "{refused}");
    }
    let imported = instance.import_model(&old, Some("v2.0".to_owned()), true).await.unwrap();
    assert_eq!((imported.version.as_str(), imported.replaced, imported.active), ("v2.0", true, true));
    let at_work = instance.active().unwrap();
    assert_eq!((at_work.version.as_str(), at_work.algorithm.as_str()), ("v2.0", "ensemble"), "memory and store agree");
    let stored = instance.models().await.unwrap().into_iter().find(|model| model.is_active).unwrap();
    assert_eq!((stored.version, stored.sha256), ("v2.0".to_owned(), at_work.sha256));
}

#[tokio::test]
async fn an_imported_model_keeps_its_number_of_training_rows() {
    let setup = setup().await;
    let file = setup.instance.export_model("v1.0").await.unwrap().unwrap();
    let other = Setup::<Requests>::new().await;
    other.instance.import_model(&file, None, false).await.unwrap();
    let carried = other.instance.models().await.unwrap().remove(0);
    assert_eq!(carried.training_samples, 400);
    let names: Vec<_> = carried.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"contamination") && !names.contains(&"training_samples"), "{names:?}");
}

#[tokio::test]
async fn rows_that_were_not_learned_from_are_not_counted() {
    let setup = Setup::<Requests>::new().await;
    let label = |i: usize| i.is_multiple_of(10).then_some(Label::Anomalous);
    let lesson = |rows| traffic(rows, 1).into_iter().enumerate().map(|(i, event)| Record::new(event, label(i))).collect();
    let report = setup.instance.learn(Lesson::BuiltIn(lesson(300)), request(), ()).await.unwrap();
    assert_eq!((report.samples, report.labels, report.left_out), (270, 30, 0));
    assert_eq!(setup.instance.active().unwrap().training_samples, 270);
    let supervised = TrainRequest { params: RawParams::named("random_forest"), ..request() };
    assert_eq!(setup.instance.learn(Lesson::BuiltIn(lesson(300)), supervised, ()).await.unwrap().samples, 300, "it learns from both kinds");

    let small = setup.open(|settings| settings.max_training_samples = 200).await;
    let report = small.learn(Lesson::BuiltIn(lesson(300)), request(), ()).await.unwrap();
    assert_eq!((report.samples, report.left_out), (200, 70), "200 of 270 without a label, and all that have one");
}

/// A forest can learn any labels by heart, also those drawn by lot; of rows that it has not seen it then knows nothing.
#[tokio::test]
async fn accuracy_is_that_of_rows_not_seen() {
    let setup = Setup::<Requests>::new().await;
    let lot = |i: usize| if Seed(7).derive(i as u64).0.is_multiple_of(2) { Label::Anomalous } else { Label::Legitimate };
    let lesson = traffic(400, 1).into_iter().enumerate().map(|(i, event)| Record::new(event, Some(lot(i)))).collect();
    let supervised = TrainRequest { params: RawParams::named("random_forest"), ..request() };
    let report = setup.instance.learn(Lesson::BuiltIn(lesson), supervised, ()).await.unwrap();
    let accuracy = report.accuracy.unwrap();
    assert!((0.3..0.7).contains(&accuracy), "{accuracy}");
    assert_eq!(setup.instance.active().unwrap().accuracy, report.accuracy);
}

/// The model before is not blamed for rows that came after it and not praised for those that it had learned.
#[tokio::test]
async fn an_improvement_is_measured_on_the_same_rows() {
    let setup = setup().await;
    let instance = &setup.instance;
    for (i, event) in traffic(30, 9).into_iter().enumerate() {
        let event = RequestEvent { request_id: format!("r{i}"), ..event };
        instance.judge(event, false).await.unwrap();
        let key = bartizan_storage::DetectionKey::EventId(format!("r{i}"));
        instance.label(&key, label_change(Label::Legitimate)).await.unwrap();
    }
    let report = instance.retrain(None).await.unwrap();
    let (accuracy, old, improvement) = (report.accuracy.unwrap(), report.old_accuracy.unwrap(), report.improvement.unwrap());
    assert!((improvement - (accuracy - old)).abs() < 1e-12, "all 30 rows are new to both: {accuracy} {old} {improvement}");
}

/// What is asked for goes before what is configured, and is asked for again when labels are learned from.
#[tokio::test]
async fn the_share_that_was_asked_for_is_kept_by_a_retraining() {
    let setup = Setup::<Requests>::new().await;
    let change = |settings: &mut Settings| {
        settings.false_alarms = FalseAlarmBudget::try_from(500_u64).ok();
        settings.min_corrected_labels = 1;
    };
    let instance = setup.open(change).await;
    instance.import(unlabelled(traffic(400, 1))).await.unwrap();
    let asked = async || instance.held().unwrap().asked;
    instance.train(TrainRequest { use_labels: true, ..TrainRequest::default() }).await.unwrap();
    assert!((asked().await - 0.002).abs() < 1e-9, "as configured: {}", asked().await);
    instance.train(TrainRequest { contamination: Some(0.04), force: true, ..TrainRequest::default() }).await.unwrap();
    assert!((asked().await - 0.04).abs() < 1e-9, "{}", asked().await);
    let judged = instance.judge(traffic(1, 2).remove(0), false).await.unwrap();
    let key = bartizan_storage::DetectionKey::Id(judged.id.unwrap());
    instance.label(&key, label_change(Label::Legitimate)).await.unwrap();
    instance.retrain(None).await.unwrap();
    assert!((asked().await - 0.04).abs() < 1e-9, "{}", asked().await);
}

/// Rules flag what exceeds a limit, however much that is, whatever was asked for and whatever the traffic does.
#[tokio::test]
async fn rules_keep_a_threshold_of_their_own() {
    const RULED: [&str; 3] = ["agent_risk", "requests_60s", "errors_1h"];
    let limits = |limit: f64| RULED.map(|name| (name.to_owned(), limit)).into();
    for (name, percentile, limits, shares) in [
        ("learned", 99.0, Default::default(), 0.0..=0.2),
        ("learned as the median", 50.0, Default::default(), 0.02..=1.0),
        ("given, far above", 50.0, limits(1e6), 0.0..=0.0),
        ("given, above nothing", 99.0, limits(1e-6), 0.02..=1.0),
    ] {
        let setup = Setup::<Requests>::new().await;
        let instance = setup.open(|settings| settings.params.limits = limits).await;
        instance.import(unlabelled(traffic(400, 1))).await.unwrap();
        let params = RawParams::named("rules").with("percentile", percentile);
        let report = instance.train(TrainRequest { params, one_false_alarm_in: Some(20), ..request() }).await.unwrap();
        assert!(report.own_threshold && report.promise.is_none(), "{name}: {report:?}");
        assert!(!instance.active().unwrap().parameters.iter().any(|(name, _)| name == "one_false_alarm_in"), "{name}");
        let asked = instance.held().unwrap().asked;
        let judged = instance.judge_many(traffic(3_000, 2), false).await.unwrap();
        for judgement in &judged {
            let (score, margin) = (judgement.score.unwrap(), judgement.margin.unwrap());
            assert_eq!((score + margin, judgement.verdict.is_anomalous()), (0.0, score > 0.0), "{name}");
        }
        let flagged = judged.iter().filter(|judgement| judgement.verdict.is_anomalous()).count() as f64 / judged.len() as f64;
        assert!(shares.contains(&flagged), "{name}: {flagged}");
        let held = instance.held().unwrap();
        assert_eq!((held.tail, held.drift), (asked, None), "{name}");
    }
}
