//! Lines of many servers, good and bad.

use super::formats::{FORMATS, Family};
use super::{Access, Entry, head_lines};
use bartizan_core::{How, Timestamp};
use proptest::prelude::*;

/// What a line says: format, client, user, time, method, target, status, agent.
type Said = [String; 8];

fn said(entry: &Entry<'_>, name: &str) -> Said {
    let time = entry.time.map(|time| time.to_string()).unwrap_or_default();
    let status = entry.status.map_or("-".to_owned(), |status| status.to_string());
    let client = entry.told_client();
    [name, &client, &entry.user, &time, &entry.method, &entry.target, &status, &entry.agent].map(str::to_owned)
}

fn read_as(how: How<'_>, text: &str) -> Vec<Result<Said, String>> {
    let mut access = Access::new(how).unwrap();
    text.lines().filter_map(|line| access.line(line, said)).collect()
}

fn read(line: &str) -> Result<Said, String> {
    read_as("auto".into(), line).pop().unwrap_or_else(|| Err("nothing".to_owned()))
}

const TIME: &str = "[06/Mar/2024:10:00:00 +0000]";
const END: &str = r#""GET /a HTTP/1.1" 200 5 "-" "M""#;

#[test]
fn the_sample_of_each_format_is_read_by_name_and_recognised() {
    let own = r#"$remote_addr [$time_local] "$request" $status"#;
    for format in FORMATS.iter().filter(|format| format.name != "own") {
        let line = format.sample.lines().last().unwrap();
        let bare = line.strip_prefix("Mar  6 10:00:00 lb1 haproxy[14389]: ").unwrap_or(line);
        let text = format.sample.replace(line, bare);
        for how in [How::from(format.name), How::from("auto"), How { own: Some(own), ..How::from("auto") }] {
            let all = read_as(how, &text);
            let [Ok([name, client, _, time, method, target, status, _])] = &all[..] else { panic!("{}: {all:?}", format.name) };
            assert_eq!(
                (name.as_str(), client.split(':').next(), method.as_str(), status.as_str()),
                (format.name, Some("203.0.113.7"), "GET", "200"),
                "{}",
                how.format
            );
            assert!(target.contains("/cart") && time.starts_with("2024-03-06T10:00:00"), "{all:?}");
        }
        let detected = Access::detect(format.sample.as_bytes(), "auto".into(), Timestamp::from_secs(1_800_000_000)).unwrap();
        assert_eq!(detected, Some((format.name, 1.0)));
    }
    let line = "203.0.113.7 [06/Mar/2024:10:00:00 +0000] \"GET /a HTTP/1.1\" 200";
    assert_eq!(read_as(How { own: Some(own), ..How::from("own") }, line)[0].as_ref().unwrap()[0], "own");
    assert!(Access::new("own".into()).is_err() && Access::new(How { own: Some("x"), ..How::from("auto") }).is_err());
}

