//! What the service itself knows of an event that comes in: the time, and whose word on the client it takes.

use crate::{Timestamp, head};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use thiserror::Error;

/// Longest text that is kept of a client, in bytes.
pub const MAX_CLIENT: usize = 256;
/// Entries of a list that are looked at, from its end (from its beginning where no proxies are trusted).
const MAX_ENTRIES: usize = 64;
/// Longest beginning of an entry that is looked at.
const MAX_ENTRY: usize = 1_024;
/// Longest text that is looked at for an address: the longest address with zone, brackets and port is shorter.
const MAX_ADDRESS: usize = 128;

/// How an event arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The time at which it arrives.
    pub now: Timestamp,
    /// How far ahead of that an event's own time is believed, in seconds.
    pub max_ahead_secs: u64,
    /// Whose entries in a list of addresses are believed.
    pub proxies: &'a TrustedProxies,
}

/// What was found of an event that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Its time was too far ahead to be believed: it counts at its arrival.
    pub dated_ahead: bool,
}

impl Arrival<'_> {
    /// Brings the time that an event claims within what is believed.
    pub fn bound(&self, time: &mut Timestamp) -> Arrived {
        let latest = self.now.plus_secs(i64::try_from(self.max_ahead_secs).unwrap_or(i64::MAX));
        let dated_ahead = *time > latest;
        if dated_ahead {
            *time = self.now;
        }
        Arrived { dated_ahead }
    }
}

/// The proxies between clients and gateway, each of which adds to a list such as X-Forwarded-For the address that spoke to it.
/// What clients wrote into the list themselves stands before that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// How many there are, where their number is told; 0 where their networks are.
    hops: usize,
    networks: Vec<(IpAddr, u8)>,
}

/// A text names no proxies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// It is none of what is understood.
    #[error("{text:?} is neither an address, nor a network such as 10.0.0.0/8, nor a number of proxies from 1 to {MAX_ENTRIES}")]
    Unknown {
        /// The text, shortened.
        text: String,
    },
    /// A number stands among other entries.
    #[error("{text:?} is a number of proxies, and must be the only entry")]
    NotAlone {
        /// The number.
        text: String,
    },
}

impl TrustedProxies {
    /// From addresses and networks, or from one number.
    ///
    /// # Errors
    /// Names the first entry that is neither, and a number that is not alone.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, ProxyError> {
        let mut proxies = Self::default();
        for text in entries.iter().map(|entry| entry.as_ref().trim()) {
            let shown = || head(text, MAX_ADDRESS).to_owned();
            match text.parse::<usize>() {
                Ok(1..=MAX_ENTRIES) if entries.len() > 1 => return Err(ProxyError::NotAlone { text: shown() }),
                Ok(hops @ 1..=MAX_ENTRIES) => proxies.hops = hops,
                _ => proxies.networks.push(network(text).ok_or_else(|| ProxyError::Unknown { text: shown() })?),
            }
        }
        Ok(proxies)
    }

    /// The client among what `told` lists: with a number of proxies, the entry that the outermost of them added (as many from the
    /// right); with networks, the last entry that lies in none of them; with neither, the first. An address is written in one way,
    /// without port, brackets and zone, and IPv4 within IPv6 as IPv4; another text is trimmed and shortened to [`MAX_CLIENT`] bytes.
    #[must_use]
    pub fn client<'t>(&self, told: &'t str) -> Cow<'t, str> {
        let entry = if told.contains(',') { self.entry(told) } else { head(told, MAX_ENTRY).trim() };
        // An IPv4 address can be written in one way only.
        if entry.parse::<Ipv4Addr>().is_ok() {
            return Cow::Borrowed(entry);
        }
        match address(entry) {
            Some(ip) => Cow::Owned(ip.to_string()),
            None => Cow::Borrowed(head(entry, MAX_CLIENT)),
        }
    }

    fn entry<'t>(&self, list: &'t str) -> &'t str {
        let told = |text: &'t str| Some(head(text, MAX_ENTRY).trim()).filter(|text| !text.is_empty());
        if self.hops == 0 && self.networks.is_empty() {
            return list.split(',').take(MAX_ENTRIES).find_map(told).unwrap_or_default();
        }
        let mut client = "";
        for (position, entry) in list.rsplit(',').take(MAX_ENTRIES).filter_map(told).enumerate() {
            client = entry;
            let trusted = if self.hops > 0 { position + 1 < self.hops } else { self.trusts(entry) };
            if !trusted {
                break;
            }
        }
        client
    }

    fn trusts(&self, entry: &str) -> bool {
        address(entry).is_some_and(|ip| self.networks.iter().any(|(network, length)| within(ip, *network, *length)))
    }
}

