//! Files that others on this machine may not read: what is stored, exported and logged holds traffic with its passwords,
//! cookies and tokens.

use crate::output;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use tracing::{info, warn};

/// What others than the owner may do.
const OTHERS: u32 = 0o077;
/// Anybody may create files in it: a shared folder such as `/tmp`.
const STICKY: u32 = 0o1000;
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Sets the umask, so that files created from now on are for their owner alone.
pub(crate) fn keep_to_owner() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Creates a file, or empties one that is there, which then is for its owner alone as well. Devices and pipes stay as they are.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE).open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() && meta.permissions().mode() & OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(FILE))?;
    }
    Ok(file)
}

/// Writes a file that is for its owner alone.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path)?.write_all(bytes)
}

/// Returns the permissions of a file that others than its owner can read.
pub(crate) fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o044 != 0).then_some(mode)
}

/// Removes the permissions of others on a database of an earlier release, or warns why it does not.
pub(crate) fn tighten_database(database: &Path) {
    let Some(name) = database.file_name() else { return };
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for suffix in ["", "-wal", "-shm", "-journal"] {
        tighten(&folder.join(joined(name, suffix)), FILE);
    }
    match fs::metadata(folder) {
        Ok(meta) if meta.permissions().mode() & OTHERS == 0 || meta.permissions().mode() & STICKY != 0 => {}
        Ok(_) if holds_only(folder, name) => tighten(folder, FOLDER),
        Ok(meta) => {
            let (shown, mode) = (output::path(folder), meta.permissions().mode() & 0o7777);
            warn!(
                "others can look into the folder {shown} (mode {mode:o}), which holds more than the database; if they need not: chmod 700 {shown}"
            );
        }
        Err(_) => {}
    }
}

/// Removes the permissions of others on the log files of earlier days.
pub(crate) fn tighten_logs(folder: &Path, stem: &str, extension: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&format!("{stem}.")) && name.ends_with(&format!(".{extension}")) {
            tighten(&entry.path(), FILE);
        }
    }
}

fn tighten(path: &Path, to: u32) {
    let Ok(meta) = fs::metadata(path) else { return };
    let mode = meta.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        return;
    }
    let shown = output::path(path);
    match fs::set_permissions(path, Permissions::from_mode(mode & to)) {
        Ok(()) => info!("{shown} could be read by others (mode {mode:o}) and no longer can"),
        Err(error) => warn!("{shown} can be read by others (mode {mode:o}) and that cannot be changed: {error}; try: chmod {to:o} {shown}"),
    }
}

/// Returns whether a folder holds a database and nothing else, like those that this program creates.
fn holds_only(folder: &Path, database: &OsStr) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let own = database.as_encoded_bytes();
    entries.flatten().all(|entry| entry.file_name().as_encoded_bytes().starts_with(own))
}

fn joined(name: &OsStr, suffix: &str) -> std::ffi::OsString {
    let mut joined = name.to_owned();
    joined.push(suffix);
    joined
}

/// Raises the limit on open files and sockets to what the system allows: the usual limit of 1,024 is below the number of
/// connections that are served.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "the limit of open files cannot be raised");
    }
}
