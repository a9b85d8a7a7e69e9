//! Claimed probabilities against what came true.

/// Mean squared distance of claimed probabilities from what came true (Brier 1950).
#[must_use]
pub fn brier(claimed: &[f64], came_true: &[bool]) -> f64 {
    let sum: f64 = claimed.iter().zip(came_true).map(|(p, t)| (p - f64::from(u8::from(*t))).powi(2)).sum();
    sum / claimed.len().min(came_true.len()) as f64
}

/// Mean negative log-likelihood of what came true; probabilities are kept 1e-15 away from 0 and 1.
#[must_use]
pub fn log_loss(claimed: &[f64], came_true: &[bool]) -> f64 {
    let loss = |(p, t): (&f64, &bool)| -(if *t { *p } else { 1.0 - p }).clamp(1e-15, 1.0 - 1e-15).ln();
    claimed.iter().zip(came_true).map(loss).sum::<f64>() / claimed.len().min(came_true.len()) as f64
}

/// Claims of about the same probability and what became of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Claims from here
    pub low: f64,
    /// up to here; the last bin includes it.
    pub high: f64,
    /// Mean claim; NaN without any.
    pub claimed: f64,
    /// Share that came true; NaN without any.
    pub observed: f64,
    /// How many claims.
    pub count: u64,
}

/// A reliability diagram: `bins` equal bins (1 at least) over [0, 1], in order, empty ones too. Claims that are NaN are left out.
#[must_use]
pub fn reliability(claimed: &[f64], came_true: &[bool], bins: usize) -> Vec<ReliabilityBin> {
    let bins = bins.max(1);
    let mut sums = vec![(0.0, 0_u64, 0_u64); bins];
    for (p, t) in claimed.iter().zip(came_true).filter(|(p, _)| !p.is_nan()) {
        let (sum, came_true, count) = &mut sums[((p * bins as f64) as usize).min(bins - 1)];
        *sum += p;
        *came_true += u64::from(*t);
        *count += 1;
    }
    let edge = |bin: usize| bin as f64 / bins as f64;
    let of = |(bin, (sum, came_true, count)): (usize, (f64, u64, u64))| {
        let mean = |total: f64| total / count as f64;
        ReliabilityBin { low: edge(bin), high: edge(bin + 1), claimed: mean(sum), observed: mean(came_true as f64), count }
    };
    sums.into_iter().enumerate().map(of).collect()
}

/// Mean gap between claimed probability and frequency over `bins` equal bins of the claim (Naeini, Cooper, Hauskrecht 2015):
/// that of [`reliability`], weighted by claims. NaN without any.
#[must_use]
pub fn expected_calibration_error(claimed: &[f64], came_true: &[bool], bins: usize) -> f64 {
    let bins = reliability(claimed, came_true, bins);
    let rows: u64 = bins.iter().map(|bin| bin.count).sum();
    bins.iter().filter(|bin| bin.count > 0).map(|bin| (bin.claimed - bin.observed).abs() * bin.count as f64).sum::<f64>() / rows as f64
}

#[cfg(test)]
mod tests {
    use super::{expected_calibration_error, reliability};

    #[test]
    fn bins_hold_their_claims() {
        let claimed = [0.0, 0.1, 0.25, 0.3, 1.0, 0.9, f64::NAN];
        let bins = reliability(&claimed, &[false, true, true, false, true, true, true], 4);
        let of = |i: usize| (bins[i].low, bins[i].high, bins[i].count);
        assert_eq!([of(0), of(1), of(2), of(3)], [(0.0, 0.25, 2), (0.25, 0.5, 2), (0.5, 0.75, 0), (0.75, 1.0, 2)]);
        assert_eq!((bins[0].claimed, bins[0].observed, bins[3].claimed, bins[3].observed), (0.05, 0.5, 0.95, 1.0));
        assert!(bins[2].claimed.is_nan() && bins[2].observed.is_nan());
        let error = expected_calibration_error(&claimed, &[false, true, true, false, true, true, true], 4);
        assert!((error - (0.9 + 0.45 + 0.1) / 6.0).abs() < 1e-12, "{error}");
        assert_eq!(reliability(&[0.3], &[true], 0).len(), 1);
        assert!(expected_calibration_error(&[], &[], 10).is_nan());
    }
}