#[test]
fn clients_and_users_are_found_whatever_stands_in_front() {
    for (start, client, user) in [
        ("203.0.113.7 - -", "203.0.113.7", ""),
        ("203.0.113.7 - ann", "203.0.113.7", "ann"),
        ("203.0.113.7 ident ann bee", "203.0.113.7", "ann bee"),
        ("203.0.113.7 -", "203.0.113.7", ""),
        ("203.0.113.7:5555 - -", "203.0.113.7:5555", ""),
        ("[2001:db8::1]:443 - -", "[2001:db8::1]:443", ""),
        ("fe80::1%eth0 - -", "fe80::1%eth0", ""),
        ("::ffff:203.0.113.7 - -", "::ffff:203.0.113.7", ""),
        ("host.example - -", "host.example", ""),
        ("- - -", "", ""),
        ("- 203.0.113.7 - ann", "203.0.113.7", "ann"),
        ("shop.example:443 203.0.113.7 - ann", "203.0.113.7", "ann"),
        ("shop.example 203.0.113.7 - -", "203.0.113.7", ""),
        ("192.0.2.10:443 203.0.113.7 - -", "203.0.113.7", ""),
        ("[2001:db8::9]:443 2001:db8::7 - -", "2001:db8::7", ""),
        ("203.0.113.7, 10.0.0.1, 172.16.0.9 - ann", "203.0.113.7, 10.0.0.1, 172.16.0.9", "ann"),
        ("203.0.113.7:1111, 10.0.0.1 - -", "203.0.113.7:1111, 10.0.0.1", ""),
        ("shop.example:80 203.0.113.7, 10.0.0.1 - -", "203.0.113.7, 10.0.0.1", ""),
        ("unknown, 203.0.113.7 - -", "unknown, 203.0.113.7", ""),
        ("203.0.113.7 - [203.0.113.7] - -", "203.0.113.7", ""),
        ("203.0.113.7 - [203.0.113.7] - ann", "203.0.113.7", "ann"),
        // Names that people log in with are theirs to choose.
        ("203.0.113.7 - a[b", "203.0.113.7", "a[b"),
        ("203.0.113.7 - a]b[c]", "203.0.113.7", "a]b[c]"),
        ("203.0.113.7 - a\"b", "203.0.113.7", "a\"b"),
        ("203.0.113.7 - a\"b\"c", "203.0.113.7", "a\"b\"c"),
        ("203.0.113.7 - [01/Jan/2000:00:00:00 +0000]", "203.0.113.7", "[01/Jan/2000:00:00:00 +0000]"),
        ("203.0.113.7 - [01/Jan/2000:00:00:00 +0000] \"x", "203.0.113.7", "[01/Jan/2000:00:00:00 +0000] \"x"),
        (
            "203.0.113.7 - x [01/Jan/2000:00:00:00 +0000] \"GET /f HTTP/1.1\" 200 5",
            "203.0.113.7",
            "x [01/Jan/2000:00:00:00 +0000] \"GET /f HTTP/1.1\" 200 5",
        ),
        (
            "203.0.113.7 - x [01/Jan/2000:00:00:00 +0000] \"GET /f HTTP/1.1\" 200 5 \"-\" \"y\"",
            "203.0.113.7",
            "x [01/Jan/2000:00:00:00 +0000] \"GET /f HTTP/1.1\" 200 5 \"-\" \"y\"",
        ),
    ] {
        let got = read(&format!("{start} {TIME} {END}")).unwrap_or_else(|error| panic!("{start}: {error}"));
        assert_eq!((got[1].as_str(), got[2].as_str(), got[3].as_str()), (client, user, "2024-03-06T10:00:00Z"), "{start}");
        assert_eq!((got[5].as_str(), got[6].as_str(), got[7].as_str()), ("/a", "200", "M"), "{start}");
    }
}

