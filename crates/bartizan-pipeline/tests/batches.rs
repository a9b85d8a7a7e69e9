//! Many events at once: judged, recorded and counted as one after the other would be.

mod common;

use bartizan_core::{Label, Seed, Timestamp};
use bartizan_domains::behavior::{Behavior, SessionEvent};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{Instance, JudgeError, Judgement, LifeCycle as _, MAX_EXPLAINED, RecordPolicy};
use bartizan_storage::{AuditFilter, DetectionKey};
use common::{Kind, Setup, request, sessions};
use std::sync::Arc;

fn traffic(rows: usize, seed: u64) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.1, ..GeneratorConfig::default() };
    generate(&config, Seed(seed)).map(|(event, _)| event).collect()
}

/// What two judgements of the same event must agree in: all but the row and the time.
fn essence(judgement: &Judgement) -> String {
    let Judgement { verdict, score, grade, confidence, model_version, class, margin, reasons, .. } = judgement;
    format!("{verdict:?} {score:?} {grade} {confidence} {model_version} {class:?} {margin:?} {reasons:?}")
}

async fn one_by_one<D: Kind>(instance: &Arc<Instance<D>>, events: &[D::Event]) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    for event in events {
        judgements.push(instance.judge(event.clone(), true).await.expect("a verdict"));
    }
    judgements
}

/// Two houses with the same model: what the first is asked at once, the second is asked one after the other.
async fn same_at_once_and_one_by_one<D: Kind>(lesson: Vec<D::Event>, events: Vec<D::Event>) {
    let (at_once, single) = (Setup::<D>::trained(lesson.clone()).await, Setup::<D>::trained(lesson).await);
    let offline: Vec<Judgement> = at_once.instance.offline().expect("a model").judge(&events).into_iter().map(|v| v.judgement).collect();
    let expected = one_by_one(&single.instance, &events).await;
    let many = at_once.instance.judge_many(events.clone(), true).await.expect("verdicts");
    assert_eq!(many.len(), events.len());
    assert_eq!(many.iter().filter(|judgement| judgement.explained).count(), events.len().min(MAX_EXPLAINED));
    for (i, (many, expected)) in many.iter().zip(&expected).enumerate() {
        let reasons = if many.explained { expected.reasons.clone() } else { Vec::new() };
        assert_eq!(essence(many), essence(&Judgement { reasons, ..expected.clone() }), "event {i}");
    }
    for (i, (offline, expected)) in offline.iter().zip(&expected).enumerate() {
        let silent = Judgement { reasons: Vec::new(), ..expected.clone() };
        assert_eq!(essence(offline), essence(&silent), "event {i} of a file");
    }
    for setup in [&at_once, &single] {
        let audit = setup.instance.audit(&AuditFilter::default(), 0, 1).await.expect("rows");
        assert_eq!(audit.total, events.len() as u64);
    }
    for (i, (many, expected)) in many.iter().zip(&expected).enumerate() {
        let (many, expected) = (at_once.row(many.id).await, single.row(expected.id).await);
        let bits = |sample: &[f32]| sample.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&many.detection.sample), bits(&expected.detection.sample), "row of event {i}");
        assert_eq!((&many.detection.action, &many.detection.event), (&expected.detection.action, &expected.detection.event));
    }
}

#[tokio::test]
async fn sessions_at_once_are_judged_and_recorded_as_one_by_one() {
    // More than two blocks of what is scored together, with a rest.
    same_at_once_and_one_by_one::<Behavior>(sessions(600, 1), sessions(1_100, 2)).await;
}

#[tokio::test]
async fn requests_at_once_have_the_same_windows_as_one_by_one() {
    same_at_once_and_one_by_one::<Requests>(traffic(400, 1), traffic(600, 2)).await;
}

