//! The members, fitted on rows prepared in three ways.

use crate::preparation::{Preparation, Scaling};
use crate::rows::shaped;
use crate::{
    FittedForest, FittedMixture, FittedNeighbours, FittedOutlierFactor, FittedSteps, GaussianMixture, Hbos, IsolationForest,
    KNearestNeighbours, LocalOutlierFactor, NeighbourDistance,
};
use bartizan_core::{AnomalyScore, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed};
use serde::{Deserialize, Serialize};

/// How many members there are.
pub(super) const MEMBERS: usize = 6;
/// Rows that neighbours are looked for among: enough to be near some, few enough to look at all.
const NEIGHBOUR_ROWS: usize = 5_000;
/// Part of these that are neighbours: anomalies in training that lie close together are then not each other's only ones.
const NEIGHBOUR_SHARE: f64 = 0.03;
/// Fewest neighbours.
const LEAST_NEIGHBOURS: usize = 10;
/// Neighbours that outlier factors compare with.
const LOCAL_NEIGHBOURS: usize = 20;
/// Added to the variances of the mixture of ranks: ranks of features with few values lie on points.
const RANK_RIDGE: f64 = 0.1;

/// Fitted members.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Members {
    logs: Preparation,
    ranks: Preparation,
    normals: Preparation,
    density: FittedMixture,
    rank_density: FittedMixture,
    neighbours: FittedNeighbours,
    local: FittedOutlierFactor,
    forest: FittedForest,
    histograms: FittedSteps,
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
        let (normals, normal_rows) = prepared(Scaling::Gaussian);
        let (log_rows, rank_rows, normal_rows) = (shaped(&log_rows, width), shaped(&rank_rows, width), shaped(&normal_rows, width));
        let mixture = GaussianMixture { scaling: Scaling::None, ..GaussianMixture::default() };
        let many = (train.rows().min(NEIGHBOUR_ROWS) as f64 * NEIGHBOUR_SHARE) as usize;
        let neighbours = KNearestNeighbours {
            n_neighbours: many.max(LEAST_NEIGHBOURS),
            method: NeighbourDistance::Largest,
            max_train: NEIGHBOUR_ROWS,
            scaling: Scaling::None,
        };
        let local = LocalOutlierFactor { n_neighbours: LOCAL_NEIGHBOURS, max_train: NEIGHBOUR_ROWS, scaling: Scaling::None };
        Ok(Self {
            density: mixture.fit(schema, log_rows, seed.derive(0))?,
            rank_density: GaussianMixture { regularisation: RANK_RIDGE, ..mixture }.fit(schema, normal_rows, seed.derive(1))?,
            neighbours: neighbours.fit(schema, log_rows, seed.derive(2))?,
            local: local.fit(schema, rank_rows, seed.derive(3))?,
            forest: IsolationForest::default().fit(schema, rank_rows, seed.derive(4))?,
            histograms: Hbos::default().fit(schema, log_rows, seed.derive(5))?,
            logs,
            ranks,
            normals,
        })
    }

    fn preparations(&self) -> [&Preparation; MEMBERS] {
        [&self.logs, &self.normals, &self.logs, &self.ranks, &self.ranks, &self.logs]
    }

    fn detectors(&self) -> [&dyn Detector; MEMBERS] {
        [&self.density, &self.rank_density, &self.neighbours, &self.local, &self.forest, &self.histograms]
    }

    /// The score of each row by each member.
    pub(super) fn score(&self, samples: Samples<'_>) -> Result<[Vec<AnomalyScore>; MEMBERS], ScoreError> {
        let (logs, ranks, normals) = (self.logs.apply(samples), self.ranks.apply(samples), self.normals.apply(samples));
        let rows = [&logs, &normals, &logs, &ranks, &ranks, &logs];
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
        for preparation in [&self.logs, &self.ranks, &self.normals] {
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
        self.histograms.validate()
    }
}
