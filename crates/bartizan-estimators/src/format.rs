//! The model file: magic, format version, checksum, compressed body.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `BRTZMODL` |
//! | 2 | format version, little-endian |
//! | 8 | length of the body unpacked, little-endian |
//! | 32 | SHA-256 of the version (from version 3 on) and the packed body |
//! | rest | the body: postcard, packed with zstd: the model, then from version 3 the reach of its detector |
//!
//! It is data: no code runs when one is read, and every index in it is checked before use. A reader knows all older
//! versions; a new version gets a new number, a new body type, and a fixture of the old one under `tests/fixtures`.

use crate::calibration::Calibration;
use crate::labels::{Corrections, LabelCalibration};
use crate::{FittedRandomForest, StoredDetector};
use bartizan_core::{FeatureSchema, Threshold};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Read;
use thiserror::Error;

const MAGIC: &[u8; 8] = b"BRTZMODL";
const VERSION: u16 = 3;
/// Oldest version that is read. Its body ends before [`ModelFile::labels`].
const OLDEST: u16 = 1;
/// The last of which the version is not part of the checksum, and whose body ends before [`ModelFile::corrections`] and has no reach of the
/// detector behind the [`ModelFile`].
const UNCHECKED: u16 = 2;
const HEADER: usize = 8 + 2 + 8 + 32;
/// Largest body, unpacked.
const MAX_BODY: u64 = 256 << 20;
/// Most memory that detector and classes may take when they are laid out for scoring and explaining.
const MAX_FOOTPRINT: u64 = 512 << 20;
/// Most parameters by name.
const MAX_DETAILS: usize = 1_000;
const LEVEL: i32 = 3;

/// A model: a detector with all it needs to judge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelFile {
    /// Kind of telemetry: `requests`.
    pub kind: String,
    /// Name of this version.
    pub model_version: String,
    /// The columns it was fitted on.
    pub schema: FeatureSchema,
    /// The extractor's baselines, postcard of the domain's type.
    pub baselines: Vec<u8>,
    /// The fitted detector.
    pub detector: StoredDetector,
    /// What its scores mean.
    pub calibration: Calibration,
    /// Where it decides.
    pub threshold: Threshold,
    /// For people: parameters by name.
    #[serde(deserialize_with = "bartizan_core::bounded::<_, _, MAX_DETAILS>")]
    pub details: Vec<(String, String)>,
    /// The confidence that labels bear out; `None` while there are too few.
    pub labels: Option<LabelCalibration>,
    /// Tells classes apart, for kinds that have some.
    pub classes: Option<FittedRandomForest>,
    /// What people said of single events.
    pub corrections: Corrections,
}

/// Which check a model file failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Shorter than a header.
    #[error("{0} bytes are too few for a model file")]
    TooShort(usize),
    /// Something else.
    #[error("it does not begin as a model file does")]
    Magic,
    /// From another release.
    #[error("it has format version {0}, this release reads up to {VERSION}")]
    Version(u16),
    /// Too large.
    #[error("it claims a body of {0} bytes, more than {MAX_BODY}")]
    TooLarge(u64),
    /// Too much to be used.
    #[error("{what} would take {needed} bytes of memory, more than {limit}")]
    TooMuchMemory {
        /// What would.
        what: &'static str,
        /// How much.
        needed: u64,
        /// How much it may.
        limit: u64,
    },
    /// Changed or cut off.
    #[error("its checksum does not match: it was changed or cut off")]
    Checksum,
    /// What is inside is not what it should be.
    #[error("its body is wrong: {0}")]
    Body(String),
}

/// Packs a model.
#[must_use]
pub fn encode(model: &ModelFile) -> Vec<u8> {
    let body = postcard::to_allocvec(&(model, &model.detector.reach))
        .unwrap_or_else(|e| unreachable!("plain data is serialised into memory: {e}"));
    seal(VERSION, &body)
}

