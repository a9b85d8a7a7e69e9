//! Squared distances of many rows from one component, in units of its covariance.

use multiversion::multiversion;

/// Rows of a full block.
pub(super) const BLOCK: usize = 16;
/// Rows of the block for what is left, and for a single row.
pub(super) const SMALL: usize = 8;
/// Rows of the triangle that are summed side by side, so that no addition waits for the one before it.
const SIDE: usize = 4;

/// Index of the first number of row `row` in a packed lower triangle.
pub(super) fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

/// `|T (x - m)|²` for each of `L` rows, where `T` is a packed lower triangle and `x[feature][row]`.
///
/// One row is one lane, and every lane adds in the same order without fused operations: a row gets the same bits alone, in
/// a batch, and on any machine. Fast for having no gathers: the triangle is read once for `L` rows.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn full<const L: usize>(triangle: &[f64], mean: &[f64], x: &[[f64; L]], centred: &mut [[f64; L]]) -> [f64; L] {
    for ((centred, x), mean) in centred.iter_mut().zip(x).zip(mean) {
        for lane in 0..L {
            centred[lane] = x[lane] - mean;
        }
    }
    let mut total = [0.0; L];
    let mut row = 0;
    while row < mean.len() {
        let side = SIDE.min(mean.len() - row);
        let mut sums = [[0.0; L]; SIDE];
        if side == SIDE {
            let heads: [&[f64]; SIDE] = std::array::from_fn(|s| &triangle[start(row + s)..start(row + s) + row]);
            for (i, centred) in centred[..row].iter().enumerate() {
                for s in 0..SIDE {
                    let factor = heads[s][i];
                    for lane in 0..L {
                        sums[s][lane] += factor * centred[lane];
                    }
                }
            }
        }
        for (s, sums) in sums.iter_mut().enumerate().take(side) {
            let from = if side == SIDE { row } else { 0 };
            let line = &triangle[start(row + s)..start(row + s + 1)];
            for (factor, centred) in line[from..].iter().zip(&centred[from..]) {
                for lane in 0..L {
                    sums[lane] += factor * centred[lane];
                }
            }
            for lane in 0..L {
                total[lane] += sums[lane] * sums[lane];
            }
        }
        row += side;
    }
    total
}

/// `sum of ((x - m) / s)²` for each of `L` rows, given `1 / s`.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn diagonal<const L: usize>(inverse: &[f64], mean: &[f64], x: &[[f64; L]]) -> [f64; L] {
    let mut total = [0.0; L];
    for ((inverse, mean), x) in inverse.iter().zip(mean).zip(x) {
        for lane in 0..L {
            let distance = (x[lane] - mean) * inverse;
            total[lane] += distance * distance;
        }
    }
    total
}

/// Adds `weight (x - m)(x - m)ᵀ` to a packed lower triangle.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
pub(super) fn add_outer(triangle: &mut [f64], weight: f64, centred: &[f64]) {
    for (row, value) in centred.iter().enumerate() {
        let factor = weight * value;
        for (sum, other) in triangle[start(row)..start(row + 1)].iter_mut().zip(centred) {
            *sum += factor * other;
        }
    }
}
