//! What `sudo`, `su` and `login` say of users of the machine who fail to become somebody else, or to log in at a terminal.

use super::told::{Peer, Said, Teller, Told};

/// Who asked, and what came of it.
type Asked<'a> = (&'a str, Told<'a>);

fn failed<'a>(asker: &'a str, user: &'a str, times: u32) -> Asked<'a> {
    (asker, Told::new(Said::Failed(Teller::Server, times), Peer::Unknown, user))
}

/// `ann : 3 incorrect password attempts ; TTY=pts/0 ; …`: nothing was run.
pub(super) fn sudo(message: &str) -> Option<Asked<'_>> {
    let (asker, rest) = message.split_once(" : ")?;
    let asker = asker.trim();
    if rest.starts_with("a password is required") {
        return Some((asker, Told::default()));
    }
    let (times, _) = rest.split_once(" incorrect password attempt")?;
    Some(failed(asker, asker, times.trim().parse().ok()?))
}

/// Failures of `su` and of `login`, as the various systems say them.
pub(super) fn told(message: &str) -> Option<Asked<'_>> {
    let message = message.trim();
    // Linux: `FAILED SU (to root) ann on pts/0`.
    if let Some((user, rest)) = message.strip_prefix("FAILED SU (to ").and_then(|rest| rest.split_once(") ")) {
        let (asker, _) = rest.rsplit_once(" on ")?;
        return Some(failed(asker, user, 1));
    }
    // Debian: `FAILED su for root by ann`, and beside it `- /dev/pts/0 ann:root`.
    if let Some((user, asker)) = message.strip_prefix("FAILED su for ").and_then(|rest| rest.rsplit_once(" by ")) {
        return Some(failed(asker, user, 1));
    }
    if let Some((_, names)) = message.strip_prefix("- ").and_then(|rest| rest.split_once(' ')) {
        let (asker, user) = names.split_once(':')?;
        return Some((asker, Told::new(Said::Failed(Teller::Refusal, 1), Peer::Unknown, user)));
    }
    // The BSDs: `BAD SU ann to root on /dev/ttyp0`.
    if let Some(rest) = message.strip_prefix("BAD SU ") {
        let (names, _) = rest.rsplit_once(" on ")?;
        let (asker, user) = names.split_once(" to ")?;
        return Some(failed(asker, user, 1));
    }
    // Solaris: `'su root' failed for ann on /dev/pts/3`.
    if let Some((user, rest)) = message.strip_prefix("'su ").and_then(|rest| rest.split_once("' failed for ")) {
        let (asker, _) = rest.rsplit_once(" on ")?;
        return Some(failed(asker, user, 1));
    }
    login(message)
}

/// `FAILED LOGIN (1) on '/dev/tty1' FOR 'root', …`, `FAILED LOGIN 1 FROM 192.0.2.1 FOR root, …`, `1 LOGIN FAILURE FROM 192.0.2.1, root`.
fn login(message: &str) -> Option<Asked<'_>> {
    if let Some(rest) = message.strip_prefix("FAILED LOGIN ") {
        let (number, rest) = rest.split_once(' ')?;
        number.trim_matches(['(', ')']).parse::<u32>().ok()?;
        let (place, user) = rest.split_once(" FOR ")?;
        let user = user.rsplit_once(", ").map_or(user, |(user, _)| user).trim_matches('\'');
        let peer = place.strip_prefix("FROM ").map_or(Peer::Unknown, Peer::of);
        return Some((user, Told::new(Said::Failed(Teller::Server, 1), peer, user)));
    }
    let (times, rest) = message.split_once(" LOGIN FAILURE")?;
    let (place, user) = rest.split_once(", ").unwrap_or((rest, ""));
    let peer = place.trim_start_matches('S').strip_prefix(" FROM ").map_or(Peer::Unknown, Peer::of);
    Some((user, Told::new(Said::Failed(Teller::Server, times.parse().ok()?), peer, user)))
}

#[cfg(test)]
mod tests {
    use super::{Peer, Said, Teller, sudo, told};

    #[test]
    fn failures_are_told_by_who_asked() {
        for (message, asker, user) in [
            ("FAILED SU (to root) ann on pts/0", "ann", "root"),
            ("FAILED su for root by ann", "ann", "root"),
            ("BAD SU ann to root on /dev/ttyp0", "ann", "root"),
            ("'su root' failed for ann on /dev/pts/3", "ann", "root"),
            ("FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure", "root", "root"),
        ] {
            let (by, told) = told(message).unwrap();
            assert_eq!((by, told.user.as_ref(), told.said), (asker, user, Said::Failed(Teller::Server, 1)), "{message}");
        }
        let (_, from) = told("FAILED LOGIN 2 FROM 192.0.2.1 FOR root, Authentication failure").unwrap();
        assert_eq!((from.peer, from.user.as_ref()), (Peer::of("192.0.2.1"), "root"));
        let (_, many) = told("3 LOGIN FAILURES FROM 192.0.2.1, root").unwrap();
        assert_eq!((many.said, many.peer), (Said::Failed(Teller::Server, 3), Peer::of("192.0.2.1")));
        for message in
            ["", "FAILED SU", "(to root) ann on pts/0", "ann to root on /dev/ttyp0", "+ /dev/pts/0 ann:root", "FAILED LOGIN x", "- "]
        {
            assert!(told(message).is_none(), "{message}");
        }
        let (asker, tried) = sudo("     ann : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls").unwrap();
        assert_eq!((asker, tried.said), ("ann", Said::Failed(Teller::Server, 3)));
        assert!(sudo("ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls").is_none());
        assert_eq!(sudo("ann : a password is required ; TTY=pts/0 ; COMMAND=/bin/ls").unwrap().1.said, Said::Other);
    }
}