/// Makes a file of a body, which need not be one that [`decode`] takes: for what tries files that were made to do harm.
#[must_use]
pub fn seal(version: u16, body: &[u8]) -> Vec<u8> {
    let packed = zstd::encode_all(body, LEVEL).unwrap_or_else(|e| unreachable!("packing memory into memory: {e}"));
    let mut file = Vec::with_capacity(HEADER + packed.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&version.to_le_bytes());
    file.extend_from_slice(&(body.len() as u64).to_le_bytes());
    file.extend_from_slice(&checksum(version, &packed));
    file.extend_from_slice(&packed);
    file
}

fn checksum(version: u16, packed: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    if version > UNCHECKED {
        hasher.update(version.to_le_bytes());
    }
    hasher.update(packed);
    hasher.finalize().into()
}

/// Unpacks and checks a model.
///
/// # Errors
/// The first check that fails.
pub fn decode(file: &[u8]) -> Result<ModelFile, FormatError> {
    if file.len() < HEADER {
        return Err(FormatError::TooShort(file.len()));
    }
    let (header, packed) = file.split_at(HEADER);
    if &header[..8] != MAGIC {
        return Err(FormatError::Magic);
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(FormatError::Version(version));
    }
    let length = header[10..18].iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    if length > MAX_BODY {
        return Err(FormatError::TooLarge(length));
    }
    if checksum(version, packed) != header[18..] {
        return Err(FormatError::Checksum);
    }
    let mut body = unpack(packed, length)?;
    if version == OLDEST {
        // Neither labels nor classes: the bytes that say so.
        body.extend([0, 0]);
    }
    if version <= UNCHECKED {
        // No corrections, neither scales nor any; and no reach: scores stay on the scale that the threshold was set on.
        body.extend([0, 0, 0]);
    }
    let ((mut model, reach), rest): ((ModelFile, _), _) = postcard::take_from_bytes(&body).map_err(|e| FormatError::Body(unread(e)))?;
    if !rest.is_empty() {
        return Err(FormatError::Body(format!("{} bytes are left over", rest.len())));
    }
    model.detector.reach = reach;
    check(&model)?;
    Ok(model)
}

/// What is said of a body that cannot be read.
fn unread(error: postcard::Error) -> String {
    match error {
        postcard::Error::SerdeDeCustom => "a list has more entries than it may have, or rows of another length than it says".to_owned(),
        other => other.to_string(),
    }
}

fn unpack(packed: &[u8], length: u64) -> Result<Vec<u8>, FormatError> {
    let wrong = |e: std::io::Error| FormatError::Body(e.to_string());
    let mut body = Vec::new();
    zstd::Decoder::new(packed).map_err(wrong)?.take(length + 1).read_to_end(&mut body).map_err(wrong)?;
    if body.len() as u64 == length { Ok(body) } else { Err(FormatError::Body(format!("{length} bytes were announced, it has others"))) }
}

fn check(model: &ModelFile) -> Result<(), FormatError> {
    model.detector.validate()?;
    model.calibration.validate().map_err(FormatError::Body)?;
    model.labels.iter().try_for_each(LabelCalibration::validate).map_err(FormatError::Body)?;
    if let Some(classes) = &model.classes {
        classes.validate().map_err(|e| FormatError::Body(format!("its classes: {e}")))?;
        if bartizan_core::Detector::schema(classes).fingerprint() != model.schema.fingerprint() {
            return Err(FormatError::Body("its classes were learned on other features".to_owned()));
        }
    }
    model.corrections.validate(model.schema.width()).map_err(FormatError::Body)?;
    if !model.threshold.0.is_finite() {
        return Err(FormatError::Body(format!("its threshold is {}", model.threshold.0)));
    }
    let needed = model.detector.footprint().saturating_add(model.classes.as_ref().map_or(0, FittedRandomForest::footprint));
    if needed > MAX_FOOTPRINT {
        return Err(FormatError::TooMuchMemory { what: "its trees", needed, limit: MAX_FOOTPRINT });
    }
    if model.detector.schema().fingerprint() != model.schema.fingerprint() {
        return Err(FormatError::Body("its detector was fitted on other features".to_owned()));
    }
    Ok(())
}
