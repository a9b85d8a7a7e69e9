//! Shingles: a series as rows of its last values.

use serde::{Deserialize, Serialize};

/// Turns a series into rows of its last `size` values, so that shapes in time become points.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shingle {
    size: usize,
    /// Oldest first.
    last: Vec<f32>,
}

impl Shingle {
    /// Rows of `size` values, at least one.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), last: Vec::new() }
    }

    /// Takes in the next value; gives the last values, oldest first, once there are enough.
    pub fn push(&mut self, value: f32) -> Option<&[f32]> {
        if self.last.len() >= self.size {
            self.last.remove(0);
        }
        self.last.push(value);
        (self.last.len() == self.size).then_some(&self.last)
    }
}

/// All rows of a series at once, one after the other: for fitting.
#[must_use]
pub fn shingle(series: &[f32], size: usize) -> Vec<f32> {
    series.windows(size.max(1)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{Shingle, shingle};

    #[test]
    fn windows_slide() {
        let series = [1.0, 2.0, 3.0, 4.0];
        let mut window = Shingle::new(3);
        let pushed: Vec<f32> = series.iter().filter_map(|v| window.push(*v).map(<[f32]>::to_vec)).flatten().collect();
        assert_eq!(pushed, [1.0, 2.0, 3.0, 2.0, 3.0, 4.0]);
        assert_eq!(pushed, shingle(&series, 3));
        assert!(shingle(&series, 5).is_empty());
    }
}
