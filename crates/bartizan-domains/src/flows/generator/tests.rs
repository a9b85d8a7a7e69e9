//! Generated flows.

use super::super::features::{F, WIDTH};
use super::super::{FeatureSet, Flows};
use super::{GeneratorConfig, csv_header, csv_row, event_to_json, generate};
use crate::flows::body::parse_data;
use bartizan_core::{Domain, Extract, Label, Parse, Seed, Timestamp};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

fn config(rows: usize, attack_share: f64) -> GeneratorConfig {
    GeneratorConfig { rows, attack_share, ..GeneratorConfig::default() }
}

#[test]
fn the_same_seed_gives_the_same_labelled_flows() {
    let flows = generate(&config(2000, 0.2), Seed(3));
    let again = generate(&config(2000, 0.2), Seed(3));
    assert_eq!(format!("{flows:?}"), format!("{again:?}"));
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (event, label, name) in &flows {
        assert_eq!((*label == Label::Legitimate, event.values.len()), (*name == "BENIGN", WIDTH), "{name}");
        *names.entry(name).or_default() += 1;
    }
    assert!((1500..1700).contains(&names["BENIGN"]) && names.len() == 10, "{names:?}");
    assert!(flows.windows(2).all(|pair| pair[0].0.time <= pair[1].0.time));
}

#[test]
fn the_columns_agree_with_each_other() {
    for (event, _, name) in generate(&config(1000, 0.3), Seed(4)) {
        let of = |feature: F| f64::from(event.values[feature as usize]);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * a.abs().max(b.abs()).max(1.0);
        let seconds = of(F::FlowDuration) / 1e6;
        let packets = of(F::FwdPackets) + of(F::BwdPackets);
        for (what, a, b) in [
            ("mean", of(F::FwdLengthMean) * of(F::FwdPackets), of(F::FwdBytes)),
            ("bytes", of(F::FlowBytesRate) * seconds, of(F::FwdBytes) + of(F::BwdBytes)),
            ("packets", of(F::FlowPacketsRate) * seconds, packets),
            ("gaps", of(F::FlowIatMean) * (packets - 1.0), of(F::FlowDuration)),
            ("variance", of(F::LengthStd).powi(2), of(F::LengthVariance)),
            ("headers", of(F::FwdHeader), of(F::FwdHeader1)),
        ] {
            assert!(near(a, b), "{name}: {what} {a} {b}");
        }
        assert!(of(F::FwdLengthMin) <= of(F::FwdLengthMean) && of(F::FwdLengthMean) <= of(F::FwdLengthMax) + 1e-3, "{name}");
        assert!(event.values.iter().all(|v| v.is_finite()), "{name}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut flows = generate(&config(200, 0.5), Seed(5));
    flows[0].0.values[F::FlowBytesRate as usize] = f32::NAN;
    flows[1].0.event_id = "with, \"quotes\"".to_owned();
    let rows: Vec<String> = flows.iter().map(|(event, _, name)| csv_row(event, name)).collect();
    let table = format!("{}\n{}\n", csv_header(), rows.join("\n"));
    let mut read = Vec::new();
    let summary = Flows::parse(Box::new(table.as_bytes()), "auto".into(), Timestamp::from_secs(0), &mut |record| {
        read.push(record.expect("every row is read"));
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().accepted, 200);
    for ((event, label, name), record) in flows.iter().zip(&read) {
        assert_eq!(
            (format!("{event:?}"), Some(*label), Some(*name)),
            (format!("{:?}", record.event), record.label, record.label_name.as_deref())
        );
        let body = serde_json::json!({"data": event_to_json(event)}).to_string();
        let sent = parse_data(body.as_bytes(), event.time).unwrap();
        assert_eq!(format!("{:?}", sent.values), format!("{:?}", event.values));
    }
}

#[test]
fn attacks_stand_out_from_what_was_learned() {
    let flows = generate(&config(4000, 0.2), Seed(6));
    let benign = flows.iter().filter(|f| f.1 == Label::Legitimate).map(|f| &f.0);
    let baselines = Flows::fit_baselines(benign, "all");
    assert_eq!(baselines.features(), FeatureSet::All);
    let mut row = vec![0.0; WIDTH];
    let mut beyond = |event| {
        baselines.extract(event, &(), &mut row);
        (0..WIDTH).filter(|i| baselines.reason(event, &row, *i).is_some_and(|said| said.contains("99 %"))).count()
    };
    let mut mean = |label: Label| {
        let counts: Vec<usize> = flows.iter().filter(|f| f.1 == label).map(|f| beyond(&f.0)).collect();
        counts.iter().sum::<usize>() as f64 / counts.len() as f64
    };
    let (usual, odd) = (mean(Label::Legitimate), mean(Label::Anomalous));
    assert!(odd > 3.0 * usual, "{odd} {usual}");
}

#[test]
fn events_and_baselines_survive_storage() {
    let flows = generate(&config(100, 0.1), Seed(7));
    let event = &flows[0].0;
    let stored: crate::flows::FlowEvent = postcard::from_bytes(&postcard::to_allocvec(event).unwrap()).unwrap();
    assert_eq!(&stored, event);
    let baselines = Flows::fit_baselines(flows.iter().map(|f| &f.0), "robust");
    let back: crate::flows::FlowBaselines = postcard::from_bytes(&postcard::to_allocvec(&baselines).unwrap()).unwrap();
    assert_eq!((&back, back.features()), (&baselines, FeatureSet::Robust));
    let facts = Flows::facts(event);
    assert_eq!((facts.event_id.as_ref(), facts.action.is_empty(), Flows::schema().width()), ("flow-0", false, WIDTH));
}
