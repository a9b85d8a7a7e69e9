//! The formats that sessions are read from.

use bartizan_core::Format;

/// The table of them.
pub(super) const FORMATS: &[Format] = &[
    Format {
        name: "ndjson",
        what: "bodies of /predict, one a line",
        sample: r#"{"failed_logins": 0, "request_rate": 12, "commands_count": 2, "sql_payload": 0, "honeytoken_access": 0, "session_time": 90}"#,
    },
    Format {
        name: "json",
        what: "an array of bodies of /predict",
        sample: r#"[{"failed_logins": 0, "request_rate": 12, "commands_count": 2, "sql_payload": 0, "honeytoken_access": 0, "session_time": 90}]"#,
    },
    Format {
        name: "csv",
        what: "a table of sessions, with the features as columns",
        sample: "failed_logins,request_rate,commands_count,sql_payload,honeytoken_access,session_time\n0,12,2,0,0,90",
    },
    Format {
        name: "sshd",
        what: "logs of syslog and of the journal: OpenSSH, Dropbear, sudo, su, Dovecot, Postfix, vsftpd, ProFTPD and whatever asks PAM",
        sample: "Dec 21 20:00:00 web1 sshd[5000]: Failed password for jane from 198.51.100.23 port 40000 ssh2",
    },
    Format {
        name: "vsftpd",
        what: "vsftpd's own log",
        sample: "Wed Feb 11 10:00:00 2026 [pid 2] [jane] FAIL LOGIN: Client \"198.51.100.23\"",
    },
    Format {
        name: "winlogbeat",
        what: "logins to Windows, events 4624 and 4625 of the security log as Winlogbeat exports them",
        sample: r#"{"@timestamp": "2024-03-06T10:00:01.500Z", "event": {"code": "4625"}, "winlog": {"event_id": "4625", "event_data": {"IpAddress": "198.51.100.23", "TargetUserName": "jane"}}}"#,
    },
    Format {
        name: "access-log",
        what: "a web server's access log, of any format of access logs",
        sample: r#"203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 500 "-" "Mozilla/5.0""#,
    },
    Format {
        name: "cowrie",
        what: "the honeypot Cowrie: its JSON lines, or a table of its sessions",
        sample: r#"{"eventid": "cowrie.login.failed", "src_ip": "198.51.100.23", "session": "s1", "timestamp": "2024-03-06T10:00:01.500000Z", "username": "root", "password": "p0"}"#,
    },
];
