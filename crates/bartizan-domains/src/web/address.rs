//! Client addresses.

use super::text::hash;
use std::net::IpAddr;

/// 0 for an address that a client can have, 1 for a missing or unreadable one, 2 for a range that none can have.
pub(crate) fn oddity(client: &str) -> u32 {
    match client.parse::<IpAddr>() {
        Err(_) => 1,
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            let documentation = matches!(ip.octets(), [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _]);
            let bogus = a == 0 || a >= 224 || documentation || (a == 198 && (b == 18 || b == 19)) || (a == 169 && b == 254);
            if bogus { 2 } else { 0 }
        }
        Ok(IpAddr::V6(ip)) => {
            let documentation = ip.segments()[0] == 0x2001 && ip.segments()[1] == 0xdb8;
            if ip.is_unspecified() || ip.is_multicast() || documentation { 2 } else { 0 }
        }
    }
}

/// The network of an address as a hash: /16 of IPv4, /32 of IPv6; the text itself when it is no address.
pub(crate) fn network(client: &str) -> u64 {
    match client.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => hash(&ip.octets()[..2]),
        Ok(IpAddr::V6(ip)) => hash(&ip.octets()[..4]),
        Err(_) => hash(client.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::{network, oddity};

    #[test]
    fn ranges() {
        for (client, expected) in [
            ("8.8.8.8", 0),
            ("10.1.2.3", 0),
            ("127.0.0.1", 0),
            ("unknown", 1),
            ("", 1),
            ("240.0.0.1", 2),
            ("0.0.0.0", 2),
            ("192.0.2.7", 2),
            ("2a00::1", 0),
            ("2001:db8::1", 2),
            ("999.1.1.1", 1),
        ] {
            assert_eq!(oddity(client), expected, "{client}");
        }
        assert_eq!(network("10.1.2.3"), network("10.1.99.99"));
        assert_ne!(network("10.1.2.3"), network("10.2.2.3"));
    }
}
