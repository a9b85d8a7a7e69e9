//! The open connections: their limits, and which one is closed when there are too many.

use crate::http::connection::Activity;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// The open connections.
pub(crate) struct Connections {
    opened: Instant,
    max: usize,
    max_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Connection>,
    per_address: HashMap<IpAddr, usize>,
}

struct Connection {
    address: IpAddr,
    activity: Arc<Activity>,
}

/// Whether a new connection is served.
pub(crate) enum Admission {
    /// It is served. `evicted` says whether another one was closed for it.
    Admitted { entry: ConnectionEntry, activity: Arc<Activity>, evicted: bool },
    /// There are too many, and all are at work.
    Refused,
}

/// The entry of an open connection; dropping it removes the connection from the open ones.
pub(crate) struct ConnectionEntry {
    of: Arc<Connections>,
    id: u64,
}

impl Connections {
    pub(crate) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        let (max, max_per_address) = (max.max(1), max_per_address.max(1));
        Arc::new(Self { opened: Instant::now(), max, max_per_address, open: Mutex::default() })
    }

    /// Admits a connection from `peer`. Where there are too many in all, or too many from its address, the one of them that
    /// has been idle for longest is closed instead.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Admission {
        let address = network(peer);
        let mut open = self.lock();
        let mut evicted = false;
        if open.per_address.get(&address).copied().unwrap_or(0) >= self.max_per_address {
            evicted = open.close_longest_idle(Some(address));
            if !evicted {
                return Admission::Refused;
            }
        } else if open.all.len() >= self.max {
            evicted = open.close_longest_idle(None);
            if !evicted {
                return Admission::Refused;
            }
        }
        let id = open.next;
        open.next += 1;
        *open.per_address.entry(address).or_default() += 1;
        let activity = Arc::new(Activity::new(self.opened));
        open.all.insert(id, Connection { address, activity: Arc::clone(&activity) });
        Admission::Admitted { entry: ConnectionEntry { of: Arc::clone(self), id }, activity, evicted }
    }

    /// Closes the connection that has been idle for longest. Returns false when all are at work.
    pub(crate) fn close_longest_idle(&self) -> bool {
        self.lock().close_longest_idle(None)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn close_longest_idle(&mut self, of: Option<IpAddr>) -> bool {
        let candidates = self.all.iter().filter(|(_, connection)| of.is_none_or(|address| connection.address == address));
        let idle = candidates.filter_map(|(id, connection)| Some((connection.activity.idleness()?, *id)));
        let Some((_, id)) = idle.min() else { return false };
        if let Some(connection) = self.remove(id) {
            connection.activity.close();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        let connection = self.all.remove(&id)?;
        if let Some(count) = self.per_address.get_mut(&connection.address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&connection.address);
            }
        }
        Some(connection)
    }
}

impl Drop for ConnectionEntry {
    fn drop(&mut self) {
        drop(self.of.lock().remove(self.id));
    }
}

/// Returns what counts as one address: for IPv6 the /64 network, of which one client usually has all addresses.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, ConnectionEntry, Connections, network};
    use crate::http::connection::Activity;
    use std::{net::IpAddr, sync::Arc, time::Duration};

    fn admit(connections: &Arc<Connections>, from: &str) -> Option<(ConnectionEntry, Arc<Activity>, bool)> {
        match connections.admit(from.parse().unwrap()) {
            Admission::Admitted { entry, activity, evicted } => Some((entry, activity, evicted)),
            Admission::Refused => None,
        }
    }

    fn ids(connections: &Arc<Connections>) -> Vec<u64> {
        let mut ids: Vec<u64> = connections.lock().all.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_goes_first_and_work_is_never_broken_off() {
        let connections = Connections::new(3, 2);
        let later = || tokio::time::advance(Duration::from_secs(1));
        let (first, busy, _) = admit(&connections, "10.0.0.1").unwrap();
        busy.begin_request(true);
        later().await;
        let second = admit(&connections, "10.0.0.1").unwrap();
        later().await;
        let third = admit(&connections, "10.0.0.2").unwrap();
        assert_eq!(ids(&connections), [0, 1, 2]);
        // The address is full: its own idle one goes, not that of another.
        assert!(admit(&connections, "10.0.0.1").unwrap().2);
        drop(second);
        later().await;
        let fourth = admit(&connections, "10.0.0.3").unwrap();
        assert!(!fourth.2, "the one before was dropped, so there was capacity");
        assert_eq!(ids(&connections), [0, 2, 4]);
        // All is full: the longest idle goes, of whatever address.
        let fifth = admit(&connections, "10.0.0.4").unwrap();
        assert!(fifth.2);
        assert_eq!(ids(&connections), [0, 4, 5]);
        fourth.1.begin_request(true);
        fifth.1.begin_request(true);
        assert!(admit(&connections, "10.0.0.5").is_none(), "all are at work");
        drop((first, third, fourth, fifth));
        assert!(connections.lock().per_address.is_empty());
    }

    #[test]
    fn addresses_are_counted_by_network() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (peer, counted) in [("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")] {
            assert_eq!(network(ip(peer)), ip(counted));
        }
    }
}
