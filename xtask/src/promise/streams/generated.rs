//! The product's own generator: visitors of a shop.

use super::{Request, Stream};
use crate::serve::{Folder, succeed};
use std::path::Path;

/// Seconds between requests, in the mean.
const GAP_SECS: &str = "3";

/// As many requests as are asked for, without attacks.
pub(super) fn open(binary: &Path, requests: usize, seed: u64) -> anyhow::Result<Stream> {
    let folder = Folder::new("promise-generated")?;
    let file = folder.path().join("requests.ndjson");
    let (rows, seed, out) = (requests.to_string(), seed.to_string(), file.display().to_string());
    let how_many = ["generate", "requests", "--rows", &rows, "--seed", &seed];
    succeed(binary, folder.path(), &[&how_many[..], &["--attack-share", "0", "--gap-secs", GAP_SECS, "--out", &out]].concat())?;
    let read: Vec<Request> = std::fs::read_to_string(&file)?.lines().map(Request::read).collect::<anyhow::Result<_>>()?;
    Ok(Box::new(read.into_iter()))
}
