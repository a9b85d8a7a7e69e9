//! Trees laid out for scoring, and the portable way through them.
//!
//! A leaf is its own child on every comparison, so that rows walk side by side without a branch until none of them moves.

use super::tree::{LEAF, Tree};
use std::collections::HashMap;

/// Rows that walk a tree side by side.
pub(super) const LANES: usize = 16;

/// One node: 16 bytes, so that a step reads one cache line.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) threshold: f32,
    pub(super) feature: u32,
    /// The left child, from the tree's first node; the right one follows it.
    pub(super) left: u32,
    /// Where a leaf's shares of the classes begin.
    pub(super) shares: u32,
}

/// All trees.
pub(super) struct Layout {
    pub(super) trees: Vec<PlacedTree>,
    pub(super) classes: usize,
}

/// One tree: its nodes, and the different shares of classes that its leaves have.
pub(super) struct PlacedTree {
    pub(super) places: Vec<Place>,
    pub(super) shares: Vec<f32>,
}

impl Layout {
    pub(super) fn new(trees: &[Tree], weights: &[f64]) -> Self {
        Self { trees: trees.iter().map(|tree| PlacedTree::new(tree, weights)).collect(), classes: weights.len() }
    }

    /// Writes the sum over the trees of each row's shares of the classes; `values` is made by [`side_by_side`].
    pub(super) fn sum_shares(&self, values: &[f32], width: usize, sums: &mut [f32]) {
        sums.fill(0.0);
        for tree in &self.trees {
            for (sums, values) in sums.chunks_mut(LANES * self.classes).zip(values.chunks_exact(LANES * width)) {
                let at = tree.walk(values);
                tree.add(&at, self.classes, sums);
            }
        }
    }
}

impl PlacedTree {
    fn new(tree: &Tree, weights: &[f64]) -> Self {
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
        let place = |(i, node): (usize, &super::tree::Node)| {
            if node.feature == LEAF {
                let counts = &tree.counts[node.left as usize * classes..][..classes];
                // Every finite value lies below infinity.
                return Place { threshold: f32::INFINITY, feature: 0, left: i as u32, shares: entry(counts) };
            }
            Place { threshold: node.threshold, feature: u32::from(node.feature), left: node.left, shares: 0 }
        };
        let places = tree.nodes.iter().enumerate().map(place).collect();
        Self { places, shares }
    }

    /// The leaf that each row ends in.
    fn walk(&self, values: &[f32]) -> [u32; LANES] {
        let mut at = [0_u32; LANES];
        loop {
            let mut moved = 0;
            for (lane, at) in at.iter_mut().enumerate() {
                let place = self.places[*at as usize];
                let goes_right = values[place.feature as usize * LANES + lane] >= place.threshold;
                let next = place.left + u32::from(goes_right);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }

    /// Adds the shares of the leaves that rows ended in.
    pub(super) fn add(&self, at: &[u32; LANES], classes: usize, sums: &mut [f32]) {
        for (sums, at) in sums.chunks_exact_mut(classes).zip(at) {
            let first = self.places[*at as usize].shares as usize;
            for (sum, share) in sums.iter_mut().zip(&self.shares[first..first + classes]) {
                *sum += share;
            }
        }
    }
}

/// Rows in groups of [`LANES`], feature after feature within a group, every value finite; the last group is filled up
/// with zeros.
pub(super) fn side_by_side(rows: &[f32], medians: &[f32], into: &mut Vec<f32>) {
    let width = medians.len();
    into.clear();
    into.resize((rows.len() / width).next_multiple_of(LANES) * width, 0.0);
    for (rows, group) in rows.chunks(LANES * width).zip(into.chunks_exact_mut(LANES * width)) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            for (feature, (value, median)) in row.iter().zip(medians).enumerate() {
                group[feature * LANES + lane] = if value.is_nan() { *median } else { value.clamp(f32::MIN, f32::MAX) };
            }
        }
    }
}
