//! Training rows, ordered so that the nearest ones of a query are found without looking at most of them.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows of a leaf and children of a box. They lie side by side, one a lane, so that one instruction measures 16 of them.
pub(super) const LANES: usize = 32;
/// Widest rows that are read from a file.
const MAX_STORED_WIDTH: usize = 65_536;
/// Greatest number in a row: squares and sums of squares stay finite in 32 bits.
const MAX_VALUE: f32 = 1e9;
/// Training rows searched for when it is decided whether boxes leave out enough.
const TRIED: usize = 64;
/// Part of the leaves that boxes must leave out to be worth their own cost.
const WORTH: f64 = 0.25;
/// Rows below which both halves of a split are sorted on one thread.
const PARALLEL_ROWS: usize = 8_192;

/// Leaves of rows, boxes around leaves, boxes around boxes.
///
/// Neighbouring positions hold rows that lie close together. Only rows are stored; boxes are made of them again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(super) struct Index {
    pub(super) width: usize,
    pub(super) rows: usize,
    /// Boxes leave out so little that every row is looked at, in order.
    pub(super) scan: bool,
    /// `[leaf][feature][lane]`; lanes beyond the last row are 0.
    pub(super) leaves: Vec<f32>,
    /// From the boxes around leaves to the one around all.
    #[serde(skip)]
    pub(super) levels: Vec<Level>,
}

/// Boxes of one height, `LANES` to a node: `[node][feature][lane]`.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) low: Vec<f32>,
    pub(super) high: Vec<f32>,
}

#[derive(Deserialize)]
struct Stored {
    width: usize,
    rows: usize,
    scan: bool,
    leaves: Vec<f32>,
}

impl TryFrom<Stored> for Index {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored { width, rows, scan, leaves } = stored;
        let length = rows.div_ceil(LANES).checked_mul(width).and_then(|n| n.checked_mul(LANES));
        if !(1..=MAX_STORED_WIDTH).contains(&width) || rows == 0 || length != Some(leaves.len()) {
            return Err(format!("{rows} rows of {width} features have {} numbers", leaves.len()));
        }
        if !leaves.iter().all(|v| v.abs() <= MAX_VALUE) {
            return Err("a training row holds a number out of range".to_owned());
        }
        let levels = levels(&leaves, width, rows);
        Ok(Self { width, rows, scan, leaves, levels })
    }
}

impl Index {
    /// Orders rows, none of them empty, all numbers finite.
    pub(super) fn new(values: &[f32], width: usize) -> Self {
        let rows = values.len() / width;
        let mut order: Vec<u32> = (0..rows as u32).collect();
        sort(values, width, &mut order);
        let mut leaves = vec![0.0; rows.div_ceil(LANES) * width * LANES];
        leaves.par_chunks_mut(width * LANES).zip(order.par_chunks(LANES)).for_each(|(leaf, order)| {
            for (lane, row) in order.iter().enumerate() {
                for feature in 0..width {
                    leaf[feature * LANES + lane] = values[*row as usize * width + feature];
                }
            }
        });
        let levels = levels(&leaves, width, rows);
        let mut index = Self { width, rows, scan: false, leaves, levels };
        index.scan = index.part_visited() > 1.0 - WORTH;
        index
    }

    pub(super) fn value(&self, position: usize, feature: usize) -> f32 {
        self.leaves[(position / LANES * self.width + feature) * LANES + position % LANES]
    }

    pub(super) fn row(&self, position: usize, out: &mut [f32]) {
        out.iter_mut().enumerate().for_each(|(feature, out)| *out = self.value(position, feature));
    }

    /// Part of the leaves looked at for some training rows.
    fn part_visited(&self) -> f64 {
        let step = self.rows.div_ceil(TRIED);
        let visited = |position: usize| {
            let mut query = vec![0.0; self.width];
            self.row(position, &mut query);
            self.leaves_visited(&query)
        };
        let visits: Vec<usize> = (0..self.rows).into_par_iter().step_by(step).map(visited).collect();
        visits.iter().sum::<usize>() as f64 / (visits.len() * self.rows.div_ceil(LANES)) as f64
    }
}

/// Halves the rows at the middle of the feature that varies most, again and again. Halves end where leaves, and boxes of
/// leaves, end: all are full but the last.
fn sort(values: &[f32], width: usize, order: &mut [u32]) {
    if order.len() <= LANES {
        return;
    }
    let mut unit = LANES;
    while unit * LANES < order.len() {
        unit *= LANES;
    }
    let at = (order.len().div_ceil(unit) / 2).max(1) * unit;
    let feature = widest(values, width, order);
    let key = |row: &u32| values[*row as usize * width + feature];
    // Equal values by row: the same order on any machine.
    order.select_nth_unstable_by(at, |a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
    let parallel = order.len() > PARALLEL_ROWS;
    let (left, right) = order.split_at_mut(at);
    if parallel {
        rayon::join(|| sort(values, width, left), || sort(values, width, right));
    } else {
        sort(values, width, left);
        sort(values, width, right);
    }
}

fn widest(values: &[f32], width: usize, order: &[u32]) -> usize {
    let count = order.len() as f64;
    let (mut sums, mut squares) = (vec![0.0_f64; width], vec![0.0_f64; width]);
    let first = &values[order[0] as usize * width..][..width];
    for row in order {
        let row = &values[*row as usize * width..][..width];
        for (((sum, square), value), first) in sums.iter_mut().zip(&mut squares).zip(row).zip(first) {
            let value = f64::from(*value) - f64::from(*first);
            *sum += value;
            *square += value * value;
        }
    }
    let variances = sums.iter().zip(&squares).map(|(sum, square)| square - sum * sum / count);
    variances.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(feature, _)| feature)
}

fn levels(leaves: &[f32], width: usize, rows: usize) -> Vec<Level> {
    let mut levels = vec![boxes(leaves, leaves, width, rows)];
    let mut count = rows.div_ceil(LANES);
    while count > LANES {
        let below = &levels[levels.len() - 1];
        let next = boxes(&below.low, &below.high, width, count);
        levels.push(next);
        count = count.div_ceil(LANES);
    }
    levels
}

/// Boxes around each `LANES` of the `count` things that reach from `low` to `high`. A box that is not there is infinitely far.
fn boxes(low: &[f32], high: &[f32], width: usize, count: usize) -> Level {
    let nodes = count.div_ceil(LANES);
    let places = nodes.div_ceil(LANES) * width * LANES;
    let mut level = Level { low: vec![f32::INFINITY; places], high: vec![f32::INFINITY; places] };
    for node in 0..nodes {
        let there = LANES.min(count - node * LANES);
        for feature in 0..width {
            let from = (node * width + feature) * LANES;
            let to = (node / LANES * width + feature) * LANES + node % LANES;
            level.low[to] = low[from..from + there].iter().copied().fold(f32::INFINITY, f32::min);
            level.high[to] = high[from..from + there].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        }
    }
    level
}