#[test]
fn a_user_in_json_is_who_was_named() {
    let line = |fields: &str| format!(r#"{{"time":1709719200,"uri":"/a","status":200,"remote_user":"ann"{fields}}}"#);
    let caddy = |headers: &str| line(&format!(r#","request":{{"method":"GET","headers":{headers}}}"#));
    // name of the case, the setting, line, user
    for (name, user, line, expected) in [
        ("a field", Some("account"), line(r#","account":"u-7""#), "u-7"),
        ("before the usual names", Some("account"), line(r#","account":"u-7","user_id":"u-8""#), "u-7"),
        ("written otherwise", Some("Account-ID"), line(r#","account_id":"u-7""#), "u-7"),
        ("a number", Some("account"), line(r#","account":7"#), "7"),
        ("within an object", Some("session.account"), line(r#","session":{"account":"u-7"}"#), "u-7"),
        ("empty", Some("account"), line(r#","account":"""#), "ann"),
        ("none", Some("account"), line(r#","account":null"#), "ann"),
        ("a dash", Some("account"), line(r#","account":"-""#), "ann"),
        ("an object", Some("account"), line(r#","account":{}"#), "ann"),
        ("not there", Some("account"), line(""), "ann"),
        ("nginx's header", Some("X-User-Id"), line(r#","http_x_user_id":"u-7""#), "u-7"),
        ("Caddy's header", Some("x-user-id"), caddy(r#"{"X-User-Id":["u-7","u-8"]}"#), "u-7"),
        ("Traefik's header", Some("X-User-Id"), line(r#","request_X-User-Id":"u-7""#), "u-7"),
        ("another header", Some("X-Account"), caddy(r#"{"X-User-Id":["u-7"]}"#), "ann"),
        ("nothing named: nginx's header", None, line(r#","http_x_user_id":"u-7""#), "ann"),
        ("nothing named: its plain name", None, line(r#","x_user_id":"u-7""#).replace("remote_user", "other"), ""),
        ("nothing named: Caddy's header", None, caddy(r#"{"X-User-Id":["u-7"],"User":["u-8"],"Remote-User":["u-9"]}"#), "ann"),
        ("nothing named: Traefik's header", None, line(r#","request_X-User-Id":"u-7""#), "ann"),
    ] {
        let got = read_as(How { user, ..How::from("auto") }, &line).pop().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(got[2], expected, "{name}: {line}");
    }
}

#[test]
fn requests_are_read_with_their_escapes() {
    for (request, method, target) in [
        ("GET /a b HTTP/1.1", "GET", "/a b"),
        ("GET /a", "GET", "/a"),
        ("GET /q\\\"uote\\x22 HTTP/1.0", "GET", "/q\"uote\""),
        ("GET /back\\\\slash HTTP/1.0", "GET", "/back\\slash"),
        ("GET /end\\\\", "GET", "/end\\"),
        ("\\x16\\x03\\x01\\x02", "", "\u{16}\u{3}\u{1}\u{2}"),
        ("\\xc3\\xbc", "", "ü"),
        ("-", "", "-"),
        ("", "", ""),
        ("quit", "", "quit"),
        ("GET /\"unescaped\" HTTP/1.1", "GET", "/\"unescaped\""),
        ("GET http://shop.example/a HTTP/1.1", "GET", "http://shop.example/a"),
        ("GET /x[06/Mar/2020:10:00:00 +0000] HTTP/1.1", "GET", "/x[06/Mar/2020:10:00:00 +0000]"),
        ("GET /%5B HTTP/1.1\\r\\n", "GET", "/%5B"),
    ] {
        let got =
            read(&format!("203.0.113.7 - - {TIME} \"{request}\" 404 0 \"-\" \"M\"")).unwrap_or_else(|error| panic!("{request}: {error}"));
        assert_eq!((got[4].as_str(), got[5].as_str(), got[6].as_str(), got[7].as_str()), (method, target, "404", "M"), "{request}");
    }
}

#[test]
fn what_follows_may_be_anything() {
    for (rest, status, agent, name) in [
        ("200 5", "200", "", "common"),
        ("200 -", "200", "", "common"),
        ("200", "200", "", "common"),
        ("- -", "-", "", "common"),
        ("000 0", "0", "", "common"),
        ("499 0 \"-\" \"M\"", "499", "M", "combined"),
        ("- - \"-\" \"sqlmap/1.8\" 0 \"-\" \"-\" 0ms", "-", "sqlmap/1.8", "traefik"),
        ("200 5 \"-\" \"M\" \"203.0.113.9, 10.0.0.1\" 0.5 0.4", "200", "M", "combined"),
        ("200 5 \"http://r/?a=[x] \" \"M [06/Mar/2020:10:00:00 +0000] \\\"\" 5", "200", "M [06/Mar/2020:10:00:00 +0000] \"", "combined"),
        ("200 5 \"[06/Mar/2020:10:00:00 +0000] \" \"GET /f HTTP/1.1\" 200 5", "200", "GET /f HTTP/1.1", "combined"),
        ("200 5 1234 \"-\" \"M\"", "200", "M", "combined"),
        ("200 5 \"-\" \"\"", "200", "", "combined"),
        ("200 5 \"-\" \"M\" 458 0.013 [ns-svc-80] [] 10.0.0.12:8080 500 0.013 200 ab", "200", "M", "ingress-nginx"),
    ] {
        let got = read(&format!("203.0.113.7 - - {TIME} \"GET /a HTTP/1.1\" {rest}")).unwrap_or_else(|error| panic!("{rest}: {error}"));
        assert_eq!(
            (got[6].as_str(), got[7].as_str(), got[0].as_str(), got[3].as_str()),
            (status, agent, name, "2024-03-06T10:00:00Z"),
            "{rest}"
        );
    }
    let durations = read_as("auto".into(), "").len();
    assert_eq!(durations, 0);
}

#[test]
fn a_proxy_within_the_servers_own_network_is_not_the_client() {
    for (peer, forwarded, client) in [
        ("10.0.0.9", "203.0.113.7", "203.0.113.7, 10.0.0.9"),
        ("10.0.0.9", "203.0.113.7, 10.0.0.9", "203.0.113.7, 10.0.0.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.9", "-", "10.0.0.9"),
        ("10.0.0.9", "not an address", "10.0.0.9"),
    ] {
        let got = read(&format!("{peer} - - {TIME} {END} \"{forwarded}\"")).unwrap();
        assert_eq!(got[1], client, "{peer} {forwarded}");
    }
    let json = r#"{"time":"2024-03-06T10:00:00Z","remote_addr":"10.0.0.9","x_forwarded_for":"203.0.113.7","uri":"/a","status":200}"#;
    assert_eq!(read(json).unwrap()[1], "203.0.113.7, 10.0.0.9");
}

#[test]
fn json_is_read_by_its_usual_names() {
    for (json, client, target, status) in [
        (
            r#"{"time":"2024-03-06T10:00:00+00:00","remote_addr":"203.0.113.7","path":"/t","method":"GET","status":200}"#,
            "203.0.113.7",
            "/t",
            "200",
        ),
        (
            r#"{"@timestamp":"2024-03-06T10:00:00Z","client_ip":"203.0.113.7","request":"GET /t?x=1 HTTP/1.1","status":"404"}"#,
            "203.0.113.7",
            "/t?x=1",
            "404",
        ),
        (
            r#"{"time_local":"06/Mar/2024:10:00:00 +0000","remote_addr":"203.0.113.7","request_uri":"/t","args":"x=1","status":"200"}"#,
            "203.0.113.7",
            "/t?x=1",
            "200",
        ),
        (
            r#"{"ts":1709719200,"source":{"ip":"203.0.113.7"},"url":{"path":"/t"},"http":{"request":{"method":"GET"},"response":{"status_code":200}}}"#,
            "203.0.113.7",
            "/t",
            "200",
        ),
        (r#"{"timestamp":1709719200000,"ClientIP":"203.0.113.7","request_uri":"/t","status":null}"#, "203.0.113.7", "/t", "-"),
    ] {
        let got = read(json).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(
            (got[1].as_str(), got[3].as_str(), got[5].as_str(), got[6].as_str()),
            (client, "2024-03-06T10:00:00Z", target, status),
            "{json}"
        );
    }
    for (json, said) in [
        ("{}", "path"),
        (r#"{"path":"/a","status":200}"#, "time"),
        (r#"{"path":"/a","time":"2024-03-06T10:00:00Z"}"#, "client"),
        ("{", "JSON"),
        ("{\"a\"}", "expected"),
    ] {
        assert!(read_as("nginx-json".into(), json)[0].as_ref().unwrap_err().contains(said), "{json}");
    }
}

#[test]
fn columns_may_change_within_a_table_and_their_names_may_be_cut_off() {
    let rows = "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n2024-03-06 10:00:00 203.0.113.7 GET /a 200\n\
                #Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status\n\
                2024-03-06 10:00:01 GET /b q=1 203.0.113.8 M+(X) 404\nshort row";
    let all = read_as("iis".into(), rows);
    assert_eq!((all[0].as_ref().unwrap()[5].as_str(), all[1].as_ref().unwrap()[5].as_str()), ("/a", "/b?q=1"));
    assert_eq!((all[1].as_ref().unwrap()[1].as_str(), all[1].as_ref().unwrap()[7].as_str()), ("203.0.113.8", "M (X)"));
    assert!(all[2].is_err());
    let usual = FORMATS.iter().find(|format| format.name == "iis").unwrap().sample.lines().last().unwrap();
    assert_eq!(read(usual).unwrap()[5], "/cart?id=7");
}

#[test]
fn what_attackers_send_moves_no_field() {
    let envoy = FORMATS.iter().find(|format| format.name == "envoy").unwrap().sample;
    let own = "$msec|$request_method|$request_uri|$status|$request_time|$host|$remote_addr";
    let many = format!("1709719200|GET|/etc/passwd?{}|200|0.2|s|203.0.113.9", "|".repeat(600));
    let quotes = "\\\"".repeat(40);
    let traefik = FORMATS.iter().find(|format| format.name == "traefik-json").unwrap().sample;
    let junk: String = (0..600).map(|i| format!("\"X-{i}\":[\"a\"],")).collect();
    let caddy =
        FORMATS.iter().find(|format| format.name == "caddy").unwrap().sample.replace("\"User-Agent\":", &format!("{junk}\"User-Agent\":"));
    for (name, own, line, client, target, status) in [
        ("an agent that ends in a backslash", None, envoy.replace("Mozilla/5.0", "M\\"), "203.0.113.7", "/cart", "200"),
        ("many separators", Some(own), many.clone(), "203.0.113.9", many.split('|').nth(2).unwrap(), "200"),
        ("escaped quotes in a name", None, format!("203.0.113.7 - {quotes} {TIME} {END}"), "203.0.113.7", "/a", "200"),
        (
            "a request and many quotes in a name",
            None,
            format!("203.0.113.7 - x [01/Jan/2020:00:00:00 +0000] \"GET /f HTTP/1.1\" 200 5{} {TIME} {END}", " \"a\"".repeat(70)),
            "203.0.113.7",
            "/a",
            "200",
        ),
        ("headers that look like fields", None, traefik.replace('}', ",\"request_Uri\":\"/forged\"}"), "203.0.113.7", "/cart", "200"),
        ("many headers", None, caddy, "203.0.113.7", "/cart", "200"),
        ("a brace in front", None, format!("{{, 203.0.113.9, 10.0.0.5 - - {TIME} {END}"), "{, 203.0.113.9, 10.0.0.5", "/a", "200"),
        (
            "a list with a word",
            None,
            format!("10.0.0.5 - - {TIME} {END} \"unknown, 203.0.113.9\""),
            "unknown, 203.0.113.9, 10.0.0.5",
            "/a",
            "200",
        ),
        ("a port before a proxy", None, format!("203.0.113.7:5555 10.0.0.5 - - {TIME} {END}"), "203.0.113.7:5555", "/a", "200"),
        ("IPv6 before a proxy", None, format!("2001:db8::1 10.0.0.5 - - {TIME} {END}"), "2001:db8::1", "/a", "200"),
        ("quotes around a client", None, format!("\"203.0.113.7\" - - {TIME} {END}"), "203.0.113.7", "/a", "200"),
    ] {
        let got = read_as(How { own, ..How::from("auto") }, &line).pop().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (got[1].as_str(), got[5].split('?').next().unwrap(), got[6].as_str()),
            (client, target.split('?').next().unwrap(), status),
            "{name}"
        );
    }
    for line in ["# x, 203.0.113.9 - - and no more", "#Remark"] {
        assert!(read_as("auto".into(), line)[0].is_err(), "{line}: no directive");
    }
}

#[test]
fn the_layout_of_a_file_settles_what_a_line_leaves_open() {
    let hosts = format!("shop.example 203.0.113.7 - - {TIME} {END}\n").repeat(3);
    let forged = format!("192.0.2.99 203.0.113.9 - - {TIME} {END}");
    assert_eq!(
        read_as("auto".into(), &format!("{hosts}{forged}")).pop().unwrap().unwrap()[1],
        "203.0.113.9",
        "the host is the client's choice"
    );
    assert_eq!(read(&forged).unwrap()[1], "192.0.2.99");
    // Also where it is the first line of the file.
    let file = format!("{forged}\n{hosts}");
    let mut access = Access::new("auto".into()).unwrap();
    access.look_at(file.as_bytes(), Timestamp::from_secs(0));
    assert_eq!(access.line(&forged, said).unwrap().unwrap()[1], "203.0.113.9");
    let lists = format!("203.0.113.7, 10.0.0.5 - - {TIME} {END}\n").repeat(3);
    let forged = format!("1.2.3.4 - x, 203.0.113.9, 10.0.0.5 - - {TIME} {END}");
    let client = read_as("auto".into(), &format!("{lists}{forged}")).pop().unwrap().unwrap()[1].clone();
    assert_eq!(client, "1.2.3.4 - x, 203.0.113.9, 10.0.0.5", "the end of the list is what proxies added");
}

#[test]
fn other_formats_half_way_are_read_and_what_is_none_is_refused() {
    let combined = format!("203.0.113.7 - - {TIME} {END}");
    let json = r#"{"time":"2024-03-06T10:00:00Z","remote_addr":"203.0.113.7","path":"/t","status":200}"#;
    let text = format!("newsyslog turned over\n{combined}\n{json}\n{json}\n{combined}\n{}\n", &combined[..40]);
    let all = read_as("auto".into(), &text);
    let names: Vec<&str> = all.iter().map(|line| line.as_ref().map_or("", |said| said[0].as_str())).collect();
    assert_eq!(names, ["", "combined", "nginx-json", "nginx-json", "combined", ""]);
    assert_eq!(all[5], Err("no request in quotes".to_owned()));
    assert!(read_as("combined".into(), json)[0].is_err(), "a format that was named is the only one");
    let (name, sure) = Access::detect(text.as_bytes(), "auto".into(), Timestamp::from_secs(0)).unwrap().unwrap();
    assert_eq!((name, (sure * 6.0).round()), ("combined", 4.0));
}

#[test]
fn what_clients_chose_does_not_hide_a_line_of_json() {
    let agent = br#"{"time":"2024-03-06T10:00:00Z","remote_addr":"203.0.113.7","path":"/t","status":200,"user_agent":"#.to_vec();
    for (name, value, expected) in [
        ("a lone surrogate", b"\"x\\udce9\"}".to_vec(), "x\u{fffd}"),
        ("no UTF-8", b"\"x\xff\"}".to_vec(), "x\u{fffd}"),
        ("a control character", b"\"x\x01\"}".to_vec(), "x\u{1}"),
        ("no escape", b"\"x\\y\"}".to_vec(), "x\\y"),
    ] {
        let mut seen = Vec::new();
        head_lines(&[agent.clone(), value].concat(), Timestamp::from_secs(0), |line| {
            seen.extend(Access::new("auto".into()).unwrap().line(line.text, said).and_then(Result::ok));
        });
        assert_eq!(seen.iter().map(|said| said[7].as_str()).collect::<Vec<_>>(), [expected], "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_is_harmless(text in "[\\[\\]\"\\\\ 0-9a-z/:{}#|.-]{0,120}", at in any::<prop::sample::Index>()) {
        let mut access = Access::new("auto".into()).unwrap();
        let _ = access.line(&text, |_, _| ());
        let sample = FORMATS[at.index(FORMATS.len())].sample;
        let end = (0..=at.index(sample.len() + 1)).rev().find(|end| sample.is_char_boundary(*end)).unwrap();
        for line in [&sample[..end], &format!("{}{text}{}", &sample[..end], &sample[end..])] {
            let _ = access.line(line, |_, _| ());
            for family in Family::ALL {
                let _ = access.read(*family, line, &mut Entry::default());
            }
        }
    }

    #[test]
    fn a_users_name_moves_no_time(name in "[ -~]{0,60}") {
        // Quotes and backslashes in it are escaped, as servers do.
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        let line = format!("203.0.113.7 - x{escaped} {TIME} {END}");
        let got = read(&line).unwrap();
        prop_assert_eq!((got[3].as_str(), got[5].as_str(), got[1].as_str()), ("2024-03-06T10:00:00Z", "/a", "203.0.113.7"));
    }
}
