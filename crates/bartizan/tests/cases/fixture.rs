//! A detector that has learned, files of lines, and what comes of scoring them.

use crate::common::{bartizan, json, stderr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

/// The two clients of most files.
pub(crate) const ONE: &str = "203.0.113.7";
pub(crate) const TWO: &str = "198.51.100.23";

/// What was expected and did not come, of all cases: one run tells of every case that fails.
#[derive(Default)]
pub(crate) struct Checks(Vec<String>);

impl Checks {
    /// Notes a difference, with what else helps to see why.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, name: &str, got: T, expected: T, why: &dyn Display) {
        if got != expected {
            let why: String = why.to_string().chars().take(600).collect();
            self.0.push(format!("{name}: got {got:?}, expected {expected:?}: {why}"));
        }
    }

    /// Fails when there were any.
    pub(crate) fn end(self) {
        assert!(self.0.is_empty(), "{} differ\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// A folder with a model.
pub(crate) struct Trained {
    folder: TempDir,
    kind: &'static str,
}

/// What came of a file.
pub(crate) struct Scored {
    pub(crate) code: Option<i32>,
    /// Standard error.
    pub(crate) said: String,
    /// Null when there is none.
    pub(crate) document: Value,
    pub(crate) verdicts: Vec<Value>,
}

impl Trained {
    /// From generated events.
    pub(crate) fn generated(kind: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        json(folder.path(), &["generate", kind, "--rows", "400", "--seed", "1", "--out", "learned"]);
        json(folder.path(), &["train", kind, "learned"]);
        Self { folder, kind }
    }

    pub(crate) fn at(&self) -> &Path {
        self.folder.path()
    }

    /// Scores a file of these bytes.
    pub(crate) fn score(&self, bytes: &[u8], arguments: &[&str]) -> Scored {
        fs::write(self.at().join("file"), bytes).unwrap();
        self.scored("file", b"", arguments)
    }

    /// Scores what is named, with these bytes on standard input.
    pub(crate) fn scored(&self, file: &str, input: &[u8], arguments: &[&str]) -> Scored {
        let out = self.at().join("out.ndjson");
        fs::remove_file(&out).ok();
        let all = [&["score", self.kind, file, "--json", "--top", "100", "--out", "out.ndjson"], arguments].concat();
        let mut command = bartizan(self.at(), &all);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).ok();
        let output = child.wait_with_output().unwrap();
        let verdicts = fs::read_to_string(&out).unwrap_or_default();
        Scored {
            code: output.status.code(),
            said: stderr(&output),
            document: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            verdicts: verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }
}

impl Scored {
    /// How many records were read and skipped, and as what.
    pub(crate) fn met(&self) -> (u64, u64, &str) {
        let file = &self.document["files"][0];
        let count = |name: &str| file[name].as_u64().unwrap_or_default();
        (count("read"), count("skipped"), file["format"].as_str().unwrap_or_default())
    }

    /// Labels by count.
    pub(crate) fn labels(&self) -> Vec<(&str, u64)> {
        let labels = self.document["files"][0]["labels"].as_object();
        labels.into_iter().flatten().map(|(name, count)| (name.as_str(), count.as_u64().unwrap())).collect()
    }

    /// Events by client.
    pub(crate) fn clients(&self) -> BTreeMap<&str, usize> {
        let mut clients = BTreeMap::new();
        for verdict in &self.verdicts {
            *clients.entry(verdict["client"].as_str().unwrap()).or_default() += 1;
        }
        clients
    }

    /// A field of all verdicts.
    pub(crate) fn all(&self, field: &str) -> Vec<&str> {
        self.verdicts.iter().map(|verdict| verdict[field].as_str().unwrap_or_default()).collect()
    }

    /// The worst finding: client, class, and its failed logins.
    pub(crate) fn worst(&self) -> (&str, &str, u64) {
        let finding = &self.document["findings"][0];
        let worst = &finding["worst"][0];
        let reasons = worst["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        let failed = reasons.iter().filter(|reason| reason["feature"] == "failed_logins").filter_map(|reason| reason["value"].as_f64());
        (finding["client"].as_str().unwrap_or_default(), worst["class"].as_str().unwrap_or_default(), failed.fold(0.0, f64::max) as u64)
    }
}

/// The time of a line of an access log, so many seconds after ten o'clock.
pub(crate) fn time(second: u32) -> String {
    format!("06/Mar/2024:{:02}:{:02}:{:02} +0000", 10 + second / 3_600, second / 60 % 60, second % 60)
}

/// The same as RFC 3339 has it, without a zone.
pub(crate) fn stamp(second: u32) -> String {
    format!("2024-03-06T{:02}:{:02}:{:02}", 10 + second / 3_600, second / 60 % 60, second % 60)
}

/// A line of a combined log with this in the place of the client.
pub(crate) fn combined(client: &str, second: u32) -> String {
    format!(r#"{client} - - [{}] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)""#, time(second))
}

/// Forty lines of two clients in turn.
pub(crate) fn log(line: impl Fn(&str, u32) -> String) -> String {
    (0..40).map(|second| line([ONE, TWO][second as usize % 2], second) + "\n").collect()
}
