//! Rows and scores that other implementations gave, for tests.

use bartizan_core::{AnomalyScore, Detector, Samples};

/// A table made by a script in `tests/reference`: features first, then scores by name.
pub(crate) struct Reference {
    /// How many features.
    pub(crate) width: usize,
    names: Vec<&'static str>,
    rows: Vec<Vec<f64>>,
    values: Vec<f32>,
    fitted_on: usize,
}

/// `tests/reference/statistics.csv`, by `statistics.py`: fitted on the first 60 rows.
pub(crate) fn statistics() -> Reference {
    Reference::read(include_str!("../tests/reference/statistics.csv"), 60)
}

/// `tests/reference/subspace.csv`, by `subspace.py`: fitted on the first 200 rows.
pub(crate) fn subspace() -> Reference {
    Reference::read(include_str!("../tests/reference/subspace.csv"), 200)
}

/// `tests/reference/neighbours.csv`, by `neighbours.py`: fitted on the first 300 rows.
pub(crate) fn neighbours() -> Reference {
    Reference::read(include_str!("../tests/reference/neighbours.csv"), 300)
}

impl Reference {
    pub(crate) fn read(text: &'static str, fitted_on: usize) -> Self {
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let width = names.iter().filter(|name| name.starts_with('x')).count();
        let number = |cell: &str| cell.parse().expect("reference tables hold numbers");
        let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(number).collect()).collect();
        let values = rows.iter().flat_map(|row| row[..width].iter().map(|v| *v as f32)).collect();
        Self { width, names, rows, values, fitted_on }
    }

    pub(crate) fn train(&self) -> Samples<'_> {
        Samples::new(&self.values[..self.fitted_on * self.width], self.width).expect("whole rows")
    }

    /// All rows: those fitted on and others.
    pub(crate) fn probes(&self) -> Samples<'_> {
        Samples::new(&self.values, self.width).expect("whole rows")
    }

    pub(crate) fn column(&self, name: &str) -> Vec<f64> {
        let at = self.names.iter().position(|n| *n == name).expect("the table has the column");
        self.rows.iter().map(|row| row[at]).collect()
    }
}

/// Checks that scores are the expected ones, within `relative` of each.
pub(crate) fn close(detector: &dyn Detector, samples: Samples<'_>, expected: &[f64], relative: f64) {
    let mut out = vec![AnomalyScore(f64::NAN); samples.rows()];
    detector.score(samples, &mut out).expect("it scores");
    for (row, (got, expected)) in out.iter().zip(expected).enumerate() {
        assert!((got.0 - expected).abs() <= relative * expected.abs().max(1.0), "row {row}: {} for {expected}", got.0);
    }
}
