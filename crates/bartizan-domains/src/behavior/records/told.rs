//! What a line of a log tells of one login, whichever program wrote it.

use super::address::address;
use std::borrow::Cow;

/// Most bytes of a host's name.
const MAX_HOST: usize = 255;

/// Who tells of a failure. An attempt is told of by several, of each as often as it failed: the most that one tells counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Teller {
    /// The server: a password was wrong.
    Server,
    /// The server: it has no such user.
    NoUser,
    /// The server: the user or the client may not log in.
    Refusal,
    /// The server repeats what PAM told it.
    Pam,
    /// The server ends a connection that failed too often.
    CutOff,
    /// A module of PAM, for itself.
    Module(Module),
}

/// How many tellers there are, modules aside.
pub(super) const TELLERS: usize = 5;

/// A module of PAM. Several are asked about one attempt, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    Unix,
    Sss,
    Other,
}

/// How many modules are told apart.
pub(super) const MODULES: usize = 3;

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Peer<'a> {
    /// The line does not say.
    #[default]
    Unknown,
    /// An address.
    Address(String),
    /// The name of a host, for which another line may give the address.
    Host(&'a str),
    /// A name that stands for an address.
    Name(String),
}

impl<'a> Peer<'a> {
    /// What a server writes in the place of an address. IPv6 addresses may have a zone, and any may stand in brackets.
    pub(super) fn of(word: &'a str) -> Self {
        let inner = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(word);
        let plain = inner.split_once('%').map_or(inner, |(plain, _)| plain);
        if let Some(address) = address(plain) {
            return Self::Address(address);
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let named = inner.len() <= MAX_HOST && inner.bytes().any(|byte| byte.is_ascii_alphanumeric()) && inner.bytes().all(is_host);
        if named && !["UNKNOWN", "unknown"].contains(&inner) { Self::Host(inner) } else { Self::Unknown }
    }

    /// The client's name in any form.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Address(name) | Self::Name(name) => Some(name),
            Self::Host(name) => Some(name),
            Self::Unknown => None,
        }
    }
}

/// What kind of thing a line tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Said {
    /// So many more failures.
    Failed(Teller, u32),
    /// One failure, unless the teller told of one already.
    FailedOnce(Teller),
    /// A login to a shell, in which commands may follow.
    Accepted,
    /// Any other login.
    Admitted,
    Opened,
    Started,
    /// The end of a connection that did not log in.
    Closed,
    /// The end of one that did. It may come hours later, when nothing else is known of the connection.
    LoggedOut,
    /// A connection that ended before anybody was served.
    Dropped,
    #[default]
    Other,
}

/// What a line tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told<'a> {
    pub(super) said: Said,
    pub(super) peer: Peer<'a>,
    /// The name that the client gave.
    pub(super) user: Cow<'a, str>,
    /// Whether the server says that it has no such user.
    pub(super) no_such_user: bool,
}

impl<'a> Told<'a> {
    pub(super) fn new(said: Said, peer: Peer<'a>, user: &'a str) -> Self {
        Self { said, peer, user: Cow::Borrowed(user.trim()), no_such_user: false }
    }

    pub(super) fn failed(peer: Peer<'a>, user: &'a str) -> Self {
        Self::new(Said::Failed(Teller::Server, 1), peer, user)
    }
}

/// What stands before a client's place at the end of a text, and the place. Names and parting words are the client's own choice and
/// may hold other addresses: what the server writes stands at the end, as `HOST`, `HOST port 42`, `HOST port 42 on 192.0.2.9 port 22`,
/// `HOST via 192.0.2.9`, each with or without ` ssh2`.
pub(super) fn place(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let text = text.strip_suffix(" ssh2").or_else(|| text.strip_suffix(" ssh1")).unwrap_or(text);
    let mut rest = without_port(text);
    for word in [" via", " on"] {
        if let Some((before, _)) = rest.rsplit_once(' ')
            && let Some(before) = before.strip_suffix(word)
        {
            rest = without_port(before);
        }
    }
    match rest.rsplit_once(' ') {
        Some((before, place)) => Some((before, place)),
        None => Some(("", rest)),
    }
    .filter(|(_, place)| !place.is_empty())
}

/// A text without ` port 42` at its end.
fn without_port(text: &str) -> &str {
    let parts = || {
        let (before, number) = text.rsplit_once(' ')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        before.strip_suffix(" port").filter(|_| is_number)
    };
    parts().unwrap_or(text)
}

/// What stands before ` from HOST` at the end of a text, and the client there.
pub(super) fn from(text: &str) -> Option<(&str, Peer<'_>)> {
    let (before, place) = place(text)?;
    let before = if before == "from" { "" } else { before.strip_suffix(" from")? };
    Some((before, Peer::of(place)))
}

#[cfg(test)]
mod tests {
    use super::{Peer, from, place};

    #[test]
    fn the_place_stands_at_the_end() {
        for (text, before, expected) in [
            ("a from 192.0.2.1", "a from", "192.0.2.1"),
            ("a from 192.0.2.1 port 42 ssh2", "a from", "192.0.2.1"),
            ("a from 192.0.2.1 port 42 on 192.0.2.9 port 22", "a from", "192.0.2.1"),
            ("a from h.example via 192.0.2.9", "a from", "h.example"),
            ("a port 7 192.0.2.1 port 42 ssh1", "a port 7", "192.0.2.1"),
            ("192.0.2.1", "", "192.0.2.1"),
            ("port 42", "port", "42"),
        ] {
            assert_eq!(place(text), Some((before, expected)), "{text}");
        }
        assert_eq!((place(""), place("  ")), (None, None));
        assert_eq!(from("x from 6.6.6.6 from 2001:db8::1 port 4"), Some(("x from 6.6.6.6", Peer::Address("2001:db8::1".to_owned()))));
        assert_eq!(from("x by 192.0.2.1"), None);
    }

    #[test]
    fn places_have_one_form() {
        for (word, expected) in [
            ("::ffff:192.0.2.1", Peer::Address("192.0.2.1".to_owned())),
            ("[2001:DB8::1]", Peer::Address("2001:db8::1".to_owned())),
            ("fe80::1%eth0", Peer::Address("fe80::1".to_owned())),
            ("h-1.example", Peer::Host("h-1.example")),
            ("UNKNOWN", Peer::Unknown),
            ("a b", Peer::Unknown),
            ("", Peer::Unknown),
            ("-", Peer::Unknown),
        ] {
            assert_eq!(Peer::of(word), expected, "{word}");
        }
        assert_eq!(Peer::of(&"a".repeat(300)), Peer::Unknown);
    }
}
