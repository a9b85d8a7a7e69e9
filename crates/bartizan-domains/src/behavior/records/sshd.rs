//! What an OpenSSH server says of its clients, of whatever system it is, and what the small server Dropbear says.
//!
//! Names, versions and parting words are the clients' own choice and may hold anything: the server's own words around them say where its
//! part begins again, most often at the end of the line.

use super::pam;
use super::told::{Peer, Said, Teller, Told, from, place};

/// What one of the readers below makes of a message; `None` where it is none of its messages.
type Reader = fn(&str, bool) -> Option<Told<'_>>;

const READERS: &[Reader] = &[failed, no_user, refused, of_pam, cut_off, accepted, closed, looked, dropped, mentioned];

/// What a message tells. `by_module`: a module of PAM wrote it, in the name of the server.
pub(super) fn told(message: &str, by_module: bool) -> Told<'_> {
    let message = message.trim();
    if by_module {
        return pam::Line::unnamed(message).told();
    }
    let (message, before_login) = match message.strip_suffix("[preauth]") {
        Some(message) => (message.trim_end(), true),
        None => (message, false),
    };
    if let Some(line) = pam::Line::of(message) {
        return line.told();
    }
    let message = message.strip_prefix("error: ").or_else(|| message.strip_prefix("fatal: ")).unwrap_or(message);
    READERS.iter().find_map(|read| read(message, before_login)).unwrap_or_default()
}

/// The command that a session begins with.
pub(super) fn is_start(message: &str) -> bool {
    message.starts_with("Starting session: ")
}

/// The user and the client of `… for USER from HOST port 42 ssh2`, after which a method may tell more of itself.
fn login(message: &str) -> Option<(&str, Peer<'_>)> {
    let start = message.find(" for ")? + " for ".len();
    let of = |text| {
        let (before, peer) = from(text)?;
        Some((before.get(start..)?, peer))
    };
    let with_protocol = |text: &_| str::ends_with(text, " ssh2") || str::ends_with(text, " ssh1");
    let whole = with_protocol(message).then(|| of(message)).flatten();
    let before_more = || message.rmatch_indices(": ").map(|(at, _)| &message[..at]).filter(|text| with_protocol(text)).find_map(of);
    whole.or_else(before_more).or_else(|| of(message))
}

/// A name without what the server says of it, and whether it says that there is no such user, or none that may log in.
fn plain(user: &str) -> (&str, bool) {
    if user == "<invalid username>" {
        return ("", true);
    }
    let unknown = user.strip_prefix("invalid user ").or_else(|| user.strip_prefix("illegal user "));
    unknown.map_or((user, false), |user| (user, true))
}

/// `Failed password for invalid user x from 192.0.2.1 port 42 ssh2`. Clients offer all their keys, one after the other, and ask first
/// which methods there are: such failures count for users who do not exist, once a connection.
fn failed(message: &str, _: bool) -> Option<Told<'_>> {
    let rest = message.strip_prefix("Failed ")?;
    let (user, peer) = login(rest)?;
    let (user, is_unknown) = plain(user);
    let offers = ["publickey", "hostbased", "gssapi", "none"].iter().any(|method| rest.starts_with(method));
    let said = match (offers, is_unknown) {
        (true, true) if !rest.starts_with("none") => Said::FailedOnce(Teller::NoUser),
        (true, _) => Said::Other,
        (false, _) => Said::Failed(Teller::Server, 1),
    };
    Some(Told::new(said, peer, user))
}

/// `Invalid user x from 192.0.2.1 port 42`, `input_userauth_request: invalid user x`.
fn no_user(message: &str, _: bool) -> Option<Told<'_>> {
    if let Some(user) = message.strip_prefix("input_userauth_request: invalid user ") {
        return Some(Told::new(Said::FailedOnce(Teller::NoUser), Peer::Unknown, user));
    }
    let rest = message.strip_prefix("Invalid user ").or_else(|| message.strip_prefix("Illegal user "))?;
    // An empty name leaves two blanks, one of which ends the words before it.
    let (user, peer) = from(rest).unwrap_or((rest, Peer::Unknown));
    Some(Told { no_such_user: true, ..Told::new(Said::Failed(Teller::NoUser, 1), peer, user) })
}

