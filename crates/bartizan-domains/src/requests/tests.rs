//! Extraction as a whole.

use super::generator::{GeneratorConfig, generate};
use super::{RequestEvent, Requests, body::parse_event, features::F};
use crate::web::text::HASHED;
use bartizan_core::{Domain, Extract, Label, Recency, Seed, Timestamp, Tracking};
use proptest::prelude::*;

fn benign(rows: usize) -> Vec<RequestEvent> {
    generate(&GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() }, Seed(5)).map(|e| e.0).collect()
}

fn extract(baselines: &<Requests as Domain>::Baselines, event: &RequestEvent) -> Vec<f32> {
    let mut row = vec![f32::INFINITY; Requests::schema().width()];
    let recent = Requests::recency(&Tracking::by_address(10)).peek(event);
    baselines.extract(event, &recent, &mut row);
    assert!(row.iter().all(|v| !v.is_infinite()), "every feature is set: {row:?}");
    row
}

fn parse(json: &str) -> RequestEvent {
    parse_event(json.as_bytes(), Timestamp::from_secs(1_700_000_000)).unwrap()
}

#[test]
fn the_attack_that_clients_test_looks_worse() {
    let events = benign(2000);
    let baselines = Requests::fit_baselines(events.iter(), "all");
    let attack = parse(
        r#"{"request_id":"1","ip_address":"10.0.0.1","endpoint":"/api/admin/delete","http_method":"DELETE","headers":{"User-Agent":"BadBot/1.0"},"payload":{"table":"users"}}"#,
    );
    let usual = parse(
        r#"{"request_id":"2","ip_address":"10.0.0.1","endpoint":"/api/users/profile","http_method":"POST","headers":{"User-Agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/126.0","Accept":"application/json","Content-Type":"application/json"},"payload":{"name":"Ann"}}"#,
    );
    let (a, u) = (extract(&baselines, &attack), extract(&baselines, &usual));
    for feature in [F::PathRisk, F::AgentRisk, F::Contradictions] {
        assert!(a[feature as usize] > u[feature as usize], "{feature:?}");
    }
    let said: Vec<String> = (0..a.len()).filter_map(|index| baselines.reason(&attack, &a, index)).collect();
    assert!(said.iter().any(|text| text == "the agent “BadBot/1.0” is that of a tool or scanner"), "{said:?}");
    for text in said {
        assert!(!text.contains("NaN") && !text.contains("-0") && !text.contains(" 0 "), "{text} says nothing");
    }
}

#[test]
fn generated_attacks_are_labelled_and_stand_out() {
    let config = GeneratorConfig { rows: 3000, attack_share: 0.1, ..GeneratorConfig::default() };
    let events: Vec<_> = generate(&config, Seed(1)).collect();
    assert_eq!(events, generate(&config, Seed(1)).collect::<Vec<_>>(), "the same seed gives the same traffic");
    let attacks = events.iter().filter(|e| e.1 == Label::Anomalous).count();
    assert!((200..400).contains(&attacks), "{attacks}");
    let baselines = Requests::fit_baselines(events.iter().filter(|e| e.1 == Label::Legitimate).map(|e| &e.0), "all");
    let mean = |label: Label, feature: F| {
        let rows: Vec<f32> = events.iter().filter(|e| e.1 == label).map(|e| extract(&baselines, &e.0)[feature as usize]).collect();
        rows.iter().sum::<f32>() / rows.len() as f32
    };
    for feature in [F::InjectionMarks, F::PathRisk, F::RouteRarity, F::TextSurprise] {
        assert!(mean(Label::Anomalous, feature) > 1.5 * mean(Label::Legitimate, feature), "{feature:?}");
    }
}

#[test]
fn baselines_survive_storage() {
    let events = benign(500);
    let baselines = Requests::fit_baselines(events.iter(), "all");
    let bytes = postcard::to_allocvec(&baselines).unwrap();
    let back: <Requests as Domain>::Baselines = postcard::from_bytes(&bytes).unwrap();
    for event in &events {
        assert_eq!(format!("{:?}", extract(&baselines, event)), format!("{:?}", extract(&back, event)));
    }
    assert_eq!(bytes, postcard::to_allocvec(&Requests::fit_baselines(events.iter(), "all")).unwrap(), "fitting is reproducible");
}

