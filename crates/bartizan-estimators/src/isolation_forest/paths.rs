//! TreeSHAP of path lengths, laid out for speed; `crate::treeshap` has the formula.
//!
//! A cut has three cases: the row left its feature's interval further up; it goes left; it goes right. For each, what the cut
//! multiplies the product by and what pull it has on its feature, at every point of the integration rule and for both
//! children, is tabled once: a row then costs one load, one multiplication and one sum per cut on the way down and up.
//! Leaves' values are multiplied into the tables, less the tree's expectation, so that 32 bits suffice.

use super::tree::{LEAF, Tree, average_path};
use crate::treeshap::{ShapTree, gauss_legendre};

/// Trees whose shares are summed in 32 bits before they are added up in 64.
const FLUSH: usize = 8;

/// Tables for rules of four points (up to eight features on a path) or eight (up to sixteen).
pub(super) enum Paths {
    Four(Tables<8>),
    Eight(Tables<16>),
}

/// Lanes: the points for the left child, then those for the right one.
pub(super) struct Tables<const LANES: usize> {
    cuts: Vec<Cut<LANES>>,
    /// Cuts of each tree.
    lengths: Vec<usize>,
    /// Sum of the trees' expected path lengths.
    expected: f64,
}

/// Edges are numbered per tree: 0 leads to the root, `2 k + 2` and `2 k + 3` leave the tree's cut `k`.
#[repr(C, align(64))]
struct Cut<const LANES: usize> {
    /// By case: factors of the product.
    factors: [Case<LANES>; 3],
    feature: u32,
    threshold: f32,
    /// The edge that leads here.
    edge: u32,
    /// The nearest edge above that cut the same feature; 0 where there is none.
    old: u32,
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Case<const LANES: usize> {
    factors: [f32; LANES],
    pulls: [f32; LANES],
}

impl Paths {
    pub(super) fn new(trees: &[Tree]) -> Self {
        if is_low(trees) { Self::Four(Tables::new(trees)) } else { Self::Eight(Tables::new(trees)) }
    }

    /// Adds each feature's share of the sum of path lengths and returns the sum expected of an unknown row.
    pub(super) fn shares(&self, row: &[f32], shares: &mut [f64]) -> f64 {
        match self {
            Self::Four(tables) => tables.shares(row, shares),
            Self::Eight(tables) => tables.shares(row, shares),
        }
    }
}

/// Whether rules of four points do.
fn is_low(trees: &[Tree]) -> bool {
    trees.iter().all(|tree| tree.height() <= 8)
}

/// Memory that the tables of these trees take.
pub(super) fn bytes(trees: &[Tree]) -> u64 {
    let cut = if is_low(trees) { size_of::<Cut<8>>() } else { size_of::<Cut<16>>() };
    let cuts: u64 = trees.iter().map(|tree| tree.nodes.len() as u64 / 2).sum();
    cuts * cut as u64
}

/// One tree as the general algorithm takes it: the slower way, without tables.
pub(super) fn unfolded(tree: &Tree) -> ShapTree {
    let (cover, means) = moments(tree);
    let mut depth = vec![0.0; tree.nodes.len()];
    let mut shap = ShapTree {
        feature: Vec::with_capacity(tree.nodes.len()),
        threshold: Vec::with_capacity(tree.nodes.len()),
        left: Vec::with_capacity(tree.nodes.len()),
        right: Vec::with_capacity(tree.nodes.len()),
        cover,
        value: Vec::with_capacity(tree.nodes.len()),
    };
    for (i, node) in tree.nodes.iter().enumerate() {
        let is_leaf = node.feature == LEAF;
        let (left, right) = if is_leaf { (i, i) } else { (i + 1, node.right as usize) };
        if !is_leaf {
            (depth[left], depth[right]) = (depth[i] + 1.0, depth[i] + 1.0);
        }
        shap.feature.push(if is_leaf { 0 } else { u32::from(node.feature) });
        // Here rows above the threshold go right; there rows below it go left.
        shap.threshold.push(node.threshold.next_up());
        shap.left.push(left as u32);
        shap.right.push(right as u32);
        shap.value.push(depth[i] + means[i]);
    }
    shap
}

/// A node to be laid out: where it is, the edge into it, the cuts above as (feature, edge, z).
struct Open {
    at: usize,
    edge: u32,
    above: Vec<(u16, u32, f64)>,
}

impl<const LANES: usize> Tables<LANES> {
    fn new(trees: &[Tree]) -> Self {
        let rule = gauss_legendre(LANES / 2);
        let mut tables = Self { cuts: Vec::new(), lengths: Vec::new(), expected: 0.0 };
        for tree in trees {
            tables.add(tree, &rule);
        }
        tables
    }

