//! Model files: read, checked, and used once.

use super::{Bounds, Target, shape};
use crate::seeds;
use bartizan_core::{AnomalyScore, Samples};
use bartizan_domains::behavior::BehaviorBaselines;
use bartizan_domains::flows::FlowBaselines;
use bartizan_domains::requests::RequestBaselines;
use bartizan_estimators::format;

/// What is packed may be unpacked, once; then it is a detector, of which the largest part is laid out anew for scoring.
const FILES: Bounds = Bounds { held: 40, allocated: 120, free: 8 << 20 };
/// A node of a tree is two bytes at least and sixteen at most, twice.
const BODIES: Bounds = Bounds { held: 40, allocated: 120, free: 8 << 20 };
/// Maps of counts, and tables of trigrams that are of one size.
const BASELINES: Bounds = Bounds { held: 80, allocated: 200, free: 8 << 20 };
/// Before the body: magic, version, length, checksum.
const HEADER: usize = 50;

/// Reads a model file and, when it is accepted, scores and explains a row.
fn used(file: &[u8]) -> u64 {
    let model = match format::decode(file) {
        Ok(model) => model,
        Err(error) => return shape([error.to_string().split(|c: char| !c.is_alphabetic()).nth(2).unwrap_or_default()]),
    };
    let width = model.schema.width();
    let detector = model.detector.into_detector();
    for value in [0.5, -1e30, f32::NAN] {
        let row = vec![value; width];
        let mut scores = [AnomalyScore(0.0)];
        if let Ok(samples) = Samples::new(&row, width) {
            // A row with a missing value may be refused; what is scored is finite.
            if detector.score(samples, &mut scores).is_ok() {
                assert!(scores[0].0.is_finite(), "a score of {value} is not finite");
            }
        }
        let _ = detector.explainer().map(|explainer| explainer.explain(&row));
    }
    1
}

/// Returns the model file of a body, as an attacker would build it: packed, with its length and checksum.
fn sealed(body: &[u8]) -> Vec<u8> {
    let version = seeds::models().first().and_then(|file| Some(u16::from_le_bytes([*file.get(8)?, *file.get(9)?])));
    format::seal(version.unwrap_or_default(), body)
}

pub(super) fn targets() -> Vec<Target> {
    let unpacked = |file: &Vec<u8>| zstd::decode_all(file.get(HEADER..)?).ok();
    let bodies = seeds::models().iter().filter_map(unpacked).chain(seeds::broken_bodies()).collect();
    vec![
        Target::new("model-file", FILES, seeds::models(), used),
        Target::new("model-body", BODIES, bodies, |body| used(&sealed(body))),
        Target::new("baselines", BASELINES, seeds::baselines(), |bytes| {
            let read = [
                postcard::from_bytes::<RequestBaselines>(bytes).is_ok(),
                postcard::from_bytes::<FlowBaselines>(bytes).is_ok(),
                postcard::from_bytes::<BehaviorBaselines>(bytes).is_ok(),
            ];
            shape([read.map(u8::from)])
        }),
    ]
}