#[tokio::test]
async fn rows_are_in_the_order_of_the_events() {
    let setup = Setup::<Behavior>::trained(sessions(300, 1)).await;
    let events = sessions(200, 2);
    let judgements = setup.instance.judge_many(events.clone(), false).await.unwrap();
    for (event, judgement) in events.iter().zip(&judgements) {
        assert_eq!(setup.row(judgement.id).await.detection.event_id, event.event_id);
    }
    assert!(setup.instance.judge_many(Vec::new(), false).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_of_the_store_is_cut() {
    let setup = Setup::<Behavior>::trained_in(200, sessions(300, 1)).await;
    let events = sessions(9_000, 2);
    let judgements = setup.instance.judge_many(events.clone(), false).await.unwrap();
    let totals = setup.instance.statistics().await.unwrap().totals;
    assert_eq!((judgements.len(), totals.judged, totals.stored), (9_000, 9_000, 9_000));
    for position in [0, 4_095, 4_096, 8_999] {
        assert_eq!(setup.row(judgements[position].id).await.detection.event_id, events[position].event_id, "{position}");
    }
    // Several at once wait for each other, where a queue that is full refuses a single event.
    let batches = (3..9).map(|seed| setup.instance.judge_many(sessions(5_000, seed), false));
    for judged in futures::future::join_all(batches).await {
        assert!(judged.unwrap().iter().all(|judgement| judgement.id.is_some()));
    }
    assert_eq!(setup.instance.statistics().await.unwrap().totals.judged, 39_000);
}

#[tokio::test]
async fn at_most_a_thousand_events_of_a_batch_are_explained_the_anomalous_ones_first() {
    let setup = Setup::<Behavior>::trained(sessions(300, 1)).await;
    for (rows, explain, expected) in [(900, true, 900), (6_000, true, MAX_EXPLAINED), (900, false, 0)] {
        let judgements = setup.instance.judge_many(sessions(rows, 2), explain).await.unwrap();
        assert_eq!(judgements.iter().filter(|judgement| judgement.explained).count(), expected, "{rows}");
        assert!(judgements.iter().all(|judgement| judgement.explained || judgement.reasons.is_empty()));
        let explained = |anomalous| {
            let of_kind = judgements.iter().filter(move |judgement| judgement.verdict.is_anomalous() == anomalous);
            of_kind.map(|judgement| judgement.explained).collect::<Vec<_>>()
        };
        let (anomalous, normal) = (explained(true), explained(false));
        assert!(!explain || anomalous.iter().take(MAX_EXPLAINED).all(|explained| *explained));
        assert!(normal.is_sorted_by(|a, b| a >= b), "normal ones in their order");
    }
}

#[tokio::test]
async fn nothing_more_is_judged_once_nobody_waits() {
    let setup = Setup::<Behavior>::trained(sessions(300, 1)).await;
    // Dated ahead, so that those are counted that were looked at.
    let ahead = |event| SessionEvent { time: Timestamp::from_secs(1_780_000_000), ..event };
    let mut batch = Box::pin(setup.instance.judge_many(sessions(20_000, 2).into_iter().map(ahead).collect(), true));
    assert_eq!(setup.instance.counters().dated_ahead, 0);
    assert!(futures::poll!(&mut batch).is_pending());
    drop(batch);
    // The chunk that was begun ends; what is asked next comes after it.
    setup.instance.judge_many(sessions(10, 3), false).await.unwrap();
    assert_eq!(setup.instance.statistics().await.unwrap().totals.judged, 10, "no chunk was recorded");
    assert_eq!(setup.instance.counters().dated_ahead, 4_096, "one chunk was begun");
}

#[tokio::test]
async fn recording_only_anomalies_counts_all_of_a_batch() {
    let setup = Setup::<Behavior>::trained(sessions(600, 1)).await;
    let sparing = setup.open(|settings| (settings.record, settings.max_training_samples) = (RecordPolicy::Anomalies, 50)).await;
    let (mut anomalous, mut confidence) = (0, 0.0);
    for seed in 2..6 {
        let judgements = sparing.judge_many(sessions(500, seed), false).await.unwrap();
        anomalous += judgements.iter().filter(|judgement| judgement.verdict.is_anomalous()).count() as u64;
        confidence += judgements.iter().map(|judgement| judgement.confidence).sum::<f64>();
        assert!(judgements.iter().all(|judgement| judgement.id.is_some() || !judgement.verdict.is_anomalous()));
    }
    let totals = sparing.statistics().await.unwrap().totals;
    assert_eq!((totals.judged, totals.anomalous), (2_000, anomalous));
    assert!((totals.average_confidence - confidence / 2_000.0).abs() < 1e-9, "{} {}", totals.average_confidence, confidence / 2_000.0);
    let kept = totals.stored - anomalous;
    assert!((50..400).contains(&kept), "{kept} normal verdicts kept");
}

#[tokio::test]
async fn a_batch_without_a_model_is_kept_as_history() {
    let setup = Setup::<Behavior>::new().await;
    let refused = setup.instance.judge_many(sessions(9_000, 1), false).await;
    assert!(matches!(refused, Err(JudgeError::NoModel)), "{refused:?}");
    let totals = setup.instance.statistics().await.unwrap().totals;
    assert_eq!((totals.stored, totals.judged), (9_000, 0), "all of it, not only the first");
}

#[tokio::test]
async fn what_is_labelled_after_a_batch_is_found_by_its_row() {
    let setup = Setup::<Behavior>::trained(sessions(300, 1)).await;
    let judgements = setup.instance.judge_many(sessions(20, 2), false).await.unwrap();
    let key = DetectionKey::Id(judgements[7].id.unwrap());
    let outcome = setup.instance.label(&key, common::label_change(Label::Anomalous)).await.unwrap().unwrap();
    assert_eq!((outcome.verdict, outcome.previous), (Some(judgements[7].verdict), None));
    assert_eq!(
        setup.instance.train(request()).await.unwrap_err().to_string(),
        "too few events to learn from: at least 100 are needed, and there are 20"
    );
}
