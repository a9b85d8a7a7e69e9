//! What is tried when the algorithm is to be found by trying.

use crate::{Algorithm, RawParams};

/// Parameters worth trying beside the defaults: algorithm, then name and value of each parameter.
const VARIANTS: &[(&str, &[(&str, &str)])] = &[
    ("isolation_forest", &[("max_samples", "64")]),
    ("isolation_forest", &[("max_samples", "1024")]),
    ("extended_isolation_forest", &[("extension", "3")]),
    ("gaussian_mixture", &[("components", "16")]),
    ("gaussian_mixture", &[("scaling", "gaussian"), ("regularisation", "0.1")]),
    ("knn", &[("n_neighbours", "20")]),
    ("knn", &[("scaling", "gaussian")]),
    ("one_class_svm", &[("nu", "0.01")]),
    ("one_class_svm", &[("scaling", "gaussian")]),
    ("one_class_svm", &[("scaling", "standard"), ("gamma", "scale")]),
    ("auto", &[("trim", "0.05")]),
];

/// Every algorithm with its defaults but those that are there to be compared with, then variants of some.
#[must_use]
pub fn candidates() -> Vec<RawParams> {
    let is_baseline = |raw: &RawParams| Algorithm::from_raw(raw, "").is_ok_and(|algorithm| algorithm.is_baseline());
    let defaults = Algorithm::NAMES.iter().map(|name| RawParams::named(name)).filter(|raw| !is_baseline(raw));
    let variants = VARIANTS.iter().map(|(algorithm, params)| {
        params.iter().fold(RawParams::named(algorithm), |raw, (name, value)| {
            let Ok(value) = value.parse::<crate::ParamValue>();
            raw.with(name, value)
        })
    });
    defaults.chain(variants).collect()
}

#[cfg(test)]
mod tests {
    use super::candidates;
    use crate::Algorithm;

    #[test]
    fn every_candidate_can_be_fitted() {
        for raw in candidates() {
            assert!(Algorithm::from_raw(&raw, "").is_ok(), "{raw:?}");
        }
    }
}
