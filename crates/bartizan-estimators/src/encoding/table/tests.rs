//! Tables by hand, and of arbitrary texts.

use super::{ColumnData, EncodingError, FittedTable, TableColumn, TableEncoder, TextEncoding};
use crate::Tails;
use crate::encoding::{Frequency, OneHot};
use bartizan_core::{AnomalyScore, Detector, Estimator, Samples, Seed};
use proptest::prelude::*;
use std::collections::HashSet;

fn both(max_categories: usize, min_count: u64) -> TableEncoder {
    TableEncoder {
        text: TextEncoding::Both(OneHot { max_categories, min_count }, Frequency { min_count }),
        exceptions: vec![("service".to_owned(), TextEncoding::Frequency(Frequency::default()))],
    }
}

fn text<'a>(name: &'a str, texts: &'a [&'a str]) -> TableColumn<'a> {
    TableColumn { name, data: ColumnData::Text(texts) }
}

fn numeric<'a>(name: &'a str, numbers: &'a [f32]) -> TableColumn<'a> {
    TableColumn { name, data: ColumnData::Numeric(numbers) }
}

fn stored(fitted: &FittedTable) -> FittedTable {
    let back: FittedTable = postcard::from_bytes(&postcard::to_allocvec(fitted).expect("it is written")).expect("it is read");
    back.validate().expect("it is in order");
    back
}

const PROTOCOLS: [&str; 10] = ["tcp", "udp", "tcp", "icmp", "tcp", "udp", "gre", "tcp", "esp", "(unseen)"];
const SERVICES: [&str; 10] = ["http", "dns", "http", "", "http", "dns", "http", "http", "http", "http"];

#[test]
fn a_table_becomes_samples_with_names() {
    let bytes: Vec<f32> = (0..10_i16).map(f32::from).collect();
    let table = [numeric("bytes", &bytes), text("protocol", &PROTOCOLS), text("service", &SERVICES)];
    let fitted = stored(&both(3, 1).fit(&table).unwrap());
    let names: Vec<String> = fitted.schema().names().map(str::to_owned).collect();
    let expected = [
        "bytes",
        "protocol=tcp",
        "protocol=udp",
        "protocol=\"(unseen)\"",
        "protocol=(rare)",
        "protocol=(unseen)",
        "protocol:frequency",
        "service:frequency",
    ];
    assert_eq!(names, expected);
    let rows = [
        ColumnData::Numeric(&[1.0, f32::INFINITY, f32::NAN, 0.0]),
        ColumnData::Text(&["tcp", "gre", "sctp", "(unseen)"]),
        ColumnData::Text(&["http", "", "ssh", "HTTP"]),
    ];
    let share = |count: f64| ((count + 0.5) / 11.0).ln() as f32;
    let nan = f32::NAN;
    let expected = [
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, share(4.0), share(7.0)],
        [nan, 0.0, 0.0, 0.0, 1.0, 0.0, share(1.0), share(1.0)],
        [nan, 0.0, 0.0, 0.0, 0.0, 1.0, share(0.0), share(0.0)],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, share(1.0), share(0.0)],
    ];
    let got = fitted.encode(&rows).unwrap();
    for (i, (g, e)) in got.iter().zip(expected.as_flattened()).enumerate() {
        assert!(g == e || (g.is_nan() && e.is_nan()), "place {i}: {g} for {e}");
    }
    assert_eq!(got.len(), 32);
}

#[test]
fn rare_categories_are_one_group() {
    let fitted = both(9, 2).fit(&[text("protocol", &PROTOCOLS), text("service", &SERVICES)]).unwrap();
    let names: Vec<String> = fitted.schema().names().map(str::to_owned).collect();
    assert_eq!(names[..4], ["protocol=tcp", "protocol=udp", "protocol=(rare)", "protocol=(unseen)"]);
    let all_frequent = TableEncoder::default().fit(&[text("a", &["x", "y"])]).unwrap();
    assert_eq!(all_frequent.schema().names().collect::<Vec<_>>(), ["a=x", "a=y", "a=(unseen)"]);
    assert_eq!(TableEncoder::default().fit(&[text("a", &[])]).unwrap().schema().names().collect::<Vec<_>>(), ["a=(unseen)"]);
}

