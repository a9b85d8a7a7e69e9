//! What mail servers say of those who log in: Dovecot for its mailboxes, Postfix for sending.

use super::told::{Peer, Said, Teller, Told};

/// `imap-login: Disconnected (auth failed, 3 attempts in 12 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, session=<…>`,
/// with words of the server in any order before `user=`. What its workers say of the same attempt is passed over.
pub(super) fn dovecot(message: &str) -> Option<Told<'_>> {
    let (process, rest) = message.split_once(": ")?;
    if !process.ends_with("-login") {
        // The workers of a server that logs into the log of syslog name the module, with the client.
        return super::pam::Line::of(rest).filter(|line| !line.service.is_empty()).map(|line| line.told());
    }
    let (rest, place) = rest.rsplit_once(", rip=")?;
    let peer = Peer::of(place.split([',', ' ']).next()?);
    let (words, user) = rest.split_once("user=<").unwrap_or((rest, ""));
    let user = user.rsplit_once(">, method=").map_or(user.trim_end_matches('>'), |(user, _)| user);
    let words = ["Info: ", "Warning: ", "Error: "].iter().find_map(|level| words.strip_prefix(level)).unwrap_or(words);
    if words.starts_with("Login: ") || words.starts_with("Logged in: ") {
        return Some(Told::new(Said::Admitted, peer, user));
    }
    let said = match words.find("auth failed") {
        Some(at) => Said::Failed(Teller::Server, attempts(&words[at..])),
        None if words.contains("disallowed plaintext auth") => Said::Failed(Teller::Refusal, 1),
        None if words.contains("no auth attempts") || words.contains("before auth was ready") => Said::Dropped,
        None => return None,
    };
    Some(Told::new(said, peer, user))
}

/// `auth failed, 3 attempts in 12 secs`.
fn attempts(words: &str) -> u32 {
    let number = || words.strip_prefix("auth failed, ")?.split(' ').next()?.parse().ok();
    number().unwrap_or(1).max(1)
}

/// `warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: …, sasl_username=x`, and `8B1E2: client=h.example[192.0.2.1],
/// sasl_method=PLAIN, sasl_username=x` of a login that succeeded.
pub(super) fn postfix(message: &str) -> Option<Told<'_>> {
    // Both are the server's first words; what the client chose comes after them.
    fn peer(text: &str) -> Peer<'_> {
        text.strip_suffix(']').and_then(|text| text.rsplit_once('[')).map_or(Peer::Unknown, |(_, place)| Peer::of(place))
    }
    let user = || message.rsplit_once("sasl_username=").map_or("", |(_, user)| user);
    if let Some((client, rest)) = message.strip_prefix("warning: ").and_then(|rest| rest.split_once(": SASL ")) {
        let (_, why) = rest.split_once(" authentication failed")?;
        // Nobody's password was wrong.
        let own_fault = ["Connection lost to authentication server", "Invalid authentication mechanism"];
        if own_fault.iter().any(|words| why.contains(words)) {
            return None;
        }
        return Some(Told::failed(peer(client), user()));
    }
    let (_, rest) = message.split_once(": client=")?;
    let (client, rest) = rest.split_once(", ")?;
    rest.starts_with("sasl_method=").then(|| Told::new(Said::Admitted, peer(client), user()))
}

#[cfg(test)]
mod tests {
    use super::{Peer, Said, Teller, dovecot, postfix};

    #[test]
    fn logins_to_mailboxes() {
        let ends = "method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, TLS, session=<a>";
        let failed = |times| Some(Said::Failed(Teller::Server, times));
        for (words, user, said) in [
            ("imap-login: Disconnected (auth failed, 3 attempts in 12 secs)", "x@h.example", failed(3)),
            ("imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs)", "x", failed(1)),
            ("pop3-login: Aborted login (auth failed, 1 attempts)", "", failed(1)),
            ("imap-login: Info: Disconnected: Inactivity (auth failed, 2 attempts in 180 secs)", "x", failed(2)),
            ("imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) (auth_failed)", "x", failed(1)),
            ("imap-login: Disconnected (tried to use disallowed plaintext auth)", "", Some(Said::Failed(Teller::Refusal, 1))),
            ("imap-login: Disconnected (no auth attempts in 0 secs)", "", Some(Said::Dropped)),
            ("imap-login: Login", "x", Some(Said::Admitted)),
            ("imap-login: proxy(x): started proxying", "x", None),
            // A name that holds another client's place.
            ("imap-login: Disconnected (auth failed, 1 attempts in 2 secs)", "x>, method=PLAIN, rip=6.6.6.6, lip=6.6.6.6", failed(1)),
            ("imap-login: Disconnected (no auth attempts in 0 secs)", "auth failed, 9 attempts", Some(Said::Dropped)),
        ] {
            let message = format!("{words}: user=<{user}>, {ends}");
            let told = dovecot(&message);
            assert_eq!(told.as_ref().map(|told| told.said), said, "{message}");
            if let Some(told) = told {
                assert_eq!((told.peer, told.user.as_ref()), (Peer::of("192.0.2.1"), user), "{message}");
            }
        }
        assert_eq!(dovecot("imap(x): Logged out in=1 out=2"), None);
        assert_eq!(dovecot("auth-worker(7): sql(x,192.0.2.1): Password mismatch"), None);
    }

    #[test]
    fn logins_to_send_mail() {
        for (message, place, said) in [
            (
                "warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
                "192.0.2.1",
                Some(Said::Failed(Teller::Server, 1)),
            ),
            (
                "warning: h.example[2001:db8::1]: SASL PLAIN authentication failed: , sasl_username=x]: SASL [6.6.6.6]: SASL ",
                "2001:db8::1",
                Some(Said::Failed(Teller::Server, 1)),
            ),
            ("warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: Connection lost to authentication server", "", None),
            ("8B1E2: client=h.example[192.0.2.1], sasl_method=PLAIN, sasl_username=x", "192.0.2.1", Some(Said::Admitted)),
            ("8B1E2: client=h.example[192.0.2.1]", "", None),
            ("warning: hostname h.example does not resolve to address 192.0.2.1", "", None),
        ] {
            let told = postfix(message);
            assert_eq!(told.as_ref().map(|told| told.said), said, "{message}");
            assert!(told.is_none_or(|told| told.peer == Peer::of(place)), "{message}");
        }
    }
}
