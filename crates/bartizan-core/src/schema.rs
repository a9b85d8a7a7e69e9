//! Named columns.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Which side of what is usual is suspicious, as far as the domain knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Only unusually high values.
    High,
    /// Only unusually low values.
    Low,
    /// Either.
    Both,
}

/// One column of a sample.
///
/// Features are equal, and have the same fingerprint, whatever their resolution and whether rules look at them: both are used in fitting and
/// not stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Feature {
    /// `snake_case`, unique in its schema.
    pub name: Cow<'static, str>,
    /// What one step of the number is: `bytes`, `bits`, `requests`, `share`, `flag`…
    pub unit: Cow<'static, str>,
    /// One sentence for a person.
    pub description: Cow<'static, str>,
    /// Which side is suspicious.
    pub direction: Direction,
    #[serde(skip)]
    resolution: f32,
    #[serde(skip)]
    is_ruled: bool,
}

impl PartialEq for Feature {
    fn eq(&self, other: &Self) -> bool {
        let named = (&self.name, &self.unit, &self.description) == (&other.name, &other.unit, &other.description);
        named && self.direction == other.direction
    }
}

impl Eq for Feature {}

impl Feature {
    /// A feature for a static table, of unknown resolution.
    #[must_use]
    pub const fn new(name: &'static str, unit: &'static str, direction: Direction, description: &'static str) -> Self {
        let (name, unit, description) = (Cow::Borrowed(name), Cow::Borrowed(unit), Cow::Borrowed(description));
        Self { name, unit, description, direction, resolution: 0.0, is_ruled: false }
    }

    /// The same with the smallest difference that means anything, which must be above 0.
    #[must_use]
    pub const fn resolved(mut self, resolution: f32) -> Self {
        assert!(resolution > 0.0 && resolution < f32::INFINITY, "a resolution is above 0");
        self.resolution = resolution;
        self
    }

    /// The same as one that rules look at: a limit of it says something to the people who set it. Only high values may be suspicious.
    #[must_use]
    pub const fn ruled(mut self) -> Self {
        assert!(matches!(self.direction, Direction::High), "a rule is an upper limit");
        self.is_ruled = true;
        self
    }

    /// Whether rules look at it.
    #[must_use]
    pub fn is_ruled(&self) -> bool {
        self.is_ruled
    }

    /// The smallest difference that means anything: no preparation divides by less. 0 where that is unknown.
    #[must_use]
    pub fn resolution(&self) -> f32 {
        self.resolution
    }
}

/// Most features of a schema that is read from a file.
const MAX_FEATURES: usize = 65_536;

/// The ordered list of features that a detector was fitted on, with a fingerprint to compare lists by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSchema {
    #[serde(deserialize_with = "crate::bounded::<_, _, MAX_FEATURES>")]
    features: Vec<Feature>,
}

impl FeatureSchema {
    /// The schema of these features, in this order.
    #[must_use]
    pub fn new(features: Vec<Feature>) -> Self {
        Self { features }
    }

    /// A schema of `width` unnamed numbers (`x0`, `x1`, …), for tests and benchmarks. Rules look at all of them.
    #[must_use]
    pub fn unnamed(width: usize) -> Self {
        let feature = |i| Feature { name: format!("x{i}").into(), is_ruled: true, ..Feature::new("", "", Direction::Both, "") };
        Self::new((0..width).map(feature).collect())
    }

    /// How many features.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// The features in order.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The same features of unknown resolution, for rows whose numbers are no longer in the features' units.
    #[must_use]
    pub fn without_resolution(&self) -> Self {
        Self::new(self.features.iter().map(|f| Feature { resolution: 0.0, ..f.clone() }).collect())
    }

    /// The names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.features.iter().map(|f| f.name.as_ref())
    }

    /// Equal for schemas with the same names, units and directions in the same order; descriptions may be reworded.
    /// FNV-1a, 64 bits: stable between versions and machines.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let parts = self.features.iter().flat_map(|f| {
            let direction: &[u8] = match f.direction {
                Direction::High => b"+",
                Direction::Low => b"-",
                Direction::Both => b"=",
            };
            [f.name.as_bytes(), b"\0", f.unit.as_bytes(), b"\0", direction, b"\n"]
        });
        parts.flatten().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Feature, FeatureSchema};

    #[test]
    fn the_fingerprint_sees_names_units_and_order_but_not_wording() {
        let a = Feature::new("a", "bytes", Direction::High, "first");
        let b = Feature::new("b", "bytes", Direction::High, "second");
        let of = |f: &[&Feature]| FeatureSchema::new(f.iter().map(|f| (*f).clone()).collect()).fingerprint();
        assert_ne!(of(&[&a, &b]), of(&[&b, &a]));
        assert_ne!(of(&[&a]), of(&[&Feature { unit: "bits".into(), ..a.clone() }]));
        assert_ne!(of(&[&a]), of(&[&Feature { direction: Direction::Low, ..a.clone() }]));
        assert_eq!(of(&[&a]), of(&[&Feature { description: "other words".into(), ..a.clone() }]));
        assert_eq!(of(&[&a]), of(&[&a.clone().ruled().resolved(2.0)]));
        assert!(a.clone().ruled().is_ruled() && !a.is_ruled() && a == a.clone().ruled());
    }
}
