//! What the trees say of the training rows that they did not see.

use super::kernel;
use super::layout::{LANES, Layout, side_by_side};
use bartizan_core::Samples;
use rayon::prelude::*;

/// Most rows that one thread takes at a time: the more, the less often the trees are fetched.
const MAX_ROWS: usize = 16_384;

/// Share of the rows that get their own class from the trees whose sample (one bit for each row) lacks them; `None` when there
/// are no such rows.
pub(super) fn score(layout: &Layout, train: Samples<'_>, classes: &[u32], medians: &[f32], drawn: &[Vec<u64>]) -> Option<f64> {
    let rows = classes.len().div_ceil(4 * rayon::current_num_threads()).min(MAX_ROWS);
    let chunks = classes.par_chunks(rows).zip(train.values().par_chunks(rows * train.width())).enumerate();
    let judged = chunks.map(|(chunk, (classes, values))| {
        judge(layout, values, classes, medians, &|tree, row| {
            let row = chunk * rows + row;
            drawn[tree][row / 64] >> (row % 64) & 1 == 0
        })
    });
    let (right, all) = judged.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    (all > 0).then(|| right as f64 / all as f64)
}

/// How many rows get their own class, and how many some tree can be asked about.
fn judge(layout: &Layout, values: &[f32], classes: &[u32], medians: &[f32], is_out: &dyn Fn(usize, usize) -> bool) -> (usize, usize) {
    let width = layout.width;
    let mut sums = vec![0.0_f32; classes.len() * layout.classes];
    let (mut out, mut gathered): (Vec<usize>, Vec<f32>) = (Vec::new(), Vec::new());
    for (t, tree) in layout.trees.iter().enumerate() {
        out.clear();
        out.extend((0..classes.len()).filter(|row| is_out(t, *row)));
        gathered.clear();
        out.iter().for_each(|row| gathered.extend_from_slice(&values[row * width..(row + 1) * width]));
        let grouped = side_by_side(&gathered, medians);
        for (rows, values) in out.chunks(LANES).zip(grouped.chunks_exact(LANES * width)) {
            for (row, at) in rows.iter().zip(kernel::walk(tree, layout.feature_bits, values)) {
                let sums = &mut sums[row * layout.classes..(row + 1) * layout.classes];
                sums.iter_mut().zip(tree.shares_at(at, layout.classes)).for_each(|(sum, share)| *sum += share);
            }
        }
    }
    let judged = sums.chunks_exact(layout.classes).zip(classes).filter(|(sums, _)| sums.iter().any(|s| *s > 0.0));
    judged.fold((0, 0), |(right, all), (sums, class)| (right + usize::from(super::likeliest(sums) == *class), all + 1))
}
