//! Growing one isolation tree, and what is kept of it.

use bartizan_core::{Samples, Seed};
use rand::Rng;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// Marks a leaf in [`Node::feature`].
pub(crate) const LEAF: u16 = u16::MAX;

/// One node. The left child follows its parent; rows with a value above the threshold go right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) feature: u16,
    pub(crate) threshold: f32,
    pub(crate) right: u32,
    /// Training rows that reached it.
    pub(crate) rows: u32,
}

/// A tree in depth-first order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

/// Mean path length of an unsuccessful search in a binary search tree of `n` keys: c(n) of Liu, Ting, Zhou 2008, equation 1.
pub(crate) fn average_path(n: f64) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    if n <= 1.0 {
        0.0
    } else if n <= 2.0 {
        1.0
    } else {
        2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
    }
}

/// Height at which growing stops: ceil(log2 psi).
pub(crate) fn height_limit(psi: usize) -> usize {
    (psi.max(1) as f64).log2().ceil() as usize
}

/// `count` different row numbers below `rows` (Floyd's algorithm: as many steps as rows drawn, however many there are).
pub(crate) fn draw_rows(rows: usize, count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<u32> {
    let mut seen = std::collections::BTreeSet::new();
    for j in rows - count..rows {
        let t = rng.random_range(0..=j) as u32;
        if !seen.insert(t) {
            seen.insert(j as u32);
        }
    }
    seen.into_iter().collect()
}

/// Grows a tree on `psi` rows drawn without replacement.
pub(crate) fn grow(train: Samples<'_>, medians: &[f32], psi: usize, seed: Seed) -> Tree {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
    let drawn = draw_rows(train.rows(), psi, &mut rng);
    let width = train.width();
    let mut values = Vec::with_capacity(psi * width);
    for &row in &drawn {
        values.extend(train.row(row as usize).iter().zip(medians).map(|(v, m)| if v.is_nan() { *m } else { *v }));
    }
    let mut grower = Grower {
        values,
        width,
        limit: height_limit(psi),
        candidates: (0..width as u16).collect(),
        nodes: Vec::with_capacity(2 * psi),
        rng,
    };
    let mut rows: Vec<u32> = (0..psi as u32).collect();
    grower.split(&mut rows, 0);
    Tree { nodes: grower.nodes }
}

struct Grower {
    values: Vec<f32>,
    width: usize,
    limit: usize,
    candidates: Vec<u16>,
    nodes: Vec<Node>,
    rng: Xoshiro256PlusPlus,
}

impl Grower {
    fn value(&self, row: u32, feature: u16) -> f32 {
        self.values[row as usize * self.width + feature as usize]
    }

    fn split(&mut self, rows: &mut [u32], depth: usize) {
        let at = self.nodes.len();
        self.nodes.push(Node { feature: LEAF, threshold: 0.0, right: 0, rows: rows.len() as u32 });
        if rows.len() <= 1 || depth >= self.limit {
            return;
        }
        let Some((feature, low, high)) = self.pick_feature(rows) else { return };
        let threshold = self.cut(low, high);
        let middle = partition(rows, |row| self.values[row as usize * self.width + feature as usize] <= threshold);
        let (left, right) = rows.split_at_mut(middle);
        self.split(left, depth + 1);
        let right_at = self.nodes.len() as u32;
        self.split(right, depth + 1);
        self.nodes[at] = Node { feature, threshold, right: right_at, ..self.nodes[at] };
    }

    /// A feature that varies among the rows, drawn uniformly from those that do; `None` when none does.
    fn pick_feature(&mut self, rows: &[u32]) -> Option<(u16, f32, f32)> {
        for left in (1..=self.candidates.len()).rev() {
            let draw = self.rng.random_range(0..left);
            self.candidates.swap(draw, left - 1);
            let feature = self.candidates[left - 1];
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for &row in rows {
                let v = self.value(row, feature);
                (low, high) = (low.min(v), high.max(v));
            }
            if low < high {
                return Some((feature, low, high));
            }
        }
        None
    }

    /// Uniform in [low, high): both sides get a row.
    fn cut(&mut self, low: f32, high: f32) -> f32 {
        let (low64, high64) = (f64::from(low), f64::from(high));
        let cut = (low64 + self.rng.random::<f64>() * (high64 - low64)) as f32;
        if cut < high { cut.max(low) } else { low }
    }
}

fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut middle = 0;
    for i in 0..rows.len() {
        if left(rows[i]) {
            rows.swap(i, middle);
            middle += 1;
        }
    }
    middle
}

impl Tree {
    /// Calls `visit(position in a perfect tree of this height, node)` for every node that `height` levels can hold;
    /// positions are those of a heap: the children of `i` are `2 i + 1` and `2 i + 2`.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(usize, usize, &Node)) {
        let mut stack = vec![(0_usize, 0_usize, 0_usize)];
        while let Some((at, heap, depth)) = stack.pop() {
            let node = &self.nodes[at];
            visit(heap, depth, node);
            if node.feature != LEAF {
                stack.push((node.right as usize, 2 * heap + 2, depth + 1));
                stack.push((at + 1, 2 * heap + 1, depth + 1));
            }
        }
    }

    /// Cuts between the root and the lowest leaf.
    pub(crate) fn height(&self) -> usize {
        let (mut depth, mut highest) = (vec![0_u32; self.nodes.len()], 0);
        for (i, node) in self.nodes.iter().enumerate() {
            highest = highest.max(depth[i]);
            if node.feature != LEAF {
                depth[i + 1] = depth[i] + 1;
                depth[node.right as usize] = depth[i] + 1;
            }
        }
        highest as usize
    }

    /// What a hostile file could have wrong: a child that does not come after its parent, lies outside or has two parents (few
    /// nodes would stand for very many), a feature that is not there, a tree that is too high.
    pub(crate) fn validate(&self, width: usize, limit: usize) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("a tree has no nodes".to_owned());
        }
        let (mut depth, mut has_parent) = (vec![0_usize; self.nodes.len()], vec![false; self.nodes.len()]);
        for (i, node) in self.nodes.iter().enumerate() {
            if node.feature == LEAF {
                continue;
            }
            let right = node.right as usize;
            if node.feature as usize >= width || node.threshold.is_nan() {
                return Err(format!("node {i} cuts feature {} at {}", node.feature, node.threshold));
            }
            if right <= i + 1 || right >= self.nodes.len() {
                return Err(format!("node {i} has its right child at {right} of {}", self.nodes.len()));
            }
            if depth[i] >= limit {
                return Err(format!("a tree is higher than {limit}"));
            }
            if has_parent[i + 1] || has_parent[right] {
                return Err(format!("node {i} has a child that has a parent"));
            }
            for child in [i + 1, right] {
                has_parent[child] = true;
                depth[child] = depth[i] + 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{average_path, draw_rows, height_limit};
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn path_lengths_are_those_of_the_paper() {
        for (n, expected) in [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (256.0, 10.244_770_920_116_85), (5.0, 2.327_020_052_042_847_4)] {
            assert!((average_path(n) - expected).abs() < 1e-9, "c({n}) = {}", average_path(n));
        }
        assert_eq!([1, 2, 3, 256, 257].map(height_limit), [0, 1, 2, 8, 9]);
    }

    #[test]
    fn rows_are_drawn_once_and_evenly() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            let drawn = draw_rows(10, 3, &mut rng);
            assert_eq!(drawn.len(), 3);
            drawn.iter().for_each(|&i| counts[i as usize] += 1);
        }
        assert!(counts.iter().all(|c| (2800..3200).contains(c)), "{counts:?}");
    }
}
