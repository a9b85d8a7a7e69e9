//! What is learned from, replayed and kept of the history: floods, dates ahead of the clock, clocks that jump, large events.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use bartizan_core::{Domain as _, Record, Seed, Timestamp};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{Clock, Instance, JudgeError, LifeCycle as _, Settings, TrainRequest};
use bartizan_storage::{AuditFilter, DetectionRepository as _, NewDetection, Store};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const NOW: i64 = 1_770_000_000;
const DAY: i64 = 86_400;

/// A clock that is set by hand.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A data directory with its store, and a clock.
struct Setup {
    store: Arc<SqliteStore>,
    clock: Arc<Hand>,
    _dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::new(dir.path().join("t.db"))).unwrap());
        Self { store, clock: Arc::new(Hand(AtomicI64::new(NOW))), _dir: dir }
    }

    fn set(&self, secs: i64) {
        self.clock.0.store(secs, Ordering::Relaxed);
    }

    async fn open(&self, change: impl FnOnce(&mut Settings)) -> Arc<Instance<Requests>> {
        let mut settings = Settings::new("requests");
        change(&mut settings);
        Instance::open(settings, Arc::clone(&self.store) as Arc<dyn Store>, Arc::clone(&self.clock) as Arc<dyn Clock>).await.unwrap()
    }

    async fn stored(&self) -> u64 {
        self.store.stored("requests").await.unwrap()
    }
}

fn ordinary(rows: usize, clients: usize, start: i64, seed: u64) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.0, start: Timestamp::from_secs(start), clients, gap_secs: 1.0 };
    generate(&config, Seed(seed)).map(|(event, _)| event).collect()
}

fn unlabelled(events: impl IntoIterator<Item = RequestEvent>) -> Vec<Record<RequestEvent>> {
    events.into_iter().map(|event| Record::new(event, None)).collect()
}

/// One client's requests within two seconds.
fn flood(rows: usize, start: i64) -> impl Iterator<Item = RequestEvent> {
    let model = ordinary(1, 1, start, 3).remove(0);
    (0..rows).map(move |i| RequestEvent {
        request_id: format!("flood-{i}"),
        ip_address: "198.51.100.66".to_owned(),
        endpoint: "/login".to_owned(),
        timestamp: Timestamp::from_micros(start * 1_000_000 + i as i64 * 190),
        ..model.clone()
    })
}

#[tokio::test]
async fn a_flood_of_one_client_is_a_share_of_what_is_learned_and_ordinary_requests_stay_normal() {
    let mut past = ordinary(2500, 100, NOW - 3000, 1);
    let fresh = past.split_off(2000);
    let at = past[1990].timestamp.secs();
    let mut flagged = Vec::new();
    for requests in [0, 10_500] {
        let setup = Setup::new();
        let instance = setup.open(|_| {}).await;
        instance.import(unlabelled(past.clone().into_iter().chain(flood(requests, at)))).await.unwrap();
        let report = instance.train(TrainRequest { use_labels: true, ..TrainRequest::default() }).await.unwrap();
        assert!((2000..=2223).contains(&report.samples), "{}", report.samples);
        let verdicts = setup.open(|_| {}).await.judge_many(fresh.clone(), false).await.unwrap();
        flagged.push(verdicts.iter().filter(|judgement| judgement.verdict.is_anomalous()).count());
    }
    assert!(flagged[1] <= 100, "{flagged:?} of 500 ordinary requests are flagged without and with a flood, at a contamination of 0.1");
}

#[tokio::test]
async fn a_share_of_one_learns_from_whatever_is_newest() {
    let setup = Setup::new();
    let instance = setup
        .open(|settings| {
            settings.max_client_share = 1.0;
            settings.max_training_samples = 400;
            settings.params.algorithm = Some("hbos".to_owned());
        })
        .await;
    instance.import(unlabelled(ordinary(300, 50, NOW - 3600, 1))).await.unwrap();
    instance.import(unlabelled(flood(300, NOW - 60))).await.unwrap();
    let report = instance.train(TrainRequest { use_labels: true, ..TrainRequest::default() }).await.unwrap();
    assert_eq!(report.samples, 400);
}

