//! Windows of addresses that many share.

use crate::requests::generator::{GeneratorConfig, generate};
use crate::requests::recency::RequestRecency;
use crate::requests::{RecentRequests, RequestEvent};
use bartizan_core::{Identity, Recency, Seed, Timestamp, Tracking};
use proptest::prelude::*;

const BASE: i64 = 1_700_000_000 / 3_600 * 3_600;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const GATEWAY: &str = "198.51.100.7";

fn windows(max_entities: usize) -> RequestRecency {
    let identity = Identity::parse(&["x-user-id", "authorization", "agent"]).unwrap();
    RequestRecency::new(&Tracking { max_entities, identity })
}

fn by_address(max_entities: usize) -> RequestRecency {
    RequestRecency::new(&Tracking::by_address(max_entities))
}

fn request(secs: i64, user: &str, agent: &str) -> RequestEvent {
    let (mut event, _) = generate(&GeneratorConfig::default(), Seed(1)).next().unwrap();
    event.headers = [("User-Agent", agent), ("X-User-Id", user)].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    (event.ip_address, event.timestamp) = (GATEWAY.to_owned(), Timestamp::from_secs(BASE + secs));
    event.endpoint = "/api/products".to_owned();
    event
}

fn user(secs: i64, user: usize) -> RequestEvent {
    request(secs, &format!("user-{user}"), AGENT)
}

fn attack(secs: i64, user: &str, agent: &str) -> RequestEvent {
    RequestEvent { endpoint: "/.git/config".to_owned(), ..request(secs, user, agent) }
}

/// So many users who each come every other minute, for 20 minutes.
fn office(windows: &RequestRecency, users: usize) {
    for secs in (0..1_200).step_by(120) {
        (0..users).for_each(|i| _ = windows.observe(&user(secs, i)));
    }
}

fn numbers(recent: RecentRequests) -> [f32; 5] {
    [recent.short, recent.minute, recent.hour, recent.risky, recent.errors]
}

#[test]
fn what_one_of_many_does_says_nothing_of_the_others() {
    let windows = windows(10_000);
    office(&windows, 8);
    let before = windows.peek(&user(1_210, 3));
    // The first round is how the address got busy enough to be looked at.
    assert_eq!((before.hour, before.risky, before.agents.round(), before.paths.round()), (9.0, 0.0, 1.0, 1.0));
    (0..300)
        .for_each(|i| _ = windows.observe(&RequestEvent { endpoint: format!("/.git/{i}"), ..attack(1_200 + i / 30, "eve", "sqlmap/1.8") }));
    for (name, event) in
        [("known", user(1_210, 3)), ("never seen", request(1_210, "new", AGENT)), ("another agent", request(1_210, "", "App/2"))]
    {
        let recent = windows.peek(&event);
        assert!(recent.risky == 0.0 && recent.minute <= 1.0 && recent.hour <= 10.0 && recent.paths < 1.1, "{name}: {recent:?}");
    }
    assert_eq!(windows.peek(&user(1_210, 3)), before);
    let eve = windows.peek(&attack(1_210, "eve", "sqlmap/1.8"));
    assert!(eve.risky == 300.0 && eve.minute == 300.0 && eve.paths > 2.0, "{eve:?}");
}

#[test]
fn an_address_of_one_client_is_as_it_was() {
    let config = GeneratorConfig { rows: 20_000, clients: 50, gap_secs: 0.5, ..GeneratorConfig::default() };
    let (some, all) = (windows(10_000), by_address(10_000));
    for (event, _) in generate(&config, Seed(4)) {
        assert_eq!(some.observe(&event), all.observe(&event));
        assert_eq!(some.peek(&event), all.peek(&event));
    }
}

/// Whether the address has windows of its own for somebody who was never there.
fn is_shared(windows: &RequestRecency, secs: i64) -> bool {
    windows.peek(&request(secs, "nobody", "Nothing/1")).paths == 0.0
}

#[test]
fn names_that_change_within_minutes_share_nothing() {
    let day = 86_400;
    let mozilla = |i: i64| format!("{AGENT} {i}");
    type Request = Box<dyn Fn(i64) -> RequestEvent>;
    let cases: Vec<(&str, i64, i64, Request)> = vec![
        ("another user each time", 1, 3_600, Box::new(|i| request(i, &format!("u{i}"), AGENT))),
        ("another agent each time", 1, 3_600, Box::new(move |i| request(i, "", &mozilla(i)))),
        ("a hundred agents for nine minutes", 1, 540, Box::new(move |i| request(i, "", &mozilla(i % 100)))),
        ("a token for a quarter of an hour", 20, day, Box::new(|i| request(i, &format!("t{}", i / 900), AGENT))),
        ("ten agents that scan", 1, 7_200, Box::new(move |i| attack(i, "", &mozilla(i % 10)))),
        ("ten users who are refused", 1, 7_200, Box::new(|i| RequestEvent { status: Some(401), ..user(i, i as usize % 10) })),
        ("a household", 20, day, Box::new(|i| user(i, i as usize % 3))),
    ];
    for (name, step, until, event) in cases {
        let (windows, plain) = (windows(10_000), by_address(10_000));
        for secs in (0..until).step_by(step as usize) {
            assert_eq!(windows.observe(&event(secs)), plain.observe(&event(secs)), "{name}, at {secs}");
        }
        assert!(!is_shared(&windows, until), "{name}");
    }
}

#[test]
fn agents_show_it_where_each_request_has_a_token_of_its_own() {
    let windows = windows(10_000);
    let config = GeneratorConfig { rows: 2_000, attack_share: 0.0, gap_secs: 1.0, ..GeneratorConfig::default() };
    for (event, _) in generate(&config, Seed(2)) {
        let event = RequestEvent { ip_address: GATEWAY.to_owned(), ..event };
        windows.observe(&event);
    }
    let start = GeneratorConfig::default().start.secs() - BASE;
    assert!(is_shared(&windows, start + 3_000));
}

