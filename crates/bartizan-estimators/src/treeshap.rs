//! Path-dependent TreeSHAP of one tree: exact for any depth, in plain Rust.
//!
//! In the game of one leaf, feature `i` has the factor `o` (1 if the row satisfies all cuts of `i` on the path, else 0)
//! when known and `z` (the share of training rows that do) when not. Its Shapley value is the leaf's value times
//! `(o - z) * integral over t in [0, 1] of the product of o_j t + z_j (1 - t) over the other features j`: a polynomial, which a
//! Gauss-Legendre rule with half as many points as features integrates exactly. Sums over the leaves below an edge are
//! shared by one walk down and one walk up.
//!
//! References: Lundberg et al., Nature Machine Intelligence 2, 2020 (the values); Yu et al., Linear TreeSHAP, NeurIPS 2022
//! (the sums by edges).

/// A binary tree; node 0 is the root, children come after their parent.
pub(crate) struct ShapTree {
    pub(crate) feature: Vec<u32>,
    /// Rows below it go left.
    pub(crate) threshold: Vec<f32>,
    /// A leaf is its own left and right child.
    pub(crate) left: Vec<u32>,
    pub(crate) right: Vec<u32>,
    /// Training rows, or their weight.
    pub(crate) cover: Vec<f64>,
    /// Of leaves; elsewhere not read.
    pub(crate) value: Vec<f64>,
}

/// What is known of the edge into a node.
#[derive(Clone, Copy)]
struct Edge {
    parent: usize,
    feature: usize,
    o: f64,
    z: f64,
    /// The nearest edge above that cuts the same feature; 0 where there is none.
    old: usize,
}

/// Adds the share of each feature and returns the expected value.
pub(crate) fn shap(tree: &ShapTree, row: &[f32], shares: &mut [f64]) -> f64 {
    let nodes = tree.left.len();
    let mut edges = vec![Edge { parent: 0, feature: usize::MAX, o: 1.0, z: 1.0, old: 0 }; nodes];
    let (mut depth, mut mass) = (vec![0_usize; nodes], vec![0.0; nodes]);
    mass[0] = 1.0;
    for at in 0..nodes {
        let (left, right) = (tree.left[at] as usize, tree.right[at] as usize);
        if left == at {
            continue;
        }
        let feature = tree.feature[at] as usize;
        let mut old = at;
        while old != 0 && edges[old].feature != feature {
            old = edges[old].parent;
        }
        let goes_left = row[feature] < tree.threshold[at];
        for (child, taken) in [(left, goes_left), (right, !goes_left)] {
            let ratio = if tree.cover[at] > 0.0 { tree.cover[child] / tree.cover[at] } else { 0.0 };
            let o = if taken { edges[old].o } else { 0.0 };
            edges[child] = Edge { parent: at, feature, o, z: edges[old].z * ratio, old };
            depth[child] = depth[at] + 1;
            mass[child] = mass[at] * ratio;
        }
    }
    let expected = (0..nodes).filter(|&i| tree.left[i] as usize == i).map(|i| mass[i] * tree.value[i]).sum();
    let deepest = depth.iter().copied().max().unwrap_or(0);
    for (t, weight) in gauss_legendre(deepest.div_ceil(2).max(1)) {
        add_point(tree, &edges, t, weight, shares);
    }
    expected
}

/// Adds what one point of the rule contributes.
fn add_point(tree: &ShapTree, edges: &[Edge], t: f64, weight: f64, shares: &mut [f64]) {
    let factor = |e: &Edge| e.o * t + e.z * (1.0 - t);
    let mut sums = vec![1.0; edges.len()];
    for (i, edge) in edges.iter().enumerate().skip(1) {
        // An old factor of zero has made the product above zero already.
        let old = factor(&edges[edge.old]);
        sums[i] = if old > 0.0 { sums[edge.parent] * factor(edge) / old } else { 0.0 };
    }
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum *= if tree.left[i] as usize == i { tree.value[i] } else { 0.0 };
    }
    let pull = |e: &Edge| if factor(e) > 0.0 { (e.o - e.z) / factor(e) } else { 0.0 };
    for (i, edge) in edges.iter().enumerate().skip(1).rev() {
        shares[edge.feature] += weight * sums[i] * (pull(edge) - pull(&edges[edge.old]));
        sums[edge.parent] += sums[i];
    }
}

/// Points and weights on [0, 1] that integrate polynomials of degree `2 n - 1` exactly: Newton's method on the Legendre
/// polynomial's roots.
pub(crate) fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let order = n as f64;
    let rule = (0..n).map(|i| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (order + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..50 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=n {
                let k = k as f64;
                (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
            }
            slope = order * (x * value - before) / (x * x - 1.0);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
    });
    rule.collect()
}

#[cfg(test)]
mod tests;
