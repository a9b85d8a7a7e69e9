//! Model files that were changed on purpose, with a checksum that holds: they are refused with a sentence, or they score and
//! explain like any other.

use bartizan_core::{AnomalyScore, Samples};
use bartizan_estimators::Algorithm;
use bartizan_estimators::format::{self, ModelFile};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const HEADER: usize = 50;
const TRIED: u64 = 300;

/// The body of a file, changed and packed again as if it had been written so.
fn repacked(file: &[u8], body: &[u8]) -> Vec<u8> {
    format::seal(u16::from_le_bytes([file[8], file[9]]), body)
}

fn mutated(body: &[u8], rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..body.len());
        match rng.random_range(0..5) {
            0 => body[at] ^= 1 << rng.random_range(0..8),
            1 => body[at] = rng.random(),
            2 => body[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
            3 => {
                let end = (at + rng.random_range(1..16)).min(body.len());
                let part = body[at..end].to_vec();
                body.splice(at..at, part);
            }
            _ => drop(body.drain(at..(at + rng.random_range(1..8)).min(body.len() - 1).max(at))),
        }
    }
    body
}

/// A model that was accepted is used: a panic fails the test.
fn used(model: ModelFile) {
    let width = model.schema.width();
    let detector = model.detector.into_detector();
    for row in [vec![0.5; width], vec![f32::NAN; width], vec![1e30; width]] {
        let mut out = [AnomalyScore(0.0)];
        detector.score(Samples::new(&row, width).expect("one row"), &mut out).expect("it scores rows of its own width");
        if let Some(explainer) = detector.explainer() {
            explainer.explain(&row).expect("it explains rows of its own width");
        }
    }
}

#[test]
fn a_changed_model_is_refused_or_can_be_used() {
    let fixtures = ["v2", "v3"].into_iter().flat_map(|version| Algorithm::NAMES.iter().map(move |name| format!("{version}/{name}")));
    // Rules came after version 3.
    for (number, name) in fixtures.filter(|name| name != "v2/rules").enumerate() {
        let path = format!("{}/tests/fixtures/{name}.bartizan", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(path).expect("the fixture is there");
        let body = zstd::decode_all(&file[HEADER..]).expect("it is packed");
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(number as u64);
        let mut accepted = 0;
        for _ in 0..TRIED {
            if let Ok(model) = format::decode(&repacked(&file, &mutated(&body, &mut rng))) {
                accepted += 1;
                used(model);
            }
        }
        assert!(accepted > 0, "{name}: every change was refused, so that nothing was tried");
    }
}
