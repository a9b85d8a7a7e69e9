//! Growing one tree.

use super::columns::Column;
use super::layout::max_nodes;
use super::split::{Cut, Entry, Found, Splitter};
use super::tree::{LEAF, Node, Tree};
use bartizan_core::Seed;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What every tree of a forest is grown by.
pub(super) struct Plan<'a> {
    pub(super) columns: &'a [Column],
    pub(super) classes: &'a [u32],
    /// Weight of each class.
    pub(super) weights: &'a [f64],
    pub(super) bootstrap: bool,
    pub(super) max_depth: usize,
    pub(super) min_samples_leaf: usize,
    pub(super) min_samples_split: usize,
    pub(super) max_features: usize,
    pub(super) max_leaves: Option<usize>,
}

/// A node whose cut is known but not made.
struct Open {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    cut: Cut,
    /// How much purer the cut makes the tree.
    gain: f64,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest gain is the greatest; of equals the earlier node.
impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

struct Grower<'a> {
    plan: &'a Plan<'a>,
    splitter: Splitter<'a>,
    rng: Xoshiro256PlusPlus,
    entries: Vec<Entry>,
    scratch: Vec<Entry>,
    candidates: Vec<u32>,
    nodes: Vec<Node>,
    /// Times of each class in each node.
    counts: Vec<u32>,
}

/// Grows a tree.
pub(super) fn grow(plan: &Plan<'_>, seed: Seed) -> Tree {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
    let entries = sample(plan, &mut rng);
    let mut grower = Grower {
        plan,
        splitter: Splitter::new(plan.columns, plan.weights, plan.min_samples_leaf),
        rng,
        scratch: entries.clone(),
        entries,
        candidates: (0..plan.columns.len() as u32).collect(),
        nodes: Vec::new(),
        counts: Vec::new(),
    };
    grower.add_node();
    let mut root = vec![0; plan.weights.len()];
    grower.count(0, grower.entries.len(), &mut root);
    grower.counts.copy_from_slice(&root);
    match plan.max_leaves {
        None => grower.grow_deep(),
        Some(leaves) => grower.grow_best(leaves),
    }
    grower.finish()
}

/// As many rows as there are, drawn with replacement; or all of them.
fn sample(plan: &Plan<'_>, rng: &mut Xoshiro256PlusPlus) -> Vec<Entry> {
    let rows = plan.classes.len();
    let mut times = vec![u16::from(!plan.bootstrap); rows];
    if plan.bootstrap {
        for _ in 0..rows {
            let row = rng.random_range(0..rows as u32) as usize;
            times[row] = times[row].saturating_add(1);
        }
    }
    let all = plan.classes.iter().zip(times).enumerate();
    all.filter(|(_, (_, times))| *times > 0).map(|(row, (class, times))| Entry { row: row as u32, class: *class as u16, times }).collect()
}

