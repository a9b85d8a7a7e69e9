//! Auto: many views of the same rows, averaged; the choice where nobody has looked at the data.

mod members;

use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Quantiles, Scaling};
use crate::rows::{self, shaped};
use crate::{Ecod, Hbos, IsolationForest, Pca};
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed};
use members::{MEMBERS, Members};
use serde::{Deserialize, Serialize};

/// Most rows learned from; more are drawn from by the seed.
const MAX_ROWS: usize = 20_000;
/// Fewest rows of which half can be held back to see how members score what they have not seen.
const MIN_ROWS: usize = 16;

/// Members that see different things, each on the scale of its own scores of normal rows, averaged.
///
/// # Parameters
/// - `trim`: share of the training rows, 0 to 0.5, that may be anomalies and is left out after a first look; 0. A detector
///   at work sets it to its contamination.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Rows are seen as signed logarithms, as ranks and as normal quantiles of ranks. On these work two Gaussian mixtures of 8
/// (logarithms; normal quantiles), distance to the neighbour at 3 % of the rows (logarithms), local outlier factors (ranks), an
/// isolation forest (ranks) and histograms (logarithms). Each member's score becomes the standard normal quantile of its rank
/// among scores of training rows that the member had not seen (two halves, each scored by members fitted on the other), going on
/// beyond the greatest; the score is their mean. With `trim`, histograms, ECOD, a forest and principal components first look at
/// all rows, combined in the same way, and the worst share is left out of everything else. At most 20,000 rows, drawn by the seed,
/// are learned from. Shares are the members' shares, scaled to their part of the score: an approximation.
///
/// # Weak where
/// Scoring must cost a microsecond (this is a hundred); the one thing that matters is seen by one member only.
///
/// # References
/// Aggarwal, Sathe: Theoretical foundations and algorithms for outlier ensembles, SIGKDD Explorations 17(1), 2015. Zimek,
/// Campello, Sander: Ensembles for unsupervised outlier detection, SIGKDD Explorations 15(1), 2013.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Auto {
    /// Share of the training rows that may be anomalies.
    pub trim: f64,
}

impl Auto {
    pub(crate) fn from_params(params: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self { trim: params.number("trim", 0.0, 0.0..=0.5)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        vec![("trim", self.trim.into())]
    }

    /// The rows that are left without the worst share at a first look.
    fn trimmed(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<Vec<f32>, FitError> {
        let leave_out = (train.rows() as f64 * self.trim) as usize;
        if leave_out == 0 || train.rows() - leave_out < 2 {
            return Ok(train.values().to_vec());
        }
        let width = train.width();
        let ranked = Scaling::Quantile.fit(train).apply(train);
        let looks: [Box<dyn Detector>; 4] = [
            Box::new(Hbos::default().fit(schema, shaped(&Scaling::SignedLog.fit(train).apply(train), width), seed)?),
            Box::new(Ecod.fit(schema, train, seed)?),
            Box::new(IsolationForest::default().fit(schema, shaped(&ranked, width), seed)?),
            Box::new(Pca { scaling: Scaling::SignedLog, ..Pca::default() }.fit(schema, train, seed)?),
        ];
        let logs = Scaling::SignedLog.fit(train).apply(train);
        let inputs = [shaped(&logs, width), train, shaped(&ranked, width), train];
        let mut total = vec![0.0; train.rows()];
        for (look, input) in looks.iter().zip(inputs) {
            let mut out = vec![AnomalyScore(0.0); train.rows()];
            look.score(input, &mut out).map_err(|_| FitError::Width { expected: schema.width(), got: width })?;
            let scale = Scale::of(&out);
            total.iter_mut().zip(&out).for_each(|(total, score)| *total += scale.apply(*score));
        }
        let mut order: Vec<usize> = (0..train.rows()).collect();
        order.sort_by(|a, b| total[*a].total_cmp(&total[*b]).then(a.cmp(b)));
        order.truncate(train.rows() - leave_out);
        order.sort_unstable();
        Ok(order.into_iter().flat_map(|row| train.row(row)).copied().collect())
    }
}

impl Estimator for Auto {
    type Fitted = FittedAuto;

    fn fit(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed) -> Result<FittedAuto, FitError> {
        rows::check(schema, train, 2)?;
        let drawn = rows::drawn(train, MAX_ROWS, seed);
        let kept = self.trimmed(schema, drawn.samples(), seed.derive(1))?;
        let kept = shaped(&kept, train.width());
        let members = Members::fit(schema, kept, seed.derive(2))?;
        let shape = |_| FitError::Width { expected: schema.width(), got: train.width() };
        let scores = if kept.rows() < MIN_ROWS {
            members.score(kept).map_err(shape)?
        } else {
            let mut scores: [Vec<AnomalyScore>; MEMBERS] = Default::default();
            for half in 0..2 {
                let part = |of: usize| -> Vec<f32> { kept.iter().skip(of).step_by(2).flatten().copied().collect() };
                let fitted = Members::fit(schema, shaped(&part(half), train.width()), seed.derive(3 + half as u64))?;
                let seen = fitted.score(shaped(&part(1 - half), train.width())).map_err(shape)?;
                scores.iter_mut().zip(seen).for_each(|(all, seen)| all.extend(seen));
            }
            scores
        };
        Ok(FittedAuto {
            schema: schema.clone(),
            members: Box::new(members),
            scales: scores.iter().map(|scores| Scale::of(scores)).collect(),
        })
    }
}

/// Fitted members and their scales.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedAuto {
    schema: FeatureSchema,
    members: Box<Members>,
    scales: Vec<Scale>,
}

/// Where a member's scores of normal rows lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scale(Quantiles);

impl Scale {
    fn of(scores: &[AnomalyScore]) -> Self {
        let mut sorted: Vec<f32> = scores.iter().map(|score| Self::logarithm(*score) as f32).collect();
        sorted.sort_by(f32::total_cmp);
        Self(Quantiles::new(&sorted))
    }

