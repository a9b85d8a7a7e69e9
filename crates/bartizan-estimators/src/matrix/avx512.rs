//! The micro-kernel with AVX-512.

use super::jobs::{Job, Micro};
use super::{LANES, Line};
use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_load_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_store_ps};

pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// Runs a job whose inlined code may use AVX-512 all over.
///
/// # Safety
/// Needs AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn run(job: impl Job) {
    job.run::<Avx512>();
}

/// Only named by [`run`].
struct Avx512;

impl Micro for Avx512 {
    #[inline(always)]
    fn products<const R: usize, const P: usize>(rows: &[f32], width: usize, panels: &[Line], out: &mut [[Line; P]; R]) {
        assert!(rows.len() >= R * width && panels.len() >= P * width);
        // SAFETY: AVX-512F is there, since `run` is the only user; lengths are asserted above.
        unsafe { products::<R, P>(rows, width, panels, out) }
    }
}

/// # Safety
/// Needs AVX-512F; `rows` holds `R` rows of `width` numbers and `panels` `P` panels of `width` lines.
#[target_feature(enable = "avx512f")]
unsafe fn products<const R: usize, const P: usize>(rows: &[f32], width: usize, panels: &[Line], out: &mut [[Line; P]; R]) {
    const HALF: usize = LANES / 2;
    let (rows, panels) = (rows.as_ptr(), panels.as_ptr().cast::<f32>());
    let mut low = [[_mm512_setzero_ps(); P]; R];
    let mut high = low;
    for feature in 0..width {
        for p in 0..P {
            // SAFETY: the line lies inside `panels` and is aligned to 64 bytes.
            let (a, b) = unsafe {
                let line = panels.add((p * width + feature) * LANES);
                (_mm512_load_ps(line), _mm512_load_ps(line.add(HALF)))
            };
            for r in 0..R {
                // SAFETY: the number lies inside `rows`.
                let x = _mm512_set1_ps(unsafe { *rows.add(r * width + feature) });
                low[r][p] = _mm512_fmadd_ps(x, a, low[r][p]);
                high[r][p] = _mm512_fmadd_ps(x, b, high[r][p]);
            }
        }
    }
    for r in 0..R {
        for p in 0..P {
            let line = out[r][p].0.as_mut_ptr();
            // SAFETY: a line is aligned to 64 bytes and holds two whole registers.
            unsafe {
                _mm512_store_ps(line, low[r][p]);
                _mm512_store_ps(line.add(HALF), high[r][p]);
            }
        }
    }
}
