//! Logs of logins of every system, and what their sessions come to.

use super::{SSHD, logins, read};
use crate::behavior::evidence::finding;
use crate::behavior::records::formats::FORMATS;
use crate::behavior::{AttackType, Behavior, SessionEvent};
use bartizan_core::{How, Label, Parse, ParseError, Record, Timestamp};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Failures, attempts that failed or broke off, and logins that succeeded, by client.
fn counts(text: impl AsRef<[u8]>) -> BTreeMap<String, (u32, u16, u16)> {
    let mut counts: BTreeMap<String, (u32, u16, u16)> = BTreeMap::new();
    for record in read(text.as_ref(), "auto").0 {
        let count = counts.entry(record.event.client.clone()).or_default();
        let logins = record.event.logins.unwrap();
        count.0 += u32::from(record.event.failed_logins);
        count.1 = count.1.max(logins.failed_day);
        count.2 += logins.accepted;
    }
    counts
}

fn of(client: &str, failed: u32, tried: u16, accepted: u16) -> BTreeMap<String, (u32, u16, u16)> {
    BTreeMap::from([(client.to_owned(), (failed, tried, accepted))])
}

#[test]
fn the_journal_is_read_as_it_is_exported() {
    let entry = |i: u64| {
        let time = 1_709_719_200_000_000 + i * 1_000_000;
        format!(
            "__CURSOR=s=1;i={i}\n__REALTIME_TIMESTAMP={time}\n_HOSTNAME=web1\nSYSLOG_IDENTIFIER=sshd\n_PID={}\n\
             MESSAGE=Failed password for root from 198.51.100.23 port {} ssh2\n\n",
            5_000 + i,
            40_000 + i
        )
    };
    let export: String = (0..120).map(entry).collect();
    assert_eq!(counts(&export), of("198.51.100.23", 120, 120, 0));
}

/// `count` connections in as many seconds, each of which has these messages of its own process. `P` in a message is its port.
fn connections(count: u32, header: impl Fn(u32, u32) -> String, messages: &[&str]) -> String {
    let mut log = String::new();
    for i in 0..count {
        for message in messages {
            writeln!(log, "{}{}", header(i, 5_000 + i), message.replace("PORT", &(40_000 + i).to_string())).unwrap();
        }
    }
    log
}

fn bsd(second: u32, process: u32) -> String {
    format!("Dec 21 20:{:02}:{:02} web1 sshd[{process}]: ", second / 60, second % 60)
}

