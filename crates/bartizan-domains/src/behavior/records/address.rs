//! Addresses as logs write them.

use std::net::IpAddr;

/// An address in its usual form; an IPv4 address within IPv6 as IPv4.
pub(super) fn address(text: &str) -> Option<String> {
    text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(address(" ::ffff:192.0.2.1 ").as_deref(), Some("192.0.2.1"));
        assert_eq!(address("2001:DB8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(address("host.example"), None);
    }
}
