//! A tree of random cuts that points are put into and taken out of.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A tree over a sample of points. Nodes lie in one array; what is freed is used again.
///
/// Each node knows the box around its points. A cut is drawn uniformly over the sum of a box's sides, so inserting and
/// deleting leave a tree distributed as one grown anew on the points that remain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) root: u32,
    pub(super) nodes: Vec<Node>,
    /// Lower and upper corners of the nodes' boxes; a leaf's are its point.
    pub(super) lows: Vec<f32>,
    pub(super) highs: Vec<f32>,
    pub(super) free: Vec<u32>,
    /// The sample: as many as there are points, duplicates included.
    pub(super) slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) parent: u32,
    pub(super) left: u32,
    pub(super) right: u32,
    /// Which feature is cut; of a leaf [`NONE`].
    pub(super) feature: u32,
    /// Values up to it lie left.
    pub(super) cut: f32,
    /// Points below.
    pub(super) mass: u32,
    /// Sum of the box's sides.
    pub(super) sides: f64,
}

/// One sampled point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) leaf: u32,
    /// The lowest goes first.
    pub(super) priority: f64,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { root: NONE, nodes: Vec::new(), lows: Vec::new(), highs: Vec::new(), free: Vec::new(), slots: Vec::new() }
    }

    /// Takes a point into the sample if there is room or its priority is above the lowest, whose point then leaves.
    pub(super) fn offer(&mut self, point: &[f32], priority: f64, capacity: usize, rng: &mut impl Rng) {
        if self.slots.len() < capacity {
            let leaf = self.insert(point, rng);
            self.slots.push(Slot { leaf, priority });
            return;
        }
        let lowest = self.slots.iter().enumerate().min_by(|a, b| a.1.priority.total_cmp(&b.1.priority)).map(|(i, s)| (i, *s));
        if let Some((index, slot)) = lowest.filter(|(_, slot)| slot.priority < priority) {
            self.delete(slot.leaf, point.len());
            let leaf = self.insert(point, rng);
            self.slots[index] = Slot { leaf, priority };
        }
    }

    pub(super) fn low(&self, node: u32, width: usize) -> &[f32] {
        &self.lows[node as usize * width..][..width]
    }

    pub(super) fn high(&self, node: u32, width: usize) -> &[f32] {
        &self.highs[node as usize * width..][..width]
    }

    fn insert(&mut self, point: &[f32], rng: &mut impl Rng) -> u32 {
        let width = point.len();
        if self.root == NONE {
            self.root = self.add(NONE, point, point, 1);
            return self.root;
        }
        let mut at = self.root;
        loop {
            let Some((feature, cut)) = draw_cut(point, self.low(at, width), self.high(at, width), rng) else {
                // The point is the leaf's.
                self.nodes[at as usize].mass += 1;
                return at;
            };
            let (low, high) = (self.low(at, width)[feature], self.high(at, width)[feature]);
            if cut < low || cut >= high {
                return self.split(at, point, feature, cut);
            }
            self.grow(at, point);
            let node = &mut self.nodes[at as usize];
            node.mass += 1;
            at = if point[node.feature as usize] <= node.cut { node.left } else { node.right };
        }
    }

    /// Puts a cut above `at` that has the point on one side and all of `at` on the other.
    fn split(&mut self, at: u32, point: &[f32], feature: usize, cut: f32) -> u32 {
        let parent = self.nodes[at as usize].parent;
        let leaf = self.add(NONE, point, point, 1);
        let mass = self.nodes[at as usize].mass + 1;
        let (low, high) = (self.low(at, point.len()).to_vec(), self.high(at, point.len()).to_vec());
        let above = self.add(parent, &low, &high, mass);
        self.grow(above, point);
        let (left, right) = if point[feature] <= cut { (leaf, at) } else { (at, leaf) };
        let node = &mut self.nodes[above as usize];
        (node.left, node.right, node.feature, node.cut) = (left, right, feature as u32, cut);
        self.nodes[leaf as usize].parent = above;
        self.nodes[at as usize].parent = above;
        self.replace(parent, at, above);
        leaf
    }

    /// A node with this box and nothing below.
    fn add(&mut self, parent: u32, low: &[f32], high: &[f32], mass: u32) -> u32 {
        let node = Node { parent, left: NONE, right: NONE, feature: NONE, cut: 0.0, mass, sides: sides(low, high) };
        match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                self.lows[at as usize * low.len()..][..low.len()].copy_from_slice(low);
                self.highs[at as usize * low.len()..][..low.len()].copy_from_slice(high);
                at
            }
            None => {
                self.nodes.push(node);
                self.lows.extend_from_slice(low);
                self.highs.extend_from_slice(high);
                (self.nodes.len() - 1) as u32
            }
        }
    }

    /// Makes a box hold a point.
    fn grow(&mut self, at: u32, point: &[f32]) {
        let range = at as usize * point.len()..(at as usize + 1) * point.len();
        for ((low, high), value) in self.lows[range.clone()].iter_mut().zip(&mut self.highs[range]).zip(point) {
            (*low, *high) = (low.min(*value), high.max(*value));
        }
        self.nodes[at as usize].sides = sides(self.low(at, point.len()), self.high(at, point.len()));
    }

    fn replace(&mut self, parent: u32, child: u32, by: u32) {
        self.nodes[by as usize].parent = parent;
        if parent == NONE {
            self.root = by;
        } else {
            let node = &mut self.nodes[parent as usize];
            if node.left == child { node.left = by } else { node.right = by }
        }
    }

    /// Takes one point out of a leaf; an empty leaf goes and its sibling takes their parent's place.
    fn delete(&mut self, leaf: u32, width: usize) {
        let mut above = self.nodes[leaf as usize].parent;
        if self.nodes[leaf as usize].mass > 1 {
            self.nodes[leaf as usize].mass -= 1;
        } else if above == NONE {
            self.root = NONE;
            self.free.push(leaf);
        } else {
            let Node { parent, left, right, .. } = self.nodes[above as usize];
            self.replace(parent, above, if left == leaf { right } else { left });
            self.free.extend([leaf, above]);
            above = parent;
        }
        while above != NONE {
            self.nodes[above as usize].mass -= 1;
            self.shrink(above, width);
            above = self.nodes[above as usize].parent;
        }
    }

    /// The box around both children.
    fn shrink(&mut self, at: u32, width: usize) {
        let Node { left, right, .. } = self.nodes[at as usize];
        for i in 0..width {
            let (a, b) = (left as usize * width + i, right as usize * width + i);
            self.lows[at as usize * width + i] = self.lows[a].min(self.lows[b]);
            self.highs[at as usize * width + i] = self.highs[a].max(self.highs[b]);
        }
        self.nodes[at as usize].sides = sides(self.low(at, width), self.high(at, width));
    }

    /// Expected displacement were the point inserted, and how much of it each feature has if `shares` is given;
    /// returned besides what all shares together lack of it.
    ///
    /// Going down, at every node the point is cut off with the probability that a cut falls between it and the box. Its
    /// displacement is then the largest, over all nodes above it, of the mass beside over the mass of the part that
    /// would leave together with it.
    pub(super) fn displacement(&self, point: &[f32], mut shares: Option<&mut [f64]>) -> (f64, f64) {
        let (mut at, mut reached, mut above, mut sum) = (self.root, 1.0, 0.0_f64, 0.0);
        while at != NONE {
            let node = &self.nodes[at as usize];
            let (low, high) = (self.low(at, point.len()), self.high(at, point.len()));
            let outside = outside(point, low, high);
            let displaced = above.max(f64::from(node.mass));
            if outside > 0.0 {
                let scale = reached * displaced / (node.sides + outside);
                sum += scale * outside;
                if let Some(shares) = &mut shares {
                    for (i, share) in shares.iter_mut().enumerate() {
                        *share += scale * beyond(point[i], low[i], high[i]);
                    }
                }
                reached *= node.sides / (node.sides + outside);
            }
            if node.feature == NONE || reached == 0.0 {
                break;
            }
            let (next, beside) = if point[node.feature as usize] <= node.cut { (node.left, node.right) } else { (node.right, node.left) };
            let mass = |node: u32| f64::from(self.nodes[node as usize].mass);
            above = above.max(mass(beside) / (mass(next) + 1.0));
            at = next;
        }
        // A point that is there already joins its like.
        (sum + reached * above, reached * above)
    }
}

