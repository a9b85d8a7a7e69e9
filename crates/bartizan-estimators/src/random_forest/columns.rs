//! The training columns as whole numbers: sorting and comparing values is done once for all trees.

use bartizan_core::Samples;
use rayon::prelude::*;

/// Most bins of a column: a bin fits a byte, and the counts of all bins the first-level cache.
pub(super) const BINS: usize = 256;

/// One training column without missing values.
pub(super) struct Column {
    /// Every row's bin: neighbouring values together, about equally many rows in each.
    pub(super) bins: Vec<u8>,
    /// Every row's place among the different values, from 0.
    pub(super) ranks: Vec<u32>,
    /// The different values, rising.
    values: Vec<f32>,
    /// The highest rank in each bin, rising.
    last: Vec<u32>,
}

/// All columns, missing values read as `medians`.
pub(super) fn columns(train: Samples<'_>, medians: &[f32]) -> Vec<Column> {
    (0..train.width()).into_par_iter().map(|c| Column::new(train.iter().map(|row| row[c]), medians[c])).collect()
}

impl Column {
    fn new(values: impl Iterator<Item = f32>, median: f32) -> Self {
        // Adding zero makes one zero of the two.
        let present = values.map(|v| if v.is_nan() { median } else { v } + 0.0);
        let mut keys: Vec<u64> = present.enumerate().map(|(row, v)| u64::from(ordered(v)) << 32 | row as u64).collect();
        keys.sort_unstable();
        let mut column = Self { bins: vec![0; keys.len()], ranks: vec![0; keys.len()], values: Vec::new(), last: Vec::new() };
        let mut counts: Vec<u32> = Vec::new();
        let mut previous = None;
        for key in &keys {
            let bits = (key >> 32) as u32;
            if previous != Some(bits) {
                column.values.push(unordered(bits));
                counts.push(0);
                previous = Some(bits);
            }
            column.ranks[*key as u32 as usize] = counts.len() as u32 - 1;
            counts[column.values.len() - 1] += 1;
        }
        column.last = last_ranks(&counts, keys.len());
        let mut bin_of = Vec::with_capacity(counts.len());
        for (bin, last) in column.last.iter().enumerate() {
            bin_of.resize(*last as usize + 1, bin as u8);
        }
        for (bin, rank) in column.bins.iter_mut().zip(&column.ranks) {
            *bin = bin_of[*rank as usize];
        }
        column
    }

    /// How many bins there are.
    pub(super) fn bin_count(&self) -> usize {
        self.last.len()
    }

    /// Whether every value has a bin of its own, so that bins say as much as ranks.
    pub(super) fn is_lossless(&self) -> bool {
        self.last.len() == self.values.len()
    }

    /// A threshold `t` with `value(low) < t <= value(high)`, halfway where numbers are dense enough.
    pub(super) fn between(&self, low: u32, high: u32) -> f32 {
        let (a, b) = (self.values[low as usize], self.values[high as usize]);
        let middle = a / 2.0 + b / 2.0;
        if a < middle && middle <= b { middle } else { b }
    }

    /// The highest rank in a bin.
    pub(super) fn last_rank(&self, bin: usize) -> u32 {
        self.last[bin]
    }

    /// The lowest rank in a bin.
    pub(super) fn first_rank(&self, bin: usize) -> u32 {
        if bin == 0 { 0 } else { self.last[bin - 1] + 1 }
    }
}

/// Bits that compare as the numbers do.
fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn unordered(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits })
}

/// Where bins end: each takes values until it has its share of the rows that are left.
fn last_ranks(counts: &[u32], rows: usize) -> Vec<u32> {
    if counts.len() <= BINS {
        return (0..counts.len() as u32).collect();
    }
    let mut last = Vec::with_capacity(BINS);
    let (mut held, mut left) = (0, rows);
    for (rank, count) in counts.iter().enumerate() {
        held += *count as usize;
        if held * (BINS - last.len()) >= left {
            last.push(rank as u32);
            left -= held;
            held = 0;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::{BINS, Column};

    #[test]
    fn bins_and_ranks_rise_with_the_values() {
        let skewed: Vec<f32> = (0..5000_i32).map(|i| if i % 3 == 0 { -0.0 } else { ((i * 7919) % 2500 - 900) as f32 }).collect();
        let few: Vec<f32> = (0..1000).map(|i| (i % 7) as f32).collect();
        for values in [skewed, few] {
            let column = Column::new(values.iter().copied(), 0.0);
            assert!(column.bin_count() <= BINS && (column.bin_count() > 200 || column.is_lossless()));
            for (a, b) in (0..values.len()).zip(1..values.len()) {
                assert_eq!(values[a].partial_cmp(&values[b]), Some(column.ranks[a].cmp(&column.ranks[b])));
                assert!((column.bins[a] <= column.bins[b]) || values[a] > values[b]);
            }
            for bin in 1..column.bin_count() {
                let threshold = column.between(column.last_rank(bin - 1), column.first_rank(bin));
                for (value, at) in values.iter().zip(&column.bins) {
                    assert_eq!(*value < threshold, usize::from(*at) < bin);
                }
            }
        }
    }

    #[test]
    fn thresholds_part_neighbours() {
        let tiny = f32::from_bits(1);
        for (a, b) in [(0.0, tiny), (tiny, f32::from_bits(2)), (f32::MIN, f32::MAX), (1.0, 1.0_f32.next_up()), (-tiny, 0.0)] {
            let threshold = Column::new([a, b].into_iter(), 0.0).between(0, 1);
            assert!(a < threshold && threshold <= b, "{a} {threshold} {b}");
        }
    }
}
