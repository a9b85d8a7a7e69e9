//! Sums of leaf shares, many rows at once.
//!
//! Trees of a row are added in order in 32 bits, so that one row gives the same bits as many.

use super::layout::{LANES, Layout, PlacedTree};

/// Writes the sum over the trees of each row's shares of the classes; `values` is made by [`super::layout::side_by_side`].
pub(super) fn sum_shares(layout: &Layout, values: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for tree in &layout.trees {
        for (sums, values) in sums.chunks_mut(LANES * layout.classes).zip(values.chunks_exact(LANES * layout.width)) {
            let at = walk(tree, layout.feature_bits, values);
            for (sums, at) in sums.chunks_exact_mut(layout.classes).zip(at) {
                sums.iter_mut().zip(tree.shares_at(at, layout.classes)).for_each(|(sum, share)| *sum += share);
            }
        }
    }
}

/// The leaf that each row of a group ends in.
fn walk(tree: &PlacedTree, feature_bits: u32, values: &[f32]) -> [u32; LANES] {
    let mut at = [0_u32; LANES];
    loop {
        let mut moved = 0;
        for (lane, at) in at.iter_mut().enumerate() {
            let place = tree.places[*at as usize];
            let goes_right = values[place.feature(feature_bits) * LANES + lane] >= place.threshold();
            let next = place.left(feature_bits) + u32::from(goes_right);
            moved |= next ^ *at;
            *at = next;
        }
        if moved == 0 {
            return at;
        }
    }
}
