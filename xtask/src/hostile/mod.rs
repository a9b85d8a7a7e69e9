//! `cargo xtask hostile`: what requests, files and models cost that were made to be expensive, beside what is promised.
//!
//! Every case gets a server of its own on a free port of loopback, over a copy of a store with trained models. While it runs, `/health` is
//! asked every 20 ms on another connection. A server that takes more than [`MOST_MEMORY`] is ended, so that the measurement is bounded.

mod bodies;
mod bomb;
mod cases;
mod client;
mod process;
mod report;

use crate::serve::{Folder, Server, release_binary, succeed};
use anyhow::Context;
use cases::{Act, Case};
use process::{run_measured, watched};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Memory that a program may take before it is ended.
const MOST_MEMORY: u64 = 4 << 30;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a command may run.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// The program to measure [default: the release build of this workspace].
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Another one to measure beside it, case by case.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Only cases whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// Stored requests that audits go through.
    #[arg(long, default_value_t = 200_000)]
    rows: usize,
}

/// What a case cost.
#[derive(Clone, Debug, Default)]
struct Cost {
    /// What became of it: a status code, or why there is none.
    status: String,
    seconds: f64,
    /// Bytes of memory above what the program had before.
    memory: u64,
    /// The longest that `/health` took meanwhile, in milliseconds; `None` where no server runs.
    health: Option<f64>,
}

/// Measures all cases; true when every promise of the program measured first is kept.
pub(crate) fn run(root: &Path, plan: &Plan) -> anyhow::Result<bool> {
    let ours = plan.binary.clone().unwrap_or_else(|| release_binary(root));
    let binaries: Vec<PathBuf> = std::iter::once(ours).chain(plan.against.clone()).collect();
    let scratch = Folder::new("hostile")?;
    let templates = binaries.iter().enumerate().map(|(i, binary)| trained(binary, &scratch.path().join(format!("template-{i}"))));
    let templates: Vec<PathBuf> = templates.collect::<anyhow::Result<_>>()?;
    let mut lines = Vec::new();
    for case in cases::all(plan.rows) {
        if plan.only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
            continue;
        }
        let mut costs = Vec::new();
        for (binary, template) in binaries.iter().zip(&templates) {
            let cost = measure(binary, template, scratch.path(), &case).with_context(|| case.name.clone())?;
            eprintln!("{}", report::progress(binary, &case, &cost));
            costs.push(cost);
        }
        lines.push(report::Line { name: case.name.clone(), bytes: case.bytes(), costs });
    }
    println!("{}", report::table(&binaries, &lines));
    Ok(lines.iter().all(report::Line::keeps))
}

/// A store with a trained model of each kind.
fn trained(binary: &Path, data: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(data)?;
    for kind in ["requests", "flows", "behavior", "logs"] {
        let file = data.with_extension(format!("{kind}.txt"));
        let text = |path: &Path| path.display().to_string();
        succeed(binary, data, &["generate", kind, "--rows", "2000", "--out", &text(&file)])?;
        let files = if kind == "behavior" { vec![] } else { vec![text(&file)] };
        let mut arguments = vec!["train", kind];
        arguments.extend(files.iter().map(String::as_str));
        succeed(binary, data, &arguments)?;
    }
    Ok(data.to_path_buf())
}

fn measure(binary: &Path, template: &Path, scratch: &Path, case: &Case) -> anyhow::Result<Cost> {
    let data = Folder::copy_of(template, &scratch.join("case"))?;
    let data = data.path();
    match &case.act {
        Act::Send { copies } => {
            let (request, server) = (case.input(), Server::start(binary, data)?);
            Ok(watched(&server, "/health", || client::send_many(server.port(), request, *copies)))
        }
        Act::File { kind, format } => {
            let file = data.join("hostile-file");
            std::fs::write(&file, case.input())?;
            run_measured(binary, data, &["score", kind, "--format", format, &file.display().to_string()])
        }
        Act::Model => model(binary, data),
        Act::Stored { events, bytes } => stored(binary, data, *events, *bytes),
        Act::Audits { rows, copies } => audits(binary, data, *rows, *copies),
        Act::Idle { sockets } => idle(binary, data, *sockets),
    }
}

/// Brings in the model and, when it is taken, judges one request with it.
fn model(binary: &Path, data: &Path) -> anyhow::Result<Cost> {
    let file = data.join("hostile-model");
    std::fs::write(&file, bomb::model(binary, data)?)?;
    let imported = run_measured(binary, data, &["models", "import", "requests", &file.display().to_string(), "--model-version", "bomb"])?;
    if imported.status != "exit 0" {
        return Ok(Cost { status: format!("refused by import, {}", imported.status), ..imported });
    }
    succeed(binary, data, &["models", "activate", "requests", "bomb"])?;
    let server = Server::start(binary, data)?;
    let request = client::post("/requests/analyze", bodies::analyze("{}").as_bytes());
    Ok(watched(&server, "/health", || client::send_many(server.port(), &request, 1)))
}

/// Large events, then a start over them and a page of the audit.
fn stored(binary: &Path, data: &Path, events: usize, bytes: usize) -> anyhow::Result<Cost> {
    let body = bodies::analyze(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes)));
    let request = client::post("/requests/analyze", body.as_bytes());
    let first = Server::start(binary, data)?;
    let status = (0..events).map(|_| client::send_many(first.port(), &request, 1)).last().unwrap_or_default();
    drop(first);
    let began = Instant::now();
    let server = Server::start(binary, data)?;
    let (started, held) = (began.elapsed().as_secs_f64(), server.peak());
    let page = client::get("/requests/audit?page_size=100");
    let cost = watched(&server, "/health", || client::send_many(server.port(), &page, 1));
    Ok(Cost {
        status: format!("{status}; start {started:.1} s; audit {}", cost.status),
        seconds: cost.seconds + started,
        memory: held + cost.memory,
        ..cost
    })
}

/// Many audits that find nothing, over many rows, while statistics are asked for.
fn audits(binary: &Path, data: &Path, rows: usize, copies: usize) -> anyhow::Result<Cost> {
    let file = data.join("history").display().to_string();
    succeed(binary, data, &["generate", "requests", "--rows", &rows.to_string(), "--out", &file])?;
    succeed(binary, data, &["import", "requests", &file])?;
    let server = Server::start(binary, data)?;
    let audit = client::get("/requests/audit?include_unjudged=true&has_user_label=false&page=1000&page_size=100");
    let cost = watched(&server, "/requests/statistics", || client::send_many(server.port(), &audit, copies));
    Ok(Cost { seconds: cost.seconds / copies.max(1) as f64, ..cost })
}

/// As many connections without a byte as are let in; then a new client asks.
fn idle(binary: &Path, data: &Path, sockets: usize) -> anyhow::Result<Cost> {
    let server = Server::start(binary, data)?;
    let held = client::hold(server.port(), sockets);
    let cost = watched(&server, "/health", || client::send_many(server.port(), &client::get("/health"), 1));
    Ok(Cost { status: format!("{} behind {} sockets", cost.status, held.len()), ..cost })
}
