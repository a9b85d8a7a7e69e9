//! Programs that are measured: started on data of their own, watched, and ended by their id.

use super::{COMMAND_PATIENCE, Cost, MOST_MEMORY, client};
use anyhow::{Context, ensure};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(10);
/// How long a server may take to start.
const STARTING: Duration = Duration::from_secs(90);

/// A folder that is removed with this value.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("bartizan-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// With copies of the files of another one.
    pub(super) fn copy_of(other: &Path, to: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(other)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(Self(to.to_path_buf()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(binary: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).arg("--data-dir").arg(data).args(["--log-level", "error"]).current_dir(data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env_remove("AUTH_TOKEN").env_remove("API_PORT");
    command
}

/// Runs a command that is not measured.
pub(super) fn succeed(binary: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = command(binary, data, arguments).stderr(Stdio::piped()).output().with_context(|| binary.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {said}", binary.display(), arguments.join(" "));
    Ok(())
}

/// Runs a command and measures it.
pub(super) fn run_measured(binary: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<Cost> {
    let began = Instant::now();
    let mut child = command(binary, data, arguments).spawn().with_context(|| binary.display().to_string())?;
    let mut memory = 0;
    let status = loop {
        memory = memory.max(status_of(child.id(), "VmHWM:").unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            break status.code().map_or("killed".to_owned(), |code| format!("exit {code}"));
        }
        let ended = if memory > MOST_MEMORY {
            format!("ended at {} GiB", MOST_MEMORY >> 30)
        } else if began.elapsed() > COMMAND_PATIENCE {
            format!("ended after {} s", COMMAND_PATIENCE.as_secs())
        } else {
            std::thread::sleep(EVERY);
            continue;
        };
        child.kill()?;
        child.wait()?;
        break ended;
    };
    Ok(Cost { status, seconds: began.elapsed().as_secs_f64(), memory, health: None })
}

/// A running server.
pub(super) struct Server {
    child: Mutex<Child>,
    id: u32,
    port: u16,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(super) fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let child = command(binary, data, &["serve", "--listen", &listen]).spawn().with_context(|| binary.display().to_string())?;
        let server = Self { id: child.id(), child: Mutex::new(child), port };
        let began = Instant::now();
        while client::send_many(port, &client::get("/health"), 1) == "no connection" {
            ensure!(began.elapsed() < STARTING, "{} does not start on {}", binary.display(), data.display());
            std::thread::sleep(EVERY);
        }
        Ok(server)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Most memory that it has had.
    pub(super) fn peak(&self) -> u64 {
        status_of(self.id, "VmHWM:").unwrap_or(0)
    }

    /// Runs something against it, with an eye on its memory and its health.
    pub(super) fn watched(&self, health: &str, run: impl FnOnce() -> String) -> Cost {
        // 5: the peak begins anew at what is held now.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.id), "5");
        let before = status_of(self.id, "VmRSS:").unwrap_or(0);
        let (stop, ended, slowest) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
        let (status, seconds) = std::thread::scope(|scope| {
            scope.spawn(|| slowest.store(client::request_until(self.port, health, &stop).to_bits(), Relaxed));
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    if status_of(self.id, "VmRSS:").is_some_and(|held| held > MOST_MEMORY) {
                        self.end();
                        ended.store(true, Relaxed);
                    }
                    std::thread::sleep(EVERY);
                }
            });
            // One answer of the other connection before, so that it is there.
            std::thread::sleep(3 * EVERY);
            let began = Instant::now();
            let status = run();
            let seconds = began.elapsed().as_secs_f64();
            stop.store(true, Relaxed);
            (status, seconds)
        });
        let was_ended = ended.load(Relaxed);
        let peak = if was_ended { before + MOST_MEMORY } else { self.peak() };
        let status = if was_ended { format!("ended at {} GiB", MOST_MEMORY >> 30) } else { status };
        Cost { status, seconds, memory: peak.saturating_sub(before), health: Some(f64::from_bits(slowest.load(Relaxed))) }
    }

    fn end(&self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A size from `/proc/ID/status`, in bytes.
fn status_of(id: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
