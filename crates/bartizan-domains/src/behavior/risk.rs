//! How dangerous a judged session is, from 1 to 10.

use super::AttackType;

/// What the kind of attack makes of the rest.
fn multiplier(attack: AttackType) -> f64 {
    match attack {
        AttackType::Injection => 1.3,
        AttackType::DataExfil => 1.2,
        AttackType::BruteForce => 1.1,
        AttackType::Recon => 0.9,
        AttackType::Normal => 0.3,
    }
}

/// The risk, 1 to 10, of a session that is of this type with this confidence (0 to 1) and anomaly score (negative, lower
/// is worse). A number that is none counts as 0.
#[must_use]
pub fn risk_score(attack: AttackType, confidence: f64, anomaly_score: f64) -> u8 {
    /// What `raw` cannot exceed: 5, times the largest multiplier.
    const MOST: f64 = 6.5;
    let share = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    let (anomaly_risk, confidence_risk) = (5.0 * share(anomaly_score.abs()), 5.0 * share(confidence));
    let raw = (0.4 * anomaly_risk + 0.6 * confidence_risk) * multiplier(attack);
    (raw * 10.0 / MOST).round().clamp(1.0, 10.0) as u8
}

/// What is said of a judged session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// What it is.
    pub attack: AttackType,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
    /// How unusual it is: negative, lower is more.
    pub anomaly_score: f64,
    /// How dangerous it is, 1 to 10.
    pub risk: u8,
}

impl Assessment {
    /// From the likeliest class with its probability, the detector's score and its grade. An isolation forest's score is in
    /// [0, 1] and counts as it is; of another algorithm, the grade is what compares with it.
    #[must_use]
    pub fn new(class: Option<(usize, f64)>, score: Option<f64>, grade: f64) -> Self {
        let (index, confidence) = class.unwrap_or_default();
        let attack = AttackType::ALL.get(index).copied().unwrap_or(AttackType::Normal);
        let anomaly_score = -score.filter(|score| (0.0..=1.0).contains(score)).unwrap_or(grade);
        Self { attack, confidence, anomaly_score, risk: risk_score(attack, confidence, anomaly_score) }
    }

    /// To list sessions by, the worst highest: by risk, of the same risk by how likely they are an attack at all, and then by
    /// how unusual they are.
    #[must_use]
    pub fn rank(&self) -> f64 {
        let attack = if self.attack.is_attack() { self.confidence } else { 1.0 - self.confidence };
        f64::from(self.risk) + 0.8 * attack.clamp(0.0, 1.0) + 0.1 * self.anomaly_score.abs().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Assessment, AttackType, risk_score};
    use proptest::prelude::*;

    #[test]
    fn the_contracts_formula() {
        for (attack, confidence, anomaly, expected) in [
            (AttackType::Injection, 0.95, -0.8234, 9),
            (AttackType::Injection, 1.0, -1.0, 10),
            (AttackType::Injection, 1.0, -7.0, 10),
            (AttackType::DataExfil, 1.0, -1.0, 9),
            (AttackType::BruteForce, 1.0, -1.0, 8),
            (AttackType::BruteForce, 0.9, -0.5, 6),
            (AttackType::Recon, 1.0, -1.0, 7),
            (AttackType::Normal, 1.0, -1.0, 2),
            (AttackType::Normal, 1.0, -0.4, 2),
            (AttackType::Normal, 0.5, -0.35, 1),
            (AttackType::Normal, 0.0, 0.0, 1),
        ] {
            assert_eq!(risk_score(attack, confidence, anomaly), expected, "{attack} {confidence} {anomaly}");
        }
    }

    #[test]
    fn numbers_that_are_none_count_as_zero() {
        for attack in AttackType::ALL {
            assert_eq!(risk_score(attack, f64::NAN, f64::NAN), 1);
            assert_eq!(risk_score(attack, f64::NAN, -0.5), risk_score(attack, 0.0, -0.5));
            assert_eq!(risk_score(attack, 0.5, f64::NAN), risk_score(attack, 0.5, 0.0));
            assert_eq!(risk_score(attack, f64::INFINITY, f64::NEG_INFINITY), risk_score(attack, 1.0, -1.0));
        }
    }

    #[test]
    fn scores_that_are_none_of_an_isolation_forest_are_replaced_by_the_grade() {
        for (class, score, grade, expected) in [
            (Some((2, 0.95)), Some(0.8234), 0.1, (AttackType::Injection, -0.8234, 9)),
            (Some((2, 0.95)), Some(17.0), 0.8234, (AttackType::Injection, -0.8234, 9)),
            (Some((0, 1.0)), None, 0.4, (AttackType::Normal, -0.4, 2)),
            (Some((9, 1.0)), Some(f64::NAN), 0.4, (AttackType::Normal, -0.4, 2)),
            (None, Some(0.5), 0.4, (AttackType::Normal, -0.5, 1)),
        ] {
            let Assessment { attack, anomaly_score, risk, .. } = Assessment::new(class, score, grade);
            assert_eq!((attack, anomaly_score, risk), expected, "{class:?} {score:?} {grade}");
        }
    }

    #[test]
    fn sessions_are_listed_by_risk_and_then_by_how_unusual_they_are() {
        let rank = |class, score| Assessment::new(Some(class), Some(score), 0.0).rank();
        assert!(rank((1, 0.9), 0.4) > rank((0, 1.0), 1.0), "an attack before the oddest normal session");
        assert!(rank((1, 1.0), 0.52) > rank((1, 1.0), 0.50));
    }

    proptest! {
        #[test]
        fn it_is_within_bounds_and_rises_with_confidence(kind in 0..5_usize, a in any::<f64>(), b in any::<f64>(), anomaly in any::<f64>()) {
            let attack = AttackType::ALL[kind];
            let (low, high) = (risk_score(attack, a.min(b), anomaly), risk_score(attack, a.max(b), anomaly));
            prop_assert!((1..=10).contains(&low) && (1..=10).contains(&high));
            prop_assert!(a.is_nan() || b.is_nan() || low <= high);
        }
    }
}
