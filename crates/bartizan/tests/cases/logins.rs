//! Logs of logins: every wording of a failure, every header, and bytes that attackers choose to hide behind.

use crate::fixture::{Checks, TWO, Trained};
use serde_json::json;
use std::fmt::Write as _;

const FAILED: &str = "Failed password for jane from CLIENT port PORT ssh2";
const PAM: &str = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=CLIENT";

fn bsd(second: u32) -> String {
    format!("Dec 21 20:{:02}:{:02} web1 sshd[{}]: ", second / 60, second % 60, 5_000 + second)
}

fn busybox(second: u32) -> String {
    bsd(second).replace("web1 sshd", "web1 auth.info sshd")
}

fn rfc_5424(second: u32, middle: &str) -> String {
    format!("2024-03-06T10:{:02}:{:02}.95-04:00 {middle} ", second / 60, second % 60).replace("PROCESS", &(5_000 + second).to_string())
}

/// 120 connections in as many seconds, each with these messages.
fn connections(header: impl Fn(u32) -> String, messages: &[&str]) -> String {
    let mut log = String::new();
    for second in 0..120 {
        for message in messages {
            let message = message.replace("CLIENT", TWO).replace("PORT", &(40_000 + second).to_string());
            writeln!(log, "{}{message}", header(second)).unwrap();
        }
    }
    log
}

/// The journal as JSON: messages that are no text are lists of bytes.
fn journal(message: impl Fn(String) -> serde_json::Value) -> String {
    let lines = connections(|second| format!("{second} "), &[FAILED]);
    let entry = |line: &str| {
        let (second, text) = line.split_once(' ').unwrap();
        let second: u32 = second.parse().unwrap();
        let micros = 1_709_719_200_000_000 + u64::from(second) * 1_000_000;
        json!({
            "__REALTIME_TIMESTAMP": micros.to_string(), "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sshd",
            "_PID": (5_000 + second).to_string(), "MESSAGE": message(text.to_owned()),
        })
    };
    lines.lines().map(|line| format!("{}\n", entry(line))).collect()
}

#[test]
fn every_wording_and_header_of_a_failure_counts_once() {
    let trained = Trained::generated("behavior");
    let mut checks = Checks::default();
    let module = format!("pam_unix(sshd:auth): {PAM}  user=jane");
    let second_module = format!("pam_sss(sshd:auth): {PAM} user=jane");
    let long = format!("5001 ID47 [a@32473 x=\"1\" y=\"a\\\"]b\"][b z=\"2\"] \u{feff}{FAILED}");
    for (name, text) in [
        ("a password", connections(bsd, &[FAILED])),
        ("RFC 3164 with a priority", connections(|s| format!("<38>{}", bsd(s)), &[FAILED])),
        ("BusyBox", connections(busybox, &[FAILED])),
        ("BusyBox, another facility", connections(|s| busybox(s).replace("auth.info", "authpriv.warn"), &[FAILED])),
        ("BusyBox without a host", connections(|s| busybox(s).replace("web1 ", ""), &[FAILED])),
        (
            "BusyBox's dropbear",
            connections(|s| busybox(s).replace("sshd", "dropbear"), &["Bad password attempt for 'root' from CLIENT:PORT"]),
        ),
        (
            "PAM with a second factor",
            connections(
                bsd,
                &[
                    "error: PAM: Authentication failure for jane from CLIENT",
                    "Postponed keyboard-interactive for jane from CLIENT port PORT ssh2 [preauth]",
                    "Connection closed by authenticating user jane CLIENT port PORT [preauth]",
                ],
            ),
        ),
        ("PAM, a locked account", connections(bsd, &["error: PAM: User account has expired for jane from CLIENT"])),
        ("PAM's module alone", connections(bsd, &[&module])),
        ("two modules and the server", connections(bsd, &[&module, &second_module, FAILED])),
        ("a keyboard", connections(bsd, &["Failed keyboard-interactive/pam for jane from CLIENT port PORT ssh2"])),
        ("FreeBSD", connections(bsd, &["error: PAM: authentication error for illegal user mary from CLIENT"])),
        ("FreeBSD, a user it has", connections(bsd, &["error: PAM: authentication error for mary from CLIENT"])),
        ("a user with blanks", connections(bsd, &["Failed password for invalid user a b from CLIENT port PORT ssh2"])),
        (
            "a user that holds an address",
            connections(bsd, &["Failed password for invalid user x from 192.0.2.66 port 1 ssh2 from CLIENT port PORT ssh2"]),
        ),
        ("a user without a name", connections(bsd, &["Failed password for invalid user  from CLIENT port PORT ssh2"])),
        ("AllowUsers", connections(bsd, &["User root from CLIENT not allowed because not listed in AllowUsers"])),
        ("a newer server", connections(|s| bsd(s).replace("sshd[", "sshd-session["), &[FAILED])),
        ("RFC 5424", connections(|s| format!("<38>1 {}", rfc_5424(s, "fw.example sshd PROCESS - -")), &[FAILED])),
        (
            "RFC 5424 of FreeBSD",
            connections(
                |s| format!("<38>1 {}", rfc_5424(s, "fw.example sshd PROCESS - -")),
                &["error: PAM: authentication error for root from CLIENT"],
            ),
        ),
        ("RFC 5424 with data and a mark", connections(|s| format!("<38>1 {}", rfc_5424(s, "fw.example sshd")), &[&long])),
        ("RFC 5424 with nothing known", connections(|s| format!("<38>1 {}", rfc_5424(s, "- sshd - - -")), &[FAILED])),
        ("the time of RFC 3339 in the old header", connections(|s| rfc_5424(s, "web1 sshd[PROCESS]:"), &[FAILED])),
        ("lines that were repeated", {
            let repeated = format!("message repeated 119 times: [ {FAILED}]");
            connections(bsd, &[FAILED, &repeated]).lines().take(2).map(|line| format!("{line}\n")).collect()
        }),
        ("the journal", journal(serde_json::Value::String)),
        ("the journal, as bytes", journal(|text| json!(text.into_bytes()))),
        (
            "the journal's text with its own time",
            connections(|s| rfc_5424(s, "web1 sshd[PROCESS]:").replace(".95-04:00", "-0400"), &[FAILED]),
        ),
        ("a leap second", connections(|s| bsd(s).replace("Dec 21 20:00:59", "Dec 21 20:00:60"), &[FAILED])),
        ("a container", connections(|s| format!("{}stdout F {}", rfc_5424(s, ""), bsd(s)).replace("  stdout", " stdout"), &[FAILED])),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        let (read, skipped, _) = scored.met();
        checks.equal(name, (scored.code, read, skipped), (Some(0), 1, 0), &scored.said);
        checks.equal(name, scored.worst(), (TWO, "BruteForce", 120), &scored.document["findings"]);
    }
    checks.end();
}

