//! What SQLite says, in the store's words.

use bartizan_storage::StoreError;
use rusqlite::ErrorCode;
use std::path::Path;

/// Sorts an error by what the caller should do; messages name the file.
pub(crate) fn sort(error: &rusqlite::Error, file: &Path) -> StoreError {
    let said = format!("{}: {error}", file.display());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("{said}; another process writes to it"))
        }
        Some(ErrorCode::DiskFull) => StoreError::Full(format!("{said}; make room or lower the retention")),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt(format!("{said}; move it away and restore a copy, or start with an empty data directory"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Other(format!("{said}; the directory must exist and be writable"))
        }
        // A full disk can also show as a failed write or a failed growth of the shared memory file.
        Some(ErrorCode::SystemIoFailure) => StoreError::Unavailable(said),
        _ => StoreError::Other(said),
    }
}

/// The same error for every caller of a transaction that failed.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(s) => StoreError::Unavailable(s.clone()),
        StoreError::Full(s) => StoreError::Full(s.clone()),
        StoreError::Corrupt(s) => StoreError::Corrupt(s.clone()),
        StoreError::TooNew { found, known } => StoreError::TooNew { found: *found, known: *known },
        StoreError::Other(s) => StoreError::Other(s.clone()),
    }
}