/// `User x from 192.0.2.1 not allowed because …`, `ROOT LOGIN REFUSED FROM 192.0.2.1`, `refused connect from x@h (192.0.2.1)`.
fn refused(message: &str, _: bool) -> Option<Told<'_>> {
    let refusal = |peer, user| Some(Told::new(Said::Failed(Teller::Refusal, 1), peer, user));
    if let Some(rest) = message.strip_prefix("User ") {
        let (before, _) = rest.rsplit_once(" not allowed because ")?;
        let (user, peer) = from(before).unwrap_or((before, Peer::Unknown));
        return refusal(peer, user);
    }
    if message.starts_with("ROOT LOGIN REFUSED") {
        let (_, place) = place(message).filter(|(before, _)| before.ends_with(" FROM"))?;
        return refusal(Peer::of(place), "root");
    }
    if message.starts_with("refused connect from ") {
        let (_, last) = message.rsplit_once(' ')?;
        let inner = last.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        return refusal(Peer::of(inner.unwrap_or(last.rsplit_once('@').map_or(last, |(_, host)| host))), "");
    }
    let user = message.strip_prefix("Access denied for user ")?;
    let (user, _) = user.split_once(" by PAM account configuration")?;
    refusal(Peer::Unknown, user)
}

/// `PAM: Authentication failure for illegal user x from 192.0.2.1`: whatever PAM calls it, in whatever case.
fn of_pam(message: &str, _: bool) -> Option<Told<'_>> {
    let rest = message.strip_prefix("PAM: ").or_else(|| {
        let is_failure = ["uthentication failure for ", "uthentication error for ", "uthentication failed for "];
        is_failure.iter().any(|words| message.get(1..).is_some_and(|rest| rest.starts_with(words))).then_some(message)
    })?;
    let (before, peer) = from(rest)?;
    let (words, user) = before.split_once(" for ")?;
    let (user, _) = plain(user);
    let no_such_user = words.starts_with("User not known");
    Some(Told { no_such_user, ..Told::new(Said::Failed(Teller::Pam, 1), peer, user) })
}

/// `maximum authentication attempts exceeded for x from 192.0.2.1 port 42 ssh2`, `Disconnecting: Too many authentication failures for x`,
/// `Received disconnect from 192.0.2.1: 3: …: Auth fail`.
fn cut_off(message: &str, _: bool) -> Option<Told<'_>> {
    const TOO_MANY: &str = ": Too many authentication failures";
    const CHANGED: &str = ": Change of username or service not allowed: (";
    fn cut<'a>(peer: Peer<'a>, user: &'a str) -> Option<Told<'a>> {
        Some(Told::new(Said::FailedOnce(Teller::CutOff), peer, plain(user).0))
    }
    if message.starts_with("maximum authentication attempts exceeded for ") {
        let (user, peer) = login(message)?;
        return cut(peer, user);
    }
    if let Some(rest) = message.strip_prefix("Received disconnect from ").filter(|rest| rest.ends_with(": Auth fail")) {
        let (place, _) = rest.split_once(' ')?;
        return cut(Peer::of(place.trim_end_matches(':')), "");
    }
    let rest = message.strip_prefix("Disconnecting")?;
    if let Some(user) = rest.strip_prefix(TOO_MANY) {
        return cut(Peer::Unknown, user.strip_prefix(" for ").unwrap_or_default());
    }
    // Two names follow in brackets: one that looks like the server's words hides the place.
    let said_once = rest.matches(CHANGED).take(2).count() == 1;
    let before = rest.strip_suffix(TOO_MANY).or_else(|| rest.split_once(CHANGED).filter(|_| said_once).map(|(before, _)| before))?;
    let (before, at) = place(before)?;
    let user = [" authenticating user ", " invalid user "].iter().find_map(|words| before.strip_prefix(words)).unwrap_or_default();
    cut(Peer::of(at), user)
}

/// `Accepted publickey for x from 192.0.2.1 port 42 ssh2: ED25519 SHA256:…`.
fn accepted(message: &str, _: bool) -> Option<Told<'_>> {
    let (user, peer) = login(message.strip_prefix("Accepted ")?)?;
    Some(Told::new(Said::Accepted, peer, user))
}

/// What ends a connection: before it logged in, where `[preauth]` follows, or after.
fn closed(message: &str, before_login: bool) -> Option<Told<'_>> {
    const ENDS: &[&str] = &["Connection closed by ", "Connection reset by ", "Disconnected from "];
    let end = if before_login { Said::Closed } else { Said::LoggedOut };
    if let Some(rest) = message.strip_prefix("Received disconnect from ") {
        let place = rest.split([' ', ';']).next()?.trim_end_matches(':');
        return Some(Told::new(end, Peer::of(place), ""));
    }
    let rest = ENDS.iter().find_map(|words| message.strip_prefix(words))?;
    let (before, at) = place(rest)?;
    let peer = Some(Peer::of(at)).filter(|peer| matches!(peer, Peer::Address(_))).unwrap_or_default();
    // An empty name leaves the words alone.
    let user = ["authenticating user", "invalid user"].iter().find_map(|words| before.strip_prefix(words));
    Some(Told::new(end, peer, user.unwrap_or_default()))
}

