//! What is kept out of training: entities, ranges of time, incidents.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]
#![expect(dead_code, reason = "every test file is a program of its own and uses a part of what they share")]

mod common;

use bartizan_core::{Label, Record, Seed, Timestamp};
use bartizan_domains::requests::generator::{GeneratorConfig, generate};
use bartizan_domains::requests::{RequestEvent, Requests};
use bartizan_pipeline::{Exclude, ExcludeError, ExclusionFault, Instance, Lesson, LifeCycle as _, TrainError, TrainReport};
use bartizan_storage::{DetectionKey, MAX_EXCLUSIONS};
use common::{Setup, label_change, request, unlabelled};
use std::sync::Arc;

const START: i64 = 1_769_990_000;
const ODD: &str = "198.51.100.66";

fn ordinary(rows: usize, start: i64, seed: u64) -> Vec<RequestEvent> {
    let config = GeneratorConfig { rows, attack_share: 0.0, start: at(start), clients: 30, gap_secs: 1.0 };
    generate(&config, Seed(seed)).map(|(event, _)| event).collect()
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// What one client asked for that nobody else does, a request every second.
fn odd(rows: i64, start: i64) -> Vec<RequestEvent> {
    let model = ordinary(1, start, 3).remove(0);
    let one = |i: i64| RequestEvent {
        request_id: format!("odd-{i}"),
        ip_address: ODD.to_owned(),
        endpoint: "/internal/export/everything".to_owned(),
        timestamp: at(start + i),
        ..model.clone()
    };
    (0..rows).map(one).collect()
}

fn of(entity: Option<&str>, from: Option<i64>, to: Option<i64>) -> Exclude {
    Exclude { entity: entity.map(str::to_owned), from: from.map(at), to: to.map(at), note: "an incident".to_owned() }
}

async fn trained(instance: &Arc<Instance<Requests>>) -> TrainReport {
    instance.train(request()).await.unwrap()
}

/// The score of an odd request by the model that is active now: known ones are ordinary.
fn score(instance: &Arc<Instance<Requests>>) -> f64 {
    instance.offline().unwrap().judge(&odd(1, START + 5_000))[0].judgement.score.unwrap()
}

#[tokio::test]
async fn what_is_excluded_is_not_learned_until_the_exclusion_is_removed() {
    let entity = format!("[::ffff:{ODD}]:443");
    let range = at(START + 1_000)..at(START + 1_200);
    let within = ordinary(2_000, START, 1).iter().filter(|event| range.contains(&event.timestamp)).count();
    for (name, exclude, excluded) in [
        ("an entity in another spelling", of(Some(&entity), None, None), 200),
        ("a range of time", of(None, Some(START + 1_000), Some(START + 1_200)), 200 + within),
        ("an incident", of(Some(ODD), Some(START + 1_000), Some(START + 1_100)), 100),
        ("the end is not part of it", of(Some(ODD), None, Some(START + 1_001)), 1),
        ("another one's", of(Some("203.0.113.250"), None, None), 0),
        ("other times", of(Some(ODD), Some(START + 9_000), None), 0),
        ("far-away times", of(Some(ODD), Some(i64::MIN), Some(i64::MAX)), 200),
    ] {
        let setup = Setup::<Requests>::new().await;
        let instance = setup.open(|settings| settings.max_client_share = 1.0).await;
        instance.import(unlabelled(ordinary(2_000, START, 1))).await.unwrap();
        instance.import(unlabelled(odd(200, START + 1_000))).await.unwrap();
        let made = instance.exclude(exclude).await.unwrap();
        assert_eq!(instance.exclusions().await.unwrap(), std::slice::from_ref(&made), "{name}");
        let report = trained(&instance).await;
        assert_eq!((report.excluded, report.samples, report.kept_out, report.left_out), (excluded, 2_200 - excluded, 0, 0), "{name}");
        let without = score(&instance);
        assert!(instance.remove_exclusion(made.id).await.unwrap() && !instance.remove_exclusion(made.id).await.unwrap(), "{name}");
        let report = trained(&instance).await;
        assert_eq!((report.excluded, report.samples), (0, 2_200), "{name}");
        if excluded >= 200 {
            assert!(score(&instance) < without, "{name}: it is known once it is learned from");
        }
    }
}

#[tokio::test]
async fn a_label_does_not_bring_back_what_is_excluded() {
    let setup = Setup::<Requests>::new().await;
    let instance = setup.open(|settings| settings.max_client_share = 1.0).await;
    instance.import(unlabelled(ordinary(1_000, START, 1))).await.unwrap();
    let labelled = odd(50, START + 500).into_iter().map(|event| Record::new(event, Some(Label::Legitimate))).collect();
    instance.import(labelled).await.unwrap();
    assert_eq!(trained(&instance).await.labels, 50);
    instance.exclude(of(Some(ODD), None, None)).await.unwrap();
    instance.label(&DetectionKey::EventId("odd-7".to_owned()), label_change(Label::Anomalous)).await.unwrap().unwrap();
    let report = trained(&instance).await;
    assert_eq!((report.excluded, report.samples, report.labels, report.kept_out), (50, 1_000, 0, 0));
}

#[tokio::test]
async fn what_is_given_is_kept_as_history_and_not_learned_while_it_is_excluded() {
    let setup = Setup::<Requests>::new().await;
    let instance = setup.open(|settings| settings.max_client_share = 1.0).await;
    let made = instance.exclude(of(Some(ODD), None, None)).await.unwrap();
    let given = || unlabelled([ordinary(400, START, 1), odd(60, START + 100)].concat());
    let alone = instance.learn(Lesson::Given(given()), request(), ()).await.unwrap();
    assert_eq!((alone.samples, alone.excluded, alone.left_out), (400, 60, 0));
    let beside = instance.learn(Lesson::WithHistory(given()), request(), ()).await.unwrap();
    assert_eq!((beside.samples, beside.excluded, beside.left_out), (800, 120, 0), "those given and those stored");
    assert_eq!(instance.statistics().await.unwrap().totals.stored, 920);
    instance.remove_exclusion(made.id).await.unwrap();
    let report = trained(&instance).await;
    assert_eq!((report.samples, report.excluded), (920, 0));
    let generated = instance.learn(Lesson::BuiltIn(given()), request(), ()).await.unwrap();
    instance.exclude(of(None, None, Some(i64::MAX))).await.unwrap();
    let again = instance.learn(Lesson::BuiltIn(given()), request(), ()).await.unwrap();
    assert_eq!((generated.samples, again.samples, again.excluded), (460, 460, 0), "built-in events are nobody's");
    let error = instance.train(request()).await.unwrap_err();
    assert!(matches!(error, TrainError::TooFewEvents { got: 0, excluded: 920, .. }), "{error}");
    assert!(error.to_string().contains("there are 0 besides 920 that are excluded"), "{error}");
}

/// Twenty rows are looked at for every one that is learned from: more than that are excluded, and the newest at that.
#[tokio::test]
async fn excluded_rows_take_nobodys_place() {
    let setup = Setup::<Requests>::new().await;
    let mut learned = Vec::new();
    for flood in [0, 3_000] {
        let name = format!("edge-{flood}");
        let open = |settings: &mut bartizan_pipeline::Settings| {
            settings.name = name.as_str().into();
            settings.max_training_samples = 100;
            settings.min_training_samples = 50;
            settings.params.algorithm = Some("hbos".to_owned());
        };
        let instance = setup.open(open).await;
        instance.import(unlabelled(ordinary(400, START, 1))).await.unwrap();
        instance.import(unlabelled(odd(flood, START + 1_000))).await.unwrap();
        instance.import(unlabelled(ordinary(5, START + 4_500, 2))).await.unwrap();
        instance.exclude(of(Some(ODD), None, None)).await.unwrap();
        let report = trained(&instance).await;
        assert_eq!((report.samples, report.excluded), (100, flood as usize));
        let model = instance.export_model(&report.version).await.unwrap().unwrap();
        let fresh = ordinary(50, START + 6_000, 4);
        let scores: Vec<_> = instance.offline().unwrap().judge(&fresh).iter().map(|verdict| verdict.judgement.score).collect();
        learned.push((model.len(), scores));
    }
    assert!(learned[0] == learned[1], "the same rows are learned from, with and without a flood that is excluded");
}

#[tokio::test]
async fn what_is_no_exclusion_is_refused_and_there_are_at_most_so_many() {
    let setup = Setup::<Requests>::new().await;
    let instance = &setup.instance;
    for (exclude, expected) in [
        (of(None, None, None), ExclusionFault::NamesNothing),
        (of(Some(" , "), None, None), ExclusionFault::NoEntity { entity: " , ".to_owned() }),
        (of(Some("a"), Some(2), Some(1)), ExclusionFault::Order { from: at(2), to: at(1) }),
    ] {
        let error = instance.exclude(exclude).await.unwrap_err();
        assert!(matches!(&error, ExcludeError::Fault(fault) if *fault == expected), "{error}");
    }
    let long = "x".repeat(1 << 20);
    let stored = instance.exclude(of(Some(&long), None, None)).await.unwrap().exclusion.entity.unwrap();
    let event = RequestEvent { ip_address: long, ..odd(1, START).remove(0) };
    let mut arrived = ordinary(200, START, 1);
    arrived.push(event);
    instance.import(unlabelled(arrived)).await.unwrap();
    assert_eq!((stored.len() <= 1_024, trained(instance).await.excluded), (true, 1), "it is cut as that of an event is");
    instance.exclude(of(Some("a\0b"), None, None)).await.unwrap();
    for number in 2..MAX_EXCLUSIONS {
        instance.exclude(of(Some(&number.to_string()), None, None)).await.unwrap();
    }
    let error = instance.exclude(of(Some("one more"), None, None)).await.unwrap_err();
    assert!(matches!(error, ExcludeError::TooMany { limit: MAX_EXCLUSIONS }) && error.to_string().contains("remove those"), "{error}");
    let kept = instance.exclusions().await.unwrap();
    assert_eq!((kept.len(), kept[1].exclusion.entity.as_deref()), (MAX_EXCLUSIONS, Some("a\0b")));
}
