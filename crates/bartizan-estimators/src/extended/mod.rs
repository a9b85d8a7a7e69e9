//! Extended isolation forest: cuts along random hyperplanes.

use crate::isolation_forest::tree::{average_path, draw_rows, height_limit};
use crate::isolation_forest::{IsolationForest, MAX_HEIGHT, MAX_TREES};
use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const LEAF: u32 = u32::MAX;
const PARALLEL_ROWS: usize = 1_024;
/// What spreads less is not spread: weights are divided by it and must stay finite.
const LEAST_SPREAD: f64 = 1e-30;

/// Isolation forest whose cuts slope, so that its scores have no ridges along the axes.
///
/// # Parameters
/// - `forest`: trees and rows a tree, as [`IsolationForest`].
/// - `extension`: features in a cut beyond the first, from 0 (cuts along one axis) to the number of features less one; 1.
///   More than there are features is read as all.
///
/// # Errors
/// As [`IsolationForest`].
///
/// # Algorithm
/// A cut is a hyperplane through a point drawn uniformly in the box of the node's rows; its normal has `extension + 1`
/// parts, each drawn from a standard normal distribution and divided by the training spread of its feature (no less than its resolution),
/// so that units do not matter; features that are constant in training are in no cut, since a slope would make them hide others. Heights
/// and scores are those of the isolation forest. A missing value is read as the feature's median.
/// Shares are not given: a slope has no single feature.
///
/// # Weak where
/// Most features are irrelevant (every cut mixes them in); many anomalies lie close together. Several times slower than
/// axis-parallel cuts.
///
/// # References
/// Hariri, Carrasco Kind, Brunner: Extended Isolation Forest, TKDE 33(4), 2021.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedIsolationForest {
    /// Trees and rows a tree.
    pub forest: IsolationForest,
    /// Features in a cut beyond the first.
    pub extension: usize,
}

impl ExtendedIsolationForest {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self { forest: IsolationForest::from_params(params)?, extension: params.count("extension", 1, 0..=1_023)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let mut all = self.forest.parameters();
        all.push(("extension", self.extension.into()));
        all
    }
}

/// A fitted extended isolation forest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedExtendedForest {
    schema: FeatureSchema,
    psi: u32,
    parts: u32,
    medians: Vec<f32>,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_TREES>")]
    trees: Vec<Tree>,
}

/// Nodes in depth-first order; the left child follows its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    nodes: Vec<Node>,
    /// `parts` of each cut, in the order of its nodes: feature and weight.
    normals: Vec<(u16, f32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    /// Right child, or `LEAF`.
    right: u32,
    /// Where its cut begins in `normals`.
    normal: u32,
    /// Rows whose weighted sum is above go right.
    offset: f64,
    rows: u32,
}

impl Estimator for ExtendedIsolationForest {
    type Fitted = FittedExtendedForest;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedExtendedForest, FitError> {
        rows::check(schema, train, 2)?;
        let (psi, width) = (self.forest.max_samples.min(train.rows()), train.width());
        let medians = rows::medians(train);
        let spreads = schema.features().iter().enumerate();
        let spreads: Vec<f64> = spreads.map(|(c, f)| spread(&rows::sorted_column(train, c)).max(f64::from(f.resolution()))).collect();
        let varying: Vec<u16> = (0..width as u16).filter(|c| varies(train, usize::from(*c), medians[usize::from(*c)])).collect();
        let parts = (self.extension + 1).min(varying.len().max(1));
        let trees = (0..self.forest.trees as u64)
            .into_par_iter()
            .map(|t| {
                stop.check()?;
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.derive(t).0);
                let drawn = draw_rows(train.rows(), psi, &mut rng);
                let values =
                    drawn.iter().flat_map(|&r| train.row(r as usize).iter().zip(&medians).map(|(v, m)| if v.is_nan() { *m } else { *v }));
                let (values, features) = (values.collect(), varying.clone());
                let tree = Tree { nodes: Vec::new(), normals: Vec::new() };
                let mut grower = Grower { values, width, parts, spreads: &spreads, features, limit: height_limit(psi), tree, rng };
                grower.split((0..psi as u32).collect(), 0);
                Ok(grower.tree)
            })
            .collect::<Result<_, FitError>>()?;
        Ok(FittedExtendedForest { schema: schema.clone(), psi: psi as u32, parts: parts as u32, medians, trees })
    }
}

/// Whether a column has another value than its median, as which a missing one is read.
fn varies(train: Samples<'_>, column: usize, median: f32) -> bool {
    train.iter().map(|row| row[column]).any(|value| !value.is_nan() && value != median)
}

/// The middle 90 % of a sorted column, its whole range where that is nothing, 1 where that is nothing too.
fn spread(sorted: &[f32]) -> f64 {
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else { return 1.0 };
    let middle = f64::from(sorted[(sorted.len() - 1) * 95 / 100]) - f64::from(sorted[(sorted.len() - 1) * 5 / 100]);
    let whole = f64::from(*high) - f64::from(*low);
    [middle, whole].into_iter().find(|s| *s > LEAST_SPREAD).unwrap_or(1.0)
}

struct Grower<'a> {
    values: Vec<f32>,
    width: usize,
    parts: usize,
    spreads: &'a [f64],
    features: Vec<u16>,
    limit: usize,
    tree: Tree,
    rng: Xoshiro256PlusPlus,
}