#[test]
fn attempts_count_once_whatever_the_system_says_of_them() {
    let pam = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.23";
    let busybox = |i: u32, p: u32| format!("Apr 28 13:{:02}:{:02} gw authpriv.info sshd[{p}]: ", i / 60, i % 60);
    let rfc_5424 = |i: u32, p: u32| format!("<38>1 2024-03-06T10:{:02}:{:02}.95-04:00 fw.example sshd {p} - - ", i / 60, i % 60);
    let solaris = |i: u32, p: u32| format!("{}[ID 800047 auth.info] ", bsd(i, p));
    let journal = |i: u32, p: u32| {
        let micros = 1_709_719_200_000_000 + u64::from(i) * 1_000_000;
        format!("{micros} {p} ")
    };
    type Header<'a> = &'a dyn Fn(u32, u32) -> String;
    for (name, header, messages) in [
        ("a password", &bsd as Header<'_>, vec!["Failed password for ann from 198.51.100.23 port PORT ssh2"]),
        (
            "PAM with a second factor",
            &bsd,
            vec![
                "error: PAM: Authentication failure for ann from 198.51.100.23",
                "Postponed keyboard-interactive for ann from 198.51.100.23 port PORT ssh2 [preauth]",
                "Connection closed by authenticating user ann 198.51.100.23 port PORT [preauth]",
            ],
        ),
        (
            "RHEL with two modules",
            &bsd,
            vec![
                &*format!("pam_unix(sshd:auth): {pam}  user=ann"),
                &format!("pam_sss(sshd:auth): {pam} user=ann"),
                "pam_sss(sshd:auth): received for user ann: 7 (Authentication failure)",
                "Failed password for ann from 198.51.100.23 port PORT ssh2",
                "Connection closed by authenticating user ann 198.51.100.23 port PORT [preauth]",
            ],
        ),
        (
            "a user that is none",
            &bsd,
            vec![
                "Invalid user ann from 198.51.100.23 port PORT",
                "input_userauth_request: invalid user ann [preauth]",
                "pam_unix(sshd:auth): check pass; user unknown",
                &format!("pam_unix(sshd:auth): {pam}"),
                "Failed password for invalid user ann from 198.51.100.23 port PORT ssh2",
                "Received disconnect from 198.51.100.23 port PORT:11: Bye Bye [preauth]",
                "Disconnected from invalid user ann 198.51.100.23 port PORT [preauth]",
            ],
        ),
        ("only modules", &bsd, vec![&*format!("pam_unix(sshd:auth): {pam}  user=ann")]),
        ("FreeBSD", &bsd, vec!["error: PAM: authentication error for illegal user ann from 198.51.100.23"]),
        (
            "OpenBSD",
            &bsd,
            vec![
                "Invalid user ann from 198.51.100.23 port PORT",
                "Failed password for invalid user ann from 198.51.100.23 port PORT ssh2",
                "Connection closed by invalid user ann 198.51.100.23 port PORT [preauth]",
            ],
        ),
        (
            "a locked account, in words of old",
            &bsd,
            vec![
                "User root not allowed because account is locked",
                "input_userauth_request: invalid user root [preauth]",
                "Received disconnect from 198.51.100.23: 11: Bye Bye [preauth]",
            ],
        ),
        ("keys of no user", &bsd, vec!["Failed publickey for invalid user ann from 198.51.100.23 port PORT ssh2: RSA SHA256:a"; 3]),
        (
            "too many keys",
            &bsd,
            vec![
                "Connection from 198.51.100.23 port PORT on 192.0.2.9 port 22",
                "Failed publickey for git from 198.51.100.23 port PORT ssh2: RSA SHA256:a",
                "Disconnecting: Too many authentication failures for git [preauth]",
                "Connection closed by 198.51.100.23 [preauth]",
            ],
        ),
        ("AllowUsers", &bsd, vec!["User root from 198.51.100.23 not allowed because not listed in AllowUsers"]),
        ("BusyBox", &busybox, vec!["Failed password for root from 198.51.100.23 port PORT ssh2"]),
        ("RFC 5424", &rfc_5424, vec!["error: PAM: authentication error for root from 198.51.100.23"]),
        ("Solaris", &solaris, vec!["Failed keyboard-interactive for <invalid username> from 198.51.100.23 port PORT ssh2"]),
    ] {
        let log = connections(120, header, &messages);
        assert_eq!(counts(&log), of("198.51.100.23", 120, 120, 0), "{name}");
        let windows = log.replace('\n', "\r\n");
        assert_eq!(counts(&windows), of("198.51.100.23", 120, 120, 0), "{name}");
        let sessions = read(log.as_bytes(), "auto").0;
        let attack = sessions.last().and_then(|record| finding(&record.event)).unwrap().attack;
        assert_eq!(attack, AttackType::BruteForce, "{name}");
    }
    let lines = connections(120, journal, &["Failed password for root from 198.51.100.23 port PORT ssh2"]);
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let [time, process, message] = std::array::from_fn(|_| words.next().unwrap());
        let bytes: Vec<u8> = message.bytes().collect();
        let message = if process.ends_with('7') { serde_json::json!(bytes) } else { serde_json::json!(message) };
        let entry = serde_json::json!({"__REALTIME_TIMESTAMP": time, "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sshd", "_PID": process, "MESSAGE": message});
        format!("{entry}\n")
    };
    assert_eq!(counts(lines.lines().map(entry).collect::<String>()), of("198.51.100.23", 120, 120, 0), "the journal");
}

/// A log of these messages, a second apart, each with its process.
fn log(messages: &[(u32, &str)]) -> String {
    let line = |(second, (process, message)): (u32, &(u32, &str))| format!("{}{message}\n", bsd(second, *process));
    (0..).zip(messages).map(line).collect()
}

