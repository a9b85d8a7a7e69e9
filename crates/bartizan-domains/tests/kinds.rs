//! What every kind must keep, tried on each without being told which there are.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use bartizan_core::{Extract as _, Recency as _, Record, Seed, Timestamp, Tracking};
use bartizan_domains::kind::{Found, Kind, Plan, Range, Sets, is_attack};
use std::collections::HashSet;
use std::io::Cursor;
use std::ops::ControlFlow;

const ROWS: usize = 300;

fn plan() -> Plan {
    Plan { rows: ROWS, attack_share: 0.2, start: Timestamp::from_secs(1_770_000_000), gap_secs: 5.0, traffic: "" }
}

macro_rules! every_kind {
    ($($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $(
            $(#[$attribute])*
            mod $module {
                use bartizan_domains::$module::$Kind;

                #[test]
                fn its_settings_can_be_set() {
                    super::settings::<$Kind>();
                }

                #[test]
                fn it_reads_what_it_generates() {
                    super::files::<$Kind>();
                }

                #[test]
                fn it_makes_rows_as_wide_as_its_schema() {
                    super::rows::<$Kind>();
                }
            }
        )*
    };
}

bartizan_domains::for_each_kind!(every_kind);

fn settings<K: Kind>() {
    let may = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    assert!(K::NAME.chars().all(may) && K::JUDGED_AT.starts_with('/') && K::ONE_IN >= 1, "{}", K::NAME);
    let mut names = HashSet::new();
    for setting in K::SETTINGS.own {
        assert!(names.insert(setting.name) && !setting.doc.is_empty(), "{}", setting.name);
        let default = setting.default;
        let (is_limit, is_unset) = (matches!(setting.sets, Sets::Limit(_)), default.is_empty());
        assert!(
            match setting.range {
                Range::Whole(low, _) if is_limit && is_unset => low > 0,
                Range::Share(low, _) if is_limit && is_unset => low >= 0.0,
                Range::Whole(low, high) => (low..=high).contains(&default.parse().unwrap()),
                Range::Share(low, high) => default.parse::<f64>().is_ok_and(|share| share > low && share <= high),
                Range::Choice(words) => words.contains(&default),
                Range::List => !default.is_empty(),
            },
            "{} = {default}",
            setting.name
        );
        if let Sets::Limit(feature) = setting.sets {
            assert!(K::schema().features().iter().any(|f| f.name == feature && f.is_ruled()), "{} limits {feature}", setting.name);
        }
        assert!(setting.sets != Sets::FeatureSet || setting.range == Range::Choice(K::FEATURE_SETS), "{}", setting.name);
    }
    assert!(K::SETTINGS.contamination > 0.0 && K::SETTINGS.contamination <= 0.5 && K::SETTINGS.max_training_samples >= 2);
}

fn files<K: Kind>() {
    let records = K::generate(plan(), Seed(1));
    assert_eq!(records.len(), ROWS);
    let attacks = records.iter().filter(|record| is_attack(record)).count();
    assert!(attacks > 0 && attacks < ROWS, "{attacks} attacks");
    let lines = |records: &[Record<K::Event>], with_label| -> String {
        let rows = records.iter().map(|record| K::line(record, with_label));
        K::header(with_label).into_iter().chain(rows).map(|line| line + "\n").collect()
    };
    let text = lines(&records, true);
    assert_eq!(text, lines(&K::generate(plan(), Seed(1)), true), "the same seed gives the same events");
    for (with_label, text) in [(true, text), (false, lines(&records, false))] {
        let mut read = Vec::new();
        let summary = K::parse(Box::new(Cursor::new(text)), bartizan_core::AUTO.into(), plan().start, &mut |record| {
            read.push(record.unwrap());
            ControlFlow::Continue(())
        });
        assert_eq!(summary.unwrap().accepted as usize, ROWS);
        let labels = |records: &[Record<K::Event>]| records.iter().map(|record| record.label).collect::<Vec<_>>();
        let expected = if with_label { labels(&records) } else { vec![None; ROWS] };
        assert_eq!(labels(&read), expected);
    }
    assert!(K::live(plan(), Seed(1)).len() >= ROWS / 2);
    assert!(records.iter().all(|record| K::body(record).is_object()));
}

fn rows<K: Kind>() {
    assert!(K::schema().features().iter().all(|feature| feature.resolution() > 0.0), "{}", K::NAME);
    let events: Vec<K::Event> = K::generate(plan(), Seed(2)).into_iter().map(|record| record.event).collect();
    let (recency, width) = (K::recency(&Tracking::by_address(100)), K::schema().width());
    for set in K::FEATURE_SETS {
        let baselines = K::fit_baselines(events.iter(), set);
        for event in &events {
            let stored: K::Event = postcard::from_bytes(&postcard::to_allocvec(event).unwrap()).unwrap();
            let (recent, mut row) = (recency.observe(&stored), vec![f32::INFINITY; width]);
            baselines.extract(&stored, &recent, &mut row);
            assert!(row.iter().all(|value| value.is_finite() || value.is_nan()), "{row:?}");
        }
    }
    for class in K::CLASSES.iter().enumerate().map(|(index, _)| Some((index, 0.5))).chain([None]) {
        let found = Found { class, score: Some(0.7), grade: 0.6 };
        assert!(!K::rank(&found).is_nan() && K::risk(&found).is_none_or(|risk| (1..=10).contains(&risk)));
    }
}
