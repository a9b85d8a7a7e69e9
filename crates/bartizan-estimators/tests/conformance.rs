//! What every algorithm must do with any training set: a named error or a documented result, never a panic or a NaN.

use bartizan_core::{AnomalyScore, Contamination, Detector, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop, Threshold};
use bartizan_estimators::calibration::Calibration;
use bartizan_estimators::format::{self, FormatError, ModelFile};
use bartizan_estimators::labels::Corrections;
use bartizan_estimators::labels::LabelCalibration;
use bartizan_estimators::{Algorithm, RawParams, StoredDetector};
use std::sync::Arc;

fn algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::NAMES.iter().map(|name| {
        // Fewer trees, where there are trees, for speed.
        let raw = RawParams::named(name).over(&RawParams::default().with("n_estimators", 20_usize));
        Algorithm::from_raw(&raw, "ensemble").expect("every name is known")
    })
}

/// Fits it; what learns from labels is told that every other row is anomalous.
fn fit(algorithm: &Algorithm, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<StoredDetector, FitError> {
    let anomalous: Vec<bool> = (0..train.rows()).map(|row| algorithm.is_supervised() && row % 2 == 1).collect();
    algorithm.fit_labelled(schema, train, &anomalous, seed, &Stop::default())
}

/// Spread numbers without a generator: multiples of an irrational, modulo 1.
fn spread(rows: usize, width: usize) -> Vec<f32> {
    (0..rows * width).map(|i| ((i as f64 * 0.618_033_988_749_895) % 1.0) as f32).collect()
}

fn score(detector: &Arc<dyn Detector>, values: &[f32], width: usize) -> Vec<f64> {
    let samples = Samples::new(values, width).expect("whole rows");
    let mut out = vec![AnomalyScore(f64::NAN); samples.rows()];
    detector.score(samples, &mut out).expect("it scores");
    out.into_iter().map(|s| s.0).collect()
}

#[test]
fn odd_training_sets_end_in_finite_scores() {
    let cases: Vec<(&str, Vec<f32>, usize)> = vec![
        ("two rows", spread(2, 3), 3),
        ("fewer rows than max_samples", spread(17, 3), 3),
        ("one feature", spread(500, 1), 1),
        ("2,000 features", spread(20, 2000), 2000),
        ("constant", vec![7.0; 300], 3),
        ("duplicated", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].repeat(100), 3),
        ("all missing", vec![f32::NAN; 300], 3),
        ("some missing", spread(200, 3).iter().enumerate().map(|(i, v)| if i % 5 == 0 { f32::NAN } else { *v }).collect(), 3),
        ("1e30", spread(200, 3).iter().map(|v| v * 1e30).collect(), 3),
        ("largest", spread(200, 3).iter().map(|v| (v - 0.5) * 2.0 * f32::MAX).collect(), 3),
        ("denormal", spread(200, 3).iter().map(|v| v * 1e-40).collect(), 3),
    ];
    for algorithm in algorithms() {
        for (name, values, width) in &cases {
            let schema = FeatureSchema::unnamed(*width);
            let train = Samples::new(values, *width).expect("whole rows");
            let fitted = fit(&algorithm, &schema, train, Seed(1)).unwrap_or_else(|e| panic!("{} on {name}: {e}", algorithm.name()));
            fitted.validate().unwrap_or_else(|e| panic!("{} on {name}: {e}", algorithm.name()));
            let detector = fitted.into_detector();
            for probe in [0.0, 1.0, -1e30, f32::MAX, f32::MIN_POSITIVE, f32::NAN] {
                let row = vec![probe; *width];
                let score = score(&detector, &row, *width)[0];
                assert!(score.is_finite(), "{} on {name} gave {score} for {probe}", algorithm.name());
                if let Some(explainer) = detector.explainer() {
                    let total = explainer.explain(&row).expect("it explains").total();
                    assert!((total - score).abs() < 1e-6 * score.abs().max(1.0), "{} on {name}: {total} is not {score}", algorithm.name());
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let schema = FeatureSchema::unnamed(2);
    for algorithm in algorithms() {
        let fit = |values: &[f32], width| {
            algorithm.fit(&schema, Samples::new(values, width).expect("whole rows"), Seed(1)).map(|_| ()).unwrap_err()
        };
        assert_eq!(fit(&[], 2), FitError::TooFewSamples { needed: 2, got: 0 });
        assert_eq!(fit(&[1.0, 2.0], 2), FitError::TooFewSamples { needed: 2, got: 1 });
        assert_eq!(fit(&[1.0; 9], 3), FitError::Width { expected: 2, got: 3 });
        let infinite = FitError::NotFinite { row: 1, column: 0, value: f32::INFINITY };
        assert_eq!(fit(&[1.0, 2.0, f32::INFINITY, 3.0], 2), infinite);
    }
}

#[test]
fn a_fit_that_takes_long_ends_when_it_is_stopped() {
    let (schema, values) = (FeatureSchema::unnamed(2), spread(50, 2));
    let (train, stop) = (Samples::new(&values, 2).expect("whole rows"), Stop::default());
    stop.set();
    let anomalous: Vec<bool> = (0..50).map(|row| row % 2 == 1).collect();
    for algorithm in algorithms() {
        let ended = algorithm.fit_labelled(&schema, train, &anomalous, Seed(1), &stop).map(|_| ()).unwrap_err();
        assert_eq!(ended, FitError::Stopped, "{}", algorithm.name());
    }
}

#[test]
fn work_that_grows_with_rows_times_a_parameter_is_bounded() {
    let schema = FeatureSchema::unnamed(1);
    for (name, parameter, value, rows, expected) in [
        (
            "random_forest",
            "n_estimators",
            "10000",
            10_000,
            "n_estimators = 10000 is too much for 10000 rows of 1 features: the limit is 6710",
        ),
        ("lof", "n_neighbours", "1000", 50_000, "n_neighbours = 1000 is too much for 50000 rows of 1 features: the limit is 671"),
        (
            "one_class_svm",
            "solver",
            "exact",
            100_001,
            "rows of solver exact = 100001 is too much for 100001 rows of 1 features: the limit is 100000",
        ),
    ] {
        let raw = RawParams::named(name).with(parameter, value.parse::<bartizan_estimators::ParamValue>().expect("any text"));
        let algorithm = Algorithm::from_raw(&raw, "").expect("each alone is fine");
        let refused = fit(&algorithm, &schema, Samples::new(&spread(rows, 1), 1).expect("whole rows"), Seed(1)).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

#[test]
fn shapes_are_checked_and_seeds_repeat() {
    let (schema, values) = (FeatureSchema::unnamed(4), spread(1000, 4));
    let train = Samples::new(&values, 4).expect("whole rows");
    for algorithm in algorithms() {
        let fitted = || fit(&algorithm, &schema, train, Seed(9)).expect("it fits").into_detector();
        let (a, b) = (fitted(), fitted());
        let scores = score(&a, &values, 4);
        assert_eq!(scores, score(&b, &values, 4), "{}", algorithm.name());
        let singly: Vec<f64> = values.chunks(4).map(|row| score(&a, row, 4)[0]).collect();
        assert_eq!(scores, singly, "{}: one row as many", algorithm.name());
        let wide = Samples::new(&values, 5).expect("whole rows");
        assert_eq!(a.score(wide, &mut [AnomalyScore(0.0); 800]), Err(ScoreError::Width { expected: 4, got: 5 }));
        assert_eq!(a.score(train, &mut [AnomalyScore(0.0)]), Err(ScoreError::Output { rows: 1000, out: 1 }));
    }
}

fn model(detector: StoredDetector, schema: &FeatureSchema) -> ModelFile {
    let held_back: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
    let contamination = Contamination::try_from(0.1).expect("in range");
    ModelFile {
        kind: "requests".to_owned(),
        model_version: "v1.0".to_owned(),
        schema: schema.clone(),
        baselines: vec![1, 2, 3],
        detector,
        calibration: Calibration::fit(&held_back, contamination),
        threshold: Threshold(0.9),
        details: vec![("n_estimators".to_owned(), "20".to_owned())],
        labels: LabelCalibration::fit(&[(-1.0, false), (0.0, false), (1.0, true)]),
        classes: None,
        corrections: Corrections::default(),
    }
}

#[test]
fn stored_models_come_back_and_damage_is_found() {
    let (schema, values) = (FeatureSchema::unnamed(3), spread(300, 3));
    let train = Samples::new(&values, 3).expect("whole rows");
    for algorithm in algorithms() {
        let fitted = fit(&algorithm, &schema, train, Seed(1)).expect("it fits");
        let file = format::encode(&model(fitted.clone(), &schema));
        let back = format::decode(&file).expect("it reads its own");
        assert_eq!(score(&back.detector.into_detector(), &values, 3), score(&fitted.into_detector(), &values, 3));

        for cut in [0, 10, 49, 50, 60, file.len() / 2, file.len() - 1] {
            assert!(format::decode(&file[..cut]).is_err(), "cut to {cut}");
        }
        // At most about 2,000 places: each is a whole file read.
        for at in (0..file.len()).step_by((file.len() / 2_000).max(7)) {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(format::decode(&flipped).is_err(), "bit flipped at {at}");
        }
    }
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FIXTURES}/{name}.bartizan")).expect("the fixture is there")
}

#[test]
fn each_check_has_its_name() {
    let file = fixture("model-v1");
    let changed = |at: usize, byte: u8| {
        let mut copy = file.clone();
        copy[at] = byte;
        format::decode(&copy).expect_err("it is damaged")
    };
    assert_eq!(format::decode(b"short").expect_err("it is short"), FormatError::TooShort(5));
    assert_eq!(changed(0, b'X'), FormatError::Magic);
    assert_eq!(changed(8, 9), FormatError::Version(9));
    assert!(matches!(changed(17, 0xff), FormatError::TooLarge(_)));
    assert_eq!(changed(60, file[60] ^ 1), FormatError::Checksum);
}

/// Written by the first release; must be readable for ever.
#[test]
fn the_first_format_is_still_read() {
    let model = format::decode(&fixture("model-v1")).expect("old models are read");
    assert_eq!((model.kind.as_str(), model.model_version.as_str(), model.schema.width()), ("requests", "v1.0", 3));
    let detector = model.detector.into_detector();
    let scores = score(&detector, &[0.5, 0.5, 0.5, 9.0, 9.0, 9.0], 3);
    assert!(scores[1] > scores[0] + 1.0, "{scores:?}");
}

const PROBES: [f32; 6] = [0.5, 0.5, 0.5, 9.0, 9.0, 9.0];

/// Written when the format got its versions 2 and 3, or when the algorithm came; must be readable for ever, with the scores that their
/// thresholds were set on.
#[test]
fn later_formats_are_still_read_for_every_algorithm() {
    let all = ["v2", "v3"].into_iter().flat_map(|version| algorithms().map(move |algorithm| (version, algorithm)));
    // Rules came after version 3.
    for (version, algorithm) in all.filter(|(version, algorithm)| *version == "v3" || algorithm.name() != "rules") {
        let model = format::decode(&fixture(&format!("{version}/{}", algorithm.name()))).expect("old models are read");
        let stored = |name: &str| model.details.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.parse::<f64>().ok());
        let (inside, outside) = (stored("inside").expect("its score"), stored("outside").expect("its score"));
        assert!(model.labels.is_some());
        let scores = score(&model.detector.into_detector(), &PROBES, 3);
        for (got, expected) in scores.iter().zip([inside, outside]) {
            assert!(
                (got - expected).abs() < 1e-4 * expected.abs().max(1.0),
                "{version} {}: {scores:?}, not {inside}, {outside}",
                algorithm.name()
            );
        }
    }
}

/// Writes those fixtures that are not there, when `BARTIZAN_WRITE_FIXTURES` is set: once for each new algorithm.
#[test]
fn fixtures_are_written_on_request() {
    if std::env::var_os("BARTIZAN_WRITE_FIXTURES").is_none() {
        return;
    }
    let (schema, values) = (FeatureSchema::unnamed(3), spread(60, 3));
    for name in Algorithm::NAMES {
        let path = format!("{FIXTURES}/v3/{name}.bartizan");
        if std::fs::exists(&path).expect("it can be looked for") {
            continue;
        }
        let small = RawParams::default().with("n_estimators", 3_usize).with("max_samples", 32_usize);
        let algorithm = Algorithm::from_raw(&RawParams::named(name).over(&small), "").expect("it is known");
        let fitted = fit(&algorithm, &schema, Samples::new(&values, 3).expect("whole rows"), Seed(1)).expect("it fits");
        let mut file = model(fitted.clone(), &schema);
        let scores = score(&fitted.into_detector(), &PROBES, 3);
        file.details = vec![("inside".to_owned(), scores[0].to_string()), ("outside".to_owned(), scores[1].to_string())];
        std::fs::write(path, format::encode(&file)).expect("it is written");
    }
}