#[test]
fn what_a_connection_comes_to() {
    let module = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1";
    let unix = format!("pam_unix(sshd:auth): {module}  user=ann");
    for (name, messages, expected) in [
        (
            "a module fails and another lets the user in",
            vec![(1, &*unix), (1, "Accepted password for ann from 192.0.2.1 port 42 ssh2")],
            (0, 0, 1),
        ),
        (
            "a module fails for one user, and another logs in",
            vec![(1, &*unix), (1, "Accepted password for bob from 192.0.2.1 port 42 ssh2")],
            (1, 1, 1),
        ),
        (
            "mistyped once",
            vec![
                (1, &*unix),
                (1, "Failed password for ann from 192.0.2.1 port 42 ssh2"),
                (1, "Accepted password for ann from 192.0.2.1 port 42 ssh2"),
            ],
            (1, 1, 1),
        ),
        (
            "keys that are offered before one is taken",
            vec![
                (1, "Failed publickey for ann from 192.0.2.1 port 42 ssh2: RSA SHA256:a"),
                (1, "Failed publickey for ann from 192.0.2.1 port 42 ssh2: RSA SHA256:b"),
                (1, "Accepted publickey for ann from 192.0.2.1 port 42 ssh2: RSA SHA256:c"),
                (1, "Connection closed by 192.0.2.1"),
            ],
            (0, 0, 1),
        ),
        (
            "keys that are not taken",
            vec![
                (1, "Failed publickey for ann from 192.0.2.1 port 42 ssh2: RSA SHA256:a"),
                (1, "Connection closed by authenticating user ann 192.0.2.1 port 42 [preauth]"),
            ],
            (0, 1, 0),
        ),
        (
            "no method left",
            vec![
                (1, "Received disconnect from 192.0.2.1 port 42:14: No supported authentication methods available [preauth]"),
                (1, "Disconnected from authenticating user root 192.0.2.1 port 42 [preauth]"),
            ],
            (0, 1, 0),
        ),
        (
            "six passwords, told of once each and summed up",
            vec![
                (1, &*unix),
                (1, "Failed password for ann from 192.0.2.1 port 42 ssh2"),
                (1, "message repeated 5 times: [ Failed password for ann from 192.0.2.1 port 42 ssh2]"),
                (1, "error: maximum authentication attempts exceeded for ann from 192.0.2.1 port 42 ssh2 [preauth]"),
                (1, "Disconnecting authenticating user ann 192.0.2.1 port 42: Too many authentication failures [preauth]"),
                (1, "PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=ann"),
            ],
            (6, 6, 0),
        ),
        (
            "what looks only",
            vec![
                (1, "error: kex_exchange_identification: Connection closed by remote host"),
                (1, "Connection closed by 192.0.2.1 port 42"),
            ],
            (0, 0, 0),
        ),
        ("what is turned away", vec![(7, "drop connection #3 from [192.0.2.1]:42 on [192.0.2.9]:22 past MaxStartups"); 3], (0, 0, 0)),
    ] {
        assert_eq!(counts(log(&messages)), BTreeMap::from([("192.0.2.1".to_owned(), expected)]), "{name}");
    }
    let looks: Vec<_> = logins(&log(&[
        (1, "error: kex_exchange_identification: banner line contains invalid characters"),
        (1, "banner exchange: Connection from 192.0.2.1 port 42: invalid format"),
    ]))
    .into_iter()
    .map(|(client, logins)| (client, logins.looks))
    .collect();
    assert_eq!(looks, [("192.0.2.1".to_owned(), 1)]);
}

#[test]
fn repeated_lines_count_as_often_as_they_were_repeated() {
    let failed = "Dec 21 20:00:00 web1 sshd[9]: Failed password for ann from 192.0.2.1 port 42 ssh2\n";
    let repeats = |host: &str, times: &str| format!("Dec 21 20:00:09 {host} last message repeated {times}\n");
    for (name, log, expected) in [
        ("four more", format!("{failed}{}", repeats("web1", "4 times")), 5),
        ("one more", format!("{failed}{}", repeats("web1", "1 time")), 2),
        ("of another host", format!("{failed}{}", repeats("web2", "4 times")), 1),
        ("of another program", format!("{failed}Dec 21 20:00:01 web1 cron[1]: x\n{}", repeats("web1", "4 times")), 1),
        ("not twice", format!("{failed}{0}{0}", repeats("web1", "4 times")), 5),
        ("said by a client", format!("{failed}Dec 21 20:00:01 web1 sshd[9]: last message repeated 4 times\n"), 1),
    ] {
        assert_eq!(counts(log)["192.0.2.1"].0, expected, "{name}");
    }
}

