//! All that CI runs, in CI's order.
//!
//! Every step runs, also after one has failed, so that one run shows all that is wrong. Documentation and doc tests
//! come before the tests, because the test runner's summary must be the last thing in the output.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{generate, layers, report, tidy, workspace};

type Step = (&'static str, fn(&Path) -> anyhow::Result<bool>);

const STEPS: &[Step] = &[
    ("format: rustfmt over every file", |root| format(root, true)),
    ("lints: cargo clippy, warnings denied", clippy),
    ("layers: dependencies between the crates", |root| report("layers", &layers::check(root)?)),
    ("tidy: what no other tool checks", |root| report("tidy", &tidy::check(root)?)),
    ("generated files are up to date", |root| report("generate", &generate::run(root, true)?)),
    ("documentation: cargo doc, warnings denied", documentation),
    ("doc tests", doc_tests),
    ("a kind more, by its two folders and one line", sixth_kind),
    ("tests", tests),
];

/// Runs every step; true when all passed. The tests are last, and nothing is printed after their summary.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let mut failed: Vec<&str> = Vec::new();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        if number + 1 == STEPS.len() && !failed.is_empty() {
            eprintln!("\nfailed before the tests: {}", failed.join("; "));
        }
        println!("\n==> [{}/{}] {name}", number + 1, STEPS.len());
        let passed = step(root).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        if !passed {
            failed.push(name);
        }
    }
    Ok(failed.is_empty())
}

/// Formats every Rust file of the repository, or only lists those that are not formatted when `check` is set. `cargo fmt` does not find modules that a
/// macro declares, as those of the kinds are.
pub(crate) fn format(root: &Path, check: bool) -> anyhow::Result<bool> {
    let files = workspace::files(root)?;
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.current_dir(root).args(["--edition", workspace::EDITION, "--config-path", "rustfmt.toml"]);
    rustfmt.args(check.then_some("--check")).args(files.iter().filter(|file| file.ends_with(".rs")));
    passes(&mut rustfmt)
}

fn clippy(root: &Path) -> anyhow::Result<bool> {
    let whole = passes(workspace::cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let with_kind = passes(workspace::cargo(root).arg("clippy").args(SIXTH_KIND).args(["--", "-D", "warnings"]))?;
    Ok(whole && with_kind)
}

fn documentation(root: &Path) -> anyhow::Result<bool> {
    passes(workspace::cargo(root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn doc_tests(root: &Path) -> anyhow::Result<bool> {
    passes(workspace::cargo(root).args(["test", "--quiet", "--workspace", "--doc"]))
}

/// The kind that only the tests build, and what it is tried with.
const SIXTH_KIND: &[&str] =
    &["-p", "bartizan", "-p", "bartizan-domains", "--features", "bartizan/sixth-kind", "--test", "sixth_kind", "--test", "kinds"];

fn sixth_kind(root: &Path) -> anyhow::Result<bool> {
    run_tests(root, SIXTH_KIND)
}

fn tests(root: &Path) -> anyhow::Result<bool> {
    // Without nextest the doc tests would be among them, which had their turn.
    let all: &[&str] = if has_nextest(root) { &["--workspace"] } else { &["--workspace", "--tests"] };
    run_tests(root, all)
}

fn run_tests(root: &Path, which: &[&str]) -> anyhow::Result<bool> {
    let runner: &[&str] = if has_nextest(root) { &["nextest", "run"] } else { &["test"] };
    passes(workspace::cargo(root).args(runner).args(which).arg("--no-fail-fast"))
}

fn has_nextest(root: &Path) -> bool {
    let version = workspace::cargo(root).args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

fn passes(command: &mut Command) -> anyhow::Result<bool> {
    Ok(command.status()?.success())
}
