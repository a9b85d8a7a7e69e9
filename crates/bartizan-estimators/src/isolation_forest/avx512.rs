//! Sums of path lengths with AVX-512: four levels of a tree in one comparison.
//!
//! The 15 cuts of four levels lie in the lanes of one register. The row's values at their features are brought into
//! another by permutations, one comparison tells the side of every
//! cut at once, and a table turns the 15 answers into the exit taken. Two such steps walk eight levels without a branch.

use super::kernel::BLOCK_ROWS;
use super::layout::{BLOCK_HEIGHT, BLOCKS_PER_TREE, Block, Layout};
use std::arch::x86_64::{
    __m512, __m512i, _CMP_GT_OQ, _mm512_cmp_ps_mask, _mm512_load_ps, _mm512_load_si512, _mm512_mask_blend_ps, _mm512_permutex2var_ps,
    _mm512_permutexvar_ps, _mm512_set1_epi32, _mm512_test_epi32_mask,
};

/// Which of the 16 exits follows from the answers of 15 cuts in heap order (bit set: right).
static EXITS: [u8; 1 << 15] = exits();

const fn exits() -> [u8; 1 << 15] {
    let mut table = [0; 1 << 15];
    let mut mask = 0;
    while mask < 1 << 15 {
        let (mut at, mut level) = (0, 0);
        while level < 4 {
            at = 2 * at + 1 + ((mask >> at) & 1);
            level += 1;
        }
        table[mask] = (at - 15) as u8;
        mask += 1;
    }
    table
}

const LANES: usize = 16;

/// What one register holds.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Register([f32; LANES]);

const EMPTY: Register = Register([0.0; LANES]);

pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// Widest row: eight registers. (Gathering the values of a wider one from memory is slower than the portable way.)
pub(super) const MAX_WIDTH: usize = 128;

pub(super) fn sum_paths(layout: &Layout, values: &[f32], width: usize, sums: &mut [f32]) {
    assert!(available() && layout.height == BLOCK_HEIGHT && layout.blocks.0.len() == layout.trees * BLOCKS_PER_TREE);
    assert!(width <= MAX_WIDTH && values.len() == width * sums.len() && layout.leaves.len() == layout.trees << BLOCK_HEIGHT);
    let registers = match width.div_ceil(LANES) {
        few @ 0..=2 => few.max(1),
        5 => 5,
        more => more.next_multiple_of(2),
    };
    // Rows are copied to whole registers once, so that loads of the hot loop never cross the end of the samples, nor two lines of
    // the cache: where an allocation happens to begin must not decide how fast it is.
    // A single row needs no allocation.
    let (mut one, mut many) = ([EMPTY; MAX_WIDTH / LANES], Vec::new());
    let padded = match sums.len() {
        ..=1 => &mut one[..registers],
        rows => {
            many.resize(BLOCK_ROWS.min(rows) * registers, EMPTY);
            &mut many[..]
        }
    };
    for (sums, rows) in sums.chunks_mut(BLOCK_ROWS).zip(values.chunks(BLOCK_ROWS * width)) {
        sums.fill(0.0);
        // SAFETY: AVX-512F is there, as asserted above. Lengths: `sums` has as many places as there are rows; padded rows
        // are `registers` registers wide. Features are below `width` (checked by `Tree::validate` or made by `grow`), which is
        // at most the padded width.
        unsafe {
            match registers {
                1 => block::<1>(layout, pad(rows, width, 1, padded), sums),
                2 => block::<2>(layout, pad(rows, width, 2, padded), sums),
                4 => block::<4>(layout, pad(rows, width, 4, padded), sums),
                5 => block::<5>(layout, pad(rows, width, 5, padded), sums),
                6 => block::<6>(layout, pad(rows, width, 6, padded), sums),
                _ => block::<8>(layout, pad(rows, width, 8, padded), sums),
            }
        }
    }
}

fn pad<'a>(rows: &[f32], width: usize, registers: usize, padded: &'a mut [Register]) -> &'a [Register] {
    for (row, place) in rows.chunks_exact(width).zip(padded.chunks_exact_mut(registers)) {
        for (values, register) in row.chunks(LANES).zip(place) {
            register.0[..values.len()].copy_from_slice(values);
        }
    }
    padded
}

/// # Safety
/// Needs AVX-512F; `rows` holds at least `sums.len()` rows of `REGISTERS` registers, and every feature of the layout is
/// below that width.
#[target_feature(enable = "avx512f")]
unsafe fn block<const REGISTERS: usize>(layout: &Layout, rows: &[Register], sums: &mut [f32]) {
    debug_assert!(rows.len() >= sums.len() * REGISTERS);
    for tree in 0..layout.trees {
        let blocks = &layout.blocks.0[tree * BLOCKS_PER_TREE..(tree + 1) * BLOCKS_PER_TREE];
        let leaves = &layout.leaves[tree << BLOCK_HEIGHT..(tree + 1) << BLOCK_HEIGHT];
        for (i, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the row lies inside `rows`, by the length above, and a register is aligned to 64 bytes.
            let row: [__m512; REGISTERS] = std::array::from_fn(|r| unsafe { _mm512_load_ps(rows.as_ptr().add(i * REGISTERS + r).cast()) });
            let step = |block: &Block| {
                // SAFETY: a block is aligned to 64 bytes and holds two whole registers.
                let (features, thresholds) =
                    unsafe { (_mm512_load_si512(block.features.as_ptr().cast()), _mm512_load_ps(block.thresholds.as_ptr())) };
                EXITS[usize::from(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(pick(features, &row), thresholds) & 0x7fff)]
            };
            let first = usize::from(step(&blocks[0]));
            let second = usize::from(step(&blocks[1 + first]));
            *sum += leaves[16 * first + second];
        }
    }
}

/// The values of a row, spread over registers, at 16 features. A permutation of two registers reads the low five bits of
/// a feature; its higher bits choose between pairs.
#[target_feature(enable = "avx512f")]
#[inline]
fn pick<const REGISTERS: usize>(features: __m512i, row: &[__m512; REGISTERS]) -> __m512 {
    if REGISTERS == 1 {
        return _mm512_permutexvar_ps(features, row[0]);
    }
    let pair = |p: usize| _mm512_permutex2var_ps(row[2 * p], features, row[2 * p + 1]);
    let bit = |b: i32| _mm512_test_epi32_mask(features, _mm512_set1_epi32(b));
    match REGISTERS {
        2 => pair(0),
        4 => _mm512_mask_blend_ps(bit(32), pair(0), pair(1)),
        5 => {
            let low = _mm512_mask_blend_ps(bit(32), pair(0), pair(1));
            _mm512_mask_blend_ps(bit(64), low, _mm512_permutexvar_ps(features, row[4]))
        }
        6 => _mm512_mask_blend_ps(bit(64), _mm512_mask_blend_ps(bit(32), pair(0), pair(1)), pair(2)),
        _ => {
            let low = _mm512_mask_blend_ps(bit(32), pair(0), pair(1));
            let high = _mm512_mask_blend_ps(bit(32), pair(2), pair(3));
            _mm512_mask_blend_ps(bit(64), low, high)
        }
    }
}