#[test]
fn servers_of_mail_and_files_are_read_like_that_of_shells() {
    let client = "198.51.100.9";
    for (name, program, message, expected) in [
        (
            "Dovecot",
            "dovecot",
            "imap-login: Disconnected (auth failed, 3 attempts in 12 secs): user=<ann>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.9",
            (3, 0),
        ),
        ("Dovecot, in", "dovecot", "imap-login: Login: user=<ann>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.9, mpid=7, TLS", (0, 1)),
        (
            "Dovecot's PAM",
            "auth[5]",
            "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=ann rhost=198.51.100.9  user=ann",
            (1, 0),
        ),
        ("Postfix", "postfix/smtpd[1]", "warning: unknown[198.51.100.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", (1, 0)),
        (
            "Postfix, another port",
            "postfix/submission/smtpd[1]",
            "warning: unknown[198.51.100.9]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=ann",
            (1, 0),
        ),
        ("vsftpd", "vsftpd[2]", "[ann] FAIL LOGIN: Client \"198.51.100.9\"", (1, 0)),
        (
            "vsftpd's PAM",
            "vsftpd[2]",
            "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=ann rhost=198.51.100.9  user=ann",
            (1, 0),
        ),
        ("ProFTPD", "proftpd[2]", "h.example (c.example[198.51.100.9]) - USER ann (Login failed): Incorrect password.", (1, 0)),
        ("Dropbear", "dropbear[2]", "Bad password attempt for 'root' from 198.51.100.9:4000", (1, 0)),
    ] {
        // A client that fails again within the minute has a process of its own each time.
        let log: String = (0..30).map(|i| format!("Dec 21 20:00:{i:02} web1 {program}: {message}\n")).collect();
        let log = if name == "Dropbear" {
            log.lines().enumerate().map(|(i, line)| format!("{}\n", line.replace("[2]", &format!("[{i}]")))).collect()
        } else {
            log
        };
        let (failed, _, accepted) = counts(&log)[client];
        assert_eq!((failed, accepted), (30 * expected.0, 30 * expected.1), "{name}");
    }
    // Told of by PAM and by the server.
    let both = "Dec 21 20:00:00 web1 auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=ann rhost=198.51.100.9  user=ann\n\
        Dec 21 20:00:03 web1 dovecot: imap-login: Disconnected (auth failed, 1 attempts in 3 secs): user=<ann>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.9\n";
    assert_eq!(counts(both), of(client, 1, 1, 0));
    let own: String = (0..120).map(|i| format!("Wed Feb 11 10:{:02}:{:02} 2026 [pid {i}] CONNECT: Client \"198.51.100.9\"\nWed Feb 11 10:{:02}:{:02} 2026 [pid 2] [root] FAIL LOGIN: Client \"198.51.100.9\"\n", i / 60, i % 60, i / 60, i % 60)).collect();
    assert_eq!(counts(&own), of(client, 120, 120, 0));
    assert_eq!(read(own.as_bytes(), "auto").2.unwrap().format.unwrap().name, "vsftpd");
}

#[test]
fn users_who_fail_at_home_count_where_they_came_from() {
    let login = "Dec 21 20:00:00 web1 sshd[9]: Accepted password for ann from 192.0.2.1 port 42 ssh2\n";
    let pam = |user: &str| {
        format!(
            "Dec 21 20:00:10 web1 sudo: pam_unix(sudo:auth): authentication failure; logname={user} uid=1000 euid=0 tty=/dev/pts/0 ruser={user} rhost=  user={user}\n"
        )
    };
    let sudo = |user: &str, times| {
        format!(
            "Dec 21 20:00:12 web1 sudo:   {user} : {times} incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/shadow\n"
        )
    };
    for (name, log, client, failed) in [
        ("sudo", format!("{login}{}{}", pam("ann"), sudo("ann", 3)), "192.0.2.1", 3),
        ("sudo by a user of the console", format!("{login}{}{}", pam("bob"), sudo("bob", 1)), "bob@web1", 1),
        (
            "su",
            format!(
                "{login}Dec 21 20:00:12 web1 su: pam_unix(su:auth): authentication failure; logname=ann uid=1000 euid=0 tty=pts/0 ruser=ann rhost=  user=root\nDec 21 20:00:13 web1 su[5]: FAILED SU (to root) ann on pts/0\n"
            ),
            "192.0.2.1",
            1,
        ),
        (
            "su on Debian",
            format!("{login}Dec 21 20:00:12 web1 su[5]: FAILED su for root by ann\nDec 21 20:00:12 web1 su[5]: - /dev/pts/0 ann:root\n"),
            "192.0.2.1",
            1,
        ),
        (
            "login",
            "Dec 21 20:00:12 web1 login[5]: FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure\n".to_owned(),
            "root@web1",
            1,
        ),
    ] {
        let (good, ..) = read(log.as_bytes(), "auto");
        let session = good.iter().find(|record| record.event.client == client).unwrap_or_else(|| panic!("{name}: {good:?}"));
        assert_eq!((session.event.failed_logins, session.event.honeytoken_access), (failed, false), "{name}");
    }
}