fn sides(low: &[f32], high: &[f32]) -> f64 {
    low.iter().zip(high).map(|(l, h)| f64::from(*h) - f64::from(*l)).sum()
}

fn beyond(value: f32, low: f32, high: f32) -> f64 {
    // Comparisons and not `max`, which would look for NaN: there is none.
    let (below, above) = (low - value, value - high);
    let farther = if below > above { below } else { above };
    f64::from(if farther > 0.0 { farther } else { 0.0 })
}

/// By how much the box's sides grow, in sum, to hold the point. Four sums, since one would wait for itself.
fn outside(point: &[f32], low: &[f32], high: &[f32]) -> f64 {
    let (points, rest) = point.as_chunks::<4>();
    let ((lows, low_rest), (highs, high_rest)) = (low.as_chunks::<4>(), high.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for ((point, low), high) in points.iter().zip(lows).zip(highs) {
        for i in 0..4 {
            sums[i] += beyond(point[i], low[i], high[i]);
        }
    }
    for (((sum, value), low), high) in sums.iter_mut().zip(rest).zip(low_rest).zip(high_rest) {
        *sum += beyond(*value, *low, *high);
    }
    sums.iter().sum()
}

/// A cut uniform over the sides of the box around box and point; none where that has no extent.
fn draw_cut(point: &[f32], low: &[f32], high: &[f32], rng: &mut impl Rng) -> Option<(usize, f32)> {
    let side = |i: usize| f64::from(high[i].max(point[i])) - f64::from(low[i].min(point[i]));
    let total: f64 = (0..point.len()).map(side).sum();
    let mut left = total * rng.random::<f64>();
    let mut drawn = None;
    for feature in (0..point.len()).filter(|i| side(*i) > 0.0) {
        let (from, to) = (low[feature].min(point[feature]), high[feature].max(point[feature]));
        let cut = (f64::from(from) + left.min(side(feature))) as f32;
        // Rounding must not put the cut on the upper end, right of which there is nothing.
        drawn = Some((feature, if cut >= to { to.next_down().max(from) } else { cut.max(from) }));
        if left < side(feature) {
            break;
        }
        left -= side(feature);
    }
    drawn
}
