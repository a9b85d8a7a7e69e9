//! Trees laid out for scoring.
//!
//! Every tree is padded to a perfect binary tree of the forest's height, so that a row takes the same number of steps in
//! each and no step reads a child's address. A padded cut sends every row left. What makes this fast: no branch depends
//! on the data, a tree's cuts fit the first-level cache while a whole block of rows passes through it.

use super::tree::{LEAF, Node, Tree, average_path};

/// Cuts of one tree are in heap order: the children of `i` are `2 i + 1` and `2 i + 2`.
pub(super) struct Layout {
    pub(super) trees: usize,
    pub(super) height: usize,
    pub(super) features: Vec<u16>,
    pub(super) thresholds: Vec<f32>,
    /// Path length at each of the `2^height` places below the cuts.
    pub(super) leaves: Vec<f32>,
    /// The same in blocks of four levels, for AVX-512; empty when the forest is not eight levels high.
    pub(super) blocks: Blocks,
}

/// Four levels of a tree: 15 cuts in heap order and one unused place, in the 16 lanes of a register.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) features: [i32; 16],
    pub(super) thresholds: [f32; 16],
}

/// 17 blocks a tree: the top one, then the one below each of its 16 exits.
pub(super) struct Blocks(pub(super) Vec<Block>);

/// Height that the blocks hold: two times four levels.
pub(super) const BLOCK_HEIGHT: usize = 8;
pub(super) const BLOCKS_PER_TREE: usize = 17;

/// Levels of cuts that every tree is padded to. Eight suit the blocks; the default sample of 256 rows needs no more.
fn height(trees: &[Tree]) -> usize {
    trees.iter().map(Tree::height).max().unwrap_or(0).max(BLOCK_HEIGHT)
}

/// Memory that these trees take laid out: 10 bytes for each place of a perfect tree, and the blocks.
pub(super) fn bytes(trees: &[Tree]) -> u64 {
    let height = height(trees);
    let blocks = if height == BLOCK_HEIGHT { BLOCKS_PER_TREE * size_of::<Block>() } else { 0 };
    trees.len() as u64 * (10_u64 << height).saturating_add(blocks as u64)
}

impl Layout {
    pub(super) fn new(trees: &[Tree]) -> Self {
        let height = height(trees);
        let cuts = (1 << height) - 1;
        let mut layout = Self {
            trees: trees.len(),
            height,
            features: vec![0; trees.len() * cuts],
            thresholds: vec![f32::INFINITY; trees.len() * cuts],
            leaves: vec![0.0; trees.len() << height],
            blocks: Blocks(Vec::new()),
        };
        for (t, tree) in trees.iter().enumerate() {
            tree.visit(&mut |heap, depth, node| layout.place(t, heap, depth, node));
        }
        if height == BLOCK_HEIGHT {
            layout.blocks = Blocks::new(&layout);
        }
        layout
    }

    fn place(&mut self, tree: usize, heap: usize, depth: usize, node: &Node) {
        let cuts = (1 << self.height) - 1;
        if node.feature != LEAF {
            self.features[tree * cuts + heap] = node.feature;
            self.thresholds[tree * cuts + heap] = node.threshold;
            return;
        }
        // Padded cuts below a leaf all send rows left, so that only the leftmost place under it is ever reached.
        let mut place = heap;
        for _ in depth..self.height {
            place = 2 * place + 1;
        }
        self.leaves[(tree << self.height) + place - cuts] = (depth as f64 + average_path(f64::from(node.rows))) as f32;
    }
}

impl Blocks {
    fn new(layout: &Layout) -> Self {
        let cuts = (1 << BLOCK_HEIGHT) - 1;
        let mut blocks = Vec::with_capacity(layout.trees * BLOCKS_PER_TREE);
        for tree in 0..layout.trees {
            for block in 0..BLOCKS_PER_TREE {
                // The root of the top block is cut 0; those below hang at cuts 15 to 30.
                let root = if block == 0 { 0 } else { 14 + block };
                let mut made = Block { features: [0; 16], thresholds: [f32::INFINITY; 16] };
                for place in 0..15 {
                    let level = (place + 1_usize).ilog2() as usize;
                    let heap = ((root + 1) << level) - 1 + (place + 1 - (1 << level));
                    made.features[place] = i32::from(layout.features[tree * cuts + heap]);
                    made.thresholds[place] = layout.thresholds[tree * cuts + heap];
                }
                blocks.push(made);
            }
        }
        Self(blocks)
    }
}
