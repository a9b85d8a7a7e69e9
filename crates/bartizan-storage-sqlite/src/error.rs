//! Converts errors of SQLite to those of the store, by what the caller should do.

use bartizan_storage::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use std::path::Path;

/// Converts an error of SQLite about the database in `path`, with advice on what to do.
pub(crate) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let file = path.display();
    let Some(cause) = error.sqlite_error() else {
        return StoreError::Other(format!("{file}: {error}"));
    };
    match cause.code {
        ErrorCode::DiskFull => full(path, error),
        _ if cause.extended_code == SQLITE_IOERR_SHMSIZE => full(path, error),
        // Only queries with a time limit, and those that nobody waits for any more, are interrupted.
        ErrorCode::OperationInterrupted => StoreError::TimedOut { secs: 0 },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            StoreError::Unavailable(format!("{file} is locked by another process; stop that process or try again ({error})"))
        }
        ErrorCode::NotADatabase => {
            StoreError::Corrupt(format!("{file} is not an SQLite database; move it away or choose another path ({error})"))
        }
        ErrorCode::DatabaseCorrupt => StoreError::Corrupt(format!(
            "{file} is damaged; restore a copy, or move it and its -wal and -shm files away to begin anew ({error})"
        )),
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => StoreError::Unavailable(format!(
            "{file} cannot be opened for writing; its folder must exist, and this user must be allowed to write to the folder and the file ({error})"
        )),
        ErrorCode::SystemIoFailure => {
            StoreError::Unavailable(format!("{file} cannot be read or written; see the system's log for the disk ({error})"))
        }
        _ => StoreError::Other(format!("{file}: {error}")),
    }
}

fn full(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Full(format!("nothing was written to {}; make space, and recording goes on by itself ({error})", path.display()))
}

/// Returns the error of a call on a store that was closed before or during it.
pub(crate) fn closed(path: &Path) -> StoreError {
    StoreError::Unavailable(format!("{} has been closed", path.display()))
}