    /// Appends a tree, breadth first: neighbours in the order do not wait for each other.
    fn add(&mut self, tree: &Tree, rule: &[(f64, f64)]) {
        let (covers, means) = moments(tree);
        self.expected += means[0];
        let first = self.cuts.len();
        let mut open = std::collections::VecDeque::from([Open { at: 0, edge: 0, above: Vec::new() }]);
        while let Some(Open { at, edge, above }) = open.pop_front() {
            let node = &tree.nodes[at];
            if node.feature == LEAF {
                continue;
            }
            let (_, old, old_z) = above.iter().rev().find(|(f, ..)| *f == node.feature).copied().unwrap_or((0, 0, 1.0));
            let edges = 2 * (self.cuts.len() - first) as u32 + 2;
            let blank = Case { factors: [0.0; LANES], pulls: [0.0; LANES] };
            let mut cut = Cut { factors: [blank; 3], feature: u32::from(node.feature), threshold: node.threshold, edge, old };
            for (side, child) in [at + 1, node.right as usize].into_iter().enumerate() {
                let z = old_z * covers[child] / covers[at];
                let leaf = tree.nodes[child].feature == LEAF;
                // From the root: the cuts passed, and what the leaf would have grown.
                let value = if leaf { means[child] + above.len() as f64 + 1.0 - means[0] } else { 1.0 };
                cut.fill(side, (old_z, z), value, rule);
                let mut above = above.clone();
                above.push((node.feature, edges + side as u32, z));
                open.push_back(Open { at: child, edge: edges + side as u32, above });
            }
            self.cuts.push(cut);
        }
        self.lengths.push(self.cuts.len() - first);
    }

