//! Files good and bad, written by hand.

use crate::behavior::generator::{csv_header, csv_row, event_to_json, generate};
use crate::behavior::{AttackType, Behavior, Logins, NAMES, Service, SessionEvent};
use bartizan_core::{How, Label, Parse, ParseError, Record, Rejected, Seed, Summary, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;
use std::ops::ControlFlow;

mod logs;

type Outcome = (Vec<Record<SessionEvent>>, Vec<Rejected>, Result<Summary, ParseError>);

fn read(bytes: &[u8], format: &str) -> Outcome {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut sink = |record: Result<Record<SessionEvent>, Rejected>| {
        match record {
            Ok(record) => good.push(record),
            Err(rejected) => bad.push(rejected),
        }
        ControlFlow::Continue(())
    };
    let now = Timestamp::parse("2026-06-01T00:00:00Z").expect("the time is valid");
    let result = Behavior::parse(Box::new(bytes), format.into(), now, &mut sink);
    (good, bad, result)
}

/// Client, line, start and values of each session of a file whose format is told from its content.
fn sessions(text: &str) -> Vec<(String, u64, String, [u16; 6])> {
    let (good, bad, result) = read(text.as_bytes(), "auto");
    assert!(bad.is_empty() && result.is_ok(), "{bad:?} {result:?}");
    let row =
        |record: &Record<SessionEvent>| (record.event.client.clone(), record.line, record.event.time.to_string(), record.event.values());
    good.iter().map(row).collect()
}

const SSHD: &str = "\
Dec 31 23:59:50 box CRON[7]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
Dec 31 23:59:50 box sshd[10]: Invalid user ann from 192.0.2.1 port 4000
Dec 31 23:59:50 box sshd[10]: pam_unix(sshd:auth): check pass; user unknown
Dec 31 23:59:50 box sshd[10]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1
Dec 31 23:59:52 box sshd[10]: Failed password for invalid user ann from 192.0.2.1 port 4000 ssh2
Dec 31 23:59:52 box sshd[10]: Connection closed by invalid user ann 192.0.2.1 port 4000 [preauth]
Jan  1 00:00:01 box sshd[11]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=x.example  user=root
Jan  1 00:00:03 box sshd[11]: Failed password for root from 192.0.2.2 port 4001 ssh2
Jan  1 00:00:09 box sshd[11]: message repeated 5 times: [ Failed password for root from 192.0.2.2 port 4001 ssh2]
Jan  1 00:00:09 box sshd[11]: error: maximum authentication attempts exceeded for root from 192.0.2.2 port 4001 ssh2 [preauth]
Jan  1 00:00:09 box sshd[11]: Disconnecting: Too many authentication failures for root [preauth]
Jan  1 00:00:09 box sshd[11]: PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=x.example  user=root
Jan  1 00:00:10 box sshd[12]: Did not receive identification string from 192.0.2.3
Jan  1 00:00:20 box sshd[13]: Accepted publickey for bob from 2001:db8::7 port 4002 ssh2: ED25519 SHA256:x
Jan  1 00:00:20 box sshd[13]: pam_unix(sshd:session): session opened for user bob(uid=1000) by (uid=0)
Jan  1 00:00:30 box sudo[14]:     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/apt update
Jan  1 00:00:31 box sudo[14]:     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/apt update
Jan  1 00:00:40 box sudo[15]:     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/cat /etc/shadow
Jan  1 00:00:50 box sshd[13]: Disconnected from user bob 2001:db8::7 port 4002
Jan  1 00:01:00 box sshd[16]: Invalid user ' OR 1=1 -- from 192.0.2.4 port 4003
Jan  1 00:01:00 box sshd[17]: Invalid user honeytoken from 192.0.2.4 port 4004
";

#[test]
fn logs_of_openssh_become_sessions() {
    let expected = [
        ("192.0.2.1", 2, "2025-12-31T23:59:50Z", [1, 1, 0, 0, 0, 10]),
        // One line names the host, the next its address: six attempts, told of three times.
        ("192.0.2.2", 8, "2026-01-01T00:00:03Z", [6, 1, 0, 0, 0, 10]),
        ("192.0.2.3", 13, "2026-01-01T00:00:10Z", [0, 1, 0, 0, 0, 10]),
        ("2001:db8::7", 14, "2026-01-01T00:00:20Z", [0, 1, 3, 0, 1, 30]),
        ("192.0.2.4", 20, "2026-01-01T00:01:00Z", [2, 2, 0, 1, 1, 10]),
    ];
    let expected = expected.map(|(client, line, time, values)| (client.to_owned(), line, time.to_owned(), values));
    assert_eq!(sessions(SSHD), expected);
    let iso = SSHD.replace("Dec 31 ", "2025-12-31T").replace("Jan  1 ", "2026-01-01T").replace(" box", "+00:00 box");
    assert_eq!(sessions(&iso), expected);
    let (_, _, result) = read(SSHD.as_bytes(), "sshd");
    assert_eq!(result.unwrap().repairs.into_iter().collect::<Vec<_>>(), [("session_time below 10".to_owned(), 4)]);
}

/// What the log tells of logins besides, of each session.
fn logins(text: &str) -> Vec<(String, Logins)> {
    let (good, _, _) = read(text.as_bytes(), "auto");
    good.into_iter().map(|record| (record.event.client, record.event.logins.unwrap())).collect()
}

#[test]
fn sessions_know_the_logins_of_their_client() {
    let told: std::collections::HashMap<String, Logins> = logins(SSHD).into_iter().collect();
    let one = &told["192.0.2.1"];
    assert_eq!((one.failed_hour, one.names, one.strange_names, one.no_such_user), (1, 1, 1, true));
    assert_eq!((told["192.0.2.2"].failed_day, told["192.0.2.2"].names, told["192.0.2.2"].no_such_user), (6, 1, false));
    assert_eq!((told["192.0.2.3"].looks, told["192.0.2.3"].failed_day), (1, 0));
    let seven = &told["2001:db8::7"];
    assert_eq!((seven.accepted, seven.accepted_day, seven.looks, seven.known), (1, 1, 0, false));
    assert_eq!((told["192.0.2.4"].names, told["192.0.2.4"].strangers), (2, 2));

    let table = "protocol,start_time,duration,src_ip,login_success,login_failed\n\
        ssh,2026-01-01T09:00:00Z,2.5,192.0.2.1,0,3\ntelnet,2026-01-01T08:00:00Z,1,192.0.2.1,0,2\nssh,2026-01-01T07:00:00Z,1,192.0.2.1,1,0\n";
    let told: Vec<_> =
        logins(table).into_iter().map(|(_, logins)| (logins.service, logins.failed_day, logins.known, logins.accepted_day)).collect();
    let expected = [(Service::Ssh, 0, false, 1), (Service::Telnet, 2, true, 1), (Service::Ssh, 5, true, 1)];
    assert_eq!(told, expected, "rows of a table are brought into the order of time");
}

#[test]
fn the_end_of_a_connection_that_logged_in_is_no_session() {
    let log = "\
Jan  1 08:00:00 box sshd[13]: Accepted publickey for bob from 192.0.2.7 port 4002 ssh2: ED25519 SHA256:x
Jan  1 08:00:00 box sshd[13]: pam_unix(sshd:session): session opened for user bob(uid=1000) by (uid=0)
Jan  1 11:00:00 box sshd[13]: Received disconnect from 192.0.2.7 port 4002:11: disconnected by user
Jan  1 11:00:00 box sshd[13]: Disconnected from user bob 192.0.2.7 port 4002
Jan  1 11:00:00 box sshd[13]: pam_unix(sshd:session): session closed for user bob
Jan  1 12:00:00 box sshd[14]: Disconnected from user ann 192.0.2.8 port 4002
Jan  1 13:00:00 box sshd[15]: Connection closed by 192.0.2.9 port 4002 [preauth]
Jan  1 13:00:00 box sshd[16]: Connection closed by authenticating user root 192.0.2.10 port 4002 [preauth]
";
    let clients: Vec<String> = sessions(log).into_iter().map(|(client, ..)| client).collect();
    assert_eq!(clients, ["192.0.2.7", "192.0.2.9", "192.0.2.10"]);
    let told: Vec<_> = logins(log).into_iter().map(|(_, logins)| (logins.looks, logins.failed_day, logins.names)).collect();
    assert_eq!(told, [(0, 0, 0), (1, 0, 0), (0, 1, 1)]);
}

#[test]
fn brute_force_stands_out() {
    let line = |i: u32| {
        let (minute, second, port) = (i / 60, i % 60, 1_000 + i);
        format!("Jan  1 00:{minute:02}:{second:02} box sshd[{port}]: Failed password for root from 192.0.2.9 port {port} ssh2\n")
    };
    let log: String = (0..500).map(line).collect();
    assert_eq!(sessions(&log), [("192.0.2.9".to_owned(), 1, "2026-01-01T00:00:00Z".to_owned(), [150, 1, 0, 0, 0, 499])]);
    assert_eq!(read(log.as_bytes(), "auto").2.unwrap().repairs["failed_logins above 150"], 1);
}

#[test]
fn what_only_pam_tells_is_kept() {
    let old = "\
Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=192.0.2.5 
Jun 14 15:16:02 combo sshd(pam_unix)[19940]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=h.example  user=root
Jun 14 15:16:09 combo sshd(pam_unix)[19941]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=h.example  user=root
";
    let expected =
        [("192.0.2.5", 1, "2025-06-14T15:16:01Z", [1, 1, 0, 0, 0, 10]), ("h.example", 2, "2025-06-14T15:16:02Z", [2, 1, 0, 0, 0, 10])];
    assert_eq!(sessions(old), expected.map(|(client, line, time, values)| (client.to_owned(), line, time.to_owned(), values)));
}

const ACCESS: &str = concat!(
    "192.0.2.1 - - [03/Feb/2024:10:00:00 +0000] \"GET /a?q=red+lamp HTTP/1.1\" 200 9 \"-\" \"x\"\n",
    "192.0.2.1 - - [03/Feb/2024:10:00:00 +0000] \"GET /b HTTP/1.1\" 200 9 \"-\" \"x\"\n",
    "192.0.2.1 - - [03/Feb/2024:10:01:00 +0000] \"POST /cart HTTP/1.1\" 200 9 \"-\" \"x\"\n",
    "\"192.0.2.2 - - [03/Feb/2024:10:00:01 +0000] \"GET /item?id=1%27%20OR%20%271%27=%271 HTTP/1.1\" 500 9 \"-\" \"x\"\"\n",
    "192.0.2.2 - - [03/Feb/2024:10:00:41 +0000] \"GET /.git/config HTTP/1.1\" 404 9 \"-\" \"x\"\n",
    "192.0.2.3 - - [03/Feb/2024:10:00:02 +0000] \"POST /login HTTP/1.1\" 403 9 \"-\" \"x\"\n",
    "192.0.2.3 - - [03/Feb/2024:10:00:03 +0000] \"POST /login HTTP/1.1\" 302 9 \"-\" \"x\"\n",
    "192.0.2.3 - - [03/Feb/2024:10:00:04 +0000] \"GET /private HTTP/1.1\" 401 9 \"-\" \"x\"\n",
    "192.0.2.3 - - [03/Feb/2024:10:00:05 +0000] \"POST /wp-login.php HTTP/1.1\" 200 9 \"-\" \"x\"\n",
    "192.0.2.1 - - [03/Feb/2024:11:00:00 +0000] \"GET / HTTP/1.1\" 200 9 \"-\" \"x\"\n",
);

#[test]
fn access_logs_become_sessions() {
    let expected = [
        ("192.0.2.1", 1, "2024-02-03T10:00:00Z", [0, 2, 1, 0, 0, 60]),
        ("192.0.2.2", 4, "2024-02-03T10:00:01Z", [0, 1, 0, 1, 1, 40]),
        ("192.0.2.3", 6, "2024-02-03T10:00:02Z", [3, 1, 3, 0, 0, 10]),
        ("192.0.2.1", 10, "2024-02-03T11:00:00Z", [0, 1, 0, 0, 0, 10]),
    ];
    assert_eq!(sessions(ACCESS), expected.map(|(client, line, time, values)| (client.to_owned(), line, time.to_owned(), values)));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(format!("not a line\n{ACCESS}").as_bytes()).unwrap();
    let (good, bad, _) = read(&encoder.finish().unwrap(), "auto");
    assert_eq!((good.len(), bad.len(), bad[0].line), (4, 1, 1));
}

#[test]
fn events_of_cowrie_become_sessions() {
    let event = |second: u32, kind: &str, rest: &str| {
        format!(
            "{{\"eventid\":\"cowrie.{kind}\",\"src_ip\":\"192.0.2.1\",\"session\":\"s1\",\"timestamp\":\"2026-01-01T00:00:{second:02}.5Z\"{rest}}}\n"
        )
    };
    let log = [
        event(0, "session.connect", ",\"src_port\":4000"),
        event(0, "client.version", ",\"version\":\"SSH-2.0-Go\""),
        event(1, "login.failed", ",\"username\":\"root\",\"password\":\"' OR '1'='1\""),
        event(1, "login.failed", ",\"username\":\"root\",\"password\":\"b\""),
        event(2, "login.success", ",\"username\":\"root\",\"password\":\"c\""),
        event(3, "command.input", ",\"input\":\"uname -a\""),
        event(4, "command.input", ",\"input\":\"uname -a\""),
        event(5, "command.input", ",\"input\":\"cat ~/.ssh/id_rsa\""),
        event(45, "session.closed", ",\"duration\":45.2"),
    ]
    .concat();
    let expected = ("192.0.2.1".to_owned(), 1, "2026-01-01T00:00:00Z".to_owned(), [2, 2, 3, 1, 1, 45]);
    assert_eq!(sessions(&log), [expected]);

    let table = "session_id,start_time,end_time,duration,src_ip,login_success,login_failed,label\n\
        a,2026-01-01T00:00:00.5Z,2026-01-01T00:00:03Z,2.5,192.0.2.1,0,3,0\n\
        b,2026-01-01T00:01:00.5Z,2026-01-01T00:03:00Z,120.0,192.0.2.1,1,0,0\n\
        c,2026-01-01T00:01:00.5Z,,,here,1,0,0\n";
    let (good, bad, _) = read(table.as_bytes(), "auto");
    assert_eq!((good.len(), good[0].event.values(), good[0].label), (1, [3, 1, 1, 0, 0, 180], None));
    assert_eq!((bad.len(), bad[0].line), (1, 4));
}

#[test]
fn what_is_generated_is_read_back() {
    let events = generate(20, Seed(5));
    let table: Vec<String> = std::iter::once(csv_header()).chain(events.iter().map(csv_row)).collect();
    let bodies: Vec<String> = events.iter().map(|event| event_to_json(event).to_string()).collect();
    for (text, first_line) in [
        (table.join("\n"), 2),
        (format!("\u{feff}{}\r\n", table.join("\r\n").replace(',', ";")), 2),
        (bodies.join("\n"), 1),
        (format!("[{}]", bodies.join(",\n")), 1),
    ] {
        let (good, bad, result) = read(text.as_bytes(), "auto");
        assert_eq!((bad.len(), result.unwrap().accepted), (0, 20));
        assert_eq!(good[0].line, first_line);
        for (record, event) in good.iter().zip(&events) {
            let attack = event.attack.unwrap();
            assert_eq!(&record.event, event);
            assert_eq!(record.label, Some(if attack.is_attack() { Label::Anomalous } else { Label::Legitimate }));
            assert_eq!(record.label_name.as_deref(), Some(attack.name()));
        }
    }
}

#[test]
fn tables_are_mended_where_they_can_be() {
    let names = NAMES.join(",");
    let table = format!(
        "{names},label\n300,0,5,0,0,60,BruteForce\n1,2,3,0,0,60,benign\n1,2,3,0,0,60,1\n1,2,3,0,0,60,\n1,x,3,0,0,60,\n1,2,3\nlabel,{names}\nrecon,1,2.0,3,0,0,60\n"
    );
    let (good, bad, result) = read(table.as_bytes(), "auto");
    let labels: Vec<_> = good.iter().map(|record| (record.line, record.label, record.event.attack)).collect();
    assert_eq!(
        labels,
        [
            (2, Some(Label::Anomalous), Some(AttackType::BruteForce)),
            (3, Some(Label::Legitimate), Some(AttackType::Normal)),
            (4, Some(Label::Anomalous), None),
            (5, None, None),
            (9, Some(Label::Anomalous), Some(AttackType::Recon)),
        ]
    );
    assert_eq!(bad.iter().map(|rejected| rejected.line).collect::<Vec<_>>(), [6, 7]);
    assert!(bad[0].reason.contains("request_rate"), "{}", bad[0].reason);
    let repairs = result.unwrap().repairs;
    assert_eq!((repairs["failed_logins above 150"], repairs["request_rate below 1"], repairs.len()), (1, 1, 2));

    let body = r#"{"failed_logins":300,"request_rate":5,"commands_count":0,"sql_payload":0,"honeytoken_access":0,"session_time":60"#;
    let (good, bad, result) = read(format!("{body},\"attack_type\":\"Recon\"}}\n{body},\"request_rate\":\"x\"}}\n").as_bytes(), "ndjson");
    assert_eq!((good[0].event.failed_logins, good[0].event.attack), (150, Some(AttackType::Recon)));
    assert_eq!((bad.len(), result.unwrap().repairs["failed_logins above 150"]), (1, 1));
    assert!(bad[0].reason.starts_with("failed_logins: Input should be less"), "{}", bad[0].reason);
}

#[test]
fn hopeless_files_are_refused_with_a_reason() {
    assert!(matches!(read(b"", "auto").2, Err(ParseError::Empty)));
    assert!(matches!(read(b" \n\n", "auto").2, Err(ParseError::Empty)));
    assert!(matches!(read(b"", "csv").2, Err(ParseError::Empty)));
    assert!(matches!(read(b"some words\n", "auto").2, Err(ParseError::Unknown(_))));
    assert!(matches!(read(b"", "pcap").2, Err(ParseError::Unknown(_))));
    let lacking = read(b"failed_logins,session_time\n1,2\n", "auto").2;
    assert!(matches!(&lacking, Err(ParseError::Column(name)) if name == "request_rate"), "{lacking:?}");
    let header_only = read(csv_header().as_bytes(), "auto").2.unwrap();
    assert_eq!((header_only.accepted, header_only.rejected), (0, 0));
    let quote = format!("{}\n\"{}\n", csv_header(), "x\n".repeat(1_000));
    assert_eq!(read(quote.as_bytes(), "auto").1.len(), 1_000);
}

#[test]
fn reading_stops_when_the_sink_says_so() {
    let bodies: Vec<String> = generate(20, Seed(5)).iter().map(|event| event_to_json(event).to_string()).collect();
    for text in [SSHD.to_owned(), ACCESS.to_owned(), bodies.join("\n"), format!("{ACCESS}bad")] {
        let mut passed = 0;
        let mut sink = |_: Result<Record<SessionEvent>, Rejected>| {
            passed += 1;
            ControlFlow::Break(())
        };
        let result = Behavior::parse(Box::new(text.as_bytes()), "auto".into(), Timestamp::from_secs(0), &mut sink);
        assert!(result.is_ok());
        assert_eq!(passed, 1);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
        let formats: Vec<&str> = Behavior::formats().map(|format| format.name).chain(["auto"]).collect();
        let _ = read(&bytes, formats[at.index(formats.len())]);
    }

    #[test]
    fn any_damage_to_a_log_is_harmless(at in 0..SSHD.len(), byte in any::<u8>()) {
        let mut bytes = SSHD.as_bytes().to_vec();
        bytes[at] = byte;
        prop_assert!(!read(&bytes, "sshd").0.is_empty());
    }

    #[test]
    fn any_lines_after_a_good_beginning_are_harmless(message in ".{0,80}", pid in 0..3_u8) {
        for line in [format!("Jan  1 00:00:00 h sshd[{pid}]: {message}"), format!("Jan  1 00:00:00 h sudo: {message}")] {
            let _ = read(format!("{SSHD}{line}\n").as_bytes(), "sshd");
        }
    }
}

#[test]
fn another_column_may_hold_the_labels() {
    let text =
        "failed_logins,request_rate,commands_count,sql_payload,honeytoken_access,session_time,label,Truth\n1,2,3,0,0,40,Normal,Recon\n";
    let mut attacks = Vec::new();
    let how = How { format: "csv", label_column: Some("truth"), ..How::default() };
    let mut sink = |record: Result<Record<SessionEvent>, Rejected>| {
        attacks.push(record.unwrap().event.attack);
        ControlFlow::Continue(())
    };
    Behavior::parse(Box::new(text.as_bytes()), how, Timestamp::from_secs(0), &mut sink).unwrap();
    assert_eq!(attacks, [Some(AttackType::Recon)]);
    let lacking = How { format: "csv", label_column: Some("said"), ..How::default() };
    let error =
        Behavior::parse(Box::new(text.as_bytes()), lacking, Timestamp::from_secs(0), &mut |_| ControlFlow::Continue(())).unwrap_err();
    let has = "failed_logins, request_rate, commands_count, sql_payload, honeytoken_access, session_time, label, truth";
    assert_eq!(error.to_string(), format!("there is no column or field \"said\" to read labels from; there are {has}"));
}

#[test]
fn a_field_of_json_may_hold_the_labels() {
    let features = r#""failed_logins":1,"request_rate":2,"commands_count":3,"sql_payload":0,"honeytoken_access":0,"session_time":40,"label":"Injection""#;
    let lines = format!("{{{features},\"truth\":\"Recon\"}}\n{{{features},\"truth\":0}}\n{{{features}}}\n");
    let array = format!("[{}]", lines.trim().replace('\n', ","));
    let read = |text: &str, format, name| {
        let mut attacks = Vec::new();
        let mut sink = |record: Result<Record<SessionEvent>, Rejected>| {
            attacks.push(record.unwrap().event.attack);
            ControlFlow::Continue(())
        };
        let how = How { format, label_column: Some(name), ..How::default() };
        Behavior::parse(Box::new(text.as_bytes()), how, Timestamp::from_secs(0), &mut sink).map(|_| attacks)
    };
    for (text, format) in [(&lines, "auto"), (&lines, "ndjson"), (&array, "json")] {
        assert_eq!(read(text, format, "truth").unwrap(), [Some(AttackType::Recon), Some(AttackType::Normal), None], "{format}");
        let error = read(text, format, "said").unwrap_err().to_string();
        assert!(
            error.ends_with(
                "there are failed_logins, request_rate, commands_count, sql_payload, honeytoken_access, session_time, label, truth"
            ),
            "{error}"
        );
    }
    for (text, format) in [(SSHD, "sshd"), (SSHD, "access-log"), (SSHD, "vsftpd"), ("{}", "winlogbeat"), ("{}", "cowrie")] {
        assert!(matches!(read(text, format, "truth"), Err(ParseError::FixedLabels(named)) if named == format), "{format}");
    }
}
