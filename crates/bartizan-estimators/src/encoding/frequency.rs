//! How frequent a category is.

use super::categories::Categories;
use bartizan_core::{Direction, Feature};
use serde::{Deserialize, Serialize};

/// A text column as one number: the logarithm of the smoothed share of training rows with the same text.
///
/// # Parameters
/// - `min_count`: categories with fewer training rows are not told apart, 1 or more; 1.
///
/// # Algorithm
/// `ln((count + 1/2) / (rows + 1))`. Categories below `min_count` have their mean count; a text not seen in training has
/// count 0. Only the 10,000 most frequent categories are remembered and 256 bytes of each; others are as good as unseen.
///
/// # Weak where
/// Which category it is matters, and not only how rare it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frequency {
    /// Training rows from which on a category stands for itself.
    pub min_count: u64,
}

impl Default for Frequency {
    fn default() -> Self {
        Self { min_count: 1 }
    }
}

/// A fitted one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedFrequency {
    categories: Categories,
    min_count: u64,
    /// Mean count of the categories below `min_count`.
    rare: f64,
}

impl Frequency {
    /// Counts the categories of a column.
    #[must_use]
    pub fn fit(self, column: &[&str]) -> FittedFrequency {
        let categories = Categories::new(column);
        let rare = || categories.iter().map(|c| c.count).filter(|count| *count < self.min_count);
        let mean = rare().sum::<u64>() as f64 / rare().count().max(1) as f64;
        FittedFrequency { categories, min_count: self.min_count, rare: mean }
    }
}

impl FittedFrequency {
    /// The number of one text: at most 0, lower for rarer ones, lowest for unseen ones.
    #[must_use]
    pub fn encode(&self, text: &str) -> f32 {
        let count = match self.categories.get(text).map(|c| c.count) {
            None => 0.0,
            Some(count) if count < self.min_count => self.rare,
            Some(count) => count as f64,
        };
        ((count + 0.5) / (self.categories.rows() as f64 + 1.0)).ln().min(0.0) as f32
    }

    /// The column, named `name:frequency`.
    #[must_use]
    pub fn feature(&self, name: &str) -> Feature {
        Feature {
            name: format!("{name}:frequency").into(),
            unit: "nats".into(),
            description: format!("Logarithm of the share of training rows with the same {name}; lowest for values not seen.").into(),
            direction: Direction::Low,
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        // Rare ones are between unseen and known ones.
        let fine = self.categories.is_valid() && self.rare >= 0.0 && self.rare <= self.min_count as f64;
        if fine { Ok(()) } else { Err("the categories are out of order".to_owned()) }
    }
}
