//! Claimed probabilities against what came true.

/// Mean gap between claimed probability and frequency over `bins` equal bins of the claim (1 at least), weighted by claims
/// (Naeini, Cooper, Hauskrecht 2015). Claims that are NaN are left out. NaN without any.
#[must_use]
pub fn expected_calibration_error(claimed: &[f64], came_true: &[bool], bins: usize) -> f64 {
    let bins = bins.max(1);
    let mut sums = vec![(0.0, 0_u64, 0_u64); bins];
    for (p, t) in claimed.iter().zip(came_true).filter(|(p, _)| !p.is_nan()) {
        let (sum, came_true, count) = &mut sums[((p * bins as f64) as usize).min(bins - 1)];
        *sum += p;
        *came_true += u64::from(*t);
        *count += 1;
    }
    let rows: u64 = sums.iter().map(|(.., count)| count).sum();
    let gap = |&(sum, came_true, count): &(f64, u64, u64)| (sum / count as f64 - came_true as f64 / count as f64).abs() * count as f64;
    sums.iter().filter(|(.., count)| *count > 0).map(gap).sum::<f64>() / rows as f64
}

#[cfg(test)]
mod tests {
    use super::expected_calibration_error;

    #[test]
    fn gaps_are_those_of_bins() {
        let came_true = [false, true, true, false, true, true, true];
        let error = expected_calibration_error(&[0.0, 0.1, 0.25, 0.3, 1.0, 0.9, f64::NAN], &came_true, 4);
        assert!((error - (0.9 + 0.45 + 0.1) / 6.0).abs() < 1e-12, "{error}");
        assert!((expected_calibration_error(&[0.3], &[true], 0) - 0.7).abs() < 1e-12, "one bin at least");
        assert!(expected_calibration_error(&[], &[], 10).is_nan());
        let eight_of_ten = [true, true, true, true, true, true, true, true, false, false];
        assert!(expected_calibration_error(&[0.8; 10], &eight_of_ten, 10) < 1e-12);
    }
}
