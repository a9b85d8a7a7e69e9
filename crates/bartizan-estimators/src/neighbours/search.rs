//! Finding the nearest rows.
//!
//! Exact: a box is left out only when nothing in it can be nearer than the neighbours found. Both the distance to a row and
//! that to a box add features in the same order, and rounding keeps order, so the box's is never the greater one. One row is
//! one lane without fused operations: distances have the same bits on any machine and in any batch.

use super::index::{Index, LANES};
use multiversion::multiversion;

/// Queries that look at a leaf while it is in the cache.
const SCAN_QUERIES: usize = 16;
/// Features added before it is checked whether all of a leaf is already too far.
const STRIDE: usize = 16;

/// A training row and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Neighbour {
    /// Squared distance.
    pub(super) square: f32,
    /// Place in the index.
    pub(super) position: u32,
}

impl Neighbour {
    pub(super) const NONE: Self = Self { square: f32::INFINITY, position: u32::MAX };

    pub(super) fn distance(&self) -> f64 {
        f64::from(self.square).sqrt()
    }
}

impl Index {
    /// Writes the `found.len() / queries` nearest rows of each query, nearest first. There must be as many rows.
    pub(super) fn nearest(&self, queries: &[f32], count: usize, found: &mut [Neighbour]) {
        self.search(queries, count, found, |_| u32::MAX);
    }

    /// The same for the rows at positions `first..`, each without itself.
    pub(super) fn nearest_others(&self, first: usize, count: usize, found: &mut [Neighbour]) {
        let mut queries = vec![0.0; found.len() / count * self.width];
        queries.chunks_exact_mut(self.width).enumerate().for_each(|(i, query)| self.row(first + i, query));
        self.search(&queries, count, found, |query| (first + query) as u32);
    }

    fn search(&self, queries: &[f32], count: usize, found: &mut [Neighbour], without: impl Fn(usize) -> u32) {
        debug_assert!(count > 0 && queries.len() / self.width * count == found.len());
        found.fill(Neighbour::NONE);
        if self.scan {
            for (block, (queries, found)) in
                queries.chunks(SCAN_QUERIES * self.width).zip(found.chunks_mut(SCAN_QUERIES * count)).enumerate()
            {
                scan(self, queries, found, std::array::from_fn(|i| without(block * SCAN_QUERIES + i)));
            }
        } else {
            let mut stack = Vec::new();
            for (i, (query, found)) in queries.chunks_exact(self.width).zip(found.chunks_exact_mut(count)).enumerate() {
                descend(self, query, found, without(i), &mut stack);
            }
        }
    }

    /// How many leaves are looked at for the nearest row of `query` but itself.
    pub(super) fn leaves_visited(&self, query: &[f32]) -> usize {
        descend(self, query, &mut [Neighbour::NONE; 2], u32::MAX, &mut Vec::new())
    }
}

/// Something to look into: boxes at `node` of a level, or rows of a leaf below level 0.
#[derive(Clone, Copy, Debug)]
struct Visit {
    bound: f32,
    level: u32,
    node: u32,
}

/// Nearest boxes first; returns the number of leaves visited.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn descend(index: &Index, query: &[f32], found: &mut [Neighbour], without: u32, stack: &mut Vec<Visit>) -> usize {
    let worst = found.len() - 1;
    let mut visited = 0;
    stack.clear();
    stack.push(Visit { bound: 0.0, level: index.levels.len() as u32, node: 0 });
    while let Some(visit) = stack.pop() {
        // Equal is left out too: thousands of equal rows need not all be looked at.
        if visit.bound >= found[worst].square {
            continue;
        }
        let size = index.width * LANES;
        let place = visit.node as usize * size;
        if visit.level == 0 {
            visited += 1;
            look(&index.leaves[place..place + size], visit.node as usize * LANES, index.rows, query, found, without);
            continue;
        }
        let level = &index.levels[visit.level as usize - 1];
        let bounds = bounds(&level.low[place..place + size], &level.high[place..place + size], query);
        let first = stack.len();
        for (lane, bound) in bounds.into_iter().enumerate() {
            if bound < found[worst].square {
                stack.push(Visit { bound, level: visit.level - 1, node: visit.node * LANES as u32 + lane as u32 });
            }
        }
        stack[first..].sort_unstable_by(|a, b| b.bound.total_cmp(&a.bound).then(b.node.cmp(&a.node)));
    }
    visited
}

/// Every leaf in order, by all queries.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn scan(index: &Index, queries: &[f32], found: &mut [Neighbour], without: [u32; SCAN_QUERIES]) {
    let count = found.len() / (queries.len() / index.width);
    for (leaf, rows) in index.leaves.chunks_exact(index.width * LANES).enumerate() {
        for ((query, found), without) in queries.chunks_exact(index.width).zip(found.chunks_exact_mut(count)).zip(without) {
            look(rows, leaf * LANES, index.rows, query, found, without);
        }
    }
}

/// Takes in the rows of a leaf that are nearer than the farthest found.
#[inline(always)]
fn look(leaf: &[f32], first: usize, rows: usize, query: &[f32], found: &mut [Neighbour], without: u32) {
    let worst = found.len() - 1;
    let mut squares = [0.0_f32; LANES];
    for (leaf, query) in leaf.chunks(STRIDE * LANES).zip(query.chunks(STRIDE)) {
        for (rows, value) in leaf.as_chunks::<LANES>().0.iter().zip(query) {
            for lane in 0..LANES {
                let apart = rows[lane] - value;
                squares[lane] += apart * apart;
            }
        }
        if !any_below(&squares, found[worst].square) {
            return;
        }
    }
    for (lane, square) in squares.into_iter().enumerate().take(rows - first) {
        let position = (first + lane) as u32;
        if square < found[worst].square && position != without {
            insert(found, Neighbour { square, position });
        }
    }
}

#[inline(always)]
fn any_below(squares: &[f32; LANES], bound: f32) -> bool {
    let mut below = 0_u32;
    for square in squares {
        below |= u32::from(*square < bound);
    }
    below != 0
}

/// Squared distances to boxes.
#[inline(always)]
fn bounds(low: &[f32], high: &[f32], query: &[f32]) -> [f32; LANES] {
    let mut squares = [0.0_f32; LANES];
    for ((low, high), value) in low.as_chunks::<LANES>().0.iter().zip(high.as_chunks::<LANES>().0).zip(query) {
        for lane in 0..LANES {
            let (below, above) = (low[lane] - value, value - high[lane]);
            let apart = if below > above { below } else { above };
            let apart = if apart > 0.0 { apart } else { 0.0 };
            squares[lane] += apart * apart;
        }
    }
    squares
}

/// Puts a neighbour in its place, behind those as near; the farthest falls out.
#[inline(always)]
fn insert(found: &mut [Neighbour], new: Neighbour) {
    let mut at = found.len() - 1;
    while at > 0 && found[at - 1].square > new.square {
        found[at] = found[at - 1];
        at -= 1;
    }
    found[at] = new;
}
