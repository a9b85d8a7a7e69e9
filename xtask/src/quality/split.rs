//! Training and test parts of a labelled table.

use bartizan_core::Seed;

/// A table in two parts.
pub(super) struct Split {
    pub(super) width: usize,
    pub(super) train: Vec<f32>,
    pub(super) test: Vec<f32>,
    /// For each test row.
    pub(super) anomalous: Vec<bool>,
}

/// Numbers and which rows are anomalous.
pub(super) struct Table {
    pub(super) width: usize,
    pub(super) values: Vec<f32>,
    pub(super) anomalous: Vec<bool>,
}

impl Table {
    fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    fn take(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.row(row)).copied().collect()
    }

    fn cut(&self, train: &[usize], test: &[usize]) -> Split {
        let anomalous = test.iter().map(|&row| self.anomalous[row]).collect();
        Split { width: self.width, train: self.take(train), test: self.take(test), anomalous }
    }

    fn kind(&self, anomalous: bool, seed: Seed) -> Vec<usize> {
        let rows = (0..self.anomalous.len()).filter(|&row| self.anomalous[row] == anomalous).collect();
        shuffled(rows, seed.derive(u64::from(anomalous)))
    }

    /// `share` of each kind of row to train on, labels unused; of long tables, `most` rows drawn evenly.
    pub(super) fn stratified(&self, share: f64, most: usize, seed: Seed) -> Split {
        let part = (most as f64 / self.anomalous.len() as f64).min(1.0);
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for kind in [false, true] {
            let rows = self.kind(kind, seed);
            let kept = &rows[..((rows.len() as f64 * part).round() as usize).min(rows.len())];
            let cut = (kept.len() as f64 * share).round() as usize;
            train.extend_from_slice(&kept[..cut]);
            test.extend_from_slice(&kept[cut..]);
        }
        self.cut(&shuffled(train, seed.derive(7)), &test)
    }

    /// Half of the normal rows to train on; the other half and all anomalous rows to test on.
    pub(super) fn half_of_normal(&self, seed: Seed) -> Split {
        let normal = self.kind(false, seed);
        let (train, rest) = normal.split_at(normal.len() / 2);
        let mut test = rest.to_vec();
        test.extend(self.kind(true, seed));
        self.cut(train, &test)
    }

    /// The normal rows that are marked to train on; the others and all anomalous rows to test on.
    pub(super) fn normal_where(&self, marked: &[bool]) -> Split {
        let trains = |row: &usize| marked[*row] && !self.anomalous[*row];
        let (train, test): (Vec<usize>, Vec<usize>) = (0..self.anomalous.len()).partition(trains);
        self.cut(&train, &test)
    }
}

/// In an order that depends on the seed alone.
fn shuffled(mut rows: Vec<usize>, seed: Seed) -> Vec<usize> {
    rows.sort_by_key(|&row| (seed.derive(row as u64).0, row));
    rows
}
