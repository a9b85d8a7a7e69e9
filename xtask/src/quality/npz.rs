//! Arrays in NumPy's format: a zip of `.npy` members.

use anyhow::{Context, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest member that is read, unpacked.
const MAX_MEMBER: u64 = 4 << 30;

/// The arrays `X` (rows of numbers) and `y` (1: anomalous) of a file.
pub(super) struct Labelled {
    pub(super) values: Vec<f32>,
    pub(super) width: usize,
    pub(super) anomalous: Vec<bool>,
}

/// Reads `X` and `y`.
pub(super) fn read(path: &Path) -> anyhow::Result<Labelled> {
    let mut archive = zip::ZipArchive::new(File::open(path)?).with_context(|| format!("{} is not an .npz file", path.display()))?;
    let mut member = |name: &str| -> anyhow::Result<Array> {
        let mut bytes = Vec::new();
        archive.by_name(name)?.take(MAX_MEMBER).read_to_end(&mut bytes)?;
        Array::parse(&bytes).with_context(|| format!("{name} of {}", path.display()))
    };
    let (x, y) = (member("X.npy")?, member("y.npy")?);
    let (rows, width) = match x.shape[..] {
        [rows, width] if width > 0 && y.values.len() == rows => (rows, width),
        _ => bail!("{} has X of shape {:?} and {} labels", path.display(), x.shape, y.values.len()),
    };
    let at = |row: usize, column: usize| if x.columns_first { x.values[column * rows + row] } else { x.values[row * width + column] };
    let values = (0..rows * width).map(|i| at(i / width, i % width) as f32).collect();
    Ok(Labelled { values, width, anomalous: y.values.iter().map(|v| *v != 0.0).collect() })
}

struct Array {
    shape: Vec<usize>,
    columns_first: bool,
    values: Vec<f64>,
}

impl Array {
    /// Format version 1 and 2: magic, version, header length, a header that is a literal dictionary, numbers.
    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        if bytes.len() < 12 || &bytes[..6] != b"\x93NUMPY" {
            bail!("it is not an .npy array");
        }
        let (start, length) = match bytes[6] {
            1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
            _ => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
        };
        let header = String::from_utf8_lossy(bytes.get(start..start + length).context("its header is cut off")?).into_owned();
        let after = |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start_matches([':', ' ']));
        let kind = after("'descr'").and_then(|rest| rest.split('\'').nth(1)).context("its header names no type")?;
        let shape = after("'shape'").and_then(|rest| rest.split(['(', ')']).nth(1)).context("its header names no shape")?;
        let shape: Vec<usize> = shape.split(',').filter_map(|part| part.trim().parse().ok()).collect();
        let columns_first = after("'fortran_order'").is_some_and(|rest| rest.starts_with("True"));
        let body = &bytes[start + length..];
        let values = numbers(kind, body)?;
        if values.len() != shape.iter().product::<usize>() {
            bail!("it has {} numbers for the shape {shape:?}", values.len());
        }
        Ok(Self { shape, columns_first, values })
    }
}

fn numbers(kind: &str, body: &[u8]) -> anyhow::Result<Vec<f64>> {
    macro_rules! read {
        ($type:ty) => {
            body.as_chunks().0.iter().map(|bytes| <$type>::from_le_bytes(*bytes) as f64).collect()
        };
    }
    Ok(match kind {
        "<f8" => read!(f64),
        "<f4" => read!(f32),
        "<i8" => read!(i64),
        "<i4" => read!(i32),
        "<i2" => read!(i16),
        "|u1" | "|b1" => body.iter().map(|byte| f64::from(*byte)).collect(),
        "|i1" => body.iter().map(|byte| f64::from(*byte as i8)).collect(),
        other => bail!("its numbers are of type {other:?}, which is not read"),
    })
}
