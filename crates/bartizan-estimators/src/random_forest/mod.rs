//! Random forest.

mod columns;
mod error;
mod explain;
mod grow;
mod kernel;
mod layout;
mod split;
#[cfg(test)]
mod tests;
mod tree;

pub use error::ClassError;

use crate::treeshap::ShapTree;
use crate::{NumberOr, ParamError, ParamValue, Params, rows};
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use grow::Plan;
use layout::Layout;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use tree::Tree;

/// Most trees.
const MAX_TREES: usize = 10_000;
/// Most steps that explaining one row may take: a second or two.
const MAX_EXPLAIN_STEPS: u64 = 1 << 29;
/// Bytes of a node: 12 stored, 8 laid out for scoring, 40 for explaining.
const NODE_BYTES: u64 = 60;
/// Bytes of a class in a leaf: stored, as a share, and as weights while trees are unfolded.
const COUNT_BYTES: u64 = 4 + 4 + 16;
/// Most features: a cut keeps its feature in 16 bits, one value of which marks a leaf.
const MAX_WIDTH: usize = u16::MAX as usize - 1;
/// Most classes: the counts of all classes in all bins of a column are held at once.
const MAX_CLASSES: usize = 4_096;
/// Most rows that all trees of a forest look at together: what it takes to grow and to keep grows with them.
const MAX_DRAWN: usize = 1 << 26;
/// Features and probabilities of a block of rows that passes through one tree before the next is fetched: few enough for the second-level cache.
const BLOCK_VALUES: usize = 131_072;
/// Most rows of such a block.
const BLOCK_ROWS: usize = 8_192;

/// Features looked at for each cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxFeatures {
    /// The square root of their number, rounded down.
    Sqrt,
    /// All.
    All,
    /// So many, at most all.
    Count(usize),
}

/// What a row of a class weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassWeight {
    /// 1.
    None,
    /// In inverse proportion to the class's rows, so that all classes weigh the same.
    Balanced,
}

/// Random forest: many trees, each grown on rows drawn at random and cut by the best of features drawn at random, share
/// out a row's probability among known classes.
///
/// # Parameters
/// - `trees`: how many trees, 1 to 10,000; 100.
/// - `max_depth`: most cuts between root and leaf, 1 to 1,000, or none; none.
/// - `min_samples_leaf`: fewest different training rows on a side of a cut, 1 to 1,000,000; 1.
/// - `min_samples_split`: fewest different training rows that are cut, 2 to 1,000,000; 2.
/// - `max_features`: features drawn for each cut: `sqrt`, `all` or a count from 1; `sqrt`.
/// - `max_leaves`: most leaves of a tree, 2 to 1,000,000, or none; none. With it the cut that helps most is made first.
/// - `class_weight`: `none`, or `balanced` for classes of the same weight however many rows each has; `none`.
/// - `bootstrap`: whether each tree draws as many rows as there are, with replacement, or takes all; it draws.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value; classes that do not fit the rows or names.
///
/// # Algorithm
/// A tree cuts its rows, one value at a time, where the Gini impurity of the two sides is least, among features drawn
/// without replacement for every cut; features that are constant in a node count as drawn, but drawing goes on until one
/// varies. It stops where all rows are of one class or a limit is reached. The probability of a class is the mean over
/// the trees of its share in the leaf that the row falls into; the anomaly score is one less the probability of the class
/// that is called normal, in [0, 1]. A training set of one class gives a forest that always answers that class. Missing
/// values are read as the feature's median over the training rows. Nodes of many rows are cut between up to 256 bins of
/// a feature's values with about equally many rows, small ones between any two values. A tree has at most 4,194,304 nodes,
/// with more than 1,024 features 2^32 by their number (rounded up to a power of two).
///
/// # Weak where
/// What is anomalous was never seen in training: it falls to the class that it is nearest to in single features. Scores
/// are shares of trees, not calibrated probabilities.
///
/// # References
/// Breiman: Random Forests, Machine Learning 45, 2001. Probabilities as means of shares, the draws past constant features
/// and the best-first order follow scikit-learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomForest {
    /// Trees, 1 to 10,000.
    pub trees: usize,
    /// Most cuts between root and leaf.
    pub max_depth: Option<usize>,
    /// Fewest different rows on a side of a cut.
    pub min_samples_leaf: usize,
    /// Fewest different rows that are cut.
    pub min_samples_split: usize,
    /// Features looked at for each cut.
    pub max_features: MaxFeatures,
    /// Most leaves of a tree.
    pub max_leaves: Option<usize>,
    /// What a row of a class weighs.
    pub class_weight: ClassWeight,
    /// Whether each tree draws its rows with replacement or takes all.
    pub bootstrap: bool,
}

