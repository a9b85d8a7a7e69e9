//! Products of many rows with many others in 32 bits, and kernel functions of them while they are in the cache.
//!
//! The right-hand rows are packed once into panels of [`LANES`] rows that lie feature by feature; a micro-kernel multiplies a few
//! rows with a panel. Every product adds its features in order with fused operations, and every sum over packed rows
//! adds panels in order: a row gets the same bits alone, in a batch, and on any machine.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod exp;
mod jobs;
#[cfg(test)]
mod tests;

pub(crate) use exp::exp;

use jobs::{Norms, Values, Weighted};
use serde::{Deserialize, Serialize};

/// Rows side by side in a panel: two registers of AVX-512.
pub(crate) const LANES: usize = 32;
/// Rows that a micro-kernel multiplies with one panel at a time: 24 of 32 registers hold their sums.
const TALL: usize = 12;
/// Panels that a micro-kernel multiplies with one row at a time: enough sums side by side that no addition waits.
const BROAD: usize = 8;

/// Widest rows that are read from a file: panels of few wide rows take up to 32 times as much as their rows.
const MAX_STORED_WIDTH: usize = 65_536;

/// One number of each row of a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [f32; LANES]);

impl Line {
    const ZERO: Self = Self([0.0; LANES]);

    /// Numbers in lines, the last one filled up with zeros.
    pub(crate) fn all(values: &[f32]) -> Vec<Self> {
        let line = |values: &[f32]| {
            let mut line = Self::ZERO;
            line.0[..values.len()].copy_from_slice(values);
            line
        };
        values.chunks(LANES).map(line).collect()
    }
}

/// What is made of a product of two rows, given it and the squares of their lengths.
pub(crate) trait Link: Copy + Sync {
    /// Implementations are `#[inline(always)]`, so that they become part of vector code.
    fn of(self, product: f32, left: f32, right: f32) -> f32;
}

/// Rows packed into panels.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub(crate) struct Packed {
    width: usize,
    rows: usize,
    /// Panel after panel, each one line per feature.
    lines: Vec<Line>,
    /// Squares of the rows' lengths.
    norms: Vec<Line>,
}

/// How rows are stored.
#[derive(Serialize, Deserialize)]
struct Plain {
    width: usize,
    values: Vec<f32>,
}

impl TryFrom<Plain> for Packed {
    type Error = String;

    fn try_from(plain: Plain) -> Result<Self, String> {
        if !(1..=MAX_STORED_WIDTH).contains(&plain.width) || plain.values.is_empty() || !plain.values.len().is_multiple_of(plain.width) {
            return Err(format!("{} numbers do not make whole rows of {}", plain.values.len(), plain.width));
        }
        Ok(Self::new(&plain.values, plain.width))
    }
}

impl From<Packed> for Plain {
    fn from(packed: Packed) -> Self {
        Self { width: packed.width, values: (0..packed.rows).flat_map(|row| packed.row(row)).collect() }
    }
}

impl Packed {
    /// Packs rows of `width` numbers.
    pub(crate) fn new(values: &[f32], width: usize) -> Self {
        let rows = values.len() / width;
        let mut lines = vec![Line::ZERO; rows.div_ceil(LANES) * width];
        for (panel, values) in lines.chunks_exact_mut(width).zip(values.chunks(LANES * width)) {
            for (lane, row) in values.chunks_exact(width).enumerate() {
                panel.iter_mut().zip(row).for_each(|(line, value)| line.0[lane] = *value);
            }
        }
        let mut norms = vec![0.0; rows];
        norms_of(values, width, &mut norms);
        Self { width, rows, lines, norms: Line::all(&norms) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Rows, filled up to whole panels.
    pub(crate) fn places(&self) -> usize {
        self.norms.len() * LANES
    }

    /// A row as it was packed.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = f32> + '_ {
        let panel = row / LANES * self.width;
        self.lines[panel..panel + self.width].iter().map(move |line| line.0[row % LANES])
    }

    /// Whether every number is within `most` of zero.
    pub(crate) fn within(&self, most: f32) -> bool {
        self.lines.iter().flat_map(|line| line.0).all(|v| v.abs() <= most)
    }

    fn panels(&self) -> usize {
        self.norms.len()
    }

    fn panel(&self, from: usize, count: usize) -> &[Line] {
        &self.lines[from * self.width..(from + count) * self.width]
    }
}

/// Squares of the lengths of rows, added up in the order of all products: a row's distance to itself is zero.
pub(crate) fn norms_of(rows: &[f32], width: usize, out: &mut [f32]) {
    assert_eq!(rows.len(), width * out.len(), "one place for each row");
    jobs::run(Norms { rows, width, out });
}

/// `link` of each of `rows` with each packed row: rows of `packed.places()` values, those of missing rows without meaning.
pub(crate) fn values<L: Link>(link: L, rows: &[f32], packed: &Packed, out: &mut [f32]) {
    assert_eq!(rows.len() * packed.places(), out.len() * packed.width, "a place for each value");
    jobs::run(Values { link, rows, packed, out });
}

/// For each of `rows`, the sum of `link` with the packed rows, each times its weight.
pub(crate) fn weighted<L: Link>(link: L, rows: &[f32], packed: &Packed, weights: &[Line], out: &mut [f64]) {
    assert_eq!(rows.len(), packed.width * out.len(), "one place for each row");
    assert_eq!(weights.len(), packed.panels(), "one weight for each packed row");
    jobs::run(Weighted { link, rows, packed, weights, out });
}