    /// Scores such as densities span many powers of ten: beyond the range, their logarithm counts.
    fn logarithm(score: AnomalyScore) -> f64 {
        score.0.abs().ln_1p().copysign(score.0)
    }

    fn apply(&self, score: AnomalyScore) -> f64 {
        self.0.normal(Self::logarithm(score))
    }
}

impl FittedAuto {
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.scales.len() != MEMBERS || !self.scales.iter().all(|scale| scale.0.is_valid()) {
            return Err("the scale of a member is out of order".to_owned());
        }
        self.members.validate(&self.schema)
    }
}

impl Detector for FittedAuto {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.schema.width(), samples, out)?;
        let scores = self.members.score(samples)?;
        for (row, out) in out.iter_mut().enumerate() {
            let parts = self.scales.iter().zip(&scores).map(|(scale, scores)| scale.apply(scores[row]));
            *out = AnomalyScore(parts.sum::<f64>() / MEMBERS as f64);
        }
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedAuto {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let width = self.schema.width();
        if row.len() != width {
            return Err(ScoreError::Width { expected: width, got: row.len() });
        }
        let scores = self.members.score(shaped(row, width))?;
        let mut whole = Attribution { base: 0.0, shares: vec![0.0; width] };
        for ((part, scale), score) in self.members.explain(row)?.into_iter().zip(&self.scales).zip(&scores) {
            let scaled = scale.apply(score[0]);
            let Some(part) = part else {
                whole.base += scaled / MEMBERS as f64;
                continue;
            };
            let (base, explained) = (scale.apply(AnomalyScore(part.base)), score[0].0 - part.base);
            // The scale is not straight: shares keep their proportions and sum to what the member adds.
            let factor = if explained.abs() > f64::MIN_POSITIVE { (scaled - base) / explained } else { 0.0 };
            let even = factor.is_finite() && part.shares.iter().all(|share| (share * factor).is_finite());
            whole.base += if even { base } else { scaled } / MEMBERS as f64;
            if even {
                whole.shares.iter_mut().zip(part.shares).for_each(|(whole, share)| *whole += share * factor / MEMBERS as f64);
            }
        }
        Ok(whole)
    }

    fn exact(&self) -> bool {
        false
    }
}
