//! Several classes: predicted against true.

/// Counts of rows by true and predicted class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassConfusion {
    classes: usize,
    /// Row by row: true class, then predicted class.
    counts: Vec<u64>,
}

/// Precision, recall and F1 of one class, or averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Of the rows predicted as the class, how many are of it; NaN without any.
    pub precision: f64,
    /// Of the rows of the class, how many are predicted as it; NaN without any.
    pub recall: f64,
    /// Harmonic mean of both; NaN where the class is neither true nor predicted.
    pub f1: f64,
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

    /// How many rows of class `truth` were predicted as `predicted`; 0 for classes that there are not.
    #[must_use]
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        if truth < self.classes && predicted < self.classes { self.counts[truth * self.classes + predicted] } else { 0 }
    }

    /// How many classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
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
                let f1 = 2.0 * right / (rows as f64 + predicted);
                ClassFigures { precision: right / predicted, recall: right / rows as f64, f1, support: rows }
            })
            .collect()
    }

    /// Mean over the classes that are true or predicted anywhere; what is undefined there counts as 0. NaN without rows.
    #[must_use]
    pub fn macro_average(&self) -> ClassFigures {
        self.average(|_| 1.0)
    }

    /// The same weighted by the rows of each class.
    #[must_use]
    pub fn weighted_average(&self) -> ClassFigures {
        self.average(|figures| figures.support as f64)
    }

    fn average(&self, weight: impl Fn(&ClassFigures) -> f64) -> ClassFigures {
        let mut sum = ClassFigures { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 };
        let mut weights = 0.0;
        for figures in self.per_class().iter().filter(|figures| !figures.f1.is_nan()) {
            let w = weight(figures);
            let add = |sum: &mut f64, value: f64| *sum += if value.is_nan() { 0.0 } else { w * value };
            add(&mut sum.precision, figures.precision);
            add(&mut sum.recall, figures.recall);
            add(&mut sum.f1, figures.f1);
            sum.support += figures.support;
            weights += w;
        }
        ClassFigures { precision: sum.precision / weights, recall: sum.recall / weights, f1: sum.f1 / weights, support: sum.support }
    }

    /// Of all rows, how many are right; NaN without rows.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        (0..self.classes).map(|c| self.get(c, c)).sum::<u64>() as f64 / self.counts.iter().sum::<u64>() as f64
    }

    /// Matthews correlation for several classes (Gorodkin 2004), [-1, 1]; NaN where all rows are of one class or predicted as one.
    #[must_use]
    pub fn matthews(&self) -> f64 {
        let all = self.counts.iter().sum::<u64>() as f64;
        let right = (0..self.classes).map(|c| self.get(c, c)).sum::<u64>() as f64;
        let pairs = || (0..self.classes).map(|c| (self.rows_of(c) as f64, self.predicted_as(c) as f64));
        let both: f64 = pairs().map(|(t, p)| t * p).sum();
        let (rows, predicted): (f64, f64) = pairs().fold((0.0, 0.0), |sum, (t, p)| (sum.0 + t * t, sum.1 + p * p));
        (right * all - both) / ((all * all - rows).sqrt() * (all * all - predicted).sqrt())
    }
}

/// Mean negative log-likelihood of the true classes; `probabilities` holds `classes` numbers a row. Probabilities are kept
/// 1e-15 away from 0 and 1; rows with a class that there is not are left out. NaN without rows.
#[must_use]
pub fn class_log_loss(probabilities: &[f64], truth: &[usize], classes: usize) -> f64 {
    let rows = probabilities.chunks_exact(classes.max(1)).zip(truth);
    let (sum, count) = rows
        .filter_map(|(row, class)| row.get(*class))
        .fold((0.0, 0.0), |(sum, count), p| (sum - p.clamp(1e-15, 1.0 - 1e-15).ln(), count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::{ClassConfusion, ClassFigures, class_log_loss};

    fn close(got: ClassFigures, expected: (f64, f64, f64)) {
        for (g, e) in [(got.precision, expected.0), (got.recall, expected.1), (got.f1, expected.2)] {
            assert!((g - e).abs() < 1e-12, "{got:?} for {expected:?}");
        }
    }

    /// Values by scikit-learn 1.9.1: `tests/reference/metrics.py`. Class 3 is never predicted, class 4 never true.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 1];
        let predicted = [0, 0, 1, 1, 2, 2, 2, 0, 2, 2, 4, 1];
        let confusion = ClassConfusion::count(&predicted, &truth, 6);
        assert_eq!((confusion.get(2, 0), confusion.get(3, 2), confusion.get(0, 4), confusion.get(9, 0)), (1, 1, 1, 0));
        let each = confusion.per_class();
        close(each[0], (2.0 / 3.0, 0.5, 4.0 / 7.0));
        close(each[2], (0.6, 0.75, 2.0 / 3.0));
        assert!(each[3].precision.is_nan() && each[3].recall == 0.0 && each[3].f1 == 0.0 && each[5].f1.is_nan());
        close(confusion.macro_average(), MACRO);
        close(confusion.weighted_average(), WEIGHTED);
        assert!((confusion.accuracy() - ACCURACY).abs() < 1e-12);
        assert!((confusion.matthews() - MATTHEWS).abs() < 1e-12, "{}", confusion.matthews());
    }

    const MACRO: (f64, f64, f64) = (0.386_666_666_666_666_6, 0.383_333_333_333_333_3, 0.380_952_380_952_380_9);
    const WEIGHTED: (f64, f64, f64) = (0.588_888_888_888_888_9, 0.583_333_333_333_333_4, 0.579_365_079_365_079_4);
    const ACCURACY: f64 = 0.583_333_333_333_333_4;
    const MATTHEWS: f64 = 0.425_763_443_479_969_97;
    const LOSS: f64 = 0.445_947_824_894_719_6;

    #[test]
    fn log_loss_is_that_of_scikit_learn() {
        let probabilities = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.3, 0.4, 0.0, 1.0, 0.0];
        assert!((class_log_loss(&probabilities, &[0, 1, 0, 1], 3) - LOSS).abs() < 1e-12);
        assert!(class_log_loss(&[0.5, 0.5], &[7], 2).is_nan() && class_log_loss(&[], &[], 0).is_nan());
    }

    #[test]
    fn without_rows_or_with_one_class_nothing_is_defined() {
        let empty = ClassConfusion::count(&[], &[], 3);
        assert!(empty.accuracy().is_nan() && empty.macro_average().f1.is_nan() && empty.matthews().is_nan());
        assert!(ClassConfusion::count(&[0, 0], &[0, 0], 2).matthews().is_nan());
        assert_eq!(ClassConfusion::count(&[0, 9], &[0, 0], 2).accuracy(), 1.0);
    }
}