/// `Did not receive identification string from 192.0.2.1`, `Unable to negotiate with 192.0.2.1 port 42: …` and the like: a connection
/// that ends before anybody gave a name.
fn looked(message: &str, _: bool) -> Option<Told<'_>> {
    const AT_END: &[&str] = &["Did not receive identification string", "Bad protocol version identification"];
    const AFTER: &[&str] = &[
        "Unable to negotiate with ",
        "banner exchange: Connection from ",
        "ssh_dispatch_run_fatal: Connection from ",
        "Protocol major versions differ for ",
        "Timeout before authentication for connection from ",
        "Timeout before authentication for ",
    ];
    const ALONE: &[&str] = &[
        "kex_exchange_identification: ",
        "Unable to negotiate a ",
        "no matching ",
        "Read from socket failed: ",
        "ssh_exchange_identification: ",
        "banner exchange: ",
        "banner line contains invalid characters",
    ];
    let look = |peer| Some(Told::new(Said::Closed, peer, ""));
    if AT_END.iter().any(|words| message.starts_with(words)) {
        return look(from(message)?.1);
    }
    if let Some(rest) = AFTER.iter().find_map(|words| message.strip_prefix(words)) {
        return look(Peer::of(rest.split([' ', ',']).next()?.trim_end_matches(':')));
    }
    ALONE.iter().any(|words| message.starts_with(words)).then(|| Told::new(Said::Closed, Peer::Unknown, ""))
}

/// `drop connection #3 from [192.0.2.1]:42 on [192.0.2.9]:22 past MaxStartups`: said by the process that serves nobody.
fn dropped(message: &str, _: bool) -> Option<Told<'_>> {
    let rest = message.strip_prefix("drop connection #")?;
    let (_, rest) = rest.split_once(" from [")?;
    Some(Told::new(Said::Dropped, Peer::of(rest.split(']').next()?), ""))
}

/// Lines that say no more than which client a connection is of.
fn mentioned(message: &str, _: bool) -> Option<Told<'_>> {
    let peer = if let Some(rest) = message.strip_prefix("Connection from ").or_else(|| message.strip_prefix("Address ")) {
        Peer::of(rest.split(' ').next()?)
    } else if message.starts_with("reverse mapping checking ") {
        let (before, _) = message.rsplit_once("] failed")?;
        Peer::of(before.rsplit_once('[')?.1)
    } else if message.starts_with("Postponed ") || message.starts_with("Partial ") {
        login(message)?.1
    } else {
        return None;
    };
    Some(Told { peer, ..Told::default() })
}

/// What Dropbear says: `Bad password attempt for 'x' from 192.0.2.1:42`, `Login attempt for nonexistent user from 192.0.2.1:42`,
/// `Password auth succeeded for 'x' from 192.0.2.1:42`, `Exit before auth from <192.0.2.1:42>: …`.
pub(super) fn dropbear(message: &str) -> Told<'_> {
    dropbear_login(message).unwrap_or_default()
}

fn dropbear_login(message: &str) -> Option<Told<'_>> {
    if let Some(rest) = message.strip_prefix("Exit before auth from <") {
        let (place, _) = rest.split_once('>')?;
        return Some(Told::new(Said::Closed, with_port(place), ""));
    }
    if let Some(rest) = message.strip_prefix("Child connection from ") {
        return Some(Told { peer: with_port(rest), ..Told::default() });
    }
    let (before, place) = message.rsplit_once(" from ")?;
    let peer = with_port(place);
    let (words, user) = before.split_once(" '").map_or((before, ""), |(words, user)| (words, user.trim_end_matches('\'')));
    let is_failure = ["Bad password attempt for", "Bad PAM password attempt for"].contains(&words);
    match words {
        _ if is_failure => Some(Told::failed(peer, user)),
        "Login attempt for nonexistent user" | "Login attempt with wrong user" => {
            Some(Told { no_such_user: true, ..Told::new(Said::Failed(Teller::Server, 1), peer, user) })
        }
        words if words.contains(" auth succeeded for") => Some(Told::new(Said::Accepted, peer, user)),
        _ => None,
    }
}

/// `192.0.2.1:42`.
fn with_port(place: &str) -> Peer<'_> {
    Peer::of(place.rsplit_once(':').map_or(place, |(host, _)| host))
}

#[cfg(test)]
mod tests;
