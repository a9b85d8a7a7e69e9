//! The members, fitted on rows prepared in three ways.

use crate::preparation::{Preparation, Scaling};
use crate::rows::shaped;
use crate::{
    FittedDistance, FittedForest, FittedMixture, FittedNeighbours, FittedOutlierFactor, FittedSteps, GaussianMixture, Hbos,
    IsolationForest, KNearestNeighbours, LocalOutlierFactor, NeighbourDistance, Pca,
};
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed};
use serde::{Deserialize, Serialize};

/// How many members there are.
pub(super) const MEMBERS: usize = 7;
/// Rows that neighbours are looked for among.
const NEIGHBOUR_ROWS: usize = 20_000;
/// Neighbours looked at: enough that a few anomalies in training that lie close together are not each other's only ones.
const NEIGHBOURS: usize = 20;

/// Fitted members.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Members {
    logs: Preparation,
    ranks: Preparation,
    standard: Preparation,
    density: FittedMixture,
    rank_density: FittedMixture,
    neighbours: FittedNeighbours,
    local: FittedOutlierFactor,
    forest: FittedForest,
    histograms: FittedSteps,
    directions: FittedDistance,
}

impl Members {
    pub(super) fn fit(schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<Self, FitError> {
        let width = train.width();
        let prepared = |scaling: Scaling| {
            let preparation = scaling.fit(train);
            let values = preparation.apply(train);
            (preparation, values)
        };
        let (logs, log_rows) = prepared(Scaling::SignedLog);
        let (ranks, rank_rows) = prepared(Scaling::Quantile);
        let (standard, standard_rows) = prepared(Scaling::Standard);
        let (log_rows, rank_rows, standard_rows) = (shaped(&log_rows, width), shaped(&rank_rows, width), shaped(&standard_rows, width));
        let mixture = GaussianMixture { scaling: Scaling::None, ..GaussianMixture::default() };
        let neighbours = KNearestNeighbours {
            n_neighbours: NEIGHBOURS,
            method: NeighbourDistance::Largest,
            max_train: NEIGHBOUR_ROWS,
            scaling: Scaling::None,
        };
        let local = LocalOutlierFactor { n_neighbours: NEIGHBOURS, max_train: NEIGHBOUR_ROWS, scaling: Scaling::None };
        Ok(Self {
            density: mixture.fit(schema, log_rows, seed.derive(0))?,
            rank_density: mixture.fit(schema, rank_rows, seed.derive(1))?,
            neighbours: neighbours.fit(schema, log_rows, seed.derive(2))?,
            local: local.fit(schema, rank_rows, seed.derive(3))?,
            forest: IsolationForest::default().fit(schema, rank_rows, seed.derive(4))?,
            histograms: Hbos::default().fit(schema, log_rows, seed.derive(5))?,
            directions: Pca { scaling: Scaling::None, ..Pca::default() }.fit(schema, standard_rows, seed.derive(6))?,
            logs,
            ranks,
            standard,
        })
    }

    fn preparations(&self) -> [&Preparation; MEMBERS] {
        [&self.logs, &self.ranks, &self.logs, &self.ranks, &self.ranks, &self.logs, &self.standard]
    }

    fn detectors(&self) -> [&dyn Detector; MEMBERS] {
        [&self.density, &self.rank_density, &self.neighbours, &self.local, &self.forest, &self.histograms, &self.directions]
    }

    /// The score of each row by each member.
    pub(super) fn score(&self, samples: Samples<'_>) -> Result<[Vec<AnomalyScore>; MEMBERS], ScoreError> {
        let (logs, ranks, standard) = (self.logs.apply(samples), self.ranks.apply(samples), self.standard.apply(samples));
        let rows = [&logs, &ranks, &logs, &ranks, &ranks, &logs, &standard];
        let mut all: [Vec<AnomalyScore>; MEMBERS] = std::array::from_fn(|_| vec![AnomalyScore(0.0); samples.rows()]);
        for ((detector, rows), out) in self.detectors().into_iter().zip(rows).zip(&mut all) {
            detector.score(shaped(rows, samples.width()), out)?;
        }
        Ok(all)
    }

    /// How each member explains its score of a row.
    pub(super) fn explain(&self, row: &[f32]) -> Result<Vec<Option<bartizan_core::Attribution>>, ScoreError> {
        let mut prepared = vec![0.0; row.len()];
        let explain = |(detector, preparation): (&dyn Detector, &Preparation)| {
            preparation.apply_row(row, &mut prepared);
            detector.explainer().map(|explainer: &dyn Explain| explainer.explain(&prepared)).transpose()
        };
        self.detectors().into_iter().zip(self.preparations()).map(explain).collect()
    }

    pub(super) fn validate(&self, schema: &FeatureSchema) -> Result<(), String> {
        for preparation in [&self.logs, &self.ranks, &self.standard] {
            preparation.validate()?;
            if preparation.width() != schema.width() {
                return Err(format!("a preparation of {} features for {}", preparation.width(), schema.width()));
            }
        }
        if self.detectors().iter().any(|member| member.schema().fingerprint() != schema.fingerprint()) {
            return Err("the members were fitted on different features".to_owned());
        }
        self.density.validate()?;
        self.rank_density.validate()?;
        self.neighbours.validate()?;
        self.local.validate()?;
        self.forest.validate()?;
        self.histograms.validate()?;
        self.directions.validate()
    }
}
