//! Operations on packed rows, written once and compiled for each kind of machine.

use super::{BROAD, LANES, Line, Link, Packed, TALL};

/// Rows worked on while a panel is in the nearest cache.
const GROUP: usize = 4 * TALL;
/// Panels summed up in 32 bits before the sum is carried over to 64.
const SECTION: usize = 16;

/// Work that a micro-kernel helps with. `run` is `#[inline(always)]`, so that all of it is compiled for the machine at hand.
pub(super) trait Job {
    fn run<M: Micro>(self);
}

/// Products of `R` rows with `P` panels.
pub(super) trait Micro {
    fn products<const R: usize, const P: usize>(rows: &[f32], width: usize, panels: &[Line], out: &mut [[Line; P]; R]);
}

/// Runs a job in the fastest way that this machine has.
pub(super) fn run(job: impl Job) {
    #[cfg(target_arch = "x86_64")]
    {
        if super::avx512::available() {
            // SAFETY: AVX-512F is there.
            return unsafe { super::avx512::run(job) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: both are there.
            return unsafe { run_avx2(job) };
        }
    }
    job.run::<Portable>();
}

/// The portable way, compiled for AVX2.
///
/// # Safety
/// Needs AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2(job: impl Job) {
    job.run::<Portable>();
}

/// Plain Rust.
pub(super) struct Portable;

impl Micro for Portable {
    #[inline(always)]
    fn products<const R: usize, const P: usize>(rows: &[f32], width: usize, panels: &[Line], out: &mut [[Line; P]; R]) {
        for (row, out) in rows.chunks_exact(width).zip(out) {
            for (panel, out) in panels.chunks_exact(width).zip(out) {
                let mut sums = [0.0_f32; LANES];
                for (x, line) in row.iter().zip(panel) {
                    for (sum, value) in sums.iter_mut().zip(&line.0) {
                        *sum = x.mul_add(*value, *sum);
                    }
                }
                out.0 = sums;
            }
        }
    }
}

/// See [`super::norms_of`].
pub(super) struct Norms<'a> {
    pub(super) rows: &'a [f32],
    pub(super) width: usize,
    pub(super) out: &'a mut [f32],
}

impl Job for Norms<'_> {
    #[inline(always)]
    fn run<M: Micro>(self) {
        norms(self.rows, self.width, self.out);
    }
}

#[inline(always)]
fn norms(rows: &[f32], width: usize, out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(width).zip(out) {
        let mut sum = 0.0_f32;
        for x in row {
            sum = x.mul_add(*x, sum);
        }
        *out = sum;
    }
}

#[inline(always)]
fn link_line<L: Link>(link: L, line: &Line, left: f32, right: &Line) -> Line {
    let mut out = Line::ZERO;
    for lane in 0..LANES {
        out.0[lane] = link.of(line.0[lane], left, right.0[lane]);
    }
    out
}

/// See [`super::values`].
pub(super) struct Values<'a, L> {
    pub(super) link: L,
    pub(super) rows: &'a [f32],
    pub(super) packed: &'a Packed,
    pub(super) out: &'a mut [f32],
}

impl<L: Link> Job for Values<'_, L> {
    #[inline(always)]
    fn run<M: Micro>(self) {
        let (width, places) = (self.packed.width, self.packed.places());
        let (tall, rest) = self.rows.split_at(self.rows.len() / width / TALL * TALL * width);
        let (tall_out, rest_out) = self.out.split_at_mut(tall.len() / width * places);
        for (rows, out) in tall.chunks_exact(TALL * width).zip(tall_out.chunks_exact_mut(TALL * places)) {
            let mut left = [0.0; TALL];
            norms(rows, width, &mut left);
            for (panel, right) in self.packed.norms.iter().enumerate() {
                let mut products = [[Line::ZERO; 1]; TALL];
                M::products(rows, width, self.packed.panel(panel, 1), &mut products);
                for r in 0..TALL {
                    let line = link_line(self.link, &products[r][0], left[r], right);
                    out[r * places + panel * LANES..][..LANES].copy_from_slice(&line.0);
                }
            }
        }
        for (row, out) in rest.chunks_exact(width).zip(rest_out.chunks_exact_mut(places)) {
            let mut left = [0.0];
            norms(row, width, &mut left);
            let parts = out.chunks_mut(BROAD * LANES).zip(self.packed.norms.chunks(BROAD)).enumerate();
            for (part, (out, right)) in parts {
                let products = broad::<M>(row, self.packed, part * BROAD, right.len());
                for (i, out) in out.chunks_exact_mut(LANES).enumerate() {
                    out.copy_from_slice(&link_line(self.link, &products[i], left[0], &right[i]).0);
                }
            }
        }
    }
}

