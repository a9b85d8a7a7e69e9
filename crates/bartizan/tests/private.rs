//! What is stored, exported and logged is for its owner alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, generate, json, run, stderr};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Everything below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { [vec![path.clone()], below(&path)].concat() } else { vec![path] }).collect()
}

/// A folder with a model in it, and everything that commands write.
fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "train.ndjson", 300, 1);
    json(folder.path(), &["train", "requests", "train.ndjson"]);
    json(folder.path(), &["models", "export", "requests", "v1.0", "--out", "model.bartizan"]);
    json(folder.path(), &["score", "requests", "train.ndjson", "--out", "scores.csv"]);
    folder
}

#[test]
fn whatever_is_written_is_for_its_owner_alone() {
    let folder = used();
    let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("LOG_FILE", "logs/bartizan.log");
    let server = Running::spawn(command);
    server.connect().get("/requests/health");
    let files = below(folder.path());
    for name in
        ["bartizan-data/bartizan.db", "bartizan-data/bartizan.db-wal", "bartizan-data/bartizan.db-shm", "model.bartizan", "scores.csv"]
    {
        assert!(files.contains(&folder.path().join(name)), "{name} is not in {files:?}");
    }
    assert!(files.iter().any(|file| file.starts_with(folder.path().join("logs")) && file.is_file()), "{files:?}");
    for path in files {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn what_an_earlier_release_left_open_is_closed() {
    let folder = used();
    let (data, database) = (folder.path().join("bartizan-data"), folder.path().join("bartizan-data/bartizan.db"));
    for path in [&data, &folder.path().join("model.bartizan"), &folder.path().join("scores.csv"), &database] {
        set(path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    json(folder.path(), &["models", "export", "requests", "v1.0", "--out", "model.bartizan"]);
    json(folder.path(), &["score", "requests", "train.ndjson", "--out", "scores.csv"]);
    for path in below(folder.path()).into_iter().filter(|path| !path.is_dir()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&data), 0o700);
    // A folder with other things in it may be shared on purpose: it is told, not changed.
    fs::write(data.join("notes.txt"), "").unwrap();
    set(&data, 0o755);
    let said = stderr(&run(folder.path(), &["models", "list", "requests"]));
    assert!(said.contains("bartizan-data (mode 755)") && said.contains("chmod 700"), "{said}");
    assert_eq!(mode(&data), 0o755);
}

#[test]
fn a_token_that_others_can_read_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (token, settings) = (folder.path().join("token"), folder.path().join("b.toml"));
    fs::write(&token, "open-sesame\n").unwrap();
    fs::write(&settings, "[server]\ntoken = \"open-sesame\"\n").unwrap();
    fs::write(folder.path().join("c.toml"), "[server]\ntoken_file = \"token\"\n").unwrap();
    for (configuration, path) in [("b.toml", &settings), ("c.toml", &token)] {
        let check = || stderr(&run(folder.path(), &["config", "check", "--config", configuration]));
        for (bits, told) in [(0o644, true), (0o640, true), (0o604, true), (0o600, false), (0o400, false)] {
            set(path, bits);
            let said = check();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(said.contains(&format!("chmod 600 {name}")), told, "{configuration} {bits:o}: {said}");
            assert!(!said.contains("open-sesame"), "{said}");
        }
    }
    set(&token, 0o644);
    let server = Running::start(folder.path(), &["--token-file", "token"]);
    let (_, log) = server.stop();
    assert!(log.contains("WARN") && log.contains("chmod 600 token"), "{log}");
}
