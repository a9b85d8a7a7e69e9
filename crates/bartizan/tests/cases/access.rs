//! Access logs in the forms that servers, proxies and container runtimes give them.

use crate::fixture::{Checks, ONE, Scored, TWO, Trained, combined, log, stamp, time};
use serde_json::json;
use std::collections::BTreeMap;

/// A line with the request and what follows it as most servers write them.
fn with(head: &str, second: u32) -> String {
    format!(r#"{head} [{}] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)""#, time(second))
}

fn ingress(head: &str, second: u32) -> String {
    with(head, second) + " 458 0.013 [shop-web-80] 10.0.0.12:8080 512 0.013 200"
}

fn cri(second: u32, stream: &str, text: &str) -> String {
    format!("{}.123456789Z {stream} {text}", stamp(second))
}

/// A line in parts, each cut elsewhere.
fn in_parts(second: u32, line: &str) -> String {
    let (first, rest) = line.split_at(30 + second as usize);
    let (next, last) = rest.split_at(20);
    [("stdout P", first), ("stdout P", next), ("stdout F", last)].map(|(stream, text)| cri(second, stream, text)).join("\n")
}

fn nginx_json(client: &str, second: u32) -> String {
    json!({"time": stamp(second) + "+00:00", "remote_addr": client, "status": 200, "path": "/cart", "method": "GET", "http_user_agent": "Mozilla/5.0"})
        .to_string()
}

fn docker(second: u32, stream: &str, line: &str) -> String {
    json!({"log": format!("{line}\n"), "stream": stream, "time": stamp(second) + ".5Z"}).to_string()
}

/// Both clients have half of the events each, which are of the path and the hour that they have in the file.
fn both(checks: &mut Checks, name: &str, scored: &Scored) {
    checks.equal(name, scored.clients(), BTreeMap::from([(ONE, 20), (TWO, 20)]), &scored.said);
    checks.equal(name, scored.all("resource").iter().find(|resource| **resource != "/cart"), None, &"each is of one path");
    checks.equal(name, scored.all("time").iter().find(|time| !time.starts_with("2024-03-06T10:00:")), None, &"each is of one minute");
}

#[test]
fn every_form_of_line_is_read_with_its_client() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let vhosts = ["shop.example:443", "www.shop.example:80"];
    for (name, text, format) in [
        ("a virtual host", log(|c, s| with(&format!("{} {c} - -", vhosts[s as usize % 2]), s)), "vhost-combined"),
        ("without its port", log(|c, s| with(&format!("shop.example {c} - -"), s)), "vhost-combined"),
        ("of IPv6", log(|c, s| with(&format!("[2001:db8::9]:443 {c} - ann"), s)), "vhost-combined"),
        ("that is an address", log(|c, s| with(&format!("192.0.2.10:80 {c} - -"), s)), "vhost-combined"),
        ("with a list", log(|c, s| with(&format!("shop.example:443 {c}, 10.0.0.1 - -"), s)), "vhost-combined"),
        ("ingress-nginx of old", log(|c, s| ingress(&format!("{c} - [{c}] - -"), s)), "ingress-nginx"),
        ("with a user", log(|c, s| ingress(&format!("{c} - [{c}] - ann"), s)), "ingress-nginx"),
        ("of now", log(|c, s| ingress(&format!("{c} - -"), s) + " 5f0e1c2a"), "ingress-nginx"),
        (
            "upgraded half way",
            log(|c, s| ingress(&if s < 20 { format!("{c} - [{c}] - -") } else { format!("{c} - -") }, s)),
            "ingress-nginx",
        ),
        ("with several upstreams", log(|c, s| ingress(&format!("{c} - [{c}] - -"), s) + ", 10.0.0.13:8080 : 0, 512"), "ingress-nginx"),
        ("CRI", log(|c, s| cri(s, "stdout F", &combined(c, s))), "combined"),
        ("CRI in parts", log(|c, s| in_parts(s, &combined(c, s))), "combined"),
        ("CRI, standard error", log(|c, s| cri(s, ["stderr F", "stdout F"][s as usize % 2], &combined(c, s))), "combined"),
        ("CRI with JSON", log(|c, s| cri(s, "stdout F", &nginx_json(c, s))), "nginx-json"),
        ("CRI of another zone", log(|c, s| cri(s, "stdout F", &combined(c, s)).replacen('Z', "+02:00", 1)), "combined"),
        ("docker compose", log(|c, s| format!("web-1       | {}", combined(c, s))), "combined"),
        ("kubectl logs --prefix", log(|c, s| format!("[pod/web-7d9/nginx] {}", combined(c, s))), "combined"),
        ("Docker's JSON", log(|c, s| docker(s, "stdout", &combined(c, s))), "combined"),
        ("Docker's JSON with JSON", log(|c, s| docker(s, "stderr", &nginx_json(c, s))), "nginx-json"),
        (
            "Docker's JSON with a virtual host",
            log(|c, s| docker(s, "stdout", &with(&format!("shop.example:80 {c} - -"), s))),
            "vhost-combined",
        ),
        ("nginx JSON", log(nginx_json), "nginx-json"),
        (
            "nginx JSON with a request line",
            log(|c, s| {
                json!({"time_iso8601": stamp(s) + "+00:00", "remote_addr": c, "request": "GET /cart HTTP/1.1", "status": "200"}).to_string()
            }),
            "nginx-json",
        ),
        (
            "nginx JSON with numbers as text, and a time in seconds",
            log(|c, s| {
                json!({"msec": format!("{}.250", 1_709_719_200 + s), "remote_addr": c, "request_uri": "/cart", "request_method": "GET", "status": "200", "body_bytes_sent": "5"}).to_string()
            }),
            "nginx-json",
        ),
        ("syslog", log(|c, s| format!("<190>Mar  6 10:00:{s:02} web nginx: {}", combined(c, s))), "combined"),
        ("a list of addresses", log(|c, s| combined(&format!("{c}, 10.0.0.1, 172.16.0.9"), s)), "combined"),
        ("a list without blanks", log(|c, s| combined(&format!("{c},10.0.0.1"), s)), "combined"),
        ("a list with ports", log(|c, s| combined(&format!("{c}:4711, 10.0.0.1:80"), s)), "combined"),
        ("a list of proxies that are known", log(|c, s| combined("10.0.0.9", s) + &format!(" \"{c}, 10.0.0.1\"")), "combined"),
        ("an address with its port", log(|c, s| combined(&format!("{c}:51514"), s)), "combined"),
        ("an address within IPv6", log(|c, s| combined(&format!("::ffff:{c}"), s)), "combined"),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        checks.equal(name, scored.met(), (40, 0, format), &scored.said);
        both(&mut checks, name, &scored);
    }
    checks.end();
}

