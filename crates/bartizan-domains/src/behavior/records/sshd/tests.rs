//! Every wording, and who may not forge another.

use super::{Peer, Said, Teller, told};

use Teller::{CutOff, NoUser, Pam, Refusal, Server};

const A: &str = "192.0.2.1";

/// What a message tells, its client and its user.
fn assert_told(cases: &[(&str, Said, &str, &str)]) {
    for (message, said, peer, user) in cases {
        let told = told(message, false);
        assert_eq!((told.said, &told.peer, told.user.as_ref()), (*said, &Peer::of(peer), *user), "{message}");
    }
}

#[test]
fn failures_of_every_wording() {
    let (failed, once) = (|teller| Said::Failed(teller, 1), Said::FailedOnce);
    assert_told(&[
        ("Failed password for root from 192.0.2.1 port 42 ssh2", failed(Server), A, "root"),
        ("Failed password for root from 192.0.2.1 port 42 ssh1", failed(Server), A, "root"),
        ("Failed password for root from 192.0.2.1 port 42", failed(Server), A, "root"),
        ("Failed password for invalid user a b c from 2001:db8::1 port 42 ssh2", failed(Server), "2001:db8::1", "a b c"),
        ("Failed password for illegal user x from fe80::1%em0 port 42 ssh2", failed(Server), "fe80::1", "x"),
        ("Failed password for root from UNKNOWN port 65535 ssh2", failed(Server), "", "root"),
        ("Failed password for root from h.example port 42 ssh2", failed(Server), "h.example", "root"),
        ("Failed keyboard-interactive for <invalid username> from 192.0.2.1 port 42 ssh2", failed(Server), A, ""),
        ("Failed keyboard-interactive/pam for invalid user x from 192.0.2.1 port 42 ssh2", failed(Server), A, "x"),
        ("Failed publickey for invalid user x from 192.0.2.1 port 42 ssh2: RSA SHA256:abc", once(NoUser), A, "x"),
        ("Failed publickey for x from 192.0.2.1 port 42 ssh2: RSA SHA256:abc", Said::Other, A, "x"),
        ("Failed none for invalid user x from 192.0.2.1 port 42 ssh2", Said::Other, A, "x"),
        ("Invalid user ann from 192.0.2.1", failed(NoUser), A, "ann"),
        ("Invalid user ann b from 192.0.2.1 port 42", failed(NoUser), A, "ann b"),
        ("Invalid user  from 192.0.2.1 port 42", failed(NoUser), A, ""),
        ("Illegal user ann from ::ffff:192.0.2.1", failed(NoUser), A, "ann"),
        ("input_userauth_request: invalid user ann [preauth]", once(NoUser), "", "ann"),
        ("User root from 192.0.2.1 not allowed because not listed in AllowUsers", failed(Refusal), A, "root"),
        ("User root from 192.0.2.1 not allowed because listed in DenyUsers [preauth]", failed(Refusal), A, "root"),
        ("User root from h.example not allowed because not in any group", failed(Refusal), "h.example", "root"),
        ("User root from 192.0.2.1 not allowed because a group is listed in DenyGroups", failed(Refusal), A, "root"),
        ("User root from 192.0.2.1 not allowed because none of user's groups are listed in AllowGroups", failed(Refusal), A, "root"),
        ("User root not allowed because account is locked", failed(Refusal), "", "root"),
        ("User www not allowed because shell /bin/none does not exist", failed(Refusal), "", "www"),
        ("ROOT LOGIN REFUSED FROM 192.0.2.1", failed(Refusal), A, "root"),
        ("ROOT LOGIN REFUSED FROM 192.0.2.1 port 42 [preauth]", failed(Refusal), A, "root"),
        ("refused connect from x@192.0.2.7 (192.0.2.1)", failed(Refusal), A, ""),
        ("refused connect from 192.0.2.1", failed(Refusal), A, ""),
        ("fatal: Access denied for user ann by PAM account configuration [preauth]", failed(Refusal), "", "ann"),
        ("error: PAM: Authentication failure for ann from 192.0.2.1", failed(Pam), A, "ann"),
        ("error: PAM: authentication error for illegal user ann from 192.0.2.1", failed(Pam), A, "ann"),
        ("error: PAM: authentication error for ann from h.example via 192.0.2.9", failed(Pam), "h.example", "ann"),
        ("error: PAM: User not known to the underlying authentication module for illegal user x from 192.0.2.1 ", failed(Pam), A, "x"),
        ("error: PAM: Permission denied for x from 192.0.2.1 [preauth]", failed(Pam), A, "x"),
        ("authentication failure for x from 192.0.2.1", failed(Pam), A, "x"),
        ("error: maximum authentication attempts exceeded for invalid user x from 192.0.2.1 port 42 ssh2 [preauth]", once(CutOff), A, "x"),
        ("Disconnecting: Too many authentication failures for root [preauth]", once(CutOff), "", "root"),
        ("Disconnecting: Too many authentication failures [preauth]", once(CutOff), "", ""),
        ("Disconnecting authenticating user root 192.0.2.1 port 42: Too many authentication failures [preauth]", once(CutOff), A, "root"),
        (
            "Disconnecting invalid user x 192.0.2.1 port 42: Change of username or service not allowed: (x,ssh) -> (y,ssh) [preauth]",
            once(CutOff),
            A,
            "x",
        ),
        ("error: Received disconnect from 192.0.2.1: 3: com.example.Error: Auth fail [preauth]", once(CutOff), A, ""),
        ("Received disconnect from 192.0.2.1 port 42:3: com.example.Error: Auth fail", once(CutOff), A, ""),
    ]);
}

