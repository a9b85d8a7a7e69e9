//! Exact Shapley values of the probability that a row is not normal.

use super::FittedRandomForest;
use crate::treeshap::{ShapTree, shap};
use bartizan_core::{AnomalyScore, Attribution, Detector, Explain, Samples, ScoreError};

impl FittedRandomForest {
    /// The trees whose values sum to the probability of a class.
    pub(crate) fn shap_trees(&self, class: usize) -> Vec<ShapTree> {
        let scale = 1.0 / self.stored.trees.len() as f64;
        self.stored.trees.iter().map(|tree| tree.shap(class, &self.stored.weights, scale)).collect()
    }
}

impl Explain for FittedRandomForest {
    /// Path-dependent TreeSHAP (Lundberg et al. 2020) over all trees. The trees are unfolded at the first call.
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let mut score = [AnomalyScore(0.0)];
        let samples = Samples::new(row, row.len().max(1)).map_err(|_| ScoreError::Width { expected: self.width(), got: row.len() })?;
        self.score(samples, &mut score)?;
        let trees = self.unfolded.get_or_init(|| self.shap_trees(self.stored.normal as usize));
        let known: Vec<f32> = row.iter().zip(&self.stored.medians).map(|(v, m)| if v.is_nan() { *m } else { *v }).collect();
        let mut shares = vec![0.0; row.len()];
        for tree in trees {
            shap(tree, &known, &mut shares);
        }
        // What makes a row less normal makes it more anomalous.
        shares.iter_mut().for_each(|share| *share = -*share);
        Ok(Attribution { base: score[0].0 - shares.iter().sum::<f64>(), shares })
    }
}

#[cfg(test)]
mod tests {
    use crate::RandomForest;
    use crate::treeshap::shap;
    use bartizan_core::{Explain, FeatureSchema, Samples, Seed};
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn the_base_is_the_expected_score_of_an_unknown_row() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let values: Vec<f32> = (0..900).map(|_| rng.random()).collect();
        let anomalous: Vec<bool> = values.chunks(3).map(|row| row[1] > 0.7).collect();
        let forest = RandomForest { trees: 20, ..RandomForest::default() };
        let train = Samples::new(&values, 3).unwrap();
        let fitted = forest.fit_labelled(&FeatureSchema::unnamed(3), train, &anomalous, Seed(4), &bartizan_core::Stop::default()).unwrap();
        let expected: f64 = fitted.shap_trees(0).iter().map(|tree| shap(tree, &[0.0; 3], &mut [0.0; 3])).sum();
        for row in values.chunks(3).take(50) {
            let explanation = fitted.explain(row).unwrap();
            assert!((explanation.base - (1.0 - expected)).abs() < 1e-5, "{} is not {}", explanation.base, 1.0 - expected);
            let decisive = explanation.shares[1].abs() > explanation.shares[0].abs().max(explanation.shares[2].abs());
            assert!(decisive || (row[1] - 0.7).abs() < 0.1, "{row:?}: {explanation:?}");
        }
    }
}
