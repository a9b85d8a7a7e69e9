//! The life cycle of a real detector on a real database.

use bartizan_core::{Domain, Label, Record, Seed, Timestamp, Verdict};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{
    ActivateError, Clock, ColdStart, Instance, JudgeError, LifeCycle, LoadError, RecordPolicy, ReloadError, Settings, TrainRequest,
};
use bartizan_storage::{AuditFilter, DetectionKey, LabelChange, ModelRepository, Store};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::sync::Arc;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_770_000_000)
    }
}

/// A data directory with its store; the directory is removed when it is dropped.
struct Setup {
    dir: tempfile::TempDir,
    store: Arc<SqliteStore>,
}

impl Setup {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Arc::new(SqliteStore::open(SqliteOptions::new(dir.path().join("t.db"))).expect("a store"));
        Self { dir, store }
    }

    async fn instance(&self, change: impl FnOnce(&mut Settings)) -> Arc<Instance<Requests>> {
        let mut settings = Settings::new("requests");
        change(&mut settings);
        let store: Arc<dyn Store> = Arc::clone(&self.store) as Arc<dyn Store>;
        Instance::open(settings, store, Arc::new(Fixed)).await.expect("an instance")
    }
}

fn traffic(rows: usize, attack_share: f64, seed: u64) -> Vec<(RequestEvent, Label)> {
    generate(&GeneratorConfig { rows, attack_share, ..GeneratorConfig::default() }, Seed(seed)).collect()
}

fn unlabelled(events: Vec<(RequestEvent, Label)>) -> Vec<Record<RequestEvent>> {
    events.into_iter().map(|(event, _)| Record::new(event, None)).collect()
}

fn train() -> TrainRequest {
    TrainRequest { use_labels: true, ..TrainRequest::default() }
}

/// Shares of the attacks and of the others that are flagged, judged in their order.
async fn shares_anomalous(instance: &Arc<Instance<Requests>>, events: &[(RequestEvent, Label)]) -> (f64, f64) {
    let mut counts = [[0.0; 2]; 2];
    for (event, label) in events {
        let verdict = instance.judge(event.clone(), false).await.expect("a verdict").verdict;
        counts[usize::from(label.is_anomalous())][usize::from(verdict.is_anomalous())] += 1.0;
    }
    let share = |[passed, flagged]: [f64; 2]| flagged / (passed + flagged);
    (share(counts[1]), share(counts[0]))
}

#[tokio::test]
async fn history_accumulates_without_a_model_and_is_learned_from() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    for (event, _) in traffic(120, 0.0, 1) {
        assert!(matches!(instance.judge(event, false).await, Err(JudgeError::NoModel)));
    }
    let audit = instance.audit(&AuditFilter::default(), 0, 10).await.unwrap();
    assert_eq!((audit.total, instance.statistics().await.unwrap().totals.judged), (0, 0));
    let unjudged = AuditFilter { include_unjudged: true, ..AuditFilter::default() };
    assert_eq!(instance.audit(&unjudged, 0, 10).await.unwrap().total, 120);

    let report = instance.train(train()).await.unwrap();
    assert_eq!((report.version.as_str(), report.samples, report.accuracy), ("v1.0", 120, None));
    let judgement = instance.judge(traffic(1, 0.0, 9).remove(0).0, true).await.unwrap();
    assert_eq!(&*judgement.model_version, "v1.0");
    let statistics = instance.statistics().await.unwrap();
    assert_eq!((statistics.totals.judged, statistics.totals.stored), (1, 121));
    assert_eq!(statistics.active.unwrap().version, "v1.0");
}

#[tokio::test]
async fn what_cannot_be_trained_is_refused_with_the_reason() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(99, 0.0, 1))).await.unwrap();
    let error = instance.train(train()).await.unwrap_err().to_string();
    assert_eq!(error, "too few events to learn from: at least 100 are needed, and there are 99");
    instance.import(unlabelled(traffic(1, 0.0, 1))).await.unwrap();
    let bad = [
        (TrainRequest { contamination: Some(0.7), ..train() }, "contamination must be in (0, 0.5], got 0.7"),
        (
            TrainRequest { version: Some("a/b".into()), ..train() },
            "a version is 1 to 64 printable characters, and neither none nor learning; got \"a/b\"",
        ),
    ];
    for (request, expected) in bad {
        assert_eq!(instance.train(request).await.unwrap_err().to_string(), expected);
    }
    let error = instance.retrain(None).await.unwrap_err().to_string();
    assert_eq!(error, "too few labels to learn from: at least 10 are needed, and there are 0");
    assert!(instance.active().is_none());
}

