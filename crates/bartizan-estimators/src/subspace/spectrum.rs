//! Axes and variances of prepared rows.

use nalgebra::{DMatrix, SymmetricEigen};

/// Widest rows whose covariance is written out; of wider ones the products of rows are.
pub(super) const MAX_PRIMAL: usize = 256;
/// Most rows of narrow samples looked at.
const MAX_ROWS: usize = 16_384;
/// Most rows of wide samples looked at.
const MAX_DUAL: usize = 512;
/// Most numbers kept in directions.
const MAX_CELLS: usize = 1 << 20;
/// A variance smaller than this part of the greatest is rounding.
const ROUNDING: f64 = 1e-10;

/// Variances along orthonormal directions, the greatest first.
pub(super) struct Spectrum {
    pub(super) center: Vec<f64>,
    pub(super) variances: Vec<f64>,
    /// One after the other.
    pub(super) directions: Vec<f64>,
    /// Sum of all variances, of the directions kept and of others.
    pub(super) total: f64,
    /// Rows it is of.
    pub(super) rows: usize,
    /// Mean of the fourth power of the rows' lengths.
    pub(super) fourth: f64,
}

/// Prepared rows, one a column, evenly chosen where there are many.
pub(super) fn matrix(values: &[f32], width: usize) -> DMatrix<f64> {
    let rows = values.len() / width;
    let step = rows.div_ceil(if width > MAX_PRIMAL { MAX_DUAL } else { MAX_ROWS }).max(1);
    let kept: Vec<f64> = values.chunks_exact(width).step_by(step).flatten().map(|v| f64::from(*v)).collect();
    DMatrix::from_vec(width, kept.len() / width, kept)
}

impl Spectrum {
    /// The spectrum of the covariance (over n) of rows given one a column.
    pub(super) fn of(mut rows: DMatrix<f64>) -> Self {
        let center: Vec<f64> = rows.column_mean().iter().copied().collect();
        for mut row in rows.column_iter_mut() {
            row.iter_mut().zip(&center).for_each(|(value, center)| *value -= center);
        }
        let n = rows.ncols();
        let total = rows.norm_squared() / n as f64;
        let fourth = rows.column_iter().map(|row| row.norm_squared().powi(2)).sum::<f64>() / n as f64;
        let (variances, directions) = if rows.nrows() <= MAX_PRIMAL { primal(&rows) } else { dual(&rows) };
        Self { center, variances, directions, total, rows: n, fourth }
    }
}

/// Eigenvectors of the covariance: all of them, also those without variance.
fn primal(rows: &DMatrix<f64>) -> (Vec<f64>, Vec<f64>) {
    let (variances, vectors) = eigen(rows * rows.transpose() / rows.ncols() as f64);
    (variances.into_iter().map(|v| v.max(0.0)).collect(), vectors.as_slice().to_vec())
}

/// The same of the products of rows: of n rows there are at most n - 1 directions with a variance, and only those are found.
fn dual(rows: &DMatrix<f64>) -> (Vec<f64>, Vec<f64>) {
    let (variances, mixtures) = eigen(rows.tr_mul(rows) / rows.ncols() as f64);
    let enough = variances.first().copied().unwrap_or(0.0) * ROUNDING;
    let most = MAX_CELLS / rows.nrows();
    let kept = variances.iter().take(most).take_while(|v| **v > enough && **v > 0.0).count();
    let mut directions = rows * mixtures.columns(0, kept);
    for mut direction in directions.column_iter_mut() {
        direction.normalize_mut();
    }
    (variances[..kept].to_vec(), directions.as_slice().to_vec())
}

/// Eigenvalues, the greatest first, and their vectors.
fn eigen(symmetric: DMatrix<f64>) -> (Vec<f64>, DMatrix<f64>) {
    let size = symmetric.nrows();
    let diagonal = symmetric.diagonal();
    // It converges in a few steps a vector; without, the axes are those of the features.
    let (values, vectors) = match SymmetricEigen::try_new(symmetric, f64::EPSILON, 1_000 * size.max(1)) {
        Some(eigen) => (eigen.eigenvalues, eigen.eigenvectors),
        None => (diagonal, DMatrix::identity(size, size)),
    };
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    (order.iter().map(|i| values[*i]).collect(), vectors.select_columns(&order))
}

#[cfg(test)]
mod tests {
    use super::{MAX_PRIMAL, Spectrum, matrix};

    /// The same rows with columns of zeros added: another way to the same spectrum.
    #[test]
    fn wide_rows_have_the_spectrum_of_narrow_ones() {
        let narrow: Vec<f32> = (0..40 * 6).map(|i| ((i as f32 * 0.618_034) % 1.0) * (1 + i % 6) as f32).collect();
        let width = MAX_PRIMAL + 10;
        let wide: Vec<f32> = narrow.chunks(6).flat_map(|row| row.iter().copied().chain(vec![0.0; width - 6])).collect();
        let (a, b) = (Spectrum::of(matrix(&narrow, 6)), Spectrum::of(matrix(&wide, width)));
        assert_eq!((a.rows, b.rows, b.variances.len()), (40, 40, 6));
        assert!((a.total - b.total).abs() < 1e-9 && (a.fourth - b.fourth).abs() < 1e-9);
        for i in 0..6 {
            assert!((a.variances[i] - b.variances[i]).abs() < 1e-9);
            let along: f64 = (0..6).map(|j| a.directions[6 * i + j] * b.directions[width * i + j]).sum();
            assert!((along.abs() - 1.0).abs() < 1e-6, "direction {i}: {along}");
        }
        assert!(a.variances.is_sorted_by(|a, b| a >= b));
    }
}
