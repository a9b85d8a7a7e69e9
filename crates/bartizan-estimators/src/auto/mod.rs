//! Auto: many views of the same rows, averaged; the choice where nobody has looked at the data.

mod members;

use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::{Quantiles, Scaling};
use crate::rows::{self, shaped};
use crate::{Ecod, Hbos, IsolationForest, Pca};
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use members::{Member, OF_MIXED, OF_NORMAL};
use serde::{Deserialize, Serialize};

/// Most rows learned from; more are drawn from by the seed.
const MAX_ROWS: usize = 20_000;
/// Most members that are read.
const MAX_MEMBERS: usize = 8;
/// Fewest rows of which half can be held back to see how members score what they have not seen.
const MIN_ROWS: usize = 16;

/// Two or three algorithms that see different things, each on the scale of its own scores of unseen rows, averaged.
///
/// # Parameters
/// - `trim`: share of the training rows, 0 to 0.5, that may be anomalies; 0 says that all are normal. A detector at work sets
///   it to its contamination, and to less when rows are labelled legitimate.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Among normal rows: one-class SVMs on signed logarithms and on normal quantiles of ranks, and the distance to the neighbour
/// at 3 % of the rows, on ranks. Among rows that may have anomalies a boundary would be drawn around these too, so: the distance
/// to the 20th neighbour and histograms, both on signed logarithms; before, histograms, ECOD, a forest and principal components
/// look at all rows and leave out the worst share. Each member's score becomes the standard normal quantile of its rank among
/// scores of training rows that the member had not seen (two halves, each scored by a member fitted on the other), going on
/// beyond the greatest; the score is their mean. At most 20,000 rows, drawn by the seed, are learned from. Shares are the
/// members' shares, scaled to their part of the score: an approximation.
///
/// # Weak where
/// Scoring must cost a microsecond (this is hundreds); the one thing that matters is seen by one member only.
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
    fn trimmed(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<Vec<f32>, FitError> {
        let leave_out = (train.rows() as f64 * self.trim) as usize;
        if leave_out == 0 || train.rows() - leave_out < 2 {
            return Ok(train.values().to_vec());
        }
        let width = train.width();
        let ranked = Scaling::Quantile.fit(schema, train).apply(train);
        let logs = Scaling::SignedLog.fit(schema, train).apply(train);
        let plain = schema.without_resolution();
        let looks: [Box<dyn Detector>; 4] = [
            Box::new(Hbos::default().fit_until(&plain, shaped(&logs, width), seed, stop)?),
            Box::new(Ecod.fit_until(schema, train, seed, stop)?),
            Box::new(IsolationForest::default().fit_until(&plain, shaped(&ranked, width), seed, stop)?),
            Box::new(Pca { scaling: Scaling::SignedLog, ..Pca::default() }.fit_until(schema, train, seed, stop)?),
        ];
        let inputs = [shaped(&logs, width), train, shaped(&ranked, width), train];
        let mut total = vec![0.0; train.rows()];
        for (look, input) in looks.iter().zip(inputs) {
            let mut out = vec![AnomalyScore(0.0); train.rows()];
            look.score(input, &mut out).map_err(shape)?;
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

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedAuto, FitError> {
        rows::check(schema, train, 2)?;
        let drawn = rows::drawn(train, MAX_ROWS, seed);
        let kept = self.trimmed(schema, drawn.samples(), seed.derive(1), stop)?;
        let kept = shaped(&kept, train.width());
        let views = if self.trim > 0.0 { OF_MIXED } else { OF_NORMAL };
        let mut members = Vec::with_capacity(views.len());
        for (index, view) in views.iter().enumerate() {
            let seed = seed.derive(2 + index as u64);
            let fit = |rows: Samples<'_>| Member::fit(*view, (schema, rows), seed, stop);
            let member = fit(kept)?;
            let seen = if kept.rows() < MIN_ROWS { member.score(kept).map_err(shape)? } else { cross_scores(kept, fit)? };
            members.push((member, Scale::of(&seen)));
        }
        Ok(FittedAuto { schema: schema.clone(), members })
    }
}

/// Scores of each half of the rows by a member fitted on the other.
fn cross_scores(rows: Samples<'_>, fit: impl Fn(Samples<'_>) -> Result<Member, FitError>) -> Result<Vec<AnomalyScore>, FitError> {
    let half = |of: usize| -> Vec<f32> { rows.iter().skip(of).step_by(2).flatten().copied().collect() };
    let halves = [half(0), half(1)];
    let [even, odd] = halves.each_ref().map(|values| shaped(values, rows.width()));
    let mut seen = fit(even)?.score(odd).map_err(shape)?;
    seen.extend(fit(odd)?.score(even).map_err(shape)?);
    Ok(seen)
}

/// Rows of a checked shape were refused.
fn shape(error: ScoreError) -> FitError {
    unreachable!("members take rows as wide as they were fitted on: {error}")
}

/// Fitted members and their scales.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedAuto {
    schema: FeatureSchema,
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_MEMBERS>")]
    members: Vec<(Member, Scale)>,
}