#[test]
fn what_is_no_failure() {
    assert_told(&[
        ("Accepted publickey for ann from 192.0.2.1 port 42 ssh2: ED25519 SHA256:abc", Said::Accepted, A, "ann"),
        ("Accepted password for ann from 2001:db8::1 port 42 ssh2", Said::Accepted, "2001:db8::1", "ann"),
        ("Connection closed by authenticating user root 192.0.2.1 port 42 [preauth]", Said::Closed, A, "root"),
        ("Connection closed by invalid user  192.0.2.1 port 42 [preauth]", Said::Closed, A, ""),
        ("Connection reset by authenticating user root 192.0.2.1 port 42 [preauth]", Said::Closed, A, "root"),
        ("Connection closed by 192.0.2.1 [preauth]", Said::Closed, A, ""),
        ("Connection closed by 192.0.2.1 port 42", Said::LoggedOut, A, ""),
        ("Disconnected from authenticating user root 192.0.2.1 port 42 [preauth]", Said::Closed, A, "root"),
        ("Disconnected from user ann 192.0.2.1 port 42", Said::LoggedOut, A, ""),
        ("Received disconnect from 192.0.2.1: 11: Bye Bye [preauth]", Said::Closed, A, ""),
        ("Received disconnect from 192.0.2.1 port 42:14: No supported authentication methods available [preauth]", Said::Closed, A, ""),
        ("Received disconnect from 192.0.2.1 port 42:11: disconnected by user", Said::LoggedOut, A, ""),
        ("Did not receive identification string from 192.0.2.1 port 42", Said::Closed, A, ""),
        ("Bad protocol version identification 'GET / HTTP/1.0' from 192.0.2.1 port 42", Said::Closed, A, ""),
        ("fatal: Unable to negotiate with 192.0.2.1 port 42: no matching cipher found. Their offer: x [preauth]", Said::Closed, A, ""),
        ("fatal: Unable to negotiate a key exchange method [preauth]", Said::Closed, "", ""),
        ("banner exchange: Connection from 192.0.2.1 port 42: invalid format", Said::Closed, A, ""),
        ("error: kex_exchange_identification: banner line contains invalid characters", Said::Closed, "", ""),
        ("fatal: Timeout before authentication for 192.0.2.1 port 42", Said::Closed, A, ""),
        ("fatal: Timeout before authentication for connection from 192.0.2.1 to 192.0.2.9, pid = 7", Said::Closed, A, ""),
        ("drop connection #10 from [192.0.2.1]:42 on [192.0.2.9]:22 past MaxStartups", Said::Dropped, A, ""),
        ("drop connection #0 from [2001:db8::1]:42 on [::]:22 penalty: failed authentication", Said::Dropped, "2001:db8::1", ""),
        ("srclimit_penalise: ipv4: new 192.0.2.1/32 deferred penalty of 5 seconds for penalty: failed authentication", Said::Other, "", ""),
        ("Connection from 192.0.2.1 port 42 on 192.0.2.9 port 22 rdomain \"\"", Said::Other, A, ""),
        ("reverse mapping checking getaddrinfo for a.example [192.0.2.1] failed - POSSIBLE BREAK-IN ATTEMPT!", Said::Other, A, ""),
        ("Address 192.0.2.1 maps to a.example, but this does not map back to the address", Said::Other, A, ""),
        ("Postponed keyboard-interactive for jane from 192.0.2.1 port 42 ssh2 [preauth]", Said::Other, A, ""),
        ("Server listening on 0.0.0.0 port 22.", Said::Other, "", ""),
        ("", Said::Other, "", ""),
    ]);
}

