//! Trees laid out for scoring.
//!
//! A leaf is its own left child and its threshold is not a number, which no value reaches: rows walk side by side without a
//! branch until none of them moves. What bits such a threshold has left say where the leaf's shares of the classes stand.

use super::tree::{LEAF, Node, Tree};

/// Rows that walk a tree side by side: enough independent steps to hide the latency of each, few enough
/// for the registers.
pub(super) const LANES: usize = 8;

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
    threshold: u32,
    /// The left child (the right one follows it) above the feature.
    link: u32,
}

/// Bits of a number that is none, and those of them that can be chosen.
const NAN: u32 = 0x7fc0_0000;
const FREE: u32 = 0x003f_ffff;

impl Place {
    fn cut(threshold: f32, left: u32, feature: u16, feature_bits: u32) -> Self {
        Self { threshold: threshold.to_bits(), link: left << feature_bits | u32::from(feature) }
    }

    fn leaf(at: u32, entry: u32, feature_bits: u32) -> Self {
        Self { threshold: NAN | entry, link: at << feature_bits }
    }

    #[inline]
    pub(super) fn threshold(self) -> f32 {
        f32::from_bits(self.threshold)
    }

    #[inline]
    pub(super) fn feature(self, feature_bits: u32) -> usize {
        (self.link & ((1 << feature_bits) - 1)) as usize
    }

    #[inline]
    pub(super) fn left(self, feature_bits: u32) -> u32 {
        self.link >> feature_bits
    }
}

/// One tree: its nodes, and the different shares of classes that its leaves have.
pub(super) struct PlacedTree {
    pub(super) places: Vec<Place>,
    shares: Vec<f32>,
}

/// Bits that tell `width` features apart.
fn feature_bits(width: usize) -> u32 {
    usize::BITS - (width - 1).leading_zeros()
}

/// Most nodes of a tree over `width` features: what a link can address, and no more leaves than a threshold can tell apart.
/// Entries of shares are at most the leaves that hold several classes and one for each class.
pub(super) fn max_nodes(width: usize) -> usize {
    1 << (32 - feature_bits(width)).min(22)
}

impl Layout {
    pub(super) fn new(trees: &[Tree], weights: &[f64], width: usize) -> Self {
        let feature_bits = feature_bits(width);
        // On one thread: it is laid out once, while others wait for it, and a thread that waited for parts of it could be given work that does.
        let trees = trees.iter().map(|tree| PlacedTree::new(tree, weights, feature_bits)).collect();
        Self { trees, classes: weights.len(), width, feature_bits }
    }
}

impl PlacedTree {
    fn new(tree: &Tree, weights: &[f64], feature_bits: u32) -> Self {
        let classes = weights.len();
        // Many leaves hold one class only: they share an entry, and the table stays small enough for the cache.
        let mut shares: Vec<f32> = (0..classes * classes).map(|i| if i % (classes + 1) == 0 { 1.0 } else { 0.0 }).collect();
        let mut entry = |counts: &[u32]| {
            let held = |class: usize| f64::from(counts[class]) * weights[class];
            let all: f64 = (0..classes).map(held).sum();
            if let Some(only) = (0..classes).find(|class| held(*class) == all) {
                return only as u32;
            }
            shares.extend((0..classes).map(|class| (held(class) / all) as f32));
            (shares.len() / classes - 1) as u32
        };
        let place = |(i, node): (usize, &Node)| {
            if node.feature == LEAF {
                let entry = entry(&tree.counts[node.left as usize * classes..][..classes]);
                return Place::leaf(i as u32, entry & FREE, feature_bits);
            }
            Place::cut(node.threshold, node.left, node.feature, feature_bits)
        };
        let places = tree.nodes.iter().enumerate().map(place).collect();
        Self { places, shares }
    }

    /// The shares of the classes at a leaf.
    #[inline]
    pub(super) fn shares_at(&self, leaf: u32, classes: usize) -> &[f32] {
        &self.shares[(self.places[leaf as usize].threshold & FREE) as usize * classes..][..classes]
    }
}

/// Rows in groups of [`LANES`], feature after feature within a group, every value finite; filled up with zeros to
/// whole groups.
pub(super) fn side_by_side(rows: &[f32], medians: &[f32]) -> Vec<f32> {
    let width = medians.len();
    let mut grouped = vec![0.0; (rows.len() / width).next_multiple_of(LANES) * width];
    for (rows, group) in rows.chunks(LANES * width).zip(grouped.chunks_exact_mut(LANES * width)) {
        for (lane, row) in rows.chunks_exact(width).enumerate() {
            for (feature, (value, median)) in row.iter().zip(medians).enumerate() {
                group[feature * LANES + lane] = if value.is_nan() { *median } else { value.clamp(f32::MIN, f32::MAX) };
            }
        }
    }
    grouped
}
