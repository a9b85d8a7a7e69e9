//! Extraction as a whole.

use super::generator::{GeneratorConfig, generate};
use super::{RequestEvent, Requests, body::parse_event, features::F};
use bartizan_core::{Domain, Extract, Label, Recency, Seed, Timestamp};
use proptest::prelude::*;

fn benign(rows: usize) -> Vec<RequestEvent> {
    generate(&GeneratorConfig { rows, attack_share: 0.0, ..GeneratorConfig::default() }, Seed(5)).map(|e| e.0).collect()
}

fn extract(baselines: &<Requests as Domain>::Baselines, event: &RequestEvent) -> Vec<f32> {
    let mut row = vec![f32::INFINITY; Requests::schema().width()];
    let recent = Requests::recency(10).peek(event);
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
    for index in 0..a.len() {
        assert!(!baselines.reason(&attack, &a, index).is_empty());
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

proptest! {
    #[test]
    fn any_request_gives_a_row(endpoint in ".{0,80}", method in ".{0,8}", ip in ".{0,20}", header in ".{0,40}", payload in ".{0,80}", micros in any::<i64>()) {
        let baselines = Requests::fit_baselines(std::iter::empty(), "all");
        let event = RequestEvent {
            request_id: String::new(), ip_address: ip, endpoint, http_method: method, headers: vec![(header.clone(), header)],
            payload, timestamp: Timestamp::from_micros(micros), query_string: None, content_type: None, status: None, has_headers: true,
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
