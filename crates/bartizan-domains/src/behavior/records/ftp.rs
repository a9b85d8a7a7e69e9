//! What FTP servers say of those who log in: vsftpd, in its own log or in that of syslog, and ProFTPD.

use super::told::{Peer, Said, Told};
use bartizan_core::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

/// A line of vsftpd's own log: `Wed Feb 11 10:00:00 2026 [pid 2] [x] FAIL LOGIN: Client "192.0.2.1"`, and what it says.
pub(super) fn line(text: &str) -> Option<(i64, &str)> {
    let (read, length) = BrokenDownTime::parse_prefix("%a %b %e %H:%M:%S %Y", text).ok()?;
    let time = Timestamp::from_secs(read.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second());
    let rest = text.get(length..)?.trim_start();
    Some((time.secs(), rest.strip_prefix("[pid ")?.split_once("] ")?.1))
}

/// `[x] FAIL LOGIN: Client "192.0.2.1"`, `[x] OK LOGIN: Client "192.0.2.1"`. The name may hold the same words, and so may what anonymous
/// users give for a password, which stands at the end.
pub(super) fn vsftpd(message: &str) -> Option<Told<'_>> {
    const CLIENT: &str = " LOGIN: Client \"";
    let inner = message.strip_prefix('[')?;
    let is_anonymous = ["anonymous] ", "ftp] "].iter().any(|name| inner.starts_with(name));
    // A password follows the address at once; what else follows is the name, which holds the same words.
    let has_password =
        |at: &usize| inner[at + CLIENT.len()..].split_once('"').is_some_and(|(_, rest)| rest.starts_with(", anon password \""));
    let first = inner.find(CLIENT).filter(|at| is_anonymous && has_password(at));
    let at = first.or_else(|| inner.rfind(CLIENT))?;
    let peer = Peer::of(inner[at + CLIENT.len()..].split('"').next()?);
    let (user, verdict) = inner[..at].rsplit_once("] ")?;
    match verdict {
        "FAIL" => Some(Told::failed(peer, user)),
        "OK" => Some(Told::new(Said::Admitted, peer, user)),
        _ => None,
    }
}

/// `h.example (client.example[192.0.2.1]) - USER x (Login failed): Incorrect password`, `… - USER x: no such user found from …`, `… - USER
/// x: Login successful.`
pub(super) fn proftpd(message: &str) -> Option<Told<'_>> {
    let (before, rest) = message.split_once("]) - USER ").or_else(|| message.split_once("]): USER "))?;
    let peer = Peer::of(before.rsplit_once('[')?.1);
    let rest = rest.trim_end_matches('.');
    if let Some(user) = rest.strip_suffix(": Login successful") {
        return Some(Told::new(Said::Admitted, peer, user));
    }
    if let Some((user, _)) = rest.rsplit_once(" (Login failed)") {
        return Some(Told::failed(peer, user));
    }
    let (user, _) = rest.split_once(": no such user")?;
    Some(Told { no_such_user: true, ..Told::failed(peer, user) })
}

#[cfg(test)]
mod tests {
    use super::{Peer, Said, line, proftpd, vsftpd};

    #[test]
    fn logins_to_vsftpd() {
        for (message, user, accepted) in [
            ("[bob] FAIL LOGIN: Client \"192.0.2.1\"", "bob", false),
            ("[bob] OK LOGIN: Client \"::ffff:192.0.2.1\"", "bob", true),
            ("[x] FAIL LOGIN: Client \"6.6.6.6\"] FAIL LOGIN: Client \"192.0.2.1\"", "x] FAIL LOGIN: Client \"6.6.6.6\"", false),
            (
                "[anonymous] FAIL LOGIN: Client \"6.6.6.6\"] FAIL LOGIN: Client \"192.0.2.1\"",
                "anonymous] FAIL LOGIN: Client \"6.6.6.6\"",
                false,
            ),
            ("[ftp] OK LOGIN: Client \"192.0.2.1\", anon password \"[a] FAIL LOGIN: Client \"6.6.6.6\"", "ftp", true),
        ] {
            let told = vsftpd(message).unwrap();
            assert_eq!((told.peer, told.user.as_ref(), told.said == Said::Admitted), (Peer::of("192.0.2.1"), user, accepted), "{message}");
        }
        for message in ["CONNECT: Client \"192.0.2.1\"", "[bob] OK DOWNLOAD: Client \"192.0.2.1\", \"/a\", 1 bytes", "["] {
            assert!(vsftpd(message).is_none(), "{message}");
        }
        let (time, rest) = line("Wed Feb 11 10:00:00 2026 [pid 2] [bob] FAIL LOGIN: Client \"192.0.2.1\"").unwrap();
        assert_eq!((time, rest), (1_770_804_000, "[bob] FAIL LOGIN: Client \"192.0.2.1\""));
        assert_eq!(line("Wed Feb 11 10:00:00 2026 CONNECT").map(|(time, _)| time), None);
    }

    #[test]
    fn logins_to_proftpd() {
        for (message, user, said) in [
            ("h.example (c.example[192.0.2.1]) - USER bob (Login failed): Incorrect password.", "bob", "failed"),
            (
                "h.example (c.example[192.0.2.1]) - USER bob: no such user found from c.example [192.0.2.1] to ::ffff:192.0.2.9:21",
                "bob",
                "none",
            ),
            ("h.example (c.example[192.0.2.1]) - USER bob: Login successful.", "bob", "in"),
        ] {
            let told = proftpd(message).unwrap();
            let got = if told.said == Said::Admitted {
                "in"
            } else if told.no_such_user {
                "none"
            } else {
                "failed"
            };
            assert_eq!((told.peer, told.user.as_ref(), got), (Peer::of("192.0.2.1"), user, said), "{message}");
        }
    }
}