#[tokio::test]
async fn an_event_dated_ahead_leaves_everybodys_windows_after_a_restart() {
    let events = ordinary(400, 40, NOW - 3000, 1);
    let ahead = |secs: i64| RequestEvent { timestamp: Timestamp::from_secs(secs), ..ordinary(1, 1, NOW, 9).remove(0) };
    let clients = events.iter().map(|event| event.client().to_owned()).collect::<std::collections::HashSet<_>>().len();
    for (name, odd, expected) in [
        ("none", vec![], clients),
        ("a century ahead", vec![ahead(4_070_908_800)], clients),
        ("a day ahead", vec![ahead(NOW + DAY)], clients),
        ("a minute ahead", vec![RequestEvent { ip_address: "192.0.2.99".to_owned(), ..ahead(NOW + 60) }], clients + 1),
        ("years ago", vec![RequestEvent { ip_address: "192.0.2.99".to_owned(), ..ahead(1_000_000) }], clients),
    ] {
        let setup = Setup::new();
        let instance = setup.open(|_| {}).await;
        instance.import(unlabelled(events.clone())).await.unwrap();
        assert_eq!(instance.counters().tracked_clients, 0, "what is brought in is no traffic");
        let met = instance.judge_many(events.iter().cloned().chain(odd).collect(), false).await;
        assert!(matches!(met, Err(JudgeError::NoModel)));
        drop(instance);
        let again = setup.open(|_| {}).await;
        assert_eq!(again.counters().tracked_clients, expected, "{name}");
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_for_a_while_costs_little_history() {
    let setup = Setup::new();
    let instance = setup.open(|_| {}).await;
    instance.import(unlabelled(ordinary(200, 40, NOW - 500, 1))).await.unwrap();
    assert_eq!(instance.prune().await.unwrap(), 0);
    setup.set(NOW + 100 * DAY);
    let jumped = setup.open(|_| {}).await;
    assert_eq!(jumped.prune().await.unwrap(), 20, "a tenth of 200 in one round");
    setup.set(NOW);
    assert_eq!(instance.prune().await.unwrap(), 0);
    assert_eq!(setup.stored().await, 180);
    assert!(instance.statistics().await.unwrap().uptime_hours >= 0.0);
    setup.set(NOW - 10 * DAY);
    assert!(instance.statistics().await.unwrap().uptime_hours >= 0.0, "not even when the clock goes back");
    // When the clock is right, all goes, round by round.
    setup.set(NOW + 100 * DAY);
    let mut rounds = 0;
    while setup.stored().await > 0 {
        assert!(jumped.prune().await.unwrap() > 0);
        rounds += 1;
    }
    assert!((5..100).contains(&rounds), "{rounds}");
}

#[tokio::test]
async fn retention_by_bytes_keeps_the_newest() {
    let setup = Setup::new();
    let instance = setup.open(|settings| settings.retention_bytes = Some(300_000)).await;
    let large = |event: RequestEvent| RequestEvent { payload: format!("\"{}\"", "x".repeat(40_000)), ..event };
    instance.import(unlabelled(ordinary(20, 5, NOW - 500, 1).into_iter().map(large))).await.unwrap();
    assert_eq!(instance.prune().await.unwrap(), 13);
    let totals = instance.statistics().await.unwrap().totals;
    assert!(totals.stored == 7 && totals.stored_bytes <= 300_000, "{totals:?}");
    assert_eq!(instance.prune().await.unwrap(), 0);
}

/// Rows as releases before wrote them: an endpoint of megabytes stands in the row and in the event.
#[tokio::test]
async fn large_events_are_listed_in_short_and_learned_from_in_chunks() {
    let setup = Setup::new();
    let endpoint = format!("/files?name={}", "a".repeat(3 << 20));
    let rows: Vec<NewDetection> = ordinary(24, 12, NOW - 500, 1)
        .into_iter()
        .map(|event| {
            let event = RequestEvent { endpoint: endpoint.clone(), ..event };
            let facts = Requests::facts(&event);
            NewDetection {
                detector: "requests".into(),
                event_id: facts.event_id.to_string(),
                entity: facts.entity.to_string(),
                resource: facts.resource.to_string(),
                action: facts.action.to_string(),
                event_time: facts.time,
                analyzed_at: Timestamp::from_secs(NOW),
                judged: None,
                sample: Vec::new(),
                event: vec![0; 3 << 20],
                label: None,
                sampled: true,
            }
        })
        .collect();
    setup.store.record(rows).await.unwrap();
    let instance = setup.open(|settings| settings.min_training_samples = 20).await;
    let page = instance.audit(&AuditFilter { include_unjudged: true, ..AuditFilter::default() }, 0, 100).await.unwrap();
    assert_eq!((page.total, page.rows.len()), (24, 24));
    let bytes: usize = page.rows.iter().map(|row| row.detection.resource.len() + row.detection.entity.len()).sum();
    assert!(bytes < 200_000, "{bytes}");
    let error = instance.train(TrainRequest::default()).await.unwrap_err().to_string();
    assert!(error.contains("at least 20 are needed, and there are 0"), "events that cannot be read are left out: {error}");
}

/// A request a minute is 1,440 a day: 72 alarms are one in 20 of them.
#[tokio::test]
async fn alarms_a_day_are_a_budget_by_what_the_history_has_of_a_day() {
    let minutely = |start: i64| {
        let at = |(i, event): (i64, RequestEvent)| RequestEvent { timestamp: Timestamp::from_secs(start + 60 * i), ..event };
        (0..).zip(ordinary(2_000, 50, NOW, 1)).map(at).collect::<Vec<RequestEvent>>()
    };
    let asked = TrainRequest { alarms_per_day: Some(72), use_labels: true, ..TrainRequest::default() };
    let setup = Setup::new();
    let instance = setup.open(|_| {}).await;
    instance.import(unlabelled(ordinary(300, 50, NOW - 600, 1))).await.unwrap();
    let error = instance.train(asked.clone()).await.unwrap_err().to_string();
    assert!(error.contains("less than an hour"), "{error}");
    let setup = Setup::new();
    let instance = setup.open(|settings| settings.alarms_per_day = Some(144)).await;
    instance.import(unlabelled(minutely(NOW - 4_000 * 60))).await.unwrap();
    for (request, expected) in
        [(asked, 0.05), (TrainRequest::default(), 0.1), (TrainRequest { one_false_alarm_in: Some(50), ..TrainRequest::default() }, 0.02)]
    {
        instance.train(TrainRequest { force: true, ..request }).await.unwrap();
        let held = instance.held().unwrap();
        assert!((held.asked / expected - 1.0).abs() < 0.06, "{held:?}, not {expected}");
    }
    let fresh = instance.judge_many(minutely(NOW - 2_000 * 60), false).await.unwrap();
    let flagged = fresh.iter().filter(|judgement| judgement.verdict.is_anomalous()).count();
    assert!((10..=60).contains(&flagged), "{flagged} of 2,000 where 40 were asked for");
}
