//! A batch judged apart from the stream: no trace in the windows, the same twice, and recorded all the same.

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod common;

use bartizan_core::{Label, Record, Seed, Timestamp};
use bartizan_domains::kind::{Kind as _, Plan};
use bartizan_domains::logs::{LogEvent, Logs};
use bartizan_pipeline::{Apart, JudgeError, Judgement, Lesson, LifeCycle as _, RecordPolicy, TrainRequest};
use bartizan_storage::{AuditFilter, LabelChange};
use common::{Kind, Setup};

impl Kind for Logs {
    const ALGORITHM: &'static str = "ensemble";
}

/// Traffic of one population.
fn traffic(rows: usize, attack_share: f64, seed: u64, start: i64) -> Vec<LogEvent> {
    let plan = Plan { rows, attack_share, start: Timestamp::from_secs(1_769_000_000 + start), gap_secs: 20.0, traffic: "" };
    Logs::live(plan, Seed(seed)).into_iter().map(|record| record.event).collect()
}

const ALL: Apart = Apart { explain: false, listed_above: 0.5 };

/// What two judgements of one event must agree in: all but the row and the time.
fn essence(judgements: &[Judgement]) -> Vec<String> {
    let of = |j: &Judgement| format!("{:?} {:?} {} {}", j.verdict, j.score, j.grade, j.confidence);
    judgements.iter().map(of).collect()
}

#[tokio::test]
async fn asked_twice_it_says_the_same_whatever_came_in_between_or_stands_beside() {
    let setup = Setup::<Logs>::trained(traffic(6_000, 0.0, 1, 0)).await;
    let batch = traffic(5_000, 0.1, 2, 130_000);
    let (events, first) = setup.instance.judge_apart(batch.clone(), ALL).await.expect("verdicts");
    assert_eq!(events.len(), batch.len());
    assert!(first.iter().filter(|j| j.verdict.is_anomalous()).count() > 300, "attacks are found");
    let (_, second) = setup.instance.judge_apart(batch.clone(), ALL).await.expect("verdicts");
    assert_eq!(essence(&first), essence(&second));
    // Backwards, and the first part alone.
    let (_, mut backwards) = setup.instance.judge_apart(batch.iter().rev().cloned().collect(), ALL).await.expect("verdicts");
    backwards.reverse();
    assert_eq!(essence(&backwards), essence(&first));
    let (_, part) = setup.instance.judge_apart(batch[..700].to_vec(), ALL).await.expect("verdicts");
    assert_eq!(essence(&part), essence(&first[..700]));
    let audit = setup.instance.audit(&AuditFilter::default(), 0, 1).await.expect("rows");
    assert_eq!(audit.total, 3 * 5_000 + 700, "every verdict is recorded");
}

#[tokio::test]
async fn the_stream_has_a_say_and_what_is_apart_has_none_also_after_a_restart() {
    let setup = Setup::<Logs>::trained(traffic(6_000, 0.0, 1, 0)).await;
    let guess = |secs: i64| {
        let mut event = traffic(1, 0.0, 3, 130_000 + secs).remove(0);
        (event.user_id, event.ip_address, event.status_code) = ("u1000".to_owned(), "10.9.9.9".to_owned(), Some(401));
        event.endpoint = "/api/v1/auth/login".to_owned();
        event
    };
    let last = vec![guess(200)];
    let before = setup.instance.judge_apart(last.clone(), ALL).await.expect("a verdict").1;
    setup.instance.judge_apart((0..100).map(guess).collect(), ALL).await.expect("verdicts");
    let same = setup.instance.judge_apart(last.clone(), ALL).await.expect("a verdict").1;
    assert_eq!(essence(&same), essence(&before), "no trace");
    let restarted = setup.open(|_| {}).await;
    let same = restarted.judge_apart(last.clone(), ALL).await.expect("a verdict").1;
    assert_eq!(essence(&same), essence(&before), "nor after a restart");
    restarted.judge_many((0..100).map(guess).collect(), false).await.expect("verdicts");
    let after = restarted.judge_apart(last.clone(), ALL).await.expect("a verdict").1;
    assert!(after[0].grade > before[0].grade, "{} {}", after[0].grade, before[0].grade);
    let again = setup.open(|_| {}).await;
    assert_eq!(essence(&again.judge_apart(last, ALL).await.expect("a verdict").1), essence(&after), "the stream comes back");
}