#[test]
fn whoever_guesses_passwords_is_named() {
    let trained = Trained::generated("behavior");
    let mut checks = Checks::default();
    /// 130 that fail among a few others.
    fn guesses(line: impl Fn(&str, &str, u32) -> String) -> String {
        let of = |s: u32| if s % 10 == 9 { line(ONE, "\"GET / HTTP/1.1\" 200", s) } else { line(TWO, "\"POST /login HTTP/1.1\" 401", s) };
        (0..144).map(|s| of(s) + "\n").collect()
    }
    let plain = |client: &str, what: &str, s: u32| format!(r#"{client} - - [{}] {what} 381 "-" "Mozilla/5.0""#, time(s));
    let status = |what: &str| what[what.len() - 3..].parse::<u16>().unwrap();
    for (name, text, format) in [
        (
            "a virtual host",
            guesses(|c, w, s| format!("{}.example:443 {}", ["shop", "www"][s as usize % 2], plain(c, w, s))),
            "vhost-combined",
        ),
        ("without its port", guesses(|c, w, s| format!("shop.example {}", plain(c, w, s))), "vhost-combined"),
        ("that is an address", guesses(|c, w, s| format!("192.0.2.10:80 {}", plain(c, w, s))), "vhost-combined"),
        ("a list of addresses", guesses(|c, w, s| plain(&format!("{c}, 10.0.0.2, 172.16.0.9"), w, s)), "combined"),
        ("an address with its port", guesses(|c, w, s| plain(&format!("{c}:{}", 40_000 + s), w, s)), "combined"),
        ("names that are chosen", guesses(|c, w, s| plain(c, w, s).replacen("- -", "- a[b]\"c", 1)), "combined"),
        ("CRI", guesses(|c, w, s| cri(s, "stdout F", &plain(c, w, s))), "combined"),
        ("Docker's JSON", guesses(|c, w, s| docker(s, "stdout", &plain(c, w, s))), "combined"),
        (
            "nginx JSON",
            guesses(|c, w, s| {
                json!({"time": stamp(s) + "Z", "remote_addr": c, "status": status(w), "path": w.split(' ').nth(1), "method": &w[1..5].trim()}).to_string()
            }),
            "nginx-json",
        ),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        checks.equal(name, scored.met(), (2, 0, format), &scored.said);
        checks.equal(name, scored.worst(), (TWO, "BruteForce", 130), &scored.document["findings"]);
    }
    checks.end();
}

#[test]
fn names_and_times_that_clients_choose_change_nothing() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let forged = r#"x [01/Jan/2000:00:00:00 +0000] "GET /forged HTTP/1.1" 200 5 "-" "y""#;
    for (name, user) in [
        ("an opening bracket", "a[b"),
        ("a closing one", "a]b"),
        ("brackets that close", "[a]"),
        ("brackets the wrong way", "]a["),
        ("a quote", "a\"b"),
        ("two quotes", "\"a b\""),
        ("a time", "[01/Jan/2000:00:00:00 +0000]"),
        ("a time and a quote", "[01/Jan/2000:00:00:00 +0000] \"x"),
        ("a request", "\"GET /forged HTTP/1.1\" 200 5"),
        ("a whole line", forged),
        ("a whole line with a client", &format!("192.0.2.66 - {forged}")),
        ("blanks", "ann  bee "),
        ("an escape", "a\\\"b\\x5bc"),
        ("an address", "192.0.2.66"),
        ("an address in brackets", "a [192.0.2.66]"),
    ] {
        let text = log(|client, s| with(&format!("{client} - {user}"), s));
        let scored = trained.score(text.as_bytes(), &[]);
        checks.equal(name, scored.met().0, 40, &scored.said);
        both(&mut checks, name, &scored);
    }
    checks.end();
}

