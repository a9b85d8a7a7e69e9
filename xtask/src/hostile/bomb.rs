//! A model file that is small and would be large: thousands of trees, each one long branch, which scoring pads to full height.

use crate::serve::succeed;
use anyhow::{Context, anyhow};
use bartizan_core::FeatureSchema;
use bartizan_estimators::{FittedAlgorithm, FittedForest, format};
use serde::Serialize;
use std::path::Path;

const TREES: usize = 8_000;
const HEIGHT: u32 = 16;
/// What the first model that is trained is called.
const FIRST: &str = "v1.0";
const LEAF: u16 = u16::MAX;

#[derive(Serialize)]
struct Forest<'a> {
    schema: &'a FeatureSchema,
    psi: u32,
    medians: Vec<f32>,
    trees: Vec<Tree>,
}

#[derive(Clone, Serialize)]
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Serialize)]
struct Node {
    feature: u16,
    threshold: f32,
    right: u32,
    rows: u32,
}

/// One branch to the right, with a leaf at the left of every cut.
fn branch() -> Tree {
    let mut nodes = Vec::new();
    for depth in 0..HEIGHT {
        nodes.push(Node { feature: 0, threshold: 0.5, right: 2 * depth + 2, rows: HEIGHT + 1 - depth });
        nodes.push(Node { feature: LEAF, threshold: 0.0, right: 0, rows: 1 });
    }
    nodes.push(Node { feature: LEAF, threshold: 0.0, right: 0, rows: 1 });
    Tree { nodes }
}

/// The active model with such a forest in it.
pub(super) fn model(binary: &Path, data: &Path) -> anyhow::Result<Vec<u8>> {
    let file = data.join("active-model");
    succeed(binary, data, &["models", "export", "requests", FIRST, "--out", &file.display().to_string()])?;
    let mut model = format::decode(&std::fs::read(&file)?).context("the exported model")?;
    let medians = vec![0.0; model.schema.width()];
    let forest = Forest { schema: &model.schema, psi: 1 << HEIGHT, medians, trees: vec![branch(); TREES] };
    let bytes = postcard::to_allocvec(&forest)?;
    let forest: FittedForest = postcard::from_bytes(&bytes).map_err(|error| anyhow!("the format of forests has changed: {error}"))?;
    model.detector = FittedAlgorithm::IsolationForest(forest).into();
    model.model_version = "bomb".to_owned();
    Ok(format::encode(&model))
}
