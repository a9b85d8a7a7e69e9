//! Trees laid out for scoring.
//!
//! A leaf is its own child on every comparison, so that rows walk side by side without a branch until none of them moves.

use super::tree::{LEAF, Node, Tree};
use std::collections::HashMap;

/// Rows that walk a tree side by side.
pub(super) const LANES: usize = 16;
/// Rows come in groups of [`LANES`], and groups in fours: enough independent steps to hide the latency of each.
pub(super) const ROWS_AT_ONCE: usize = 4 * LANES;

/// All trees.
pub(super) struct Layout {
    pub(super) trees: Vec<PlacedTree>,
    pub(super) classes: usize,
    pub(super) width: usize,
    /// Low bits of a link that hold the feature.
    pub(super) feature_bits: u32,
}

/// One node in eight bytes, so that a step reads one cache line and many trees fit the cache.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) threshold: f32,
    /// The left child (the right one follows it) above the feature.
    pub(super) link: u32,
}

/// One tree: its nodes, and the different shares of classes that its leaves have.
pub(super) struct PlacedTree {
    pub(super) places: Vec<Place>,
    /// Where the shares of each node begin; only those of leaves mean something.
    pub(super) begins: Vec<u32>,
    pub(super) shares: Vec<f32>,
}

/// Bits that tell `width` features apart.
fn feature_bits(width: usize) -> u32 {
    usize::BITS - (width - 1).leading_zeros()
}

/// Most nodes of a tree over `width` features: what a link has room for.
pub(super) fn max_nodes(width: usize) -> usize {
    1 << (32 - feature_bits(width)).min(31)
}

impl Layout {
    pub(super) fn new(trees: &[Tree], weights: &[f64], width: usize) -> Self {
        let feature_bits = feature_bits(width);
        let trees = trees.iter().map(|tree| PlacedTree::new(tree, weights, feature_bits)).collect();
        Self { trees, classes: weights.len(), width, feature_bits }
    }
}

impl PlacedTree {
    fn new(tree: &Tree, weights: &[f64], feature_bits: u32) -> Self {
        let classes = weights.len();
        // Many leaves hold one class only: they share one entry, and the table stays small enough for the cache.
        let (mut shares, mut known) = (Vec::new(), HashMap::new());
        let mut entry = |counts: &[u32]| {
            let held: Vec<f64> = counts.iter().zip(weights).map(|(c, w)| f64::from(*c) * w).collect();
            let all: f64 = held.iter().sum();
            let mine: Vec<f32> = held.iter().map(|h| (h / all) as f32).collect();
            *known.entry(mine.iter().map(|s| s.to_bits()).collect::<Vec<_>>()).or_insert_with(|| {
                shares.extend_from_slice(&mine);
                (shares.len() - classes) as u32
            })
        };
        let (mut places, mut begins) = (Vec::with_capacity(tree.nodes.len()), Vec::with_capacity(tree.nodes.len()));
        for (i, Node { feature, threshold, left }) in tree.nodes.iter().copied().enumerate() {
            if feature == LEAF {
                // Every finite value lies below infinity.
                places.push(Place { threshold: f32::INFINITY, link: (i as u32) << feature_bits });
                begins.push(entry(&tree.counts[left as usize * classes..][..classes]));
            } else {
                places.push(Place { threshold, link: left << feature_bits | u32::from(feature) });
                begins.push(0);
            }
        }
        Self { places, begins, shares }
    }

    /// Adds the shares of the leaf that each row ended in.
    #[inline]
    pub(super) fn add(&self, at: &[u32], classes: usize, sums: &mut [f32]) {
        for (sums, at) in sums.chunks_exact_mut(classes).zip(at) {
            let first = self.begins[*at as usize] as usize;
            for (sum, share) in sums.iter_mut().zip(&self.shares[first..first + classes]) {
                *sum += share;
            }
        }
    }
}

/// Rows in groups of [`LANES`], feature after feature within a group, every value finite; filled up with zeros to whole
/// multiples of [`ROWS_AT_ONCE`].
pub(super) fn side_by_side(rows: &[f32], medians: &[f32]) -> Vec<f32> {
    let width = medians.len();
    let mut grouped = vec![0.0; (rows.len() / width).next_multiple_of(ROWS_AT_ONCE) * width];
    for (rows, group) in rows.chunks(LANES * width).zip(grouped.chunks_exact_mut(LANES * width)) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            for (feature, (value, median)) in row.iter().zip(medians).enumerate() {
                group[feature * LANES + lane] = if value.is_nan() { *median } else { value.clamp(f32::MIN, f32::MAX) };
            }
        }
    }
    grouped
}