#[test]
fn bytes_that_clients_choose_hide_no_request() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let body = |c: &str, s: u32| {
        json!({"request_id": s.to_string(), "timestamp": stamp(s) + "Z", "ip_address": c, "endpoint": "/cart", "http_method": "GET", "headers": {"user-agent": "AGENT"}})
            .to_string()
    };
    let caddy = |c: &str, s: u32| {
        json!({"ts": 1_709_719_200 + s, "request": {"remote_ip": c, "method": "GET", "host": "shop.example", "uri": "/cart", "headers": {"User-Agent": ["AGENT"]}}, "status": 200})
            .to_string()
    };
    let array = |bodies: &str| format!("[{}]", bodies.trim_end().replace('\n', ",\n"));
    for (form, text, format) in [
        ("bodies", log(body), "ndjson"),
        ("an array of bodies", array(&log(body)), "json"),
        ("nginx JSON", log(|c, s| nginx_json(c, s).replace("Mozilla/5.0", "AGENT")), "nginx-json"),
        ("Caddy's JSON", log(caddy), "caddy"),
        ("Docker's JSON", log(|c, s| docker(s, "stdout", &combined(c, s).replace("Mozilla", "AGENT"))), "combined"),
        ("a combined log", log(|c, s| combined(c, s).replace("Mozilla", "AGENT")), "combined"),
    ] {
        for (name, agent) in [
            ("a low surrogate", &b"x\\udce9"[..]),
            ("a high one", b"\\ud800x"),
            ("bytes that are no UTF-8", b"x\xe9\xff\xc0"),
            ("NUL, escaped", b"x\\u0000"),
            ("NUL as it is", b"x\0y"),
            ("control characters", b"\x01\x1b[2J\x7f"),
            ("an escape that is none", b"\\x16\\q"),
            ("quotes, escaped", b"\\\"}{\\\\"),
        ] {
            let mut bytes = Vec::new();
            for (number, part) in text.split("AGENT").enumerate() {
                bytes.extend(if number == 0 { b"" } else { agent });
                bytes.extend(part.bytes());
            }
            let (name, scored) = (&format!("{form}, {name}"), trained.score(&bytes, &[]));
            checks.equal(name, scored.met(), (40, 0, format), &scored.said);
            both(&mut checks, name, &scored);
        }
    }
    checks.end();
}

