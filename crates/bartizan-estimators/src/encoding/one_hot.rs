//! One column a category.

use super::categories::{Categories, printed};
use bartizan_core::{Direction, Feature};
use serde::{Deserialize, Serialize};

/// Most categories with a column of their own.
const MAX_OWN: usize = 1_000;

/// A text column as a column of 0 and 1 for each frequent category.
///
/// # Parameters
/// - `max_categories`: categories with a column of their own, 1 to 1,000; 32. Others are clamped to the range.
/// - `min_count`: training rows that a category must have for one, 1 or more; 1.
///
/// # Algorithm
/// Categories are taken by falling count, equal ones in order of text. Those seen in training that get no column of their own
/// share `(rare)`, which stands only if there are any; what was not seen in training is 1 in `(unseen)`. Every text makes
/// exactly one column 1. Only the 10,000 most frequent categories are remembered and 256 bytes of each.
///
/// # Weak where
/// A detector ignores columns that are constant in training, as `(unseen)` always is (isolation forests do; tails do not):
/// take [`super::Frequency`] there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneHot {
    /// Categories with a column of their own.
    pub max_categories: usize,
    /// Training rows that such a category must have.
    pub min_count: u64,
}

impl Default for OneHot {
    fn default() -> Self {
        Self { max_categories: 32, min_count: 1 }
    }
}

/// A fitted one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedOneHot {
    categories: Categories,
    /// Ranks below have a column of their own.
    own: u32,
    /// Whether there is a column for the others.
    rare: bool,
}

impl OneHot {
    /// Learns the categories of a column.
    #[must_use]
    pub fn fit(self, column: &[&str]) -> FittedOneHot {
        let categories = Categories::new(column);
        let frequent = categories.iter().filter(|c| c.count >= self.min_count).count();
        let own = frequent.min(self.max_categories.clamp(1, MAX_OWN));
        FittedOneHot { own: own as u32, rare: own < categories.iter().count(), categories }
    }
}

impl FittedOneHot {
    /// How many columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.own as usize + usize::from(self.rare) + 1
    }

    /// Writes the columns of one text into `out`, which has [`Self::width`] places.
    pub fn encode(&self, text: &str, out: &mut [f32]) {
        let at = match self.categories.get(text) {
            Some(category) if category.rank < self.own => category.rank as usize,
            Some(_) => self.own as usize,
            None => self.width() - 1,
        };
        out.fill(0.0);
        if let Some(place) = out.get_mut(at) {
            *place = 1.0;
        }
    }

    /// The columns, named `name=category`.
    #[must_use]
    pub fn features(&self, name: &str) -> Vec<Feature> {
        let feature = |category: &str, direction, description: String| Feature {
            name: format!("{name}={category}").into(),
            unit: "flag".into(),
            description: description.into(),
            direction,
        };
        let mut features: Vec<Feature> = self.categories.by_rank()[..self.own as usize]
            .iter()
            .map(|text| feature(&printed(text), Direction::Both, format!("1 where {name} is {}, else 0.", printed(text))))
            .collect();
        if self.rare {
            features.push(feature("(rare)", Direction::High, format!("1 where {name} is one of the rarer values of training, else 0.")));
        }
        features.push(feature("(unseen)", Direction::High, format!("1 where {name} was not seen in training, else 0.")));
        features
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        let known = self.categories.iter().count();
        let own = self.own as usize;
        let fine = self.categories.is_valid() && own <= known.min(MAX_OWN) && self.rare == (own < known);
        if fine { Ok(()) } else { Err("the categories are out of order".to_owned()) }
    }
}