/// Products of one row with `count` panels, at most [`BROAD`]. (No closures in here: they would not be compiled for the machine at hand.)
#[inline(always)]
fn broad<M: Micro>(row: &[f32], packed: &Packed, from: usize, count: usize) -> [Line; BROAD] {
    let mut products = [[Line::ZERO; BROAD]; 1];
    if count == BROAD {
        M::products(row, packed.width, packed.panel(from, BROAD), &mut products);
    } else {
        for (i, line) in products[0].iter_mut().enumerate().take(count) {
            let mut one = [[Line::ZERO; 1]; 1];
            M::products(row, packed.width, packed.panel(from + i, 1), &mut one);
            *line = one[0][0];
        }
    }
    let [products] = products;
    products
}

/// See [`super::weighted`].
pub(super) struct Weighted<'a, L> {
    pub(super) link: L,
    pub(super) rows: &'a [f32],
    pub(super) packed: &'a Packed,
    pub(super) weights: &'a [Line],
    pub(super) out: &'a mut [f64],
}

impl<L: Link> Job for Weighted<'_, L> {
    #[inline(always)]
    fn run<M: Micro>(self) {
        let width = self.packed.width;
        let (tall_out, rest_out) = self.out.split_at_mut(self.out.len() / TALL * TALL);
        let (tall, rest) = self.rows.split_at(tall_out.len() * width);
        for (rows, out) in tall.chunks(GROUP * width).zip(tall_out.chunks_mut(GROUP)) {
            group::<L, M>(self.link, rows, self.packed, self.weights, out);
        }
        for (row, out) in rest.chunks_exact(width).zip(rest_out) {
            let mut left = [0.0];
            norms(row, width, &mut left);
            *out = 0.0;
            for section in (0..self.packed.panels()).step_by(SECTION) {
                let mut sums = Line::ZERO;
                let end = (section + SECTION).min(self.packed.panels());
                for from in (section..end).step_by(BROAD) {
                    let count = BROAD.min(end - from);
                    let products = broad::<M>(row, self.packed, from, count);
                    for (i, products) in products[..count].iter().enumerate() {
                        let line = link_line(self.link, products, left[0], &self.packed.norms[from + i]);
                        add(&mut sums, &line, &self.weights[from + i]);
                    }
                }
                *out += total(&sums);
            }
        }
    }
}

/// [`Weighted`] for at most [`GROUP`] rows, a multiple of [`TALL`].
#[inline(always)]
fn group<L: Link, M: Micro>(link: L, rows: &[f32], packed: &Packed, weights: &[Line], out: &mut [f64]) {
    let width = packed.width;
    let mut left = [0.0; GROUP];
    norms(rows, width, &mut left);
    out.fill(0.0);
    for from in (0..packed.panels()).step_by(SECTION) {
        let mut sums = [Line::ZERO; GROUP];
        for (panel, weights) in weights.iter().enumerate().skip(from).take(SECTION) {
            for (first, rows) in rows.chunks_exact(TALL * width).enumerate().map(|(i, rows)| (i * TALL, rows)) {
                let mut products = [[Line::ZERO; 1]; TALL];
                M::products(rows, width, packed.panel(panel, 1), &mut products);
                for r in 0..TALL {
                    let line = link_line(link, &products[r][0], left[first + r], &packed.norms[panel]);
                    add(&mut sums[first + r], &line, weights);
                }
            }
        }
        out.iter_mut().zip(&sums).for_each(|(out, sums)| *out += total(sums));
    }
}

#[inline(always)]
fn add(sums: &mut Line, values: &Line, weights: &Line) {
    for lane in 0..LANES {
        sums.0[lane] = values.0[lane].mul_add(weights.0[lane], sums.0[lane]);
    }
}

/// The sum of all lanes, halves onto halves.
#[inline(always)]
fn total(sums: &Line) -> f64 {
    let mut lanes = sums.0.map(f64::from);
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