#[test]
fn logins_to_windows_become_sessions() {
    let event = |i: u32| {
        let data = serde_json::json!({"IpAddress": "198.51.100.9", "TargetUserName": format!("user{i}"), "SubStatus": "0xc0000064", "Status": "0xc000006d"});
        let event = serde_json::json!({"@timestamp": format!("2026-01-01T10:{:02}:{:02}.500Z", i / 60, i % 60), "event": {"code": "4625"}, "winlog": {"event_id": "4625", "event_data": data}, "message": "An account failed to log on."});
        format!("{event}\n")
    };
    let log: String = (0..120).map(event).collect();
    assert_eq!(counts(&log), of("198.51.100.9", 120, 120, 0));
    assert_eq!(read(log.as_bytes(), "auto").2.unwrap().format.unwrap().name, "winlogbeat");
    assert!(logins(&log).iter().all(|(_, logins)| logins.no_such_user));
}

#[test]
fn the_bytes_of_a_visitor_do_not_hide_the_visitor() {
    let line = |i: u32, user: &[u8]| {
        let start = format!(
            "{{\"eventid\": \"cowrie.login.failed\", \"src_ip\": \"198.51.100.23\", \"session\": \"s1\", \"timestamp\": \"2024-03-06T10:{:02}:{:02}.5Z\", \"username\": \"root",
            i / 60,
            i % 60
        );
        [start.as_bytes(), user, b"\", \"password\": \"p\"}\n"].concat()
    };
    for (name, user) in [
        ("a low half", b"\\udce9".as_slice()),
        ("a high half", b"\\ud83d"),
        ("no UTF-8", b"\xff\xe9"),
        ("NULs and escapes", b"\0\x1b[2J\x07"),
        ("a wrong escape", b"\\x41"),
    ] {
        let log: Vec<u8> = (0..100).flat_map(|i| line(i, user)).collect();
        let (_, bad, _) = read(&log, "auto");
        assert_eq!(bad, [], "{name}");
        assert_eq!(counts(log), of("198.51.100.23", 100, 100, 0), "{name}");
    }
}

#[test]
fn sessions_of_a_honeypot_may_be_labelled() {
    let table = "start_time,src_ip,login_failed,label,Truth\n\
        2026-01-01T00:00:00Z,192.0.2.1,3,0,benign\n2026-01-01T00:01:00Z,192.0.2.1,3,0,BruteForce\n2026-01-01T00:02:00Z,192.0.2.1,3,0,benign\n\
        2026-01-01T00:00:00Z,192.0.2.2,0,1,benign\n2026-01-01T00:00:00Z,192.0.2.3,0,1,\n";
    let read = |label_column| {
        let mut labels = BTreeMap::new();
        let mut sink = |record: Result<Record<SessionEvent>, _>| {
            let record = record.unwrap_or_else(|bad| panic!("{bad:?}"));
            labels.insert(record.event.client, (record.label, record.label_name));
            ControlFlow::Continue(())
        };
        let how = How { format: "auto", label_column, ..How::default() };
        Behavior::parse(Box::new(table.as_bytes()), how, Timestamp::from_secs(0), &mut sink)
            .map(|_| labels.into_values().collect::<Vec<_>>())
    };
    let named = |label, name: &str| (Some(label), Some(name.to_owned()));
    let expected = [named(Label::Anomalous, "BruteForce"), named(Label::Legitimate, "Normal"), (None, None)];
    assert_eq!(read(Some("Truth")).unwrap(), expected);
    assert_eq!(read(None).unwrap(), [const { (None, None) }; 3], "who visits a honeypot is never known to belong");
    assert!(matches!(read(Some("nosuch")), Err(ParseError::NoLabelColumn { .. })));
}

