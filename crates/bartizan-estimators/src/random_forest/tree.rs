//! A fitted tree as it is stored, and what follows from it.

use super::layout::max_nodes;
use crate::treeshap::ShapTree;
use serde::{Deserialize, Serialize};

/// Marks a leaf in [`Node::feature`].
pub(super) const LEAF: u16 = u16::MAX;

/// One node. Rows below the threshold go to the left child; the right child follows the left one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) feature: u16,
    pub(super) threshold: f32,
    /// The left child; of a leaf, how many leaves come before it.
    pub(super) left: u32,
}

/// A tree; children come after their parents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// How often training rows of each class were drawn into each leaf: leaf after leaf.
    pub(super) counts: Vec<u32>,
}

impl Tree {
    /// The weight of every class in every node, node after node: that of a parent is the sum of its children's.
    pub(super) fn class_weights(&self, weights: &[f64]) -> Vec<f64> {
        let classes = weights.len();
        let mut held = vec![0.0; self.nodes.len() * classes];
        for (i, node) in self.nodes.iter().enumerate().rev() {
            for class in 0..classes {
                held[i * classes + class] = if node.feature == LEAF {
                    f64::from(self.counts[node.left as usize * classes + class]) * weights[class]
                } else {
                    let left = node.left as usize * classes + class;
                    held[left] + held[left + classes]
                };
            }
        }
        held
    }

    /// The tree for one class: the share of that class's weight, times `scale`.
    pub(super) fn shap(&self, class: usize, weights: &[f64], scale: f64) -> ShapTree {
        let held = self.class_weights(weights);
        let children = |(i, node): (usize, &Node)| if node.feature == LEAF { [i as u32; 2] } else { [node.left, node.left + 1] };
        let cover: Vec<f64> = held.chunks_exact(weights.len()).map(|node| node.iter().sum()).collect();
        // A parent's value is the mean of its leaves': with the weights as covers that is its own share.
        let value = held.chunks_exact(weights.len()).zip(&cover).map(|(node, all)| scale * node[class] / all).collect();
        ShapTree {
            feature: self.nodes.iter().map(|n| if n.feature == LEAF { 0 } else { u32::from(n.feature) }).collect(),
            threshold: self.nodes.iter().map(|n| n.threshold).collect(),
            left: self.nodes.iter().enumerate().map(|n| children(n)[0]).collect(),
            right: self.nodes.iter().enumerate().map(|n| children(n)[1]).collect(),
            cover,
            value,
        }
    }

    /// Steps that explaining one row takes: the nodes, for every point of a rule that is half as long as the tree is high.
    pub(super) fn explain_steps(&self) -> u64 {
        let (mut depth, mut highest) = (vec![0_u32; self.nodes.len()], 0);
        for (i, node) in self.nodes.iter().enumerate() {
            highest = highest.max(depth[i]);
            if node.feature != LEAF {
                let left = node.left as usize;
                (depth[left], depth[left + 1]) = (depth[i] + 1, depth[i] + 1);
            }
        }
        self.nodes.len() as u64 * u64::from(highest / 2 + 1)
    }

    /// What a hostile file could have wrong: a child that is not there, comes before its parent or has two, a feature that
    /// is not there, a leaf without rows.
    pub(super) fn validate(&self, width: usize, classes: usize) -> Result<(), String> {
        let leaves = self.nodes.iter().filter(|n| n.feature == LEAF).count();
        if self.nodes.is_empty() || self.nodes.len() > max_nodes(width) || self.counts.len() != leaves * classes {
            return Err(format!("a tree has {} nodes, {leaves} leaves, {} counts", self.nodes.len(), self.counts.len()));
        }
        let (mut next_leaf, mut has_parent) = (0, vec![false; self.nodes.len()]);
        for (i, node) in self.nodes.iter().enumerate() {
            let left = node.left as usize;
            if node.feature == LEAF {
                if left != next_leaf || node.threshold != 0.0 {
                    return Err(format!("leaf {next_leaf} calls itself {left}"));
                }
                if self.counts[left * classes..(left + 1) * classes].iter().all(|c| *c == 0) {
                    return Err(format!("leaf {left} has no rows"));
                }
                next_leaf += 1;
                continue;
            }
            if usize::from(node.feature) >= width || !node.threshold.is_finite() {
                return Err(format!("node {i} cuts feature {} at {}", node.feature, node.threshold));
            }
            if left <= i || left + 1 >= self.nodes.len() || has_parent[left] || has_parent[left + 1] {
                return Err(format!("node {i} has its left child at {left} of {}", self.nodes.len()));
            }
            has_parent[left] = true;
            has_parent[left + 1] = true;
        }
        match has_parent.iter().skip(1).position(|p| !p) {
            None => Ok(()),
            Some(i) => Err(format!("node {} has no parent", i + 1)),
        }
    }
}
