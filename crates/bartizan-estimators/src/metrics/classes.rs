//! Several classes: predicted against true.

/// Counts of rows by true and predicted class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassConfusion {
    classes: usize,
    /// Row by row: true class, then predicted class.
    counts: Vec<u64>,
}

/// Precision and recall of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Of the rows predicted as the class, how many are of it; NaN without any.
    pub precision: f64,
    /// Of the rows of the class, how many are predicted as it; NaN without any.
    pub recall: f64,
    /// Rows of the class.
    pub support: u64,
}

impl ClassConfusion {
    /// Counts rows; classes are numbers below `classes`, rows with others are left out.
    #[must_use]
    pub fn count(predicted: &[usize], truth: &[usize], classes: usize) -> Self {
        let mut counts = vec![0; classes * classes];
        for (p, t) in predicted.iter().zip(truth).filter(|(p, t)| **p < classes && **t < classes) {
            counts[t * classes + p] += 1;
        }
        Self { classes, counts }
    }

    /// How many rows of class `truth` were predicted as `predicted`.
    fn get(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    fn rows_of(&self, class: usize) -> u64 {
        (0..self.classes).map(|p| self.get(class, p)).sum()
    }

    fn predicted_as(&self, class: usize) -> u64 {
        (0..self.classes).map(|t| self.get(t, class)).sum()
    }

    /// Figures of each class.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassFigures> {
        (0..self.classes)
            .map(|class| {
                let (right, rows, predicted) = (self.get(class, class) as f64, self.rows_of(class), self.predicted_as(class) as f64);
                ClassFigures { precision: right / predicted, recall: right / rows as f64, support: rows }
            })
            .collect()
    }

    /// Of all rows, how many are right; NaN without rows.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        (0..self.classes).map(|c| self.get(c, c)).sum::<u64>() as f64 / self.counts.iter().sum::<u64>() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{ClassConfusion, ClassFigures};

    fn close(got: ClassFigures, expected: (f64, f64)) {
        for (g, e) in [(got.precision, expected.0), (got.recall, expected.1)] {
            assert!((g - e).abs() < 1e-12, "{got:?} for {expected:?}");
        }
    }

    /// Values by scikit-learn 1.9.1: `tests/reference/metrics.py`. Class 3 is never predicted, class 4 never true.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1];
        let predicted = [0, 0, 1, 1, 2, 2, 2, 0, 2, 2, 4, 1];
        let confusion = ClassConfusion::count(&predicted, &truth, 6);
        assert_eq!((confusion.get(2, 0), confusion.get(3, 2), confusion.get(0, 4)), (1, 1, 1));
        let each = confusion.per_class();
        close(each[0], (2.0 / 3.0, 0.5));
        close(each[2], (0.6, 0.75));
        assert!(each[3].precision.is_nan() && each[3].recall == 0.0 && each[5].precision.is_nan() && each[5].recall.is_nan());
        assert!((confusion.accuracy() - ACCURACY).abs() < 1e-12);
    }

    const ACCURACY: f64 = 0.583_333_333_333_333_4;

    #[test]
    fn without_rows_nothing_is_defined_and_unknown_classes_are_left_out() {
        let empty = ClassConfusion::count(&[], &[], 3);
        assert!(empty.accuracy().is_nan() && empty.per_class().iter().all(|figures| figures.precision.is_nan()));
        assert_eq!(ClassConfusion::count(&[0, 9], &[0, 0], 2).accuracy(), 1.0);
    }
}
