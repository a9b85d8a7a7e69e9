//! How unlike the learned texts a text is: a character trigram model of one class.
//!
//! Characters are folded into classes (letters by themselves in one case, all digits into one, others into a few groups),
//! so that a few thousand texts fill the model. The probability of a class after two others is estimated with back-off to
//! shorter contexts (Jelinek, Mercer 1980, with weights as Witten, Bell 1991).

use serde::{Deserialize, Serialize};

const CLASSES: usize = 44;
const EDGE: usize = 0;
/// Longest part of a text that is looked at.
const MAX_LOOKED_AT: usize = 2_048;
/// Characters that the sliding mean is taken over.
const WINDOW: usize = 8;

/// The class of each byte.
const CLASS: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class_of(byte as u8);
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> usize {
    usize::from(CLASS[usize::from(byte)])
}

const fn class_of(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 1 + byte - b'a',
        b'A'..=b'Z' => 1 + byte - b'A',
        b'0'..=b'9' => 27,
        b' ' => 28,
        b'.' => 29,
        b'-' => 30,
        b'_' => 31,
        b'@' => 32,
        b'/' => 33,
        b'\'' => 34,
        b'"' => 35,
        b'<' | b'>' => 36,
        b'(' | b')' | b'[' | b']' | b'{' | b'}' => 37,
        b'=' | b'&' | b'?' => 38,
        b';' | b':' | b',' => 39,
        b'%' | b'+' | b'*' | b'\\' | b'|' => 40,
        b'$' | b'#' | b'!' | b'~' | b'^' | b'`' => 41,
        0x80..=0xff => 42,
        _ => 43,
    }
}

fn cell(a: usize, b: usize, c: usize) -> usize {
    (a * CLASSES + b) * CLASSES + c
}

/// Counts texts.
pub(crate) struct SurpriseBuilder {
    counts: Vec<u32>,
}

impl SurpriseBuilder {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; CLASSES * CLASSES * CLASSES] }
    }

    pub(crate) fn add(&mut self, text: &str) {
        let (mut a, mut b) = (EDGE, EDGE);
        for c in text.bytes().take(MAX_LOOKED_AT).map(class).chain([EDGE]) {
            let count = &mut self.counts[cell(a, b, c)];
            *count = count.saturating_add(1);
            (a, b) = (b, c);
        }
    }

    pub(crate) fn finish(self) -> Surprise {
        Surprise::from(Counts { filled: self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (i as u32, *n)).collect() })
    }
}

/// What is stored: the cells that were met.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counts {
    filled: Vec<(u32, u32)>,
}

/// The learned model: minus the logarithm of the probability of each trigram.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Counts", into = "Counts")]
pub(crate) struct Surprise {
    counts: Counts,
    nats: Vec<f32>,
}

impl From<Surprise> for Counts {
    fn from(surprise: Surprise) -> Self {
        surprise.counts
    }
}

impl From<Counts> for Surprise {
    fn from(counts: Counts) -> Self {
        let mut three = vec![0.0_f64; CLASSES * CLASSES * CLASSES];
        for &(index, count) in &counts.filled {
            // Stored models may be damaged: what lies outside is passed over.
            if let Some(place) = three.get_mut(index as usize) {
                *place = f64::from(count);
            }
        }
        Self { nats: nats(&three), counts }
    }
}

/// Probabilities with back-off: the share of a longer context's word depends on how many different classes followed it.
fn nats(three: &[f64]) -> Vec<f32> {
    let (mut two, mut one) = (vec![0.0; CLASSES * CLASSES], vec![0.0; CLASSES]);
    for (index, count) in three.iter().enumerate() {
        two[index % (CLASSES * CLASSES)] += count;
        one[index % CLASSES] += count;
    }
    let total: f64 = one.iter().sum();
    let unigram: Vec<f64> = one.iter().map(|n| (n + 0.5) / (total + 0.5 * CLASSES as f64)).collect();
    let mixed = |row: &[f64], lower: &[f64]| -> Vec<f64> {
        let (sum, kinds) = (row.iter().sum::<f64>(), row.iter().filter(|n| **n > 0.0).count() as f64);
        let weight = kinds.max(1.0);
        row.iter().zip(lower).map(|(n, p)| (n + weight * p) / (sum + weight)).collect()
    };
    let bigram: Vec<Vec<f64>> = two.chunks_exact(CLASSES).map(|row| mixed(row, &unigram)).collect();
    let rows = three.chunks_exact(CLASSES).enumerate();
    rows.flat_map(|(context, row)| mixed(row, &bigram[context % CLASSES])).map(|p| -p.ln() as f32).collect()
}

/// What a text's surprise is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TextSurprise {
    /// Over the whole text, nats.
    pub(crate) sum: f32,
    /// Highest mean over a few characters, nats a character.
    pub(crate) peak: f32,
}

impl Surprise {
    /// Reads a text once; no allocation. The iterator is driven from within, which makes a plain loop of its parts.
    pub(crate) fn of(&self, text: &str) -> TextSurprise {
        let (mut a, mut b) = (EDGE, EDGE);
        let (mut sum, mut window, mut peak) = (0.0_f32, 0.0_f32, 0.0_f32);
        let mut last = [0.0_f32; WINDOW];
        text.bytes().take(MAX_LOOKED_AT).map(class).chain([EDGE]).enumerate().for_each(|(i, c)| {
            let nats = self.nats[cell(a, b, c)];
            sum += nats;
            window += nats - last[i % WINDOW];
            last[i % WINDOW] = nats;
            peak = peak.max(window / WINDOW as f32);
            (a, b) = (b, c);
        });
        TextSurprise { sum, peak }
    }
}

#[cfg(test)]
mod tests {
    use super::SurpriseBuilder;

    #[test]
    fn unlike_texts_surprise() {
        let mut builder = SurpriseBuilder::new();
        for name in ["maria lopez", "jose garcia", "ana maria", "calle mayor 12", "plaza mayor 3", "lopez garcia"] {
            (0..20).for_each(|_| builder.add(name));
        }
        let model = builder.finish();
        let (usual, attack) = (model.of("jose lopez"), model.of("1' or '1'='1"));
        assert!(attack.sum > 2.0 * usual.sum && attack.peak > 1.5 * usual.peak, "{usual:?} {attack:?}");
        assert!(model.of("").sum.is_finite() && model.of("\u{0}\u{ffff}").peak.is_finite());
    }
}