#[test]
fn what_cannot_be_encoded_is_named() {
    let encoder = TableEncoder::default();
    let error = |table: &[TableColumn<'_>]| encoder.fit(table).map(|_| ()).unwrap_err();
    assert_eq!(error(&[]), EncodingError::Columns(0));
    for name in ["", "a=b", "a:b", "a\n", &"x".repeat(129)] {
        let shortened = name.chars().take(64).collect();
        assert_eq!(error(&[numeric(name, &[1.0])]), EncodingError::Name { column: 0, name: shortened });
    }
    assert_eq!(error(&[numeric("a", &[1.0]), text("a", &["x"])]), EncodingError::Duplicate("a".to_owned()));
    let rows = EncodingError::Rows { name: "b".to_owned(), expected: 1, got: 2 };
    assert_eq!(error(&[numeric("a", &[1.0]), text("b", &["x", "y"])]), rows);
    let exceptions = vec![("a".to_owned(), encoder.text)];
    let excepting = TableEncoder { exceptions, ..encoder.clone() };
    assert_eq!(excepting.fit(&[numeric("a", &[1.0])]).unwrap_err(), EncodingError::Exception("a".to_owned()));

    let fitted = encoder.fit(&[numeric("a", &[1.0]), text("b", &["x"])]).unwrap();
    let error = |table: &[ColumnData<'_>]| fitted.encode(table).unwrap_err();
    assert_eq!(error(&[ColumnData::Numeric(&[])]), EncodingError::Width { expected: 2, got: 1 });
    let kind = |name: &str, expected| EncodingError::Kind { name: name.to_owned(), expected };
    assert_eq!(error(&[ColumnData::Text(&["1"]), ColumnData::Text(&["x"])]), kind("a", "numbers"));
    assert_eq!(error(&[ColumnData::Numeric(&[1.0]), ColumnData::Numeric(&[1.0])]), kind("b", "texts"));
    assert!(matches!(error(&[ColumnData::Numeric(&[1.0]), ColumnData::Text(&[])]), EncodingError::Rows { got: 0, .. }));
}

#[test]
fn too_wide_a_table_is_refused() {
    let texts: Vec<String> = (0..1_000).map(|i| i.to_string()).collect();
    let column: Vec<&str> = texts.iter().map(String::as_str).collect();
    let names: Vec<String> = (0..120).map(|i| format!("c{i}")).collect();
    let table: Vec<TableColumn<'_>> = names.iter().map(|name| text(name, &column)).collect();
    let encoder = TableEncoder { text: TextEncoding::OneHot(OneHot { max_categories: 5_000, min_count: 1 }), exceptions: Vec::new() };
    assert_eq!(encoder.fit(&table).unwrap_err(), EncodingError::TooWide(120 * 1_001));
    assert!(encoder.fit(&table[..50]).unwrap().validate().is_ok());
}

/// A detector sees what was never there.
#[test]
fn an_unseen_category_scores_higher() {
    let many: Vec<Vec<&str>> = [PROTOCOLS.repeat(50), SERVICES.repeat(50)].to_vec();
    let fitted = both(3, 1).fit(&[text("protocol", &many[0]), text("service", &many[1])]).unwrap();
    let train = fitted.encode(&[ColumnData::Text(&many[0]), ColumnData::Text(&many[1])]).unwrap();
    let tails = Tails.fit(&fitted.schema(), Samples::new(&train, fitted.width()).unwrap(), Seed(0)).unwrap();
    let probes = fitted.encode(&[ColumnData::Text(&["tcp", "sctp"]), ColumnData::Text(&["http", "http"])]).unwrap();
    let mut out = [AnomalyScore(0.0); 2];
    tails.score(Samples::new(&probes, fitted.width()).unwrap(), &mut out).unwrap();
    assert!(out[1].0 > out[0].0 + 1.0, "{out:?}");
}

proptest! {
    #[test]
    fn any_texts_are_encoded(
        texts in prop::collection::vec(prop_oneof![".{0,12}", "[ab]", Just("(rare)".to_owned()), "\\PC{200,400}"], 0..60),
        probes in prop::collection::vec(".{0,300}", 0..20),
        max_categories in 0..20_usize,
        min_count in 0..4_u64,
    ) {
        let column: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut asked: Vec<&str> = probes.iter().map(String::as_str).collect();
        asked.extend(&column);
        let encoder = TableEncoder { exceptions: Vec::new(), ..both(max_categories, min_count) };
        let fitted = stored(&encoder.fit(&[text("t", &column)]).unwrap());
        let width = fitted.width();
        let schema = fitted.schema();
        prop_assert_eq!(schema.width(), width);
        let names: HashSet<&str> = schema.names().collect();
        prop_assert_eq!(names.len(), width, "every name once: {:?}", schema);
        prop_assert!(schema.names().all(|name| !name.chars().any(char::is_control)));
        let values = fitted.encode(&[ColumnData::Text(&asked)]).unwrap();
        for (row, asked) in values.chunks(width).zip(&asked) {
            let (flags, share) = (&row[..width - 1], row[width - 1]);
            prop_assert_eq!(flags.iter().filter(|f| **f == 1.0).count(), 1);
            prop_assert_eq!(flags.iter().filter(|f| **f == 0.0).count(), width - 2);
            prop_assert!(share.is_finite() && share <= 0.0);
            if column.contains(asked) {
                prop_assert_eq!(row[width - 2], 0.0, "{:?} was seen", asked);
            }
        }
        let reversed: Vec<&str> = column.iter().rev().copied().collect();
        prop_assert_eq!(encoder.fit(&[text("t", &reversed)]).unwrap().schema(), schema);
    }

    /// A stored encoder is hostile data: what passes the checks encodes without panic, what is damaged may not pass.
    #[test]
    fn damaged_encoders_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), probe in ".{0,20}") {
        let fitted = both(2, 2).fit(&[text("protocol", &PROTOCOLS), text("service", &SERVICES)]).unwrap();
        let mut bytes = postcard::to_allocvec(&fitted).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(damaged) = postcard::from_bytes::<FittedTable>(&bytes) && damaged.validate().is_ok() {
            let text = [probe.as_str(), "tcp", "gre"];
            let columns: Vec<ColumnData<'_>> = damaged.columns().map(|_| ColumnData::Text(&text)).collect();
            prop_assert_eq!(damaged.schema().width(), damaged.width());
            if let Ok(values) = damaged.encode(&columns) {
                prop_assert!(values.iter().all(|v| v.is_finite()));
            }
        }
    }
}
