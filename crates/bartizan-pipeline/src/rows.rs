//! Events to rows the way serving will see them: each from baselines that have not seen it, and where events have a time, those that
//! set the threshold from baselines of what came **before** them.
//!
//! A stream is not exchangeable: clients come in sessions, and what is new keeps coming. Rows drawn at random have their neighbours
//! in time on both sides, so nothing about them is new, and a threshold set on them is too low for the next hour. The last part of the
//! history is therefore held back whole. The part before it is cut into blocks in time, and a block's rows come from baselines of the
//! other blocks.

use crate::training::TrainingEvent;
use bartizan_core::{AnomalyScore, Detector, Domain, Extract, FitError, Samples, Seed, Stop};
use rayon::prelude::*;

/// Blocks that the rows which are fitted on are cut into.
pub(crate) const FOLDS: usize = 5;
/// Rows scored before it is looked whether the training was ended.
const SCORED_AT_ONCE: usize = 8_192;
/// Seconds between the quartiles of the times of a stream. What is read from a table without times, or sent at once, has less: its order
/// says nothing.
const LEAST_SECS: i64 = 1;

/// The rows of one training, with what the windows said of each.
pub(crate) struct Rows<'a, D: Domain> {
    events: &'a [TrainingEvent<D>],
    recents: &'a [D::Recent],
    /// The block of each.
    pub(crate) fold: Vec<usize>,
    /// Whether their order is one in time.
    pub(crate) timed: bool,
    feature_set: &'static str,
    seed: Seed,
    stop: Stop,
}

/// Numbers of all rows; those not extracted are missing.
pub(crate) struct Matrix {
    values: Vec<f32>,
    width: usize,
}

impl Matrix {
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// The chosen rows, one after the other.
    pub(crate) fn rows(&self, chosen: &[usize]) -> Vec<f32> {
        chosen.iter().flat_map(|&i| self.row(i)).copied().collect()
    }
}

impl<'a, D: Domain> Rows<'a, D> {
    /// Events in order of event time, with what the windows said of each.
    pub(crate) fn new(events: &'a [TrainingEvent<D>], recents: &'a [D::Recent], feature_set: &'static str, seed: Seed) -> Self {
        let timed = have_times(events);
        Self { events, recents, fold: folds(events.len(), timed, seed), timed, feature_set, seed, stop: Stop::default() }
    }

    /// Whose work ends early once `stop` is set.
    pub(crate) fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Holds back `count` of the chosen rows: the last in time, or any. Gives the others, and those.
    pub(crate) fn hold_back(&self, chosen: &[usize], count: usize) -> (Vec<usize>, Vec<usize>) {
        let first = chosen.len().saturating_sub(count);
        if self.timed {
            return (chosen[..first].to_vec(), chosen[first..].to_vec());
        }
        let draw = self.seed.derive(0x4e1d);
        let mut order = chosen.to_vec();
        order.sort_by_key(|&i| draw.derive(i as u64).0);
        let mut held = order.split_off(first);
        order.sort_unstable();
        held.sort_unstable();
        (order, held)
    }

    /// Features of the normal rows, each from baselines that have not seen its block, and of others in the same way: what differs
    /// between baselines must not tell the ones from the others.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub(crate) fn extract_out_of_fold(&self, normal: &[usize], others: &[usize], whole: &D::Baselines) -> Result<Matrix, FitError> {
        let width = D::schema().width();
        let parts = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let baselines = self.aligned(normal.iter().copied().filter(|&i| self.fold[i] != fold), whole);
                let inside = normal.iter().chain(others).filter(|&&i| self.fold[i] == fold);
                inside.map(|&i| self.stop.check().map(|()| (i, self.extract(&baselines, i)))).collect::<Result<Vec<_>, _>>()
            })
            .collect::<Result<Vec<_>, FitError>>()?;
        let mut matrix = Matrix { values: vec![f32::NAN; width * self.events.len()], width };
        for (i, row) in parts.into_iter().flatten() {
            matrix.values[i * width..(i + 1) * width].copy_from_slice(&row);
        }
        Ok(matrix)
    }

    /// Baselines of the chosen rows.
    pub(crate) fn baselines(&self, chosen: impl Iterator<Item = usize>) -> D::Baselines {
        D::fit_baselines(chosen.map(|i| &self.events[i].event), self.feature_set)
    }

    /// Baselines of the chosen rows, on the scale of others.
    pub(crate) fn aligned(&self, chosen: impl Iterator<Item = usize>, whole: &D::Baselines) -> D::Baselines {
        let mut baselines = self.baselines(chosen);
        D::align(&mut baselines, whole);
        baselines
    }

    pub(crate) fn extract(&self, baselines: &D::Baselines, index: usize) -> Vec<f32> {
        let mut row = vec![f32::NAN; D::schema().width()];
        baselines.extract(&self.events[index].event, &self.recents[index], &mut row);
        row
    }

    /// Scores of the chosen rows from these baselines and this detector.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub(crate) fn scores(&self, chosen: &[usize], baselines: &D::Baselines, detector: &dyn Detector) -> Result<Vec<f64>, FitError> {
        let mut scores = Vec::with_capacity(chosen.len());
        for part in chosen.chunks(SCORED_AT_ONCE) {
            self.stop.check()?;
            let values: Vec<f32> = part.par_iter().flat_map_iter(|&i| self.extract(baselines, i)).collect();
            scores.extend(score_all(detector, shaped(&values, D::schema().width())).into_iter().map(|score| score.0));
        }
        Ok(scores)
    }
}

/// Scores of rows.
pub(crate) fn score_all(detector: &dyn Detector, samples: Samples<'_>) -> Vec<AnomalyScore> {
    let mut out = vec![AnomalyScore(0.0); samples.rows()];
    detector.score(samples, &mut out).unwrap_or_else(|e| unreachable!("the schema was compared when the model was made: {e}"));
    out
}

pub(crate) fn shaped(values: &[f32], width: usize) -> Samples<'_> {
    Samples::new(values, width).unwrap_or_else(|e| unreachable!("rows are extracted whole: {e}"))
}

fn have_times<D: Domain>(events: &[TrainingEvent<D>]) -> bool {
    let quartile = |part: usize| events.get(events.len() * part / 4).map(|e| D::facts(&e.event).time.secs());
    let (Some(first), Some(second), Some(third)) = (quartile(1), quartile(2), quartile(3)) else { return false };
    second >= first.saturating_add(LEAST_SECS) && third >= second.saturating_add(LEAST_SECS)
}

/// Blocks of equal length in time, or parts drawn at random.
fn folds(rows: usize, timed: bool, seed: Seed) -> Vec<usize> {
    let block = |i: usize| i * FOLDS / rows;
    let drawn = |i: usize| (seed.derive(0xf01d).derive(i as u64).0 % FOLDS as u64) as usize;
    (0..rows).map(|i| if timed { block(i) } else { drawn(i) }).collect()
}