#[tokio::test]
async fn attacks_are_found_explained_and_sure() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(3000, 0.03, 1))).await.unwrap();
    instance.train(TrainRequest { contamination: Some(0.04), ..train() }).await.unwrap();
    let (caught, wrong) = shares_anomalous(&instance, &traffic(1000, 0.3, 2)).await;
    assert!(caught > 0.9 && wrong < 0.1, "caught {caught}, wrongly {wrong}");

    let mut attack = traffic(1, 0.0, 5).remove(0).0;
    attack.endpoint = "/api/search?q=1%27%20UNION%20SELECT%20password%20FROM%20users--".to_owned();
    let judgement = instance.judge(attack, true).await.unwrap();
    assert_eq!(judgement.verdict, Verdict::Anomalous);
    assert!(judgement.confidence > 0.8 && judgement.grade > 0.6, "{judgement:?}");
    assert!(judgement.reasons.iter().any(|r| r.text.contains("SQL injection")), "{:?}", judgement.reasons);
    assert!(judgement.reasons.is_sorted_by(|a, b| a.share >= b.share));
}

#[tokio::test]
async fn the_same_history_and_seed_give_the_same_model() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(500, 0.05, 1))).await.unwrap();
    for _ in 0..2 {
        instance.train(TrainRequest { version: Some("same".into()), ..train() }).await.unwrap();
    }
    let first = instance.models().await.unwrap().remove(0).sha256;
    instance.train(TrainRequest { version: Some("same".into()), ..train() }).await.unwrap();
    let models = instance.models().await.unwrap();
    assert_eq!((models.len(), &models[0].sha256, models[0].is_active), (1, &first, true));
}

#[tokio::test]
async fn corrections_change_what_is_learned() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(2000, 0.02, 1))).await.unwrap();
    instance.train(train()).await.unwrap();

    // A new job of one's own: unlike everything in training, and wanted.
    let job = |i: usize| {
        let mut event = traffic(1, 0.0, 100 + i as u64).remove(0).0;
        (event.endpoint, event.http_method) = (format!("/internal/export/nightly?batch={i}&mode=full;all"), "REPORT".to_owned());
        (event.ip_address, event.timestamp) = ("10.9.0.5".to_owned(), event.timestamp.plus_secs(3600 * i as i64));
        event.payload.clear();
        (event.request_id, event.headers) = (format!("job-{i}"), vec![("User-Agent".to_owned(), "nightly-bot/2".to_owned())]);
        event
    };
    for i in 0..15 {
        assert_eq!(instance.judge(job(i), false).await.unwrap().verdict, Verdict::Anomalous);
        let change = LabelChange { label: Label::Legitimate, changed_by: "ann".into(), changed_at: Fixed.now() };
        let outcome = instance.label(&DetectionKey::EventId(format!("job-{i}")), change).await.unwrap().unwrap();
        assert_eq!((outcome.verdict, outcome.previous), (Some(Verdict::Anomalous), None));
    }
    assert_eq!(instance.statistics().await.unwrap().totals.false_positives, 15);
    let report = instance.retrain(None).await.unwrap();
    assert_eq!((report.version.as_str(), report.old_version.as_deref(), report.labels), ("v1.1", Some("v1.0"), 15));
    assert!(report.accuracy.unwrap() > report.old_accuracy.unwrap());
    for i in 20..25 {
        assert_eq!(instance.judge(job(i), false).await.unwrap().verdict, Verdict::Normal, "learned");
    }
    let (caught, _) = shares_anomalous(&instance, &traffic(300, 0.5, 3)).await;
    assert!(caught > 0.8, "attacks are still found: {caught}");
}

#[tokio::test]
async fn versions_are_rolled_back_carried_and_checked() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(300, 0.05, 1))).await.unwrap();
    instance.train(train()).await.unwrap();
    instance.train(TrainRequest { version: Some("v2.0".into()), ..train() }).await.unwrap();
    assert_eq!(instance.activate("v1.0").await.unwrap().as_deref(), Some("v2.0"));
    assert!(matches!(instance.activate("v9").await, Err(ActivateError::NoSuchModel)));
    assert_eq!(instance.active().unwrap().version, "v1.0");
    let active: Vec<_> = instance.models().await.unwrap().into_iter().filter(|m| m.is_active).map(|m| m.version).collect();
    assert_eq!(active, ["v1.0"]);

    let file = instance.export_model("v1.0").await.unwrap().unwrap();
    assert_eq!(instance.import_model(&file, Some("copy".into()), false).await.unwrap().version, "copy");
    let damaged = instance.import_model(&file[..file.len() / 2], None, false).await.unwrap_err();
    assert!(damaged.to_string().contains("checksum"), "{damaged}");
    assert!(instance.delete_model("copy").await.unwrap());
    assert!(!instance.delete_model("v1.0").await.unwrap(), "the active one stays");
}

