//! What a damaged or hostile file could have wrong.

use super::FittedRandomCutForest;
use super::tree::{NONE, Tree};

impl FittedRandomCutForest {
    pub(crate) fn validate(&self) -> Result<(), String> {
        let width = self.width();
        if width == 0 || self.preparation.width() != width || self.trees.is_empty() || self.tree_size < 2 {
            return Err(format!("{width} features, {} trees of {}", self.trees.len(), self.tree_size));
        }
        if !(0.0..=1.0).contains(&self.time_decay) {
            return Err(format!("its time decay is {}", self.time_decay));
        }
        self.preparation.validate()?;
        self.trees.iter().try_for_each(|tree| tree.validate(width, self.tree_size))
    }
}

impl Tree {
    /// Every node is reached once or free, masses add up, and nothing is infinite.
    pub(super) fn validate(&self, width: usize, capacity: usize) -> Result<(), String> {
        let count = self.nodes.len();
        let cells = count * width;
        if self.lows.len() != cells || self.highs.len() != cells || self.slots.is_empty() || self.slots.len() > capacity {
            return Err(format!("{count} nodes with {} and {} corners, {} points", self.lows.len(), self.highs.len(), self.slots.len()));
        }
        if !self.lows.iter().chain(&self.highs).all(|v| v.is_finite()) || !self.slots.iter().all(|s| s.priority.is_finite()) {
            return Err("a corner or a priority is not finite".to_owned());
        }
        let mut points = vec![0_u32; count];
        for slot in &self.slots {
            *points.get_mut(slot.leaf as usize).ok_or("a point lies outside its tree")? += 1;
        }
        let mut reached = vec![false; count];
        let mut open = vec![(self.root, NONE)];
        while let Some((at, parent)) = open.pop() {
            let index = at as usize;
            if index >= count || reached[index] || self.nodes[index].parent != parent {
                return Err(format!("node {at} is not where its parent says"));
            }
            reached[index] = true;
            self.check_node(at, width, points[index])?;
            if self.nodes[index].feature != NONE {
                open.extend([(self.nodes[index].left, at), (self.nodes[index].right, at)]);
            }
        }
        for at in &self.free {
            match reached.get_mut(*at as usize) {
                Some(free) if !*free => *free = true,
                _ => return Err(format!("node {at} is free and in use")),
            }
        }
        if reached.iter().all(|r| *r) { Ok(()) } else { Err("a node is neither free nor in use".to_owned()) }
    }

    fn check_node(&self, at: u32, width: usize, points: u32) -> Result<(), String> {
        let node = self.nodes[at as usize];
        let (low, high) = (self.low(at, width), self.high(at, width));
        let boxed = low.iter().zip(high).all(|(l, h)| l <= h) && (0.0..=f64::MAX).contains(&node.sides);
        let sound = if node.feature == NONE {
            node.mass == points && points > 0 && low == high && node.sides == 0.0
        } else {
            let mass = |child: u32| self.nodes.get(child as usize).map(|c| u64::from(c.mass));
            let below = mass(node.left).zip(mass(node.right)).map(|(l, r)| l + r);
            points == 0 && (node.feature as usize) < width && node.cut.is_finite() && below == Some(u64::from(node.mass))
        };
        if boxed && sound { Ok(()) } else { Err(format!("node {at} does not fit what is below it")) }
    }
}
