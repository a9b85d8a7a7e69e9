//! The best cut of a node: the one that leaves the least Gini impurity.

use super::columns::{BINS, Column};

/// Nodes of up to so many rows are cut between any two values, larger ones between bins.
const SORTED_ROWS: usize = 384;
/// A larger node whose rows lie in fewer bins than this is cut between any two values as well: bins would be too coarse.
const MIN_BINS: usize = 16;

/// A training row in a tree's sample.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) row: u32,
    pub(super) class: u16,
    /// How often it was drawn.
    pub(super) times: u16,
}

/// A cut: rows up to and with `rank` go left.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Cut {
    pub(super) feature: usize,
    pub(super) rank: u32,
    /// The first rank on the right: the threshold lies between the two.
    pub(super) above: u32,
    /// The bin that ends at `rank`, when it was found among bins.
    pub(super) bin: Option<u8>,
    /// Sum over both sides of the squared class weights by the side's weight: the higher the purer.
    pub(super) purity: f64,
}

/// Looks for cuts; keeps its memory from node to node.
pub(super) struct Splitter<'a> {
    columns: &'a [Column],
    weights: &'a [f64],
    min_leaf: usize,
    /// Times by bin and class.
    histogram: Vec<u32>,
    /// Rows by bin.
    rows: Vec<u32>,
    keys: Vec<u64>,
    left: Vec<f64>,
    /// Weight of each class in the node.
    total: Vec<f64>,
}

/// What a column contributes to a node.
pub(super) enum Found {
    /// All rows have one value.
    Constant,
    /// The best cut, unless every one leaves a side with too few rows.
    Varies(Option<Cut>),
}

impl<'a> Splitter<'a> {
    pub(super) fn new(columns: &'a [Column], weights: &'a [f64], min_leaf: usize) -> Self {
        let classes = weights.len();
        Self {
            columns,
            weights,
            min_leaf,
            histogram: vec![0; BINS * classes],
            rows: vec![0; BINS],
            keys: Vec::new(),
            left: vec![0.0; classes],
            total: vec![0.0; classes],
        }
    }

    /// The best cut of one feature for a node that holds `counts` of each class.
    pub(super) fn best(&mut self, feature: usize, entries: &[Entry], counts: &[u32]) -> Found {
        for ((total, count), weight) in self.total.iter_mut().zip(counts).zip(self.weights) {
            *total = f64::from(*count) * weight;
        }
        self.left.fill(0.0);
        let column = &self.columns[feature];
        if entries.len() > SORTED_ROWS || (column.is_lossless() && entries.len() > column.bin_count()) {
            let occupied = self.fill(column, entries);
            if column.is_lossless() || occupied >= MIN_BINS {
                return if occupied < 2 { Found::Constant } else { Found::Varies(self.among_bins(feature, entries.len())) };
            }
        }
        self.among_values(feature, entries)
    }

    /// Counts the node's rows by bin; returns how many bins have any.
    fn fill(&mut self, column: &Column, entries: &[Entry]) -> usize {
        let classes = self.weights.len();
        self.histogram[..column.bin_count() * classes].fill(0);
        self.rows[..column.bin_count()].fill(0);
        for entry in entries {
            let bin = usize::from(column.bins[entry.row as usize]);
            self.histogram[bin * classes + usize::from(entry.class)] += u32::from(entry.times);
            self.rows[bin] += 1;
        }
        self.rows[..column.bin_count()].iter().filter(|n| **n > 0).count()
    }

    fn among_bins(&mut self, feature: usize, rows: usize) -> Option<Cut> {
        let (column, classes) = (&self.columns[feature], self.weights.len());
        let (mut best, mut rows_left): (Option<Cut>, usize) = (None, 0);
        let mut previous: Option<(usize, f64)> = None;
        for (bin, held) in self.histogram.chunks_exact(classes).enumerate().take(column.bin_count()) {
            let here = self.rows[bin] as usize;
            if here == 0 {
                continue;
            }
            // The cut between the bin before and this one, now that the latter is known.
            let are_enough = rows_left >= self.min_leaf && rows - rows_left >= self.min_leaf;
            if let Some((low, purity)) = previous
                && are_enough
                && best.is_none_or(|b| purity > b.purity)
            {
                let (rank, above) = (column.last_rank(low), column.first_rank(bin));
                best = Some(Cut { feature, rank, above, bin: Some(low as u8), purity });
            }
            rows_left += here;
            let mut sums = [0.0; 4];
            for (((left, total), weight), times) in self.left.iter_mut().zip(&self.total).zip(self.weights).zip(held) {
                *left += f64::from(*times) * weight;
                let right = total - *left;
                sums[0] += *left;
                sums[1] += *left * *left;
                sums[2] += right;
                sums[3] += right * right;
            }
            previous = Some((bin, sums[1] / sums[0] + sums[3] / sums[2]));
        }
        best
    }

    fn among_values(&mut self, feature: usize, entries: &[Entry]) -> Found {
        let ranks = &self.columns[feature].ranks;
        self.keys.clear();
        let key = |e: &Entry| u64::from(ranks[e.row as usize]) << 32 | u64::from(e.class) << 16 | u64::from(e.times);
        self.keys.extend(entries.iter().map(key));
        self.keys.sort_unstable();
        let rank = |key: u64| (key >> 32) as u32;
        let (Some(first), Some(last)) = (self.keys.first(), self.keys.last()) else { return Found::Constant };
        if rank(*first) == rank(*last) {
            return Found::Constant;
        }
        let all: f64 = self.total.iter().sum();
        let (mut left_weight, mut left_squares) = (0.0, 0.0);
        let mut right_squares: f64 = self.total.iter().map(|t| t * t).sum();
        let mut best: Option<Cut> = None;
        for (i, pair) in self.keys.windows(2).enumerate() {
            let class = usize::from((pair[0] >> 16) as u16);
            let weight = f64::from(pair[0] as u16) * self.weights[class];
            // (x + w)^2 - x^2 on the left, (y - w)^2 - y^2 on the right.
            left_squares += weight * (2.0 * self.left[class] + weight);
            right_squares -= weight * (2.0 * (self.total[class] - self.left[class]) - weight);
            self.left[class] += weight;
            left_weight += weight;
            if rank(pair[0]) == rank(pair[1]) || i + 1 < self.min_leaf || self.keys.len() - i - 1 < self.min_leaf {
                continue;
            }
            let purity = left_squares / left_weight + right_squares / (all - left_weight);
            if best.is_none_or(|b| purity > b.purity) {
                best = Some(Cut { feature, rank: rank(pair[0]), above: rank(pair[1]), bin: None, purity });
            }
        }
        Found::Varies(best)
    }
}