#[tokio::test]
async fn a_damaged_model_is_said_and_the_rest_goes_on() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(300, 0.05, 1))).await.unwrap();
    instance.train(train()).await.unwrap();
    let mut model = setup.store.active_model("requests").await.unwrap().unwrap();
    let middle = model.blob.len() / 2;
    model.blob[middle] ^= 1;
    setup.store.store_model(model, true).await.unwrap();
    let error = instance.reload().await.unwrap_err();
    assert!(matches!(&error, ReloadError::Load(LoadError::Damaged { version, .. }) if version == "v1.0"), "{error}");
    assert!(error.to_string().contains("checksum"));
    assert!(instance.judge(traffic(1, 0.0, 2).remove(0).0, false).await.is_ok(), "the one in memory goes on");

    let reopened = setup.instance(|_| {}).await;
    assert!(reopened.active().is_none());
    reopened.train(train()).await.unwrap();
    assert!(reopened.active().is_some());
}

#[tokio::test]
async fn a_restart_remembers_the_windows() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(400, 0.0, 1))).await.unwrap();
    instance.train(train()).await.unwrap();
    let mut last = traffic(1, 0.0, 1).remove(0).0;
    for i in 0..50 {
        last.timestamp = Timestamp::from_secs(1_769_000_000 + i / 10);
        instance.judge(last.clone(), false).await.unwrap();
    }
    let before = instance.judge(last.clone(), false).await.unwrap();
    let reopened = setup.instance(|_| {}).await;
    let after = reopened.judge(last, false).await.unwrap();
    let row = |id: Option<i64>| {
        let key = DetectionKey::Id(id.unwrap());
        let reopened = Arc::clone(&reopened);
        async move { reopened.find(&key).await.unwrap().unwrap().detection.sample }
    };
    let names: Vec<String> = Requests::schema().names().map(str::to_owned).collect();
    let rate = names.iter().position(|n| n == "requests_60s").unwrap();
    assert_eq!(row(after.id).await[rate], row(before.id).await[rate] + 1.0);
    assert!(setup.dir.path().exists());
}

#[tokio::test]
async fn cold_start_learns_by_itself() {
    let setup = Setup::new();
    let instance = setup.instance(|s| s.cold_start = ColdStart::Learn).await;
    let mut learned = None;
    for (i, (event, _)) in traffic(5000, 0.0, 1).into_iter().enumerate() {
        let judgement = instance.judge(event, false).await.unwrap();
        if &*judgement.model_version == "learning" {
            assert_eq!((judgement.verdict, judgement.confidence), (Verdict::Normal, 0.0));
        } else {
            learned = learned.or(Some(i));
        }
        if learned.is_some_and(|learned| i > learned + 200) {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(learned.is_some_and(|i| i >= 100), "{learned:?}");
    let statistics = instance.statistics().await.unwrap();
    assert!(statistics.totals.judged > 300 && statistics.totals.average_confidence > 0.4, "{statistics:?}");
}

#[tokio::test]
async fn recording_only_anomalies_still_counts_all() {
    let setup = Setup::new();
    let instance = setup.instance(|_| {}).await;
    instance.import(unlabelled(traffic(300, 0.05, 1))).await.unwrap();
    instance.train(train()).await.unwrap();
    let sparing = setup.instance(|s| (s.record, s.max_training_samples) = (RecordPolicy::Anomalies, 50)).await;
    let fresh = traffic(1000, 0.2, 2);
    let mut anomalous = 0;
    for (event, _) in &fresh {
        anomalous += u64::from(sparing.judge(event.clone(), false).await.unwrap().verdict.is_anomalous());
    }
    let totals = sparing.statistics().await.unwrap().totals;
    assert_eq!((totals.judged, totals.anomalous), (1000, anomalous));
    let kept = totals.stored - 300 - anomalous;
    assert!((50..300).contains(&kept), "{kept} normal verdicts kept");
}

/// What is held back in training must look like what comes later, or the promised share of alarms is not the one got.
#[tokio::test]
async fn the_share_of_alarms_on_normal_traffic_is_the_one_asked_for() {
    for contamination in [0.02, 0.1] {
        let setup = Setup::new();
        let instance = setup.instance(|_| {}).await;
        instance.import(unlabelled(traffic(4000, 0.0, 1))).await.unwrap();
        instance.train(TrainRequest { contamination: Some(contamination), ..train() }).await.unwrap();
        let events: Vec<_> = traffic(4000, 0.0, 2).into_iter().map(|e| e.0).collect();
        let alarms = instance.offline().unwrap().judge(&events).iter().filter(|v| v.judgement.verdict.is_anomalous()).count();
        let ratio = alarms as f64 / events.len() as f64 / contamination;
        assert!((0.5..=1.5).contains(&ratio), "{ratio} times the share asked for, {contamination}");
    }
}