impl Default for RandomForest {
    fn default() -> Self {
        Self {
            trees: 100,
            max_depth: None,
            min_samples_leaf: 1,
            min_samples_split: 2,
            max_features: MaxFeatures::Sqrt,
            max_leaves: None,
            class_weight: ClassWeight::None,
            bootstrap: true,
        }
    }
}

const MOST: f64 = 1_000_000.0;

impl RandomForest {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        let limit = |params: &mut Params<'_>, name, range| {
            Ok(match params.number_or(name, NumberOr::Word(()), range, &[("none", ())])? {
                NumberOr::Number(most) => Some(most as usize),
                NumberOr::Word(()) => None,
            })
        };
        let sqrt = NumberOr::Word(MaxFeatures::Sqrt);
        let features = [("sqrt", MaxFeatures::Sqrt), ("all", MaxFeatures::All)];
        let weights = [("none", ClassWeight::None), ("balanced", ClassWeight::Balanced)];
        Ok(Self {
            trees: params.count("n_estimators", 100, 1..=MAX_TREES)?,
            max_depth: limit(params, "max_depth", 1.0..=1000.0)?,
            min_samples_leaf: params.count("min_samples_leaf", 1, 1..=MOST as usize)?,
            min_samples_split: params.count("min_samples_split", 2, 2..=MOST as usize)?,
            max_features: match params.number_or("max_features", sqrt, 1.0..=MAX_WIDTH as f64, &features)? {
                NumberOr::Number(count) => MaxFeatures::Count(count as usize),
                NumberOr::Word(word) => word,
            },
            max_leaves: limit(params, "max_leaves", 2.0..=MOST)?,
            class_weight: params.choice("class_weight", ClassWeight::None, &weights)?,
            bootstrap: params.choice("bootstrap", true, &[("yes", true), ("no", false)])?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let limit = |most: Option<usize>| most.map_or("none".into(), ParamValue::from);
        let features = match self.max_features {
            MaxFeatures::Sqrt => "sqrt".into(),
            MaxFeatures::All => "all".into(),
            MaxFeatures::Count(count) => count.into(),
        };
        vec![
            ("n_estimators", self.trees.into()),
            ("max_depth", limit(self.max_depth)),
            ("min_samples_leaf", self.min_samples_leaf.into()),
            ("min_samples_split", self.min_samples_split.into()),
            ("max_features", features),
            ("max_leaves", limit(self.max_leaves)),
            ("class_weight", if self.class_weight == ClassWeight::Balanced { "balanced" } else { "none" }.into()),
            ("bootstrap", if self.bootstrap { "yes" } else { "no" }.into()),
        ]
    }

    /// Learns to tell classes apart: `classes` has one index into `names` for each row. The first class is taken for
    /// normal.
    ///
    /// # Errors
    /// For samples that cannot be learned from, or classes that do not fit them.
    pub fn fit(
        &self,
        schema: &FeatureSchema,
        train: Samples<'_>,
        classes: &[u32],
        names: &[String],
        seed: Seed,
    ) -> Result<FittedRandomForest, ClassError> {
        self.fit_until_stopped(schema, train, classes, names, seed, &Stop::default())
    }

    /// As [`fit`](Self::fit), and ends early once `stop` is set.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`FitError::Stopped`].
    pub fn fit_until_stopped(
        &self,
        schema: &FeatureSchema,
        train: Samples<'_>,
        classes: &[u32],
        names: &[String],
        seed: Seed,
        stop: &Stop,
    ) -> Result<FittedRandomForest, ClassError> {
        rows::check(schema, train, 2)?;
        if train.width() > MAX_WIDTH {
            return Err(FitError::Width { expected: MAX_WIDTH, got: train.width() }.into());
        }
        error::check(train.rows(), classes, names)?;
        Ok(self.fit_checked((schema, train), classes, names, seed, stop)?)
    }

    fn fit_checked(
        &self,
        (schema, train): (&FeatureSchema, Samples<'_>),
        classes: &[u32],
        names: &[String],
        seed: Seed,
        stop: &Stop,
    ) -> Result<FittedRandomForest, FitError> {
        self.check_work(train)?;
        let medians = rows::medians(train);
        let weights = self.weights(classes, names.len());
        let width = train.width();
        let plan = Plan {
            columns: &columns::columns(train, &medians),
            classes,
            weights: &weights,
            bootstrap: self.bootstrap,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_leaf: self.min_samples_leaf.max(1),
            min_samples_split: self.min_samples_split.max(2),
            max_features: match self.max_features {
                MaxFeatures::Sqrt => width.isqrt(),
                MaxFeatures::All => width,
                MaxFeatures::Count(count) => count.clamp(1, width),
            },
            max_leaves: self.max_leaves,
        };
        let grow = |t| stop.check().map(|()| grow::grow(&plan, seed.derive(t)));
        let trees: Vec<Tree> = (0..self.trees as u64).into_par_iter().map(grow).collect::<Result<_, FitError>>()?;
        Ok(Stored { schema: schema.clone(), names: names.to_vec(), normal: 0, weights, medians, unused: None, trees }.into())
    }

    /// Refuses more trees than these rows allow: each looks at as many rows as there are.
    fn check_work(&self, train: Samples<'_>) -> Result<(), FitError> {
        let (rows, width, got) = (train.rows(), train.width(), self.trees);
        let limit = MAX_DRAWN / rows.max(1);
        if got <= limit.max(1) { Ok(()) } else { Err(FitError::TooMuch { what: "n_estimators", got, limit, rows, width }) }
    }

    /// Learns to tell anomalous rows from normal ones.
    ///
    /// # Errors
    /// For samples that cannot be learned from, or when one of both kinds is not there.
    pub(crate) fn fit_labelled(
        &self,
        schema: &FeatureSchema,
        train: Samples<'_>,
        anomalous: &[bool],
        seed: Seed,
        stop: &Stop,
    ) -> Result<FittedRandomForest, FitError> {
        rows::check(schema, train, 2)?;
        if train.width() > MAX_WIDTH {
            return Err(FitError::Width { expected: MAX_WIDTH, got: train.width() });
        }
        let classes: Vec<u32> = (0..train.rows()).map(|row| u32::from(anomalous.get(row) == Some(&true))).collect();
        let anomalous = classes.iter().filter(|class| **class == 1).count();
        let normal = classes.len() - anomalous;
        if anomalous == 0 || normal == 0 {
            return Err(FitError::TooFewLabels { algorithm: "random_forest", needed: 1, normal, anomalous });
        }
        self.fit_checked((schema, train), &classes, &["normal".to_owned(), "anomalous".to_owned()], seed, stop)
    }

    fn weights(&self, classes: &[u32], names: usize) -> Vec<f64> {
        let mut counts = vec![0_usize; names];
        classes.iter().for_each(|class| counts[*class as usize] += 1);
        let present = counts.iter().filter(|c| **c > 0).count();
        let balanced = |count: &usize| if *count == 0 { 1.0 } else { classes.len() as f64 / (present * count) as f64 };
        match self.class_weight {
            ClassWeight::None => vec![1.0; names],
            ClassWeight::Balanced => counts.iter().map(balanced).collect(),
        }
    }
}

/// Always fails, with the reason: this estimator learns from labels.
impl Estimator for RandomForest {
    type Fitted = FittedRandomForest;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedRandomForest, FitError> {
        self.fit_labelled(schema, train, &[], seed, stop)
    }
}

/// What is kept of a forest in a model file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    schema: FeatureSchema,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_CLASSES>")]
    names: Vec<String>,
    normal: u32,
    /// Weight of a row of each class.
    weights: Vec<f64>,
    medians: Vec<f32>,
    /// Keeps its place in the format: models of the first releases have a score here that nothing reads.
    unused: Option<f64>,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_TREES>")]
    trees: Vec<Tree>,
}

