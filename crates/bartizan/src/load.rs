//! Load for the benchmark: many kept-alive clients that post as fast as they are answered.

use crate::client::Client;
use anyhow::bail;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The result of a run of load.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Measured {
    /// Clients at once.
    pub(crate) clients: usize,
    /// Requests answered.
    pub(crate) requests: usize,
    /// Answers a second.
    pub(crate) requests_per_sec: f64,
    /// Half of the answers took less, in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99 of 100 answers took less, in milliseconds.
    pub(crate) p99_ms: f64,
    /// The slowest answer, in milliseconds.
    pub(crate) max_ms: f64,
}

/// Posts `requests` (heads and bodies, in turn) from `clients` connections for `time`.
pub(crate) async fn run(address: SocketAddr, requests: Arc<Vec<Vec<u8>>>, clients: usize, time: Duration) -> anyhow::Result<Measured> {
    let started = Instant::now();
    let mut tasks = Vec::with_capacity(clients);
    for client in 0..clients {
        let connection = Client::connect(address).await?;
        tasks.push(tokio::spawn(post(connection, Arc::clone(&requests), client, started + time)));
    }
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    micros.sort_unstable();
    Ok(Measured {
        clients,
        requests: micros.len(),
        requests_per_sec: micros.len() as f64 / elapsed,
        p50_ms: quantile(&micros, 0.5),
        p99_ms: quantile(&micros, 0.99),
        max_ms: quantile(&micros, 1.0),
    })
}

async fn post(mut connection: Client, requests: Arc<Vec<Vec<u8>>>, offset: usize, until: Instant) -> anyhow::Result<Vec<u32>> {
    let mut micros = Vec::with_capacity(1 << 16);
    for request in requests.iter().cycle().skip(offset * 7 % requests.len().max(1)) {
        let sent = Instant::now();
        if sent >= until {
            break;
        }
        let reply = connection.send(request).await?;
        if reply.status != 200 {
            bail!("the server answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(micros)
}

/// Returns a quantile of sorted microseconds, in milliseconds; 0 of none.
fn quantile(sorted: &[u32], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_of_sorted_times() {
        let sorted: Vec<u32> = (1..=1000).map(|n| n * 1000).collect();
        assert_eq!((quantile(&sorted, 0.5), quantile(&sorted, 0.99), quantile(&sorted, 1.0)), (501.0, 991.0, 1000.0));
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
