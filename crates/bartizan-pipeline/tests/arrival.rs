//! What is believed of events that come in, and what is stored of them.

use bartizan_core::{Label, Record, Seed, Timestamp, TrustedProxies};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{Clock, Instance, LifeCycle, Settings, TrainRequest};
use bartizan_storage::{AuditFilter, Detection, DetectionKey, Store};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::sync::Arc;

const NOW: i64 = 1_770_000_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

fn traffic(rows: usize, seed: u64) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() };
    generate(&config, Seed(seed)).map(|(event, _): (RequestEvent, Label)| event).collect()
}

/// An instance with a model. The folder goes with it.
async fn trained(change: impl FnOnce(&mut Settings)) -> (tempfile::TempDir, Arc<Instance<Requests>>) {
    let dir = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::new(dir.path().join("t.db"))).expect("a store"));
    let mut settings = Settings::new("requests");
    change(&mut settings);
    let instance = Instance::open(settings, store, Arc::new(Fixed)).await.expect("an instance");
    instance.import(traffic(150, 1).into_iter().map(|event| Record::new(event, None)).collect()).await.expect("history");
    instance.train(TrainRequest::default()).await.expect("a model");
    (dir, instance)
}

async fn judged(instance: &Arc<Instance<Requests>>, event: RequestEvent) -> Detection {
    let judgement = instance.judge(event, false).await.expect("a verdict");
    instance.find(&DetectionKey::Id(judgement.id.expect("a row"))).await.expect("a store").expect("a detection")
}

/// What a feature of a stored detection is.
fn feature(instance: &Instance<Requests>, detection: &Detection, name: &str) -> f32 {
    let position = instance.schema().features().iter().position(|feature| feature.name == name).expect("a feature");
    detection.detection.sample[position]
}

#[tokio::test]
async fn an_event_dated_ahead_counts_at_its_arrival_and_blinds_nothing() {
    let (_dir, instance) = trained(|_| {}).await;
    let dated =
        |secs: i64| RequestEvent { timestamp: Timestamp::from_secs(secs), ip_address: "9.8.7.6".to_owned(), ..traffic(1, 9).remove(0) };
    let far = RequestEvent { timestamp: Timestamp::parse("9999-12-31").expect("a date"), ..dated(0) };
    let stored = judged(&instance, far).await;
    assert_eq!((stored.detection.event_time, instance.counters().dated_ahead), (Timestamp::from_secs(NOW), 1));
    instance.judge_many(vec![dated(NOW + 9_999), dated(NOW)], false).await.expect("verdicts");
    assert_eq!(instance.counters().dated_ahead, 2);
    let next = judged(&instance, dated(NOW)).await;
    assert_eq!(feature(&instance, &next, "requests_12s"), 3.0);
    let near = judged(&instance, dated(NOW + 300)).await;
    assert_eq!(
        (near.detection.event_time, instance.counters().dated_ahead),
        (Timestamp::from_secs(NOW + 300), 2),
        "a clock may be a little off"
    );
}

#[tokio::test]
async fn one_client_in_store_windows_audit_and_reasons() {
    let proxies = TrustedProxies::parse(&["10.0.0.0/8"]).expect("a network");
    let (_dir, instance) = trained(|settings| settings.trusted_proxies = Arc::new(proxies)).await;
    let from = |told: &str| RequestEvent { timestamp: Timestamp::from_secs(NOW), ip_address: told.to_owned(), ..traffic(1, 9).remove(0) };
    let spellings = [
        "203.0.113.9",
        "203.0.113.9:443",
        "1.1.1.1, 203.0.113.9, 10.0.0.5",
        "2.2.2.2, ::ffff:203.0.113.9, 10.0.0.5",
        " 203.0.113.9:1 ,, 10.0.0.5:80 , 10.9.9.9,",
        "unknown, \"203.0.113.9\"",
        "9.9.9.9:1, [::ffff:203.0.113.9]:443, [::ffff:10.0.0.5]:80",
    ];
    for (before, told) in spellings.into_iter().enumerate() {
        let stored = judged(&instance, from(told)).await;
        assert_eq!(
            (stored.detection.entity.as_str(), feature(&instance, &stored, "requests_12s")),
            ("203.0.113.9", before as f32),
            "{told}"
        );
        let explained = instance.explain_stored(&stored.detection).expect("an explanation");
        let said: Vec<&str> = explained.reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert!(said.contains(&"“203.0.113.9” is no address that a client can have"), "{told}: {said:?}");
    }
    for asked in spellings.into_iter().chain(["[::ffff:203.0.113.9]:80"]) {
        let filter = AuditFilter { entity: Some(asked.to_owned()), ..AuditFilter::default() };
        assert_eq!(instance.audit(&filter, 0, 10).await.expect("a page").total, spellings.len() as u64, "{asked}");
    }
}

#[tokio::test]
async fn what_is_stored_of_an_event_is_bounded_and_its_features_are_those_of_the_whole() {
    let (_dir, instance) = trained(|_| {}).await;
    let long = "x".repeat(1 << 20);
    let event = RequestEvent {
        request_id: long.clone(),
        ip_address: long.clone(),
        endpoint: format!("/{long}?q={long}"),
        http_method: long.clone(),
        headers: vec![("Cookie".to_owned(), long[..8_192].to_owned()); 300],
        payload: format!("{{\"a\":\"{long}\"}}"),
        ..traffic(1, 9).remove(0)
    };
    let stored = judged(&instance, event).await;
    let row = &stored.detection;
    assert!(row.event.len() < 128 * 1_024, "{} bytes", row.event.len());
    let columns = [&row.event_id, &row.entity, &row.resource, &row.action].map(String::len);
    assert_eq!(columns, [1_024, 256, 1_024, 256]);
    for (name, value) in
        [("payload_bytes", (1 << 20) + 8), ("path_length", (1 << 20) + 1), ("query_length", (1 << 20) + 2), ("header_count", 300)]
    {
        assert_eq!(feature(&instance, &stored, name), value as f32, "{name}");
    }
    assert!(instance.explain_stored(row).is_some());
    let by_name = instance.find(&DetectionKey::EventId(long)).await.expect("a store");
    assert_eq!(by_name.map(|found| found.id), Some(stored.id), "it is found by the name that its sender gave it");
}