/// The address that a text names, with or without port, brackets and zone.
fn address(text: &str) -> Option<IpAddr> {
    if text.len() > MAX_ADDRESS {
        return None;
    }
    let text = text.trim().trim_matches('"');
    let without_zone = |text: &str| text.split_once('%').map_or(text, |(address, _)| address).parse::<IpAddr>().ok();
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let found = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, port) = rest.split_once(']')?;
            without_zone(inner).filter(|_| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }
        None => without_zone(text).or_else(|| {
            let (host, port) = text.split_once(':')?;
            host.parse::<Ipv4Addr>().ok().map(IpAddr::V4).filter(|_| is_port(port))
        }),
    };
    found.map(|ip| ip.to_canonical())
}

/// An address, or a network with the length of its prefix.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (start, length) = match text.split_once('/') {
        Some((start, length)) => (start.parse::<IpAddr>().ok()?, Some(length.parse::<u8>().ok()?)),
        None => (address(text)?, None),
    };
    let bits = if start.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(bits);
    let mapped = start.to_canonical();
    match (length <= bits, start.is_ipv6() && mapped.is_ipv4()) {
        (false, _) => None,
        (true, true) => Some((mapped, length.checked_sub(96)?)),
        (true, false) => Some((start, length)),
    }
}

fn within(ip: IpAddr, network: IpAddr, length: u8) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            (ip.to_bits() ^ network.to_bits()).checked_shr(32 - u32::from(length)).unwrap_or_default() == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            (ip.to_bits() ^ network.to_bits()).checked_shr(128 - u32::from(length)).unwrap_or_default() == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, MAX_CLIENT, TrustedProxies};
    use crate::Timestamp;

    #[test]
    fn one_client_in_any_spelling() {
        let long = "x".repeat(1_000);
        for (told, client) in [
            ("203.0.113.9", "203.0.113.9"),
            (" 203.0.113.9:443 ", "203.0.113.9"),
            ("2001:DB8::0001", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("unknown", "unknown"),
            (" unknown ", "unknown"),
            ("host:80", "host:80"),
            ("999.1.1.1", "999.1.1.1"),
            ("[2001:db8::1]x", "[2001:db8::1]x"),
            ("", ""),
            (",", ""),
            (" , 203.0.113.9 , 10.0.0.1", "203.0.113.9"),
            (&long, &long[..MAX_CLIENT]),
        ] {
            assert_eq!(TrustedProxies::default().client(told), client, "{told}");
        }
    }

    #[test]
    fn what_clients_write_before_their_own_address_is_not_believed() {
        let client = |proxies: &[&str], told: &str| TrustedProxies::parse(proxies).unwrap().client(told).into_owned();
        for (proxies, told, expected) in [
            (&["10.0.0.0/8"][..], "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
            (&["10.0.0.0/8"], "1.1.1.1, 203.0.113.9:5000, 10.0.0.7:80, [::ffff:10.0.0.8]:80", "203.0.113.9"),
            (&["10.0.0.0/8"], "10.9.9.9, 10.0.0.7", "10.9.9.9"),
            (&["10.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
            (&["10.0.0.7", "2001:db8::/32"], "1.1.1.1, 203.0.113.9, 2001:db8:5::1, 10.0.0.7", "203.0.113.9"),
            (&["10.0.0.7"], "1.1.1.1, unknown, 10.0.0.7", "unknown"),
            (&["0.0.0.0/0"], "1.1.1.1, 2.2.2.2", "1.1.1.1"),
            (&["::ffff:10.0.0.0/104"], "1.1.1.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
            (&["1"], "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            (&["2"], "1.1.1.1, 203.0.113.9, 192.0.2.1", "203.0.113.9"),
            (&["3"], "203.0.113.9, 192.0.2.1", "203.0.113.9"),
            (&["2"], "1.1.1.1, 203.0.113.9, , 192.0.2.1,", "203.0.113.9"),
        ] {
            assert_eq!(client(proxies, told), expected, "{proxies:?} {told}");
        }
        // However long the list is that a client sends, only its end is looked at.
        let list = format!("{}10.0.0.1", "10.0.0.1,".repeat(100_000));
        assert_eq!(client(&["10.0.0.0/8"], &list), "10.0.0.1");
    }

    #[test]
    fn bad_proxies_are_named() {
        for bad in [&["10.0.0.0/33"][..], &["::/129"], &["gateway"], &["0"], &["65"], &["10.0.0.1", "2"], &["::ffff:10.0.0.0/24"]] {
            assert!(TrustedProxies::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(TrustedProxies::parse::<&str>(&[]), Ok(TrustedProxies::default()));
    }

    #[test]
    fn a_time_too_far_ahead_is_that_of_arrival() {
        let (now, proxies) = (Timestamp::from_secs(1_000_000), TrustedProxies::default());
        for (ahead, max_ahead_secs, kept) in
            [(-5_000, 300, true), (300, 300, true), (301, 300, false), (1, 0, false), (9_999, u64::MAX, true)]
        {
            let mut time = now.plus_secs(ahead);
            let arrived = Arrival { now, max_ahead_secs, proxies: &proxies }.bound(&mut time);
            assert_eq!((arrived.dated_ahead, time), (!kept, if kept { now.plus_secs(ahead) } else { now }), "{ahead}");
        }
    }
}