#[tokio::test]
async fn what_is_listed_counts_as_detected_and_what_is_recorded_is_the_models_verdict() {
    let setup = Setup::<Logs>::trained(traffic(3_000, 0.0, 1, 0)).await;
    let batch = traffic(500, 0.0, 2, 70_000);
    let all = Apart { explain: true, listed_above: -1.0 };
    let (_, judgements) = setup.instance.judge_apart(batch.clone(), all).await.expect("verdicts");
    assert!(judgements.iter().all(|judgement| judgement.explained && judgement.id.is_some()));
    assert_eq!(setup.instance.counters().anomalous, 500);
    let statistics = setup.instance.statistics().await.expect("figures");
    let anomalous = judgements.iter().filter(|judgement| judgement.verdict.is_anomalous()).count() as u64;
    assert_eq!((statistics.totals.judged, statistics.totals.anomalous), (500, anomalous));
    // A verdict given apart can be corrected like any other.
    let change = LabelChange { label: Label::Anomalous, changed_by: "ada".to_owned(), changed_at: Timestamp::from_secs(1) };
    let id = bartizan_storage::DetectionKey::Id(judgements[7].id.expect("a row"));
    assert!(setup.instance.label(&id, change).await.expect("an answer").is_some());
    let sparing = setup.open(|settings| settings.record = RecordPolicy::Anomalies).await;
    let (_, judged) = sparing.judge_apart(batch, ALL).await.expect("verdicts");
    assert_eq!(essence(&judged), essence(&judgements));
    let untrained = Setup::<Logs>::new().await;
    assert!(matches!(untrained.instance.judge_apart(Vec::new(), ALL).await, Err(JudgeError::NoModel)));
}

#[tokio::test]
async fn known_attacks_are_not_learned_unless_somebody_says_that_they_are_normal() {
    let lesson = || {
        let mut events = traffic(4_000, 0.0, 1, 0);
        events.iter_mut().step_by(40).for_each(|event| event.user_agent = Some("sqlmap/1.7".to_owned()));
        events
    };
    let mut attack = traffic(1, 0.0, 5, 100_000);
    attack[0].user_agent = Some("sqlmap/1.7".to_owned());
    let setup = Setup::<Logs>::new().await;
    let learn = |label: Option<Label>| {
        let label = move |event: &LogEvent| label.filter(|_| event.user_agent.as_deref() == Some("sqlmap/1.7"));
        let given = lesson().into_iter().map(|event| Record::new(event.clone(), label(&event))).collect();
        setup.instance.learn(Lesson::Given(given), TrainRequest { force: true, ..common::request() }, ())
    };
    let report = learn(None).await.expect("a model");
    assert_eq!(report.kept_out, 100);
    let kept_out = setup.instance.judge_apart(attack.clone(), ALL).await.expect("a verdict").1;
    let report = learn(Some(Label::Legitimate)).await.expect("a model");
    assert_eq!(report.kept_out, 0, "what a person said counts");
    let learned = setup.instance.judge_apart(attack, ALL).await.expect("a verdict").1;
    assert!(kept_out[0].grade > learned[0].grade, "{} {}", kept_out[0].grade, learned[0].grade);
}

#[tokio::test]
async fn a_flood_of_alarms_takes_no_place_from_what_is_learned() {
    let setup = Setup::<Logs>::new().await;
    let instance = setup.open(|settings| settings.max_training_samples = 200).await;
    let given = traffic(400, 0.0, 1, 0).into_iter().map(|event| Record::new(event, None)).collect();
    instance.import(given).await.expect("history");
    instance.learn(Lesson::History, common::request(), ()).await.expect("a model");
    // More than are looked at for so many to learn from.
    let flood: Vec<LogEvent> = traffic(6_000, 0.0, 2, 20_000)
        .into_iter()
        .enumerate()
        .map(|(i, event)| LogEvent {
            user_id: String::new(),
            ip_address: "10.66.6.6".to_owned(),
            endpoint: format!("/{i:x}.php"),
            status_code: Some(404),
            ..event
        })
        .collect();
    let judged = instance.judge_many(flood, false).await.expect("verdicts");
    let flagged = judged.iter().filter(|judgement| judgement.verdict.is_anomalous()).count();
    assert!(flagged > 5_500, "{flagged}");
    let report = instance.learn(Lesson::History, common::request(), ()).await.expect("a model");
    assert!(report.samples >= 150, "{} of 200", report.samples);
}
