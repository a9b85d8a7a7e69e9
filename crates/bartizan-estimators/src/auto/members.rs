//! The members: an algorithm each, on rows prepared in one way.

use crate::preparation::{Preparation, Scaling};
use crate::rows::shaped;
use crate::{FittedNeighbours, FittedOneClassSvm, FittedSteps, Hbos, KNearestNeighbours, NeighbourDistance, OneClassSvm, SvmScore};
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use serde::{Deserialize, Serialize};

/// Neighbours looked at among rows that may have anomalies: enough that a few anomalies close together are not each other's
/// only ones.
const FEW_NEIGHBOURS: usize = 20;
/// Part of the rows looked at as neighbours among normal rows, for a view of the whole beside the boundaries.
const NEIGHBOURS_PART: f64 = 0.03;
const LEAST_NEIGHBOURS: usize = 5;
/// Most neighbours looked at.
const MOST_NEIGHBOURS: usize = 600;
/// Most that a score may be multiplied by: more than there can be training rows.
const MOST_GAIN: f64 = 1e9;

/// A way to look at rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    Boundary,
    AllNeighbours,
    FewNeighbours,
    Histograms,
}

/// What is looked at among normal rows: boundaries around every cluster on two scales, and distance as a whole.
pub(super) const OF_NORMAL: &[(View, Scaling)] =
    &[(View::Boundary, Scaling::SignedLog), (View::Boundary, Scaling::Gaussian), (View::AllNeighbours, Scaling::Quantile)];

/// What is looked at among rows that may have anomalies, where a boundary would be drawn around these too.
pub(super) const OF_MIXED: &[(View, Scaling)] = &[(View::FewNeighbours, Scaling::SignedLog), (View::Histograms, Scaling::SignedLog)];

/// A fitted member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    preparation: Preparation,
    fitted: Fitted,
    /// What its scores are multiplied by. A boundary that rests on more rows counts for more: what lies outside one drawn from
    /// all rows lies beyond what was seen of those drawn from half of them.
    gain: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Fitted {
    Boundary(FittedOneClassSvm),
    Neighbours(FittedNeighbours),
    Histograms(FittedSteps),
}

impl Member {
    pub(super) fn fit(
        view: (View, Scaling),
        (schema, train): (&FeatureSchema, Samples<'_>),
        seed: Seed,
        stop: &Stop,
    ) -> Result<Self, FitError> {
        let (view, scaling) = view;
        stop.check()?;
        let preparation = scaling.fit(schema, train);
        let values = preparation.apply(train);
        let (rows, schema) = (shaped(&values, train.width()), &schema.without_resolution());
        let neighbours = |n_neighbours: usize| {
            let method = NeighbourDistance::Largest;
            KNearestNeighbours { n_neighbours, method, scaling: Scaling::None, ..KNearestNeighbours::default() }
                .fit_until(schema, rows, seed, stop)
        };
        let part = ((NEIGHBOURS_PART * rows.rows() as f64) as usize).clamp(LEAST_NEIGHBOURS, MOST_NEIGHBOURS);
        let fitted = match view {
            View::Boundary => {
                // On the logarithm's scale, what two halves say of each other differs more than what they say of new rows.
                let boundary = OneClassSvm { scaling: Scaling::None, score: SvmScore::Decision, ..OneClassSvm::default() };
                Fitted::Boundary(boundary.fit_until(schema, rows, seed, stop)?)
            }
            View::AllNeighbours => Fitted::Neighbours(neighbours(part)?),
            View::FewNeighbours => Fitted::Neighbours(neighbours(FEW_NEIGHBOURS)?),
            View::Histograms => Fitted::Histograms(Hbos::default().fit_until(schema, rows, seed, stop)?),
        };
        let gain = if matches!(view, View::Boundary) { OneClassSvm::default().nu * rows.rows() as f64 } else { 1.0 };
        Ok(Self { preparation, fitted, gain })
    }

    fn detector(&self) -> &dyn Detector {
        match &self.fitted {
            Fitted::Boundary(fitted) => fitted,
            Fitted::Neighbours(fitted) => fitted,
            Fitted::Histograms(fitted) => fitted,
        }
    }

    /// The score of each row.
    pub(super) fn score(&self, samples: Samples<'_>) -> Result<Vec<AnomalyScore>, ScoreError> {
        let values = self.preparation.apply(samples);
        let mut out = vec![AnomalyScore(0.0); samples.rows()];
        self.detector().score(shaped(&values, samples.width()), &mut out)?;
        out.iter_mut().for_each(|score| score.0 *= self.gain);
        Ok(out)
    }

    /// How the member explains its score of a row.
    pub(super) fn explain(&self, row: &[f32]) -> Result<Option<Attribution>, ScoreError> {
        let mut prepared = vec![0.0; row.len()];
        self.preparation.apply_row(row, &mut prepared);
        let mut explained = self.detector().explainer().map(|explainer| explainer.explain(&prepared)).transpose()?;
        if let Some(Attribution { base, shares }) = &mut explained {
            *base *= self.gain;
            shares.iter_mut().for_each(|share| *share *= self.gain);
        }
        Ok(explained)
    }

    pub(super) fn validate(&self, schema: &FeatureSchema) -> Result<(), String> {
        self.preparation.validate()?;
        if !(self.gain > 0.0 && self.gain <= MOST_GAIN) {
            return Err(format!("a member counts {} times", self.gain));
        }
        if self.preparation.width() != schema.width() {
            return Err(format!("a preparation of {} features for {}", self.preparation.width(), schema.width()));
        }
        if self.detector().schema().fingerprint() != schema.fingerprint() {
            return Err("the members were fitted on different features".to_owned());
        }
        match &self.fitted {
            Fitted::Boundary(fitted) => fitted.validate(),
            Fitted::Neighbours(fitted) => fitted.validate(),
            Fitted::Histograms(fitted) => fitted.validate(),
        }
    }
}
