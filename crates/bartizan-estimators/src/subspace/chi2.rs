//! The chi-squared distribution: how far usual rows lie from the center.

/// Probability that the sum of `degrees` squared standard normals is at most `x`: the incomplete gamma function by its series.
pub(super) fn cdf(x: f64, degrees: usize) -> f64 {
    let (a, half) = (degrees as f64 / 2.0, x / 2.0);
    if half <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > sum * 1e-16 {
        n += 1.0;
        term *= half / n;
        sum += term;
    }
    (sum.ln() + a * half.ln() - half - ln_gamma_of_half(degrees)).exp().min(1.0)
}

/// Where [`cdf`] is `p`, for `p` in (0, 1).
pub(super) fn quantile(p: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0 * degrees as f64 + 100.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if cdf(middle, degrees) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// What the covariance of the `part` of normal rows nearest to the center must be multiplied by to be that of all.
///
/// Croux, Haesbroeck: Influence function and efficiency of the minimum covariance determinant scatter matrix estimator, Journal of Multivariate
/// Analysis 71, 1999.
pub(super) fn consistency(part: f64, degrees: usize) -> f64 {
    if part >= 1.0 { 1.0 } else { part / cdf(quantile(part, degrees), degrees + 2) }
}

/// ln Γ(degrees / 2), by Γ(x + 1) = x Γ(x).
fn ln_gamma_of_half(degrees: usize) -> f64 {
    let first = if degrees.is_multiple_of(2) { 0.0 } else { std::f64::consts::PI.ln() / 2.0 };
    let start = if degrees.is_multiple_of(2) { 2 } else { 1 };
    first + (start..degrees).step_by(2).map(|d| (d as f64 / 2.0).ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::{cdf, consistency, quantile};

    /// By SciPy 1.17.1: `chi2.ppf(p, degrees)`.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, degrees, expected) in [
            (0.5, 1, 0.454_936_423_119_572_8),
            (0.975, 1, 5.023_886_187_314_888),
            (0.975, 2, 7.377_758_908_227_871),
            (0.5, 5, 4.351_460_191_095_526),
            (0.975, 30, 46.979_242_243_671_16),
            (0.975, 256, 302.211_810_100_206),
        ] {
            let got = quantile(p, degrees);
            assert!((got / expected - 1.0).abs() < 1e-4, "{p}, {degrees}: {got}");
            assert!((cdf(got, degrees) - p).abs() < 1e-9);
        }
        assert_eq!(cdf(0.0, 3), 0.0);
    }

    #[test]
    fn trimmed_rows_are_spread_out_again() {
        assert_eq!(consistency(1.0, 4), 1.0);
        assert!(consistency(0.5, 4) > consistency(0.9, 4) && consistency(0.975, 4) > 1.0);
    }
}
