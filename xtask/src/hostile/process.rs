//! What commands and servers take while something is done with them.

use super::{COMMAND_PATIENCE, Cost, MOST_MEMORY, client};
use crate::serve::{Server, command, size_of};
use anyhow::Context;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(10);

/// Runs a command and measures it.
pub(super) fn run_measured(binary: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<Cost> {
    let began = Instant::now();
    let mut child = command(binary, data, arguments).spawn().with_context(|| binary.display().to_string())?;
    let mut memory = 0;
    let status = loop {
        memory = memory.max(size_of(child.id(), "VmHWM:").unwrap_or(0));
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

/// Runs something against a server, with an eye on its memory and its health.
pub(super) fn watched(server: &Server, health: &str, run: impl FnOnce() -> String) -> Cost {
    // 5: the peak begins anew at what is held now.
    let _ = std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5");
    let before = size_of(server.id(), "VmRSS:").unwrap_or(0);
    let (stop, ended, slowest) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let (status, seconds) = std::thread::scope(|scope| {
        scope.spawn(|| slowest.store(client::request_until(server.port(), health, &stop).to_bits(), Relaxed));
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                if size_of(server.id(), "VmRSS:").is_some_and(|held| held > MOST_MEMORY) {
                    server.end();
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
    let peak = if was_ended { before + MOST_MEMORY } else { server.peak() };
    let status = if was_ended { format!("ended at {} GiB", MOST_MEMORY >> 30) } else { status };
    Cost { status, seconds, memory: peak.saturating_sub(before), health: Some(f64::from_bits(slowest.load(Relaxed))) }
}
