//! Rows of numbers.

use thiserror::Error;

/// A view of samples: `rows × width` numbers, row after row. `NaN` means missing; infinities are not allowed to reach
/// an estimator (extractors map them to missing).
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    values: &'a [f32],
    width: usize,
}

/// The numbers given do not make whole rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{len} numbers do not make whole rows of {width} features")]
pub struct ShapeError {
    /// How many numbers were given.
    pub len: usize,
    /// How many make a row.
    pub width: usize,
}

impl<'a> Samples<'a> {
    /// Views `values` as rows of `width` numbers.
    ///
    /// # Errors
    /// When `width` is 0 or does not divide the length.
    pub fn new(values: &'a [f32], width: usize) -> Result<Self, ShapeError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(ShapeError { len: values.len(), width });
        }
        Ok(Self { values, width })
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// True without a row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All numbers, row after row.
    #[must_use]
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The row at `index`; panics past the end, as slices do.
    #[must_use]
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, f32> {
        self.values.chunks_exact(self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::{Samples, ShapeError};

    #[test]
    fn rows_are_viewed_in_order() {
        let samples = Samples::new(&[1.0, 2.0, 3.0, 4.0], 2).unwrap();
        assert_eq!((samples.rows(), samples.width()), (2, 2));
        assert_eq!(samples.row(1), [3.0, 4.0]);
        assert_eq!(samples.iter().count(), 2);
    }

    #[test]
    fn odd_lengths_are_refused() {
        assert_eq!(Samples::new(&[1.0; 3], 2).unwrap_err(), ShapeError { len: 3, width: 2 });
        assert_eq!(Samples::new(&[], 0).unwrap_err(), ShapeError { len: 0, width: 0 });
    }
}