impl Grower<'_> {
    fn value(&self, row: u32, feature: u16) -> f32 {
        self.values[row as usize * self.width + feature as usize]
    }

    fn split(&mut self, rows: Vec<u32>, depth: usize) {
        let at = self.tree.nodes.len();
        self.tree.nodes.push(Node { right: LEAF, normal: 0, offset: 0.0, rows: rows.len() as u32 });
        if rows.len() <= 1 || depth >= self.limit || self.features.is_empty() {
            return;
        }
        let (normal, offset) = self.draw_cut(&rows);
        let start = self.tree.normals.len() as u32;
        let above = |row: &u32| weigh(&normal, |f| self.value(*row, f)) > offset;
        let (right, left): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| above(row));
        self.tree.normals.extend(&normal);
        self.split(left, depth + 1);
        let right_at = self.tree.nodes.len() as u32;
        self.split(right, depth + 1);
        self.tree.nodes[at] = Node { right: right_at, normal: start, offset, rows: rows.len() as u32 };
    }

    fn draw_cut(&mut self, rows: &[u32]) -> (Vec<(u16, f32)>, f64) {
        let mut normal = Vec::with_capacity(self.parts);
        let mut offset = 0.0;
        for left in (self.features.len() - self.parts + 1..=self.features.len()).rev() {
            let draw = self.rng.random_range(0..left);
            self.features.swap(draw, left - 1);
            let feature = self.features[left - 1];
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for &row in rows {
                let v = f64::from(self.value(row, feature));
                (low, high) = (low.min(v), high.max(v));
            }
            let weight = (self.standard_normal() / self.spreads[feature as usize]) as f32;
            offset += f64::from(weight) * (low + self.rng.random::<f64>() * (high - low));
            normal.push((feature, weight));
        }
        (normal, offset)
    }

    /// Box and Muller 1958.
    fn standard_normal(&mut self) -> f64 {
        let u = 1.0 - self.rng.random::<f64>();
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * self.rng.random::<f64>()).cos()
    }
}

fn weigh(normal: &[(u16, f32)], value: impl Fn(u16) -> f32) -> f64 {
    normal.iter().map(|&(f, w)| f64::from(w) * f64::from(value(f))).sum()
}

impl FittedExtendedForest {
    fn score_row(&self, row: &[f32]) -> f64 {
        let value = |f: u16| {
            let v = row[f as usize];
            if v.is_nan() { self.medians[f as usize] } else { v }
        };
        let total: f64 = self.trees.iter().map(|tree| self.path(tree, &value)).sum();
        (-total / (self.trees.len() as f64 * average_path(f64::from(self.psi)))).exp2()
    }

    fn path(&self, tree: &Tree, value: &impl Fn(u16) -> f32) -> f64 {
        let (mut at, mut depth) = (0, 0.0);
        loop {
            let node = &tree.nodes[at];
            if node.right == LEAF {
                return depth + average_path(f64::from(node.rows));
            }
            let normal = &tree.normals[node.normal as usize..node.normal as usize + self.parts as usize];
            at = if weigh(normal, value) > node.offset { node.right as usize } else { at + 1 };
            depth += 1.0;
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let width = self.schema.width();
        if width == 0 || self.medians.len() != width || self.psi < 2 || self.trees.is_empty() || self.parts == 0 {
            return Err(format!("{width} features, {} medians, psi {}, {} trees", self.medians.len(), self.psi, self.trees.len()));
        }
        if self.medians.iter().any(|m| !m.is_finite()) {
            return Err("a median is not finite".to_owned());
        }
        for tree in &self.trees {
            if tree.nodes.is_empty() || tree.normals.iter().any(|n| n.0 as usize >= width || !n.1.is_finite()) {
                return Err("a tree is empty or cuts a feature that is not there".to_owned());
            }
            let mut depth = vec![0_usize; tree.nodes.len()];
            for (i, node) in tree.nodes.iter().enumerate().filter(|(_, n)| n.right != LEAF) {
                let (right, end) = (node.right as usize, node.normal as usize + self.parts as usize);
                if right <= i + 1 || right >= tree.nodes.len() || end > tree.normals.len() || node.offset.is_nan() {
                    return Err(format!("node {i} points outside its tree"));
                }
                if depth[i] >= MAX_HEIGHT {
                    return Err(format!("a tree is higher than {MAX_HEIGHT}"));
                }
                for child in [i + 1, right] {
                    depth[child] = depth[child].max(depth[i] + 1);
                }
            }
        }
        Ok(())
    }
}

impl Detector for FittedExtendedForest {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.schema.width(), samples, out)?;
        let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * samples.width()));
        chunks.for_each(|(out, values)| {
            for (out, row) in out.iter_mut().zip(values.chunks_exact(samples.width())) {
                *out = AnomalyScore(self.score_row(row));
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ExtendedIsolationForest;
    use crate::IsolationForest;
    use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};

    /// Points on a diagonal: a corner off it lies inside both ranges, where axis-parallel cuts are blind.
    #[test]
    fn slopes_see_what_axes_do_not() {
        let values: Vec<f32> = (0..2000).flat_map(|i| [i as f32, i as f32 + (i % 7) as f32]).collect();
        let train = Samples::new(&values, 2).unwrap();
        let estimator = ExtendedIsolationForest { forest: IsolationForest::default(), extension: 1 };
        let fitted = estimator.fit(&FeatureSchema::unnamed(2), train, Seed(1)).unwrap();
        let mut out = [AnomalyScore(0.0); 2];
        fitted.score(Samples::new(&[1000.0, 1003.0, 300.0, 1700.0], 2).unwrap(), &mut out).unwrap();
        assert!(out[1].0 > out[0].0 + 0.1, "{out:?}");
    }
}