/// A fitted random forest.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct FittedRandomForest {
    stored: Arc<Stored>,
    /// Made on first use: a stored forest is validated before.
    layout: Arc<OnceLock<Layout>>,
    /// Made at the first explanation.
    unfolded: Arc<OnceLock<Vec<ShapTree>>>,
}

impl From<Stored> for FittedRandomForest {
    fn from(stored: Stored) -> Self {
        Self { stored: Arc::new(stored), layout: Arc::default(), unfolded: Arc::default() }
    }
}

impl From<FittedRandomForest> for Stored {
    fn from(fitted: FittedRandomForest) -> Self {
        Arc::unwrap_or_clone(fitted.stored)
    }
}

impl std::fmt::Debug for FittedRandomForest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Stored { names, normal, trees, .. } = &*self.stored;
        f.debug_struct("FittedRandomForest")
            .field("trees", &trees.len())
            .field("classes", names)
            .field("normal", normal)
            .finish_non_exhaustive()
    }
}

impl FittedRandomForest {
    /// Names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.stored.names
    }

    /// Writes the probability of every class for each row, row after row.
    ///
    /// # Errors
    /// When a row has another width than the schema, or `out` another length than rows times classes.
    pub fn predict_proba(&self, samples: Samples<'_>, out: &mut [f64]) -> Result<(), ScoreError> {
        self.check(samples, out.len(), self.classes().len())?;
        self.in_blocks(samples, out, self.classes().len(), |shares, out| out.copy_from_slice(shares));
        Ok(())
    }

    /// The likeliest class of each row; of equals the first.
    ///
    /// # Errors
    /// When a row has another width than the schema, or `out` another length than there are rows.
    pub fn predict(&self, samples: Samples<'_>, out: &mut [u32]) -> Result<(), ScoreError> {
        self.check(samples, out.len(), 1)?;
        self.in_blocks(samples, out, 1, |shares, out| out[0] = likeliest(shares));
        Ok(())
    }

    fn check(&self, samples: Samples<'_>, places: usize, each: usize) -> Result<(), ScoreError> {
        if samples.width() != self.width() {
            return Err(ScoreError::Width { expected: self.width(), got: samples.width() });
        }
        if samples.rows() * each != places {
            return Err(ScoreError::Output { rows: samples.rows(), out: places / each });
        }
        Ok(())
    }

    fn width(&self) -> usize {
        self.stored.schema.width()
    }

    fn layout(&self) -> &Layout {
        self.layout.get_or_init(|| Layout::new(&self.stored.trees, &self.stored.weights, self.width()))
    }

    /// Calls `write(probabilities, places of the row)` for every row, blocks of rows in parallel.
    fn in_blocks<T: Send>(&self, samples: Samples<'_>, out: &mut [T], each: usize, write: impl Fn(&[f64], &mut [T]) + Sync) {
        let rows = self.block_rows();
        if samples.rows() <= rows {
            return self.block(samples.values(), out, each, &write);
        }
        let blocks = out.par_chunks_mut(rows * each).zip(samples.values().par_chunks(rows * self.width()));
        blocks.for_each(|(out, values)| self.block(values, out, each, &write));
    }

    fn block_rows(&self) -> usize {
        (BLOCK_VALUES / (self.width() + self.classes().len())).clamp(1, BLOCK_ROWS).next_multiple_of(layout::LANES)
    }

    fn block<T>(&self, values: &[f32], out: &mut [T], each: usize, write: &impl Fn(&[f64], &mut [T])) {
        let (layout, classes) = (self.layout(), self.classes().len());
        let grouped = layout::side_by_side(values, &self.stored.medians);
        let mut sums = vec![0.0_f32; values.len() / self.width() * classes];
        kernel::sum_shares(layout, &grouped, &mut sums);
        let mut shares = vec![0.0; classes];
        for (sums, out) in sums.chunks_exact(classes).zip(out.chunks_exact_mut(each)) {
            // Divided by their sum, which is the number of trees but for rounding.
            let all: f64 = sums.iter().map(|s| f64::from(*s)).sum();
            shares.iter_mut().zip(sums).for_each(|(share, sum)| *share = f64::from(*sum) / all);
            write(&shares, out);
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let (width, stored) = (self.width(), &self.stored);
        let classes = stored.names.len();
        if width == 0 || width > MAX_WIDTH || stored.medians.len() != width || stored.trees.is_empty() {
            return Err(format!("{} features, {} medians, {} trees", width, stored.medians.len(), stored.trees.len()));
        }
        if classes == 0 || classes > MAX_CLASSES || stored.weights.len() != classes || stored.normal as usize >= classes {
            return Err(format!("{} classes, {} weights, normal is {}", classes, stored.weights.len(), stored.normal));
        }
        // Weights far beyond those of any training set could overflow sums.
        if let Some(bad) = stored.weights.iter().find(|w| !(1e-12..=1e12).contains(*w)) {
            return Err(format!("a class weighs {bad}"));
        }
        if let Some(bad) = stored.medians.iter().find(|m| !m.is_finite()) {
            return Err(format!("a median is {bad}"));
        }
        stored.trees.iter().try_for_each(|tree| tree.validate(width, classes))?;
        let steps: u64 = stored.trees.iter().map(Tree::explain_steps).sum();
        if steps > MAX_EXPLAIN_STEPS {
            return Err(format!("its trees are so high that explaining a row takes {steps} steps, more than {MAX_EXPLAIN_STEPS}"));
        }
        Ok(())
    }

    /// Memory that it takes, laid out for scoring and for explaining.
    pub(crate) fn footprint(&self) -> u64 {
        let classes = self.classes().len() as u64;
        let of = |tree: &Tree| NODE_BYTES * tree.nodes.len() as u64 + COUNT_BYTES * tree.counts.len() as u64 + 4 * classes * classes;
        self.stored.trees.iter().map(of).fold(0, u64::saturating_add)
    }
}

fn likeliest(shares: &[f64]) -> u32 {
    let mut best = 0;
    for (class, share) in shares.iter().enumerate() {
        if share > &shares[best] {
            best = class;
        }
    }
    best as u32
}

impl Detector for FittedRandomForest {
    fn schema(&self) -> &FeatureSchema {
        &self.stored.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.width(), samples, out)?;
        let normal = self.stored.normal as usize;
        self.in_blocks(samples, out, 1, |shares, out| out[0] = AnomalyScore((1.0 - shares[normal]).clamp(0.0, 1.0)));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}