impl Grower<'_> {
    /// Any order gives the same tree but for the draws of features; a stack keeps the current rows in the cache.
    fn grow_deep(&mut self) {
        let mut open: Vec<Open> = self.open(0, 0, self.entries.len(), 0).into_iter().collect();
        while self.has_room()
            && let Some(next) = open.pop()
        {
            let [left, right] = self.cut(&next);
            open.extend(right);
            open.extend(left);
        }
    }

    /// The cut with the greatest gain first, until there are enough leaves.
    fn grow_best(&mut self, max_leaves: usize) {
        let mut open: BinaryHeap<Open> = self.open(0, 0, self.entries.len(), 0).into_iter().collect();
        for _ in 1..max_leaves {
            let Some(next) = open.pop().filter(|_| self.has_room()) else { break };
            open.extend(self.cut(&next).into_iter().flatten());
        }
    }

    /// Whether two children more can be numbered.
    fn has_room(&self) -> bool {
        self.nodes.len() + 2 <= max_nodes(self.plan.columns.len())
    }

    fn add_node(&mut self) -> usize {
        self.nodes.push(Node { feature: LEAF, threshold: 0.0, left: 0 });
        self.counts.resize(self.nodes.len() * self.plan.weights.len(), 0);
        self.nodes.len() - 1
    }

    fn count(&self, start: usize, end: usize, counts: &mut [u32]) {
        for entry in &self.entries[start..end] {
            counts[usize::from(entry.class)] += u32::from(entry.times);
        }
    }

    /// Looks for the cut of a node; `None` makes it a leaf.
    fn open(&mut self, node: usize, start: usize, end: usize, depth: usize) -> Option<Open> {
        let (plan, rows) = (self.plan, end - start);
        let counts = &self.counts[node * plan.weights.len()..(node + 1) * plan.weights.len()];
        let is_pure = counts.iter().filter(|c| **c > 0).count() < 2;
        if is_pure || depth >= plan.max_depth || rows < plan.min_samples_split || rows < 2 * plan.min_samples_leaf {
            return None;
        }
        let entries = &self.entries[start..end];
        let mut best: Option<Cut> = None;
        let (mut looked_at, mut varying) = (0, 0);
        // Features are drawn without replacement; past the given number only until one varies at all.
        while looked_at < self.candidates.len() && (looked_at < plan.max_features || varying == 0) {
            let draw = self.rng.random_range(looked_at..self.candidates.len());
            self.candidates.swap(looked_at, draw);
            let feature = self.candidates[looked_at] as usize;
            looked_at += 1;
            if let Found::Varies(cut) = self.splitter.best(feature, entries, counts) {
                varying += 1;
                if let Some(cut) = cut.filter(|c| best.is_none_or(|b| c.purity > b.purity)) {
                    best = Some(cut);
                }
            }
        }
        let cut = best?;
        let (mut total, mut squares) = (0.0, 0.0);
        for (count, weight) in counts.iter().zip(plan.weights) {
            let held = f64::from(*count) * weight;
            total += held;
            squares += held * held;
        }
        Some(Open { node, start, end, depth, cut, gain: cut.purity - squares / total })
    }

    /// Makes a cut and looks for those of its two sides.
    fn cut(&mut self, open: &Open) -> [Option<Open>; 2] {
        let (cut, classes) = (&open.cut, self.plan.weights.len());
        let column = &self.plan.columns[cut.feature];
        let entries = &mut self.entries[open.start..open.end];
        let held = match cut.bin {
            Some(bin) => partition(entries, &mut self.scratch, |row| column.bins[row] <= bin),
            None => partition(entries, &mut self.scratch, |row| column.ranks[row] <= cut.rank),
        };
        let middle = open.start + held;
        let left = self.add_node();
        let right = self.add_node();
        self.nodes[open.node] = Node { feature: cut.feature as u16, threshold: column.between(cut.rank, cut.above), left: left as u32 };
        let mut counts = std::mem::take(&mut self.counts);
        self.count(open.start, middle, &mut counts[left * classes..right * classes]);
        for class in 0..classes {
            counts[right * classes + class] = counts[open.node * classes + class] - counts[left * classes + class];
        }
        self.counts = counts;
        [self.open(left, open.start, middle, open.depth + 1), self.open(right, middle, open.end, open.depth + 1)]
    }

    fn finish(mut self) -> Tree {
        let classes = self.plan.weights.len();
        let mut counts = Vec::new();
        for (node, held) in self.nodes.iter_mut().zip(self.counts.chunks_exact(classes)) {
            if node.feature == LEAF {
                node.left = (counts.len() / classes) as u32;
                counts.extend_from_slice(held);
            }
        }
        Tree { nodes: self.nodes, counts }
    }
}

/// Moves the rows that go left to the front and keeps both sides in order; returns how many go left.
fn partition(entries: &mut [Entry], scratch: &mut [Entry], goes_left: impl Fn(usize) -> bool) -> usize {
    let (mut left, mut right) = (0, 0);
    for i in 0..entries.len() {
        let entry = entries[i];
        let goes = goes_left(entry.row as usize);
        // Both are written and one is kept: there is no branch to mispredict.
        entries[left] = entry;
        scratch[right] = entry;
        left += usize::from(goes);
        right += usize::from(!goes);
    }
    entries[left..].copy_from_slice(&scratch[..right]);
    left
}