/// A session of Cowrie in which a hundred passwords fail, each under this name, written as it stands.
fn cowrie(name: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    for second in 0..=100_u32 {
        let start =
            format!(r#""src_ip": "{TWO}", "session": "s1", "timestamp": "2024-03-06T10:{:02}:{:02}.500000Z""#, second / 60, second % 60);
        if second == 0 {
            log.extend(format!("{{\"eventid\": \"cowrie.session.connect\", {start}, \"src_port\": 4000}}\n").bytes());
        } else {
            log.extend(format!("{{\"eventid\": \"cowrie.login.failed\", {start}, \"username\": \"").bytes());
            log.extend(name);
            log.extend(format!("\", \"password\": \"p{second}\"}}\n").bytes());
        }
    }
    log
}

#[test]
fn bytes_that_an_attacker_sends_hide_nothing_in_a_honeypot() {
    let trained = Trained::generated("behavior");
    let mut checks = Checks::default();
    for (name, user) in [
        ("plain", &b"root"[..]),
        ("a low surrogate", b"root\\udce9"),
        ("a high one", b"\\ud800root"),
        ("both the wrong way", b"\\udc00\\ud800"),
        ("a whole pair", b"\\ud83d\\ude00"),
        ("bytes that are no UTF-8", b"root\xe9\xff"),
        ("a character cut in its middle", b"root\xe2\x82"),
        ("NUL, escaped", b"ro\\u0000ot"),
        ("NUL as it is", b"ro\0ot"),
        ("control characters", b"ro\x01\x1b[2Jot"),
        ("a tab", b"ro\tot"),
        ("quotes and braces, escaped", b"\\\"}{\\\\"),
        ("an escape that is none", b"ro\\xot"),
        ("fields of another event", b"x\\\", \\\"src_ip\\\": \\\"192.0.2.66"),
    ] {
        let scored = trained.score(&cowrie(user), &[]);
        checks.equal(name, (scored.code, scored.met()), (Some(0), (1, 0, "cowrie")), &scored.said);
        checks.equal(name, scored.worst(), (TWO, "BruteForce", 100), &scored.document["findings"]);
    }
    checks.end();
}
