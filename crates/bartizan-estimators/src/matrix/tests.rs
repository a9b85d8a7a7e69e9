//! Every way of computing gives the same bits.

use super::jobs::{Job, Portable, Values, Weighted};
use super::{Line, Link, Packed, exp, norms_of, values, weighted};

#[derive(Clone, Copy)]
struct Distance;

impl Link for Distance {
    #[inline(always)]
    fn of(self, product: f32, left: f32, right: f32) -> f32 {
        exp(-0.3 * product.mul_add(-2.0, left + right).max(0.0))
    }
}

fn spread(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i as f64 * 0.618_033_988_749_895) % 1.0) as f32 - 0.5).collect()
}

#[test]
fn the_portable_way_gives_the_same_bits_and_both_are_right() {
    for (count, packed_count, width) in [(1, 1, 1), (1, 300, 7), (11, 33, 3), (12, 32, 16), (61, 700, 5), (100, 31, 130)] {
        let (left, right) = (spread(count * width), spread((packed_count + 3) * width)[3 * width..].to_vec());
        let packed = Packed::new(&right, width);
        let mut fast = vec![0.0; count * packed.places()];
        let mut portable = fast.clone();
        values(Distance, &left, &packed, &mut fast);
        Values { link: Distance, rows: &left, packed: &packed, out: &mut portable }.run::<Portable>();
        assert_eq!(fast, portable, "{count} x {packed_count} x {width}");

        let weights = Line::all(&spread(packed_count));
        let (mut sums, mut portable_sums) = (vec![0.0; count], vec![0.0; count]);
        weighted(Distance, &left, &packed, &weights, &mut sums);
        Weighted { link: Distance, rows: &left, packed: &packed, weights: &weights, out: &mut portable_sums }.run::<Portable>();
        assert_eq!(sums, portable_sums, "{count} x {packed_count} x {width}");

        for (row, sum) in left.chunks(width).zip(sums) {
            let mut alone = [0.0];
            weighted(Distance, row, &packed, &weights, &mut alone);
            assert_eq!(alone[0], sum);
            let distance = |other: &[f32]| row.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            let expected: f64 = right.chunks(width).zip(spread(packed_count)).map(|(o, w)| (-0.3 * distance(o)).exp() * f64::from(w)).sum();
            assert!((sum - expected).abs() < 1e-4, "{sum} is not {expected}");
        }
    }
}

#[test]
fn a_row_comes_back_and_is_at_no_distance_from_itself() {
    let rows = spread(50 * 9);
    let packed = Packed::new(&rows, 9);
    assert!(rows.chunks(9).enumerate().all(|(i, row)| packed.row(i).eq(row.iter().copied())));
    let mut out = vec![0.0; 50 * packed.places()];
    values(Distance, &rows, &packed, &mut out);
    assert!((0..50).all(|i| out[i * packed.places() + i] == 1.0));
    let mut norms = vec![0.0; 50];
    norms_of(&rows, 9, &mut norms);
    assert!(norms.iter().all(|n| *n > 0.0));
}