/// Farthest that a score counts beyond the greatest seen, in standard deviations.
const FARTHEST: f64 = 20.0;

/// Where a member's scores of normal rows lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scale {
    quantiles: Quantiles,
    /// Greatest seen.
    greatest: f64,
    /// Standard deviations a unit beyond it: as in the upper tenth of those seen, so that a member that can tell far from
    /// farther does, and one that has reached its end says so at once.
    slope: f64,
}

impl Scale {
    fn of(scores: &[AnomalyScore]) -> Self {
        let mut sorted: Vec<f32> = scores.iter().map(|score| Self::logarithm(*score) as f32).collect();
        sorted.sort_by(f32::total_cmp);
        let quantiles = Quantiles::new(&sorted, 0.0);
        let at = |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied().map_or(0.0, f64::from);
        let (ninth, greatest) = (at(0.9), at(1.0));
        let rise = quantiles.normal(greatest) - quantiles.normal(ninth);
        let slope = if greatest > ninth { rise / (greatest - ninth) } else { 1.0 };
        Self { quantiles, greatest, slope: slope.min(f64::MAX) }
    }

    /// Scores such as densities span many powers of ten: beyond the range, their logarithm counts.
    fn logarithm(score: AnomalyScore) -> f64 {
        score.0.abs().ln_1p().copysign(score.0)
    }

    fn apply(&self, score: AnomalyScore) -> f64 {
        let value = Self::logarithm(score);
        let beyond = (self.slope * (value - self.greatest).max(0.0)).min(FARTHEST);
        self.quantiles.normal(value.min(self.greatest)) + beyond
    }

    fn is_valid(&self) -> bool {
        self.quantiles.is_valid() && self.greatest.is_finite() && self.slope.is_finite() && self.slope >= 0.0
    }
}

impl FittedAuto {
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.members.is_empty() || !self.members.iter().all(|(_, scale)| scale.is_valid()) {
            return Err("there is no member, or the scale of one is out of order".to_owned());
        }
        self.members.iter().try_for_each(|(member, _)| member.validate(&self.schema))
    }
}

impl Detector for FittedAuto {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.schema.width(), samples, out)?;
        out.fill(AnomalyScore(0.0));
        for (member, scale) in &self.members {
            for (out, score) in out.iter_mut().zip(member.score(samples)?) {
                out.0 += scale.apply(score) / self.members.len() as f64;
            }
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
        let part_of = 1.0 / self.members.len() as f64;
        let mut whole = Attribution { base: 0.0, shares: vec![0.0; width] };
        for (member, scale) in &self.members {
            let score = member.score(shaped(row, width))?[0];
            let scaled = scale.apply(score);
            let Some(part) = member.explain(row)? else {
                whole.base += scaled * part_of;
                continue;
            };
            let (base, explained) = (scale.apply(AnomalyScore(part.base)), score.0 - part.base);
            // The scale is not straight: shares keep their proportions and sum to what the member adds.
            let factor = if explained.abs() > f64::MIN_POSITIVE { (scaled - base) / explained } else { 0.0 };
            let even = factor.is_finite() && part.shares.iter().all(|share| (share * factor).is_finite());
            whole.base += if even { base } else { scaled } * part_of;
            if even {
                whole.shares.iter_mut().zip(part.shares).for_each(|(whole, share)| *whole += share * factor * part_of);
            }
        }
        Ok(whole)
    }

    fn exact(&self) -> bool {
        false
    }
}
