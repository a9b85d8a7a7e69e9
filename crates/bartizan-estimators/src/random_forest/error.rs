//! Classes that cannot be learned.

use super::MAX_CLASSES;
use bartizan_core::FitError;
use thiserror::Error;

/// Why a classifier could not be fitted.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ClassError {
    /// The samples cannot be learned from.
    #[error(transparent)]
    Samples(#[from] FitError),
    /// Not one class for each row.
    #[error("{rows} samples have {classes} classes; expected one each")]
    Count {
        /// Rows given.
        rows: usize,
        /// Classes given.
        classes: usize,
    },
    /// A class without a name.
    #[error("sample {row} is of class {class}; there are names for {names}")]
    Unnamed {
        /// Row, from 0.
        row: usize,
        /// Its class.
        class: u32,
        /// How many names there are.
        names: usize,
    },
    /// Too many classes.
    #[error("there can be up to {MAX_CLASSES} classes, got {0}")]
    TooMany(usize),
}

pub(super) fn check(rows: usize, classes: &[u32], names: &[String]) -> Result<(), ClassError> {
    if names.len() > MAX_CLASSES {
        return Err(ClassError::TooMany(names.len()));
    }
    if classes.len() != rows {
        return Err(ClassError::Count { rows, classes: classes.len() });
    }
    match classes.iter().position(|class| *class as usize >= names.len()) {
        None => Ok(()),
        Some(row) => Err(ClassError::Unnamed { row, class: classes[row], names: names.len() }),
    }
}