/// Requests of about `size` bytes that an attacker would send to keep the service busy.
fn hostile(size: usize) -> Vec<(&'static str, RequestEvent)> {
    let plain = parse(r#"{"request_id":"1","ip_address":"10.0.0.1","endpoint":"/a","http_method":"POST","headers":{"User-Agent":"x"}}"#);
    let payload = |payload: String| RequestEvent { payload, ..plain.clone() };
    let endpoint = |endpoint: String| RequestEvent { endpoint, ..plain.clone() };
    let headers = |headers: Vec<(String, String)>| RequestEvent { headers, ..plain.clone() };
    let half = size / 2;
    vec![
        ("one long key over many numbers", payload(format!("{{\"{}\":[{}0]}}", "k".repeat(half), "0,".repeat(half / 2)))),
        ("one long escaped key over many texts", payload(format!("{{\"{}\":[{}0]}}", "\\n".repeat(half / 2), "\"\",".repeat(half / 3)))),
        ("many keys", payload(format!("{{{}\"a\":0}}", (0..size / 11).map(|i| format!("\"{i:06}\":0,")).collect::<String>()))),
        ("many quotes", payload(format!("[{}0]", "\"'\",".repeat(size / 4)))),
        ("many code-like texts", payload(format!("[{}0]", "\"1' or 1=1--\",".repeat(size / 15)))),
        ("texts before blanks", payload(format!("[{}0]", format!("\"a\"{},", " ".repeat(500)).repeat(size / 504)))),
        ("quotes and blanks", payload(format!("\"{}\"", "' ".repeat(half)))),
        ("brackets", payload("[".repeat(size))),
        ("tags", payload(format!("\"{}\"", "<a ".repeat(size / 3)))),
        ("comments", payload(format!("\"{}\"", "<!--".repeat(size / 4)))),
        ("sql comments", payload(format!("\"{}\"", "/*".repeat(half)))),
        ("open quotes", payload("\"\\".repeat(half))),
        ("escapes", payload(format!("\"{}\"", "\\u0041".repeat(size / 6)))),
        ("path of many segments", endpoint("/a".repeat(half))),
        ("path of escapes", endpoint(format!("/{}", "%252525".repeat(size / 7)))),
        ("many parameters", endpoint(format!("/a?{}", "a=1&".repeat(size / 4)))),
        ("one long parameter name", endpoint(format!("/a?{}=1", "k".repeat(size)))),
        ("many headers", headers(vec![(String::new(), String::new()); size / 6])),
        ("long names of headers", headers((0..64).map(|i| (format!("{}{i}", "h".repeat(size / 64)), String::new())).collect())),
        ("one agent", headers(vec![("User-Agent".into(), "<".repeat(size))])),
        ("a list of addresses", RequestEvent { ip_address: "10.0.0.1,".repeat(size / 9), ..plain.clone() }),
    ]
}

#[test]
fn work_grows_with_the_size_of_a_request_and_not_faster() {
    let events = benign(300);
    let baselines = Requests::fit_baselines(events.iter(), "all");
    let hashed = |work: &dyn Fn()| {
        HASHED.with(|hashed| hashed.set(0));
        work();
        HASHED.with(std::cell::Cell::get)
    };
    for size in [1 << 16, 1 << 18, 1 << 20] {
        for (name, event) in hostile(size) {
            let windows = Requests::recency(&Tracking::by_address(10));
            let judging = hashed(&|| {
                let recent = windows.observe(&event);
                let mut row = vec![0.0; Requests::schema().width()];
                baselines.extract(&event, &recent, &mut row);
                (0..row.len()).for_each(|index| drop(baselines.reason(&event, &row, index)));
            });
            assert!(judging <= 8 * size + 65_536, "{name}: {judging} bytes hashed of {size}");
            let stored = Requests::bounded(&event).into_owned();
            let learning = hashed(&|| drop(Requests::fit_baselines(std::iter::once(&stored), "all")));
            assert!(learning <= 1 << 21, "{name}: {learning} bytes hashed to learn from what is stored of {size}");
        }
    }
}

#[test]
fn a_stored_request_has_the_features_of_the_whole_one() {
    let events = benign(300);
    let baselines = Requests::fit_baselines(events.iter(), "all");
    for (name, event) in hostile(1 << 18) {
        let stored = Requests::bounded(&event).into_owned();
        let (whole, kept) = (extract(&baselines, &event), extract(&baselines, &stored));
        for feature in [
            F::PathLength,
            F::QueryLength,
            F::PayloadBytes,
            F::PayloadDepth,
            F::PayloadKeys,
            F::PayloadEntropy,
            F::HeaderCount,
            F::MissingHeaders,
            F::UnseenHeaders,
            F::Contradictions,
            F::RouteRarity,
            F::MethodRarity,
            F::AgentRisk,
            F::AgentRarity,
            F::LongValues,
            F::AddressRarity,
            F::ParameterCount,
        ] {
            let (whole, kept) = (whole[feature as usize], kept[feature as usize]);
            assert!(whole.total_cmp(&kept).is_eq(), "{name}: {feature:?} is {whole} of the whole and {kept} of what is stored");
        }
    }
}

#[test]
fn the_length_of_a_value_is_that_of_the_whole() {
    let upload = |length: usize| {
        let body =
            r#"{"request_id":"1","ip_address":"10.0.0.1","endpoint":"/upload","http_method":"POST","headers":{},"payload":{"file":"X"}}"#;
        parse(&body.replace('X', &"QUJD".repeat(length / 4)))
    };
    let learned: Vec<RequestEvent> = (0..50).map(|i| Requests::bounded(&upload(1_000_000 + i)).into_owned()).collect();
    let row = extract(&Requests::fit_baselines(learned.iter(), "all"), &upload(1_000_000));
    assert!((0.9..=1.0).contains(&row[F::LongValues as usize]), "{}", row[F::LongValues as usize]);
    assert_eq!((row[F::UnseenKeys as usize], row[F::InjectionMarks as usize]), (0.0, 0.0));
}

#[test]
fn attacks_behind_padding_are_seen_wherever_they_stand() {
    let events = benign(300);
    let baselines = Requests::fit_baselines(events.iter(), "all");
    let usual = |endpoint: String, payload: String, cookie: String| {
        let headers = vec![("User-Agent".to_owned(), "x".to_owned()), ("Cookie".to_owned(), cookie)];
        RequestEvent { endpoint, payload, headers, ..events[0].clone() }
    };
    for kib in [1, 8, 64, 512] {
        let pad = kib * 1_024;
        for (name, event, feature) in [
            (
                "many values",
                usual("/a".into(), format!("[{}\"x' OR 1=1 -- \"]", "\"lorem\",".repeat(pad / 8)), String::new()),
                F::SqlInjection,
            ),
            (
                "one value",
                usual("/a".into(), format!("[\"{}<script>alert(1)</script>\"]", "lorem ".repeat(pad / 6)), String::new()),
                F::ScriptInjection,
            ),
            (
                "many parameters",
                usual(format!("/a?{}b=/../../etc/passwd", "a=1&".repeat(pad / 4)), String::new(), String::new()),
                F::Traversal,
            ),
            ("one header", usual("/a".into(), String::new(), format!("{}${{jndi:ldap://x/a}}", "lorem ".repeat(pad / 6))), F::HeaderMarks),
        ] {
            let row = extract(&baselines, &event);
            assert!(row[feature as usize] > 0.0, "{name} behind {kib} KiB");
            assert!(baselines.reason(&event, &row, feature as usize).is_some(), "{name} behind {kib} KiB");
        }
    }
}

proptest! {
    #[test]
    fn any_request_gives_a_row(endpoint in ".{0,80}", method in ".{0,8}", ip in ".{0,20}", header in ".{0,40}", payload in ".{0,80}", micros in any::<i64>()) {
        let baselines = Requests::fit_baselines(std::iter::empty(), "all");
        let event = RequestEvent {
            request_id: String::new(), ip_address: ip, endpoint, http_method: method, headers: vec![(header.clone(), header)],
            payload, timestamp: Timestamp::from_micros(micros), query_string: None, content_type: None, status: None, has_headers: true, client: String::new(), cut: Vec::new(),
        };
        let row = extract(&baselines, &event);
        for index in 0..row.len() {
            baselines.reason(&event, &row, index);
        }
    }

    #[test]
    fn damaged_baselines_do_no_harm(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let events = benign(20);
        let mut bytes = postcard::to_allocvec(&Requests::fit_baselines(events.iter(), "all")).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(baselines) = postcard::from_bytes::<<Requests as Domain>::Baselines>(&bytes) {
            extract(&baselines, &events[0]);
        }
    }
}
