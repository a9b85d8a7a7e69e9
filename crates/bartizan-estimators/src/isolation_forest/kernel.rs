//! Sums of path lengths, many rows at once: the portable way, and the choice of the way.
//!
//! Every way adds the trees of a row in the same order in 32 bits, so that all give the same bits, for one row or many.

use super::layout::Layout;

/// Which way to score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The fastest that this machine has.
    Auto,
    /// Plain Rust.
    Portable,
}

/// Rows that walk a tree side by side: enough independent steps to hide the latency of each.
const LANES: usize = 16;
/// Rows scored before the next tree is fetched.
pub(super) const BLOCK_ROWS: usize = 256;

/// The name of the way that [`Kernel::Auto`] takes on this machine.
#[must_use]
pub fn kernel_name() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if super::avx512::available() {
        return "avx512";
    }
    "portable"
}

/// Writes the sum of path lengths over all trees for each row; `values` holds `sums.len()` rows of `width` present numbers.
pub(super) fn sum_paths(kernel: Kernel, layout: &Layout, values: &[f32], width: usize, sums: &mut [f32]) {
    debug_assert_eq!(values.len(), width * sums.len());
    #[cfg(target_arch = "x86_64")]
    if kernel == Kernel::Auto && !layout.blocks.0.is_empty() && width <= super::avx512::MAX_WIDTH && super::avx512::available() {
        return super::avx512::sum_paths(layout, values, width, sums);
    }
    let _ = kernel;
    portable(layout, values, width, sums);
}

fn portable(layout: &Layout, values: &[f32], width: usize, sums: &mut [f32]) {
    let cuts = (1 << layout.height) - 1;
    for (sums, values) in sums.chunks_mut(BLOCK_ROWS).zip(values.chunks(BLOCK_ROWS * width)) {
        sums.fill(0.0);
        for tree in 0..layout.trees {
            let features = &layout.features[tree * cuts..(tree + 1) * cuts];
            let thresholds = &layout.thresholds[tree * cuts..(tree + 1) * cuts];
            let leaves = &layout.leaves[tree << layout.height..(tree + 1) << layout.height];
            for (sums, rows) in sums.chunks_mut(LANES).zip(values.chunks(LANES * width)) {
                walk(features, thresholds, leaves, layout.height, rows, width, sums);
            }
        }
    }
}

#[inline]
fn walk(features: &[u16], thresholds: &[f32], leaves: &[f32], height: usize, rows: &[f32], width: usize, sums: &mut [f32]) {
    if sums.len() < LANES {
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(width)) {
            let mut at = 0;
            for _ in 0..height {
                at = 2 * at + 1 + usize::from(row[features[at] as usize] > thresholds[at]);
            }
            *sum += leaves[at - features.len()];
        }
        return;
    }
    let mut at = [0_usize; LANES];
    for _ in 0..height {
        for (lane, at) in at.iter_mut().enumerate() {
            *at = 2 * *at + 1 + usize::from(rows[lane * width + features[*at] as usize] > thresholds[*at]);
        }
    }
    for (sum, at) in sums.iter_mut().zip(at) {
        *sum += leaves[at - features.len()];
    }
}
