//! What is printed: nothing that steers a terminal, whatever it comes from, and the same on a terminal without a width as on none.

use crate::common::terminal::on_terminal;
use crate::common::{browser, json, run};
use crate::fixture::{Checks, TWO, Trained, combined, log};
use serde_json::json;
use std::fs;

/// What clears the screen, turns the direction of a text, hides it, and is one byte of the old control characters.
const STEERS: &str = "\u{1b}[2J\u{202e}\u{2066}\u{200f}\u{9b}5m\u{7}\u{feff}x";

/// Whether a text has nothing that a terminal would follow.
fn is_plain(text: &str) -> bool {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
    };
    !text.contains(steers)
}

#[test]
fn nothing_that_steers_a_terminal_is_printed() {
    let of_kind = ["requests", "flows", "behavior"].map(Trained::generated);
    let mut checks = Checks::default();
    let mut request: serde_json::Value = serde_json::from_str(&browser(STEERS)).unwrap();
    for field in ["endpoint", "http_method", "ip_address"] {
        request[field] = json!(format!("{}{STEERS}", request[field].as_str().unwrap()));
    }
    request["headers"]["user-agent"] = json!(STEERS);
    request["payload"] = json!({STEERS: "' OR 1=1 --"});
    let attack =
        |second: u32| combined(TWO, second).replace("/cart", &format!("/?id=1%27%20UNION%20SELECT{STEERS}")).replace("Mozilla", STEERS);
    let failed = |second: u32| {
        format!("Mar  6 10:00:{second:02} we{STEERS} sshd[{}]: Failed password for {STEERS} from {TWO} port 4 ssh2\n", 900 + second)
    };
    let cowrie = json!({"eventid": "cowrie.login.failed", "src_ip": STEERS, "session": STEERS, "timestamp": "2024-03-06T10:00:01.5Z", "username": STEERS});
    let flows = format!("Source IP,Destination IP,Flow Duration,Total Fwd Packets,{STEERS},Label\n");
    let row = format!("{STEERS},{STEERS},9e9,1e300,1,{STEERS}\n");
    let [requests, flow, behavior] = [0, 1, 2];
    for (name, kind, text, arguments) in [
        ("a request", requests, request.to_string(), &[][..]),
        ("as an event", requests, request.to_string(), &["--events"]),
        ("an access log", requests, (0..30).map(|s| attack(s) + "\n").collect(), &["--events"]),
        ("a virtual host", requests, log(|c, s| format!("{STEERS}:443 {}", combined(c, s))), &["--events"]),
        ("a client", requests, log(|_, s| combined(&STEERS.replace(['\u{feff}', '['], ""), s)), &["--events"]),
        ("lines that cannot be read", requests, format!("{}{STEERS}\n{{\"{STEERS}\"\n", log(combined)), &[]),
        ("nothing that can be read", requests, format!("{STEERS}\n"), &[]),
        ("fields of JSON", requests, request.to_string().replace("endpoint", STEERS), &["--format", "ndjson"]),
        ("a name of a log", behavior, (0..50).map(failed).collect(), &["--events"]),
        ("a client of a honeypot", behavior, cowrie.to_string(), &["--events"]),
        ("cells and labels", flow, format!("{flows}{}", row.repeat(3)), &["--events"]),
        ("names of columns", flow, format!("{flows}{row}"), &["--label-column", "nosuch"]),
        ("a name that is given", flow, format!("{flows}{row}"), &["--label-column", STEERS]),
        ("a format that is given", flow, format!("{flows}{row}"), &["--format", STEERS]),
    ] {
        let trained = &of_kind[kind];
        let file = format!("fi{STEERS}le");
        fs::write(trained.at().join(&file), text).unwrap();
        let kind = ["requests", "flows", "behavior"][kind];
        let output = run(trained.at(), &[&["score", kind, &file], arguments].concat());
        for (stream, bytes) in [("output", output.stdout), ("errors", output.stderr)] {
            let said = String::from_utf8(bytes).unwrap();
            checks.equal(&format!("{name}: {stream}"), is_plain(&said), true, &said.escape_debug());
        }
        checks.equal(name, matches!(output.status.code(), Some(0 | 2 | 3)), true, &format!("{:?}", output.status));
    }
    checks.end();
}

#[test]
fn a_terminal_without_a_width_is_as_none() {
    let mut checks = Checks::default();
    for (kind, commands) in [
        (
            "requests",
            &[&["score", "requests", "learned"][..], &["score", "requests", "learned", "--events"], &["models", "list", "requests"]][..],
        ),
        ("flows", &[&["score", "flows", "learned"], &["formats", "flows"], &["evaluate", "flows", "labelled"]]),
        ("behavior", &[&["score", "behavior", "learned", "--top", "3"], &["config", "show"]]),
    ] {
        let trained = Trained::generated(kind);
        json(trained.at(), &["generate", kind, "--rows", "300", "--labels", "--out", "labelled"]);
        for command in commands {
            let piped = run(trained.at(), command);
            let shown = on_terminal(trained.at(), 0, command);
            checks.equal(&command.join(" "), shown, String::from_utf8(piped.stdout).unwrap(), &"differs");
        }
    }
    checks.end();
}
