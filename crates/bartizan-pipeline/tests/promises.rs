//! What labels, and what nobody labelled, do to the next model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[expect(dead_code, reason = "other tests use the rest of it")]
mod common;

use bartizan_core::{Label, Seed, Verdict};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{Instance, LifeCycle as _, TrainRequest};
use bartizan_storage::DetectionKey;
use common::{Setup, label_change, request, unlabelled};
use std::sync::Arc;

const ASKED: f64 = 0.05;

fn traffic(rows: usize) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.0, gap_secs: 5.0, ..GeneratorConfig::default() };
    generate(&config, Seed(7)).map(|(event, _)| event).collect()
}

fn asked() -> TrainRequest {
    TrainRequest { contamination: Some(ASKED), ..request() }
}

/// The rows that were flagged, and those that were not.
async fn judge(instance: &Arc<Instance<Requests>>, events: &[RequestEvent]) -> (Vec<i64>, Vec<i64>) {
    let (mut flagged, mut passed) = (Vec::new(), Vec::new());
    for event in events {
        let judgement = instance.judge(event.clone(), false).await.unwrap();
        let rows = if judgement.verdict == Verdict::Anomalous { &mut flagged } else { &mut passed };
        rows.push(judgement.id.unwrap());
    }
    (flagged, passed)
}

/// A detector that has learned from 3,000 requests and judged 1,000 more, and what comes after these.
async fn at_work() -> (Setup<Requests>, (Vec<i64>, Vec<i64>), Vec<RequestEvent>) {
    let setup = Setup::<Requests>::new().await;
    let mut events = traffic(6_000);
    let later = events.split_off(4_000);
    let judged = events.split_off(3_000);
    setup.instance.import(unlabelled(events)).await.unwrap();
    setup.instance.train(asked()).await.unwrap();
    let rows = judge(&setup.instance, &judged).await;
    (setup, rows, later)
}

async fn label(instance: &Instance<Requests>, rows: &[i64], label: Label) {
    for row in rows {
        assert!(instance.label(&DetectionKey::Id(*row), label_change(label)).await.unwrap().is_some());
    }
}

/// SQL injections by as many clients, at the times of some ordinary requests.
fn attacks(like: &[RequestEvent], count: usize) -> Vec<RequestEvent> {
    let attack = |(i, event): (usize, &RequestEvent)| RequestEvent {
        endpoint: format!("/api/search?q={i}%27%20UNION%20SELECT%20name,%20hash%20FROM%20users%20LIMIT%20{i}--"),
        http_method: "GET".to_owned(),
        payload: String::new(),
        ip_address: format!("203.0.113.{}", i % 250),
        ..event.clone()
    };
    like.iter().step_by(like.len() / count).take(count).enumerate().map(attack).collect()
}

#[tokio::test]
async fn wrong_labels_do_not_break_the_share_of_alarms() {
    for wrong in [1, 20] {
        let (setup, (_, passed), later) = at_work().await;
        label(&setup.instance, &passed[..wrong], Label::Anomalous).await;
        let report = setup.instance.train(asked()).await.unwrap();
        assert_eq!((report.labels, report.refused), (wrong, None));
        let (flagged, _) = judge(&setup.instance, &later).await;
        let share = flagged.len() as f64 / later.len() as f64;
        assert!(share <= 2.0 * ASKED, "{wrong} of 4000 labelled wrong: {share}");
    }
}

#[tokio::test]
async fn attacks_that_nobody_labelled_are_not_learned_as_normal() {
    let (setup, (before, _), later) = at_work().await;
    let attacks = attacks(&later, 160);
    let (flagged, _) = judge(&setup.instance, &attacks[..120]).await;
    assert!(flagged.len() >= 118, "{} of 120 at first", flagged.len());
    let report = setup.instance.train(asked()).await.unwrap();
    assert_eq!((report.refused, report.kept_out), (None, before.len() + flagged.len()));
    let (again, _) = judge(&setup.instance, &attacks[120..]).await;
    assert!(again.len() >= 38, "{} of 40 after a training", again.len());
}

#[tokio::test]
async fn a_model_that_would_let_flagged_events_pass_is_stored_and_not_activated() {
    let (setup, _, later) = at_work().await;
    // The same unusual thing is flagged by the model at work, and normal in a history that is brought in.
    let (flagged, _) = judge(&setup.instance, &attacks(&later, 40)).await;
    assert!(flagged.len() >= 38, "{}", flagged.len());
    setup.instance.import(unlabelled(attacks(&later, 1_000))).await.unwrap();
    let named = |force| TrainRequest { version: Some("v1.0".to_owned()), force, ..asked() };
    let report = setup.instance.train(named(false)).await.unwrap();
    assert_eq!((report.version.as_str(), report.old_version.as_deref()), ("v1.1", Some("v1.0")), "the active one keeps its name");
    assert!(report.refused.unwrap().contains("nobody cleared"));
    assert_eq!(setup.instance.active().unwrap().version, "v1.0");
    assert_eq!(setup.instance.models().await.unwrap().len(), 2);
    let forced = setup.instance.train(named(true)).await.unwrap();
    assert_eq!((forced.version.as_str(), forced.refused), ("v1.0", None));
    assert_eq!(judge(&setup.instance, &attacks(&later, 10)).await.0.len(), 0, "it is normal now");
}
