//! A random cut forest that goes on learning.

use super::{FittedRandomCutForest, RandomCutForest};
use crate::streaming::{Learn, NotScored, State};
use bartizan_core::{AnomalyScore, FeatureSchema, Samples, Seed, Stop};
use serde::{Deserialize, Serialize};

/// A [`RandomCutForest`] learning row by row.
///
/// It warms up over the first `tree_size` rows: they set the scales of the features and fill the samples. Stored in the
/// middle of a stream, samples included, it goes on as if it had never stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RandomCutStream {
    parameters: RandomCutForest,
    schema: FeatureSchema,
    seed: Seed,
    /// Rows seen while warming up.
    first: Vec<f32>,
    forest: Option<FittedRandomCutForest>,
}

impl RandomCutStream {
    /// Before the first row.
    #[must_use]
    pub fn new(parameters: RandomCutForest, schema: FeatureSchema, seed: Seed) -> Self {
        Self { parameters, schema, seed, first: Vec::new(), forest: None }
    }

    /// What it has learned, as a detector that learns no more; none while warming up.
    #[must_use]
    pub fn freeze(self) -> Option<FittedRandomCutForest> {
        self.forest
    }

    /// Checks what a damaged or hostile file could have wrong.
    ///
    /// # Errors
    /// With a sentence that says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let (width, needed) = (self.schema.width(), self.parameters.tree_size);
        let limits = (1..=1_000).contains(&self.parameters.trees) && (2..=4_096).contains(&needed);
        if width == 0 || !limits || !(0.0..=1.0).contains(&self.parameters.time_decay) {
            return Err(format!("{width} features, {} trees of {needed}", self.parameters.trees));
        }
        if !self.first.len().is_multiple_of(width) || self.first.len() >= needed * width || self.first.iter().any(|v| v.is_infinite()) {
            return Err(format!("{} numbers were seen while warming up", self.first.len()));
        }
        match &self.forest {
            Some(forest) if forest.schema.fingerprint() != self.schema.fingerprint() => Err("its forest has other features".to_owned()),
            Some(forest) => forest.validate(),
            None => Ok(()),
        }
    }

    fn check(&self, row: &[f32]) -> Result<(), NotScored> {
        let (expected, got) = (self.schema.width(), row.len());
        if expected == got { Ok(()) } else { Err(NotScored::Width { expected, got }) }
    }
}

impl Learn for RandomCutStream {
    fn learn(&mut self, row: &[f32]) -> Result<(), NotScored> {
        self.check(row)?;
        let row = row.iter().map(|v| if v.is_infinite() { f32::NAN } else { *v });
        self.first.extend(row);
        if self.forest.is_none() && self.first.len() < self.parameters.tree_size * self.schema.width() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.first);
        let Ok(samples) = Samples::new(&rows, self.schema.width()) else { return Ok(()) };
        let (parameters, schema, seed) = (&self.parameters, &self.schema, self.seed);
        let forest = self.forest.get_or_insert_with(|| parameters.start(schema, parameters.scaling.fit(samples), seed));
        forest.learn(samples, &Stop::default()).unwrap_or_else(|e| unreachable!("nobody stops one row: {e}"));
        Ok(())
    }

    fn state(&self) -> State {
        match self.forest {
            Some(_) => State::Ready,
            None => State::WarmingUp { seen: self.first.len() / self.schema.width().max(1), needed: self.parameters.tree_size },
        }
    }

    fn score(&self, row: &[f32]) -> Result<AnomalyScore, NotScored> {
        self.check(row)?;
        match (&self.forest, self.state()) {
            (Some(forest), _) => {
                let mut score = [AnomalyScore(0.0)];
                forest.score_chunk(row, &mut score);
                Ok(score[0])
            }
            (None, State::WarmingUp { seen, needed }) => Err(NotScored::WarmingUp { seen, needed }),
            (None, State::Ready) => Err(NotScored::WarmingUp { seen: 0, needed: self.parameters.tree_size }),
        }
    }
}
