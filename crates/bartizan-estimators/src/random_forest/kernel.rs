//! Sums of leaf shares, many rows at once: the portable way, and the choice of the way.
//!
//! Every way adds the trees of a row in the same order in 32 bits, so that all give the same bits, for one row or many.

use super::layout::{LANES, Layout, PlacedTree, ROWS_AT_ONCE};
use crate::Kernel;

/// Writes the sum over the trees of each row's shares of the classes; `values` is made by [`super::layout::side_by_side`].
pub(super) fn sum_shares(kernel: Kernel, layout: &Layout, values: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    #[cfg(target_arch = "x86_64")]
    let fast = kernel == Kernel::Auto && super::avx512::available();
    #[cfg(not(target_arch = "x86_64"))]
    let fast = false;
    let mut at = [0; ROWS_AT_ONCE];
    for tree in &layout.trees {
        for (sums, values) in sums.chunks_mut(ROWS_AT_ONCE * layout.classes).zip(values.chunks_exact(ROWS_AT_ONCE * layout.width)) {
            let rows = sums.len() / layout.classes;
            if fast && rows > LANES {
                #[cfg(target_arch = "x86_64")]
                super::avx512::walk(tree, layout.feature_bits, layout.width, values, &mut at);
            } else {
                for (at, values) in at.chunks_exact_mut(LANES).zip(values.chunks_exact(LANES * layout.width)).take(rows.div_ceil(LANES)) {
                    walk(tree, layout.feature_bits, values, at);
                }
            }
            tree.add(&at[..rows], layout.classes, sums);
        }
    }
}

/// The leaf that each row of a group ends in.
fn walk(tree: &PlacedTree, feature_bits: u32, values: &[f32], leaves: &mut [u32]) {
    let mask = (1 << feature_bits) - 1;
    let mut at = [0_u32; LANES];
    loop {
        let mut moved = 0;
        for (lane, at) in at.iter_mut().enumerate() {
            let place = tree.places[*at as usize];
            let goes_right = values[(place.link & mask) as usize * LANES + lane] >= place.threshold;
            let next = (place.link >> feature_bits) + u32::from(goes_right);
            moved |= next ^ *at;
            *at = next;
        }
        if moved == 0 {
            leaves.copy_from_slice(&at);
            return;
        }
    }
}