#[test]
fn an_address_stays_shared_over_night_and_not_for_ever() {
    let windows = windows(10_000);
    office(&windows, 8);
    let after = |hours: i64| {
        // One who is early.
        windows.observe(&user(hours * 3_600, 1));
        is_shared(&windows, hours * 3_600)
    };
    assert_eq!([1, 24, 71, 74].map(after), [true, true, true, false]);
}

#[test]
fn strangers_cannot_hide_among_each_other() {
    let windows = windows(100_000);
    office(&windows, 8);
    let flood = |i: i64| request(1_300 + i / 100, &format!("x{i}"), &format!("Mozilla/5.0 ({i})"));
    let before = windows.peek(&user(1_330, 3));
    (0..3_000).for_each(|i| _ = windows.observe(&flood(i)));
    let stranger = windows.peek(&flood(3_000));
    assert!((300.0..600.0).contains(&stranger.minute) && stranger.risky == 0.0, "{stranger:?}");
    assert_eq!(windows.peek(&user(1_330, 3)), before, "who is known is none of them");
}

#[test]
fn what_is_taken_back_was_never_counted() {
    let windows = windows(10_000);
    office(&windows, 8);
    (0..3).for_each(|_| _ = windows.observe(&user(1_200, 100)));
    let requests = || [user(1_205, 3), user(1_205, 100), user(1_205, 101), attack(1_205, "user-3", AGENT)];
    let before = requests().map(|event| numbers(windows.peek(&event)));
    for event in requests().iter().chain(requests().iter().rev()) {
        let refused = [event.clone(), event.clone(), event.clone()];
        refused.iter().for_each(|event| _ = windows.observe(event));
        refused.iter().rev().for_each(|event| windows.forget(event));
        assert_eq!(requests().map(|event| numbers(windows.peek(&event))), before);
    }
    // Nor does what was refused make anybody known, and later a part of what is shared.
    let fresh = self::windows(10_000);
    for secs in (0..1_200).step_by(120) {
        for event in (0..8).map(|i| user(secs, i)) {
            fresh.observe(&event);
            if secs > 0 {
                fresh.forget(&event);
            }
        }
    }
    assert!(!is_shared(&fresh, 1_200));
}

#[test]
fn what_is_saved_and_restored_goes_on_the_same() {
    let (windows, again) = (windows(10_000), windows(10_000));
    office(&windows, 40);
    (0..50).for_each(|i| _ = windows.observe(&attack(1_190, "eve", &format!("sqlmap/{i}"))));
    let parts: Vec<_> = (0..).map_while(|part| windows.save(part)).map(|part| postcard::to_allocvec(&part).unwrap()).collect();
    parts.iter().for_each(|part| again.restore(postcard::from_bytes(part).unwrap()));
    assert_eq!((again.entities(), is_shared(&again, 1_200)), (windows.entities(), true));
    for i in 0..2_000 {
        let event = if i % 7 == 0 { attack(1_200 + i, "", "Nikto") } else { user(1_200 + i, i as usize % 60) };
        assert_eq!(again.observe(&event), windows.observe(&event), "{i}");
    }
}

#[test]
fn a_flood_of_names_forgets_no_more_than_its_part() {
    let windows = windows(1_600);
    let other = |i: i64, secs: i64| RequestEvent { ip_address: format!("203.0.113.{i}"), ..user(secs, 0) };
    (0..100).for_each(|i| _ = windows.observe(&other(i, 0)));
    for i in 0..40_000 {
        let name = request(i / 100, &format!("x{i}"), &format!("y{i}"));
        // From 200 addresses, so that each shard has many of them.
        windows.observe(&RequestEvent { ip_address: format!("192.0.2.{}", i % 200), ..name });
    }
    assert!(windows.entities() <= 1_600, "{}", windows.entities());
    let known = (0..100).filter(|i| windows.peek(&other(*i, 400)).hour > 0.0).count();
    assert_eq!(known, 100, "addresses are not forgotten for names while there is room for addresses");
    assert!(windows.evicted() > 0);
    // From one address they have a bound of their own.
    let windows = self::windows(1_600);
    (0..40_000).for_each(|i| _ = windows.observe(&request(i / 100, &format!("x{i}"), AGENT)));
    assert!((10..=25).contains(&windows.entities()), "{}", windows.entities());
}

proptest! {
    #[test]
    fn a_few_clients_are_never_taken_for_many(steps in prop::collection::vec((0_i64..400, 0_usize..3, any::<bool>()), 1..300)) {
        let (some, all) = (windows(1_000), by_address(1_000));
        let mut now = 0;
        for (step, who, is_refused) in steps {
            now += step - 40;
            let event = user(now, who);
            prop_assert_eq!(some.observe(&event), all.observe(&event));
            if is_refused {
                some.forget(&event);
                all.forget(&event);
            }
        }
    }

    #[test]
    fn any_traffic_keeps_to_the_bound(
        most in 1_usize..2_000,
        requests in prop::collection::vec((any::<i32>(), 0_u8..4, any::<u8>(), any::<bool>()), 1..400),
    ) {
        let windows = windows(most);
        for (secs, address, who, is_back) in requests {
            let event = RequestEvent { ip_address: format!("192.0.2.{address}"), ..user(i64::from(secs), usize::from(who)) };
            windows.observe(&event);
            if is_back {
                windows.forget(&event);
            }
            let recent = windows.peek(&event);
            prop_assert!(recent.hour >= 0.0 && recent.paths >= 0.0);
        }
        prop_assert!(windows.entities() <= most.div_ceil(16) * 16);
    }
}