#[test]
fn no_name_forges_an_address() {
    let failed = |teller| Said::Failed(teller, 1);
    let closed = "Connection closed by invalid user x from 6.6.6.6 port 1 192.0.2.1 port 42 [preauth]";
    assert_told(&[
        (
            "Failed password for invalid user x from 6.6.6.6 port 1 ssh2 from 192.0.2.1 port 42 ssh2",
            failed(Server),
            A,
            "x from 6.6.6.6 port 1 ssh2",
        ),
        ("Failed password for x from 6.6.6.6 port 1 ssh2: from 192.0.2.1 port 42 ssh2", failed(Server), A, "x from 6.6.6.6 port 1 ssh2:"),
        ("Failed password for user from 192.0.2.1 port 42 ssh1: ruser from 6.6.6.6", failed(Server), A, "user"),
        (
            "Failed publickey for x from 6.6.6.6 port 1 ssh2: y from 192.0.2.1 port 42 ssh2: RSA SHA256:abc",
            Said::Other,
            A,
            "x from 6.6.6.6 port 1 ssh2: y",
        ),
        ("Invalid user x from 6.6.6.6 port 7 from 192.0.2.1 port 42", failed(NoUser), A, "x from 6.6.6.6 port 7"),
        (
            "Invalid user x\\012Jan  1 00:00:00 h sshd[1]: Failed password for y from 6.6.6.6 from 192.0.2.1",
            failed(NoUser),
            A,
            "x\\012Jan  1 00:00:00 h sshd[1]: Failed password for y from 6.6.6.6",
        ),
        (
            "Invalid user Accepted password for root from 6.6.6.6 port 1 ssh2 from 192.0.2.1 port 2",
            failed(NoUser),
            A,
            "Accepted password for root from 6.6.6.6 port 1 ssh2",
        ),
        (closed, Said::Closed, A, "x from 6.6.6.6 port 1"),
        ("Received disconnect from 192.0.2.1: 11: from 6.6.6.6 [preauth]", Said::Closed, A, ""),
        ("Bad protocol version identification 'x' from 6.6.6.6' from 192.0.2.1 port 42", Said::Closed, A, ""),
        ("error: PAM: Authentication failure for illegal user x from 6.6.6.6 from 192.0.2.1", failed(Pam), A, "x from 6.6.6.6"),
        ("refused connect from (6.6.6.6)@(6.6.6.6) (192.0.2.1)", failed(Refusal), A, ""),
        ("Unable to negotiate with 192.0.2.1 port 42: no matching cipher found. Their offer: from 6.6.6.6 port 1", Said::Closed, A, ""),
        (
            "Disconnecting invalid user 6.6.6.6 port 1: Too many authentication failures 192.0.2.1 port 42: Too many authentication failures [preauth]",
            Said::FailedOnce(CutOff),
            A,
            "6.6.6.6 port 1: Too many authentication failures",
        ),
    ]);
    let changed = "Disconnecting invalid user x 6.6.6.6 port 1: Change of username or service not allowed: (x,y) 192.0.2.1 port 42: Change of username or service not allowed: (x,s) -> (y,s)";
    assert_eq!(told(changed, false).peer, Peer::Unknown, "two places, either of which may be forged");
}

#[test]
fn modules_of_pam_are_read_under_any_name() {
    let module = Said::Failed(Teller::Module(super::super::told::Module::Unix), 1);
    let fields = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root";
    for (message, by_module) in [(format!("pam_unix(sshd:auth): {fields}"), false), (fields.to_owned(), true)] {
        let told = told(&message, by_module);
        assert_eq!((told.said, told.peer, told.user.as_ref()), (module, Peer::of(A), "root"), "{message}");
    }
    assert!(told("pam_unix(sshd:auth): check pass; user unknown", false).no_such_user);
}

#[test]
fn dropbear_is_read() {
    for (message, said, user) in [
        ("Bad password attempt for 'root' from 192.0.2.1:42", Said::Failed(Server, 1), "root"),
        ("Bad password attempt for 'x' from 6.6.6.6:1' from 192.0.2.1:42", Said::Failed(Server, 1), "x' from 6.6.6.6:1"),
        ("Login attempt for nonexistent user from 192.0.2.1:42", Said::Failed(Server, 1), ""),
        ("Password auth succeeded for 'root' from 192.0.2.1:42", Said::Accepted, "root"),
        ("Exit before auth from <192.0.2.1:42>: Max auth tries reached - user 'root'", Said::Closed, ""),
        ("Child connection from 192.0.2.1:42", Said::Other, ""),
        ("Running in background", Said::Other, ""),
    ] {
        let told = super::dropbear(message);
        assert_eq!((told.said, told.user.as_ref()), (said, user), "{message}");
        assert!(told.peer == Peer::of(A) || said == Said::Other, "{message}");
    }
}