#[test]
fn leap_seconds_and_requests_without_a_status_are_read() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let leap = "31/Dec/2016:23:59:60 +0000";
    let w3c = "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n";
    let ends = |line: &str| line.replace("HTTP/1.1\" 200", "HTTP/1.1\" -").replace(" 512 ", " - ");
    let traefik = r#" 7 "web@docker" "-" 0ms"#;
    for (name, text, count, first) in [
        ("a leap second", combined(ONE, 1).replace(&time(1), leap), 1, "2016-12-31T23:59:59Z"),
        ("of another zone", combined(ONE, 1).replace(&time(1), "01/Jan/2017:00:59:60 +0100"), 1, "2016-12-31T23:59:59Z"),
        ("in JSON", nginx_json(ONE, 1).replace(&stamp(1), "2016-12-31T23:59:60"), 1, "2016-12-31T23:59:59Z"),
        ("in a table", format!("{w3c}2016-12-31 23:59:60 {ONE} GET /cart 200"), 1, "2016-12-31T23:59:59Z"),
        ("around a line", cri(1, "stdout F", &combined(ONE, 1)).replacen(&stamp(1), "2016-12-31T23:59:60", 1), 1, "2024-03-06T10:00:01Z"),
        ("as the first of many", format!("{}\n{}", combined(ONE, 1).replace(&time(1), leap), log(combined)), 41, "2016-12-31T23:59:59Z"),
        ("no status", log(|c, s| ends(&combined(c, s))), 40, "2024-03-06T10:00:00Z"),
        ("Traefik's", log(|c, s| ends(&combined(c, s)) + traefik), 40, "2024-03-06T10:00:00Z"),
        ("in the first line only", format!("{}\n{}", ends(&combined(ONE, 0)) + traefik, log(combined)), 41, "2024-03-06T10:00:00Z"),
        ("in a common log", log(|c, s| format!("{c} - - [{}] \"GET /cart HTTP/1.1\" - -", time(s))), 40, "2024-03-06T10:00:00Z"),
        ("000", log(|c, s| combined(c, s).replace(" 200 ", " 000 ")), 40, "2024-03-06T10:00:00Z"),
        ("in JSON, null", log(|c, s| nginx_json(c, s).replace(":200", ":null")), 40, "2024-03-06T10:00:00Z"),
        ("in JSON, a dash", log(|c, s| nginx_json(c, s).replace(":200", ":\"-\"")), 40, "2024-03-06T10:00:00Z"),
    ] {
        let scored = trained.score(text.as_bytes(), &[]);
        let (read, skipped, _) = scored.met();
        checks.equal(name, (scored.code, read, skipped), (Some(0), count, 0), &scored.said);
        checks.equal(name, scored.all("time").first(), Some(&first), &scored.said);
    }
    checks.end();
}
