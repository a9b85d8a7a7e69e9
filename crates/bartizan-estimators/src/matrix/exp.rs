//! The exponential function in 32 bits, without a table or a branch: vector code wherever it is inlined.

/// Nothing is told apart below e^-86 or above e^88, so that the exponent stays in range.
const LEAST: f32 = -86.0;
const MOST: f32 = 88.0;
/// Adding it rounds to a whole number, which then lies in the low bits.
const ROUND: f32 = 12_582_912.0;
/// The logarithm of 2 in two parts: whole multiples of the first are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// `(e^r - 1 - r) / r²` for `|r| <= ln(2) / 2`: the polynomial whose greatest relative error in `e^r` is least, 3e-9.
const SERIES: [f32; 5] = [0.499_999_94, 0.166_665_2, 0.041_668_4, 0.008_368_851, 0.001_381_432];

/// e to the power of `x`, within 2e-7 of itself.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(LEAST, MOST);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let rest = whole.mul_add(-LN_2_LOW, whole.mul_add(-LN_2_HIGH, x));
    let mut sum = SERIES[4];
    for c in SERIES[..4].iter().rev() {
        sum = sum.mul_add(rest, *c);
    }
    let sum = (rest * rest).mul_add(sum, rest) + 1.0;
    f32::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn it_is_close_everywhere() {
        assert_eq!(exp(0.0), 1.0);
        let worst = (-85_999..88_000).map(|i| i as f32 * 1e-3).map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        assert!(worst.fold(0.0, f64::max) < 2e-7);
        for (x, expected) in [(-1e30, exp(-86.0)), (f32::MIN, exp(-86.0)), (1e30, exp(88.0))] {
            assert_eq!(exp(x), expected);
        }
    }
}
