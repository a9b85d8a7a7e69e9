//! One column by rank.

use serde::{Deserialize, Serialize};

/// Different values kept of a column.
const MAX_KNOTS: usize = 1_000;
/// How far a value one training range beyond the end lies beyond it, in shares.
const BEYOND: f64 = 0.5;
/// The same in standard deviations.
const BEYOND_NORMAL: f64 = 2.0;

/// Training values in order, each with the shares of rows below it and up to it.
///
/// A value that many rows share is read as the middle of their ranks, as ranks with ties are. Values nearer to each other than the
/// feature's resolution are read so too, and a share never rises by more over less than the resolution than it does along a straight line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    values: Vec<f32>,
    below: Vec<f32>,
    up_to: Vec<f32>,
    /// Half a row's share: how near to 0 and 1 shares come.
    half: f64,
    /// Greatest less least value, positive.
    range: f64,
}

impl Quantiles {
    /// Of a sorted column with a resolution, 0 where that is unknown.
    pub(crate) fn new(sorted: &[f32], resolution: f64) -> Self {
        let rows = sorted.len().max(1) as f64;
        let mut quantiles = Self { values: Vec::new(), below: Vec::new(), up_to: Vec::new(), half: 0.5 / rows, range: 1.0 };
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return quantiles };
        // Enough ranks that the gaps between knots hold few rows each; both ends are kept.
        let knots = MAX_KNOTS.min(sorted.len());
        let apart = |value: f32, from: f32| value > from && f64::from(value) - f64::from(from) >= resolution;
        for knot in 0..knots {
            let value = sorted[knot * (sorted.len() - 1) / (knots - 1).max(1)];
            let up_to = (sorted.partition_point(|v| *v <= value) as f64 / rows) as f32;
            if quantiles.values.last().is_none_or(|last| apart(value, *last)) {
                quantiles.values.push(value);
                quantiles.below.push((sorted.partition_point(|v| *v < value) as f64 / rows) as f32);
                quantiles.up_to.push(up_to);
            } else if let Some(last) = quantiles.up_to.last_mut() {
                *last = up_to;
            }
        }
        if resolution > 0.0 {
            quantiles.even_out(sorted, resolution);
        }
        let (whole, size) = (f64::from(*last) - f64::from(*first), f64::from(last.abs()));
        quantiles.range = [whole.max(resolution), size].into_iter().find(|r| *r > 0.0).unwrap_or(1.0);
        quantiles
    }

    /// Reads knots that stand for several values as the middle of their ranks on either side, and puts an end a resolution beyond the last
    /// value on each.
    fn even_out(&mut self, sorted: &[f32], resolution: f64) {
        let (first, last) = (self.values[0], self.values[self.values.len() - 1]);
        for ((value, below), up_to) in self.values.iter().zip(&mut self.below).zip(&mut self.up_to) {
            let only = sorted.partition_point(|v| v <= value) as f64 / sorted.len() as f64;
            if f64::from(*up_to) > only + self.half {
                (*below, *up_to) = (f32::midpoint(*below, *up_to), f32::midpoint(*below, *up_to));
            }
        }
        let (low, high) = ((f64::from(first) - resolution) as f32, (f64::from(last) + resolution) as f32);
        for (at, end, share) in [(0, low, 0.0), (self.values.len() + 1, high, 1.0)] {
            if end.is_finite() && (end < first || end > last) {
                let at = at.min(self.values.len());
                self.values.insert(at, end);
                self.below.insert(at, share);
                self.up_to.insert(at, share);
            }
        }
    }

    /// Share of rows below, half of those that are equal, and how far beyond the range.
    fn share(&self, value: f64) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.values.first(), self.values.last()) else { return (0.5, 0.0) };
        let (first, last) = (f64::from(*first), f64::from(*last));
        if value > last {
            return (1.0 - self.half, ((value - last) / self.range).ln_1p());
        }
        if value < first {
            return (self.half, -((first - value) / self.range).ln_1p());
        }
        let at = self.values.partition_point(|v| f64::from(*v) < value);
        let (here, below, up_to) = (f64::from(self.values[at]), f64::from(self.below[at]), f64::from(self.up_to[at]));
        let share = if here == value {
            f64::midpoint(below, up_to)
        } else {
            let (left, from) = (f64::from(self.values[at - 1]), f64::from(self.up_to[at - 1]));
            from + (value - left) / (here - left) * (below - from)
        };
        (share.clamp(self.half, 1.0 - self.half), 0.0)
    }

    pub(crate) fn uniform(&self, value: f64) -> f64 {
        let (share, beyond) = self.share(value);
        share + BEYOND * beyond
    }

    pub(crate) fn normal(&self, value: f64) -> f64 {
        let (share, beyond) = self.share(value);
        normal_quantile(share) + BEYOND_NORMAL * beyond
    }

    pub(crate) fn is_valid(&self) -> bool {
        let lengths = self.below.len() == self.values.len() && self.up_to.len() == self.values.len();
        let values = self.values.windows(2).all(|w| w[0] < w[1]) && self.values.iter().all(|v| v.is_finite());
        let pairs = self.below.iter().zip(&self.up_to).all(|(b, u)| 0.0 <= *b && b <= u && *u <= 1.0);
        let steps = self.up_to.iter().zip(self.below.iter().skip(1)).all(|(u, b)| u <= b);
        lengths && values && pairs && steps && self.half > 0.0 && self.half <= 0.5 && self.range > 0.0 && self.range.is_finite()
    }
}

/// Quantile of the standard normal distribution for `p` in (0, 1), to 1.2e-9 (relative).
///
/// Rational approximations in the middle and in both tails (Acklam 2003), good enough for scaling.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] =
        [-5.447_609_879_822_406e1, 1.615_858_368_580_409e2, -1.556_989_798_598_866e2, 6.680_131_188_771_972e1, -1.328_068_155_288_572e1];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let horner = |parts: &[f64], x: f64| parts.iter().fold(0.0, |sum, part| sum * x + part);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Quantiles, normal_quantile};

    /// Values by SciPy's `norm.ppf`.
    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.001, -3.090_232_306_167_813), (0.3, -0.524_400_512_708_040_7)] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn what_most_rows_share_is_the_middle_of_their_ranks() {
        let mut sorted = vec![0.0; 90];
        sorted.extend((1..=10).map(|v| v as f32));
        let q = Quantiles::new(&sorted, 0.0);
        assert!((q.uniform(0.0) - 0.45).abs() < 1e-6);
        assert!(q.uniform(0.5) > 0.899 && q.uniform(10.0) < 1.0);
        assert!(q.uniform(20.0) > 1.3 && q.uniform(-1.0) < 0.0);
        assert!(q.normal(20.0) > q.normal(10.0));
        let constant = Quantiles::new(&[5.0; 40], 0.0);
        assert!((constant.uniform(5.0) - 0.5).abs() < 1e-6 && constant.uniform(6.0) > 0.98);
    }
}