#[test]
fn damaged_logs_lose_no_more_than_the_damage() {
    let sound = connections(120, bsd, &["Failed password for ann from 198.51.100.23 port PORT ssh2"]);
    let with = |at: usize, more: &[u8]| [&sound.as_bytes()[..at], more, &sound.as_bytes()[at..]].concat();
    let megabyte = [b"x".repeat(1 << 20), b"\n".to_vec()].concat();
    let middle = sound.len() / 2;
    for (name, log, least, most) in [
        ("sound", sound.clone().into_bytes(), 120, 120),
        ("each line twice", sound.lines().flat_map(|line| [line, "\n", line, "\n"]).collect::<String>().into_bytes(), 120, 240),
        ("cut in the middle of a line", sound.as_bytes()[30..middle + 13].to_vec(), 58, 60),
        ("a megabyte within a line", with(middle + 20, &megabyte), 118, 119),
        ("NULs in front", with(0, &[0; 8_192]), 120, 120),
        ("a mark in front", with(0, b"\xef\xbb\xbf"), 120, 120),
        ("tabs and blank lines", with(0, b"\t\n \r\n"), 120, 120),
        ("another log in front", with(0, b"192.0.2.1 - - [03/Feb/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9\n"), 120, 120),
        (
            "names in another encoding",
            String::from_utf8(sound.clone().into_bytes())
                .unwrap()
                .replace("ann", "\u{1}")
                .into_bytes()
                .iter()
                .map(|b| if *b == 1 { 0xe9 } else { *b })
                .collect(),
            120,
            120,
        ),
    ] {
        let failed = counts(&log)["198.51.100.23"].0;
        assert!((least..=most).contains(&failed), "{name}: {failed}");
    }
}

#[test]
fn nobody_else_is_blamed() {
    let forged = "x from 6.6.6.6 port 1 ssh2\\012Dec 21 20:00:00 web1 sshd[1]: Failed password for root from 6.6.6.6 port 1 ssh2";
    let messages = [
        format!("Invalid user {forged} from 192.0.2.1 port 42"),
        format!("Failed password for invalid user {forged} from 192.0.2.1 port 42 ssh2"),
        format!("Connection closed by invalid user {forged} 192.0.2.1 port 42 [preauth]"),
        format!("error: PAM: Authentication failure for illegal user {forged} from 192.0.2.1"),
        format!("Received disconnect from 192.0.2.1: 11: {forged} [preauth]"),
        format!(
            "pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 user={forged} rhost=6.6.6.6"
        ),
    ];
    let log = log(&messages.iter().map(|message| (7, message.as_str())).collect::<Vec<_>>());
    assert_eq!(counts(log).into_keys().collect::<Vec<_>>(), ["192.0.2.1"]);
}

#[test]
fn years_that_a_log_does_not_say_go_on_to_its_end() {
    // The log is read on the first of June 2026.
    let line = |day: &str| format!("{day} 10:00:00 web1 sshd[1]: Failed password for root from 192.0.2.1 port 42 ssh2\n");
    let days = |days: &[&str]| -> Vec<String> {
        let text: String = days.iter().map(|day| line(day)).collect();
        read(text.as_bytes(), "auto").0.into_iter().map(|record| record.event.time.to_string()[..10].to_owned()).collect()
    };
    for (name, log, expected) in [
        ("over the new year", vec!["Dec 31", "Jan  1"], vec!["2025-12-31", "2026-01-01"]),
        ("of the last weeks", vec!["May 30", "May 31"], vec!["2026-05-30", "2026-05-31"]),
        (
            "over the day that is today",
            vec!["Mar  3", "May 31", "Jun  9", "Dec 31", "Feb  2"],
            vec!["2025-03-03", "2025-05-31", "2025-06-09", "2025-12-31", "2026-02-02"],
        ),
    ] {
        assert_eq!(days(&log), expected, "{name}");
    }
}

#[test]
fn the_format_that_most_lines_are_of_is_told() {
    let access = "192.0.2.1 - - [03/Feb/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9 \"-\" \"x\"\n";
    let chosen = read(format!("{access}{SSHD}").as_bytes(), "auto").2.unwrap().format.unwrap();
    assert_eq!(chosen.name, "sshd");
    assert!(chosen.sure > 0.9 && chosen.sure < 1.0);
    // The other name of access logs stands for all of their formats.
    for format in FORMATS.iter().filter(|format| format.name != "access-log") {
        let (good, bad, result) = read(format.sample.as_bytes(), "auto");
        assert_eq!((good.len(), bad.len(), result.unwrap().format.unwrap().name), (1, 0, format.name));
    }
}