    fn shares(&self, row: &[f32], shares: &mut [f64]) -> f64 {
        let longest = self.lengths.iter().copied().max().unwrap_or(0);
        // Sums of the edges that leave a cut lie side by side; the first pair holds the root.
        let mut sums = vec![[1.0_f32; LANES]; longest + 1];
        let mut inside = vec![1_u8; 2 * longest + 2];
        let mut cases = vec![0_u8; longest];
        let mut moved = vec![[0.0_f32; LANES]; row.len()];
        let mut rest = self.cuts.as_slice();
        for (t, &length) in self.lengths.iter().enumerate() {
            let (cuts, after) = rest.split_at(length);
            rest = after;
            down(cuts, row, &mut sums, &mut inside, &mut cases);
            up(cuts, &cases, &mut sums, &mut moved);
            if t % FLUSH == FLUSH - 1 || t + 1 == self.lengths.len() {
                for (share, moved) in shares.iter_mut().zip(&mut moved) {
                    *share += moved.iter().map(|m| f64::from(*m)).sum::<f64>();
                    *moved = [0.0; LANES];
                }
            }
        }
        self.expected
    }
}

impl<const LANES: usize> Cut<LANES> {
    /// Tables one child: `z` of its feature on the edges above and now.
    fn fill(&mut self, side: usize, (old_z, z): (f64, f64), value: f64, rule: &[(f64, f64)]) {
        for (q, &(t, weight)) in rule.iter().enumerate() {
            let lane = side * LANES / 2 + q;
            let (old, inside, outside) = (t + old_z * (1.0 - t), t + z * (1.0 - t), z * (1.0 - t));
            let old_pull = (1.0 - old_z) / old;
            // Outside already: the factor shrinks in step with z, and the pull, -1 / (1 - t), does not change.
            self.factors[0].factors[lane] = (value * z / old_z) as f32;
            for case in [1, 2] {
                let (factor, pull) = if case == side + 1 { (inside, (1.0 - z) / inside) } else { (outside, -1.0 / (1.0 - t)) };
                self.factors[case].factors[lane] = (value * factor / old) as f32;
                self.factors[case].pulls[lane] = (weight * (pull - old_pull)) as f32;
            }
        }
    }
}

/// From the root down: the product at each edge.
#[inline]
fn down<const LANES: usize>(cuts: &[Cut<LANES>], row: &[f32], sums: &mut [[f32; LANES]], inside: &mut [u8], cases: &mut [u8]) {
    sums[0] = [1.0; LANES];
    let (sums, inside, cases) = (&mut sums[..=cuts.len()], &mut inside[..2 * cuts.len() + 2], &mut cases[..cuts.len()]);
    for (k, cut) in cuts.iter().enumerate() {
        let was = inside[cut.old as usize];
        let right = u8::from(row[cut.feature as usize] > cut.threshold);
        let case = was * (1 + right);
        cases[k] = case;
        inside[2 * k + 2] = was & (1 - right);
        inside[2 * k + 3] = was & right;
        let above = half(sums, cut.edge);
        let factors = &cut.factors[usize::from(case)].factors;
        sums[k + 1] = std::array::from_fn(|lane| above[lane % (LANES / 2)] * factors[lane]);
    }
}

/// From the leaves up: the sum over the leaves below each edge, and its pull on the feature.
#[inline]
fn up<const LANES: usize>(cuts: &[Cut<LANES>], cases: &[u8], sums: &mut [[f32; LANES]], moved: &mut [[f32; LANES]]) {
    let sums = &mut sums[..=cuts.len()];
    for (k, cut) in cuts.iter().enumerate().rev() {
        let (below, pulls) = (sums[k + 1], &cut.factors[usize::from(cases[k])].pulls);
        let moved = &mut moved[cut.feature as usize];
        for lane in 0..LANES {
            moved[lane] += below[lane] * pulls[lane];
        }
        let place = cut.edge as usize % 2 * (LANES / 2);
        let to = &mut sums[cut.edge as usize / 2][place..place + LANES / 2];
        for lane in 0..LANES / 2 {
            to[lane] = below[lane] + below[lane + LANES / 2];
        }
    }
}

/// The lanes of one edge.
#[inline]
fn half<const LANES: usize>(sums: &[[f32; LANES]], edge: u32) -> &[f32] {
    let place = edge as usize % 2 * (LANES / 2);
    &sums[edge as usize / 2][place..place + LANES / 2]
}

/// Training rows of each node and their mean path length from there on. Rows are summed from the leaves, each at least one,
/// so that no stored tree can make a division by zero.
fn moments(tree: &Tree) -> (Vec<f64>, Vec<f64>) {
    let (mut covers, mut means) = (vec![0.0; tree.nodes.len()], vec![0.0; tree.nodes.len()]);
    for (i, node) in tree.nodes.iter().enumerate().rev() {
        (covers[i], means[i]) = if node.feature == LEAF {
            (f64::from(node.rows.max(1)), average_path(f64::from(node.rows)))
        } else {
            let (left, right) = (i + 1, node.right as usize);
            let cover: f64 = covers[left] + covers[right];
            (cover, 1.0 + (covers[left] * means[left] + covers[right] * means[right]) / cover)
        };
    }
    (covers, means)
}
