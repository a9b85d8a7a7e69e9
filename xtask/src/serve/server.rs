//! The program itself: its commands, and a server that runs.

use super::Connection;
use crate::workspace;
use anyhow::{Context, ensure};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is tried whether a server answers.
const EVERY: Duration = Duration::from_millis(10);
/// How long a server may take to start.
const STARTING: Duration = Duration::from_secs(90);

/// Where cargo puts the release build of this workspace.
pub(crate) fn release_binary(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release/bartizan")
}

/// The program that was named, else the release build of this workspace, which is built.
pub(crate) fn binary_or_built(root: &Path, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(std::path::absolute(named)?);
    }
    let status = workspace::cargo(root).args(["build", "--release", "-p", "bartizan"]).status()?;
    ensure!(status.success(), "the release build failed");
    Ok(release_binary(root))
}

/// A command of the program over the data in a folder, which is also where it looks for its configuration.
pub(crate) fn command(binary: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).arg("--data-dir").arg(data).args(["--log-level", "error"]).current_dir(data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env_remove("AUTH_TOKEN").env_remove("API_PORT");
    command
}

/// Runs a command that is not measured.
pub(crate) fn succeed(binary: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = command(binary, data, arguments).stderr(Stdio::piped()).output().with_context(|| binary.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {said}", binary.display(), arguments.join(" "));
    Ok(())
}

/// A running server. It is killed with this value.
pub(crate) struct Server {
    child: Mutex<Child>,
    id: u32,
    port: u16,
}

impl Server {
    /// Starts one on a free port of loopback and waits until it answers.
    pub(crate) fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, data, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(binary: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let arguments = [&["serve", "--listen", &listen], arguments].concat();
        let child = command(binary, data, &arguments).spawn().with_context(|| binary.display().to_string())?;
        let server = Self { id: child.id(), child: Mutex::new(child), port };
        let began = Instant::now();
        while !answers(port) {
            let ended = server.child().try_wait()?;
            ensure!(ended.is_none() && began.elapsed() < STARTING, "{} does not start on {}", binary.display(), data.display());
            std::thread::sleep(EVERY);
        }
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Most memory that it has had.
    pub(crate) fn peak(&self) -> u64 {
        size_of(self.id, "VmHWM:").unwrap_or(0)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.id.to_string()]).status()?;
        ensure!(asked.success(), "process {} takes no signal", self.id);
        let status = self.child().wait()?;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }

    /// How much of the processors its threads have used, in ticks of the system; none where it does not say.
    pub(crate) fn processor_ticks(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.id)).ok()?;
        // The name before the bracket may hold blanks. User and system time are the 14th and 15th field.
        let fields = text.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        fields.map(|field| field.parse::<u64>().ok()).sum()
    }

    /// Kills it and waits for its end.
    pub(crate) fn end(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a server on this port takes a connection and answers on it.
fn answers(port: u16) -> bool {
    Connection::open(port).is_ok_and(|mut connection| connection.send("GET", "/health", b"").is_ok())
}

/// A size from `/proc/ID/status`, in bytes.
pub(crate) fn size_of(id: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
