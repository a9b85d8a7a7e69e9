//! An API that only programs call: at fixed intervals, when something happened, and in batches at night.

mod service;

use super::dice::Dice;
use super::hits::{Hit, Log, Route, Who};
use super::{Place, Targets, World};
use service::Service;

/// Service accounts.
const SERVICES: u64 = 36;
/// Share of the requests that come at fixed intervals, and at night in batches.
const REGULAR: f64 = 0.68;
const NIGHTLY: f64 = 0.06;

/// Seconds between the calls of a job, as people write them into schedules.
const INTERVALS: &[f64] = &[
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    14_400.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_419_200.0,
];

const TOKEN: Route = Route::send("POST", "/oauth/token", 200, 0.05, 640.0).answering(1_100.0);
const EXPORT: Route = Route::get("/v1/exports/*", 3.5, 6_000_000.0).spread(0.9);
const LOAD: Route = Route::send("POST", "/v1/imports", 202, 4.0, 9_000_000.0).spread(0.8);

/// What jobs call.
const CALLS: &[Route] = &[
    Route::get("/health", 0.004, 64.0).spread(0.02),
    Route::get("/v1/queue/messages?max=*", 0.03, 1_800.0).spread(0.9),
    Route::get("/v1/inventory/changes", 0.06, 5_200.0).spread(0.9),
    Route::send("POST", "/v1/metrics", 202, 0.02, 4_200.0).spread(0.2),
    Route::send("POST", "/v1/events", 202, 0.03, 2_300.0).spread(0.7),
    Route::get("/v1/prices", 0.08, 46_000.0).spread(0.15),
    Route::get("/v1/config", 0.01, 3_100.0).spread(0.02),
    Route::send("PUT", "/v1/locks/*", 200, 0.012, 480.0),
    Route::get("/v1/customers?page=*", 0.12, 64_000.0),
    Route::get("/v1/orders?page=*", 0.1, 52_000.0),
    Route::get("/metrics", 0.01, 18_000.0).spread(0.05),
    Route::get("/v1/jobs/*/status", 0.015, 420.0),
];

/// What is called when something happened: an order, a payment, a parcel.
const EVENTS: &[Route] = &[
    Route::get("/v1/orders/*", 0.04, 2_900.0).spread(0.5),
    Route::send("POST", "/v1/orders/*/payments", 201, 0.35, 1_300.0),
    Route::send("PATCH", "/v1/parcels/*", 200, 0.06, 720.0),
    Route::get("/v1/customers/*", 0.03, 1_700.0),
    Route::send("POST", "/v1/notifications", 202, 0.05, 1_600.0),
];

const TARGETS: Targets = Targets {
    login: TOKEN,
    changes: &[
        Route::send("POST", "/v1/keys", 201, 0.09, 510.0),
        Route::send("DELETE", "/v1/keys/*", 204, 0.06, 430.0),
        Route::send("PUT", "/v1/clients/self", 200, 0.08, 820.0),
    ],
    own: &[Route::get("/v1/keys", 0.03, 1_400.0), Route::get("/v1/clients/self", 0.02, 900.0), Route::get("/v1/prices", 0.08, 46_000.0)],
    exports: &[EXPORT, Route::get("/v1/inventory/changes", 0.06, 5_200.0), Route::get("/v1/customers?page=*", 0.12, 64_000.0)],
    lists: &[Route::get("/v1/customers?page=*", 0.12, 64_000.0), Route::get("/v1/orders?page=*", 0.1, 52_000.0)],
    items: &[Route::get("/v1/customers/*", 0.03, 1_700.0), Route::get("/v1/orders/*", 0.04, 2_900.0)],
    numbered: &[Route::get("/v1/customers/*", 0.03, 1_700.0), Route::get("/v1/exports/*", 0.2, 40_000.0)],
    heavy: &[LOAD, Route::get("/v1/prices", 0.08, 46_000.0), Route::get("/v1/orders?page=*", 0.1, 52_000.0)],
};

/// The programs.
pub(super) struct Fleet {
    services: Vec<Service>,
    place: Place,
}

impl Fleet {
    pub(super) fn new(place: Place, dice: &mut Dice) -> Self {
        Self { services: (0..SERVICES).map(|number| Service::new(number, place.span, dice)).collect(), place }
    }

    fn service(&self, number: u64) -> &Service {
        &self.services[number as usize % self.services.len()]
    }

    /// A job that calls at an interval from the beginning of the span to its end, with about `share` of all requests.
    fn schedule(&self, dice: &mut Dice, log: &mut Log, number: u64, share: f64) {
        let service = self.service(number);
        let route = if number.is_multiple_of(9) { &CALLS[0] } else { dice.pick(CALLS) };
        let wanted = self.place.gap / share;
        // A job that fetches a token for each call makes three requests of one.
        let wanted = if service.refreshes && wanted > 1_200.0 { 3.0 * wanted } else { wanted };
        let every = INTERVALS.iter().copied().find(|interval| *interval >= wanted).unwrap_or(wanted);
        let jitter = (every * 0.05).min(if dice.chance(0.7) { 0.8 } else { 6.0 });
        let mut due = dice.unit() * every;
        let mut hour = f64::INFINITY;
        while due < self.place.span && log.room() > 0 {
            let at = due + dice.unit() * jitter;
            let who = service.who(dice, at);
            let of = ((at + service.into) / 3_600.0).floor();
            if service.refreshes && of > hour {
                refresh(log, route, &who, at, dice);
            } else {
                call(log, route, &who, at, dice);
            }
            hour = of;
            due += every;
        }
    }

    /// The batch of one service in one night, of about `count` requests.
    fn batch(&self, dice: &mut Dice, log: &mut Log, service: &Service, from: f64, count: f64) {
        let mut at = from + dice.between(0.0, 90.0);
        let who = service.who(dice, at);
        for number in 0..dice.around(count, 0.3).max(1.0) as u64 {
            let hit = if service.fetches { &EXPORT } else { &LOAD }.hit(at, &who, number + 1, dice);
            let took = hit.took.max((hit.got + hit.sent) / 2e7).min(300.0);
            at += took + dice.between(0.2, 4.0);
            log.add(Hit { took, ..hit });
        }
    }

    /// All batches: each night, and when a month ends.
    fn nights(&self, dice: &mut Dice, log: &mut Log) {
        let batches: Vec<&Service> = self.services.iter().filter(|service| service.batch.is_some()).collect();
        let count = 86_400.0 / self.place.gap * NIGHTLY / batches.len().max(1) as f64;
        for midnight in self.place.clock.midnights(self.place.span) {
            for service in &batches {
                // With few requests a day, some nights have nothing to do.
                if dice.chance(count) {
                    self.batch(dice, log, service, midnight + 3_600.0 * service.batch.unwrap_or(2.0), count.clamp(1.0, 120.0));
                }
            }
            if self.place.clock.ends_month(midnight) && dice.chance(4.0 * count) {
                let who = self.service(5).who(dice, midnight);
                let at = midnight + 79_200.0 + dice.between(0.0, 60.0);
                log.add(Route::send("POST", "/v1/ledger/close", 202, 20.0, 1_800.0).hit(at, &who, 0, dice));
                let book = Route::get("/v1/ledger/*/book", 30.0, 80_000_000.0).hit(at + 900.0, &who, dice.whole(600, 700), dice);
                log.add(book);
            }
        }
    }

    /// One thing that happened, and the calls that follow from it.
    fn happening(&self, dice: &mut Dice, log: &mut Log) {
        let mut at = dice.unit() * self.place.span;
        // Orders come by day.
        if dice.unit() > self.activity(0, at) {
            at = dice.unit() * self.place.span;
        }
        let service = self.service(dice.popular(SERVICES));
        let who = service.who(dice, at);
        let number = dice.whole(200_000, 260_000);
        if service.rotates(at) {
            for wait in [0.0, 1.0, 3.0] {
                log.add(dice.pick(EVENTS).hit(at + wait, &who, number, dice).failed(dice, 401));
            }
            log.add(TARGETS.changes[0].hit(at + 60.0, &who, 0, dice));
        }
        for _ in 0..dice.several(2.5) {
            let seldom = *dice.pick(&[TARGETS.changes, TARGETS.own, TARGETS.exports]);
            let from = if dice.chance(0.01) { seldom } else { EVENTS };
            let route = dice.pick(from);
            call(log, route, &who, at, dice);
            at += dice.around(0.4, 1.0);
        }
    }
}

/// A call, again after a while when it fails: each time twice as long.
fn call(log: &mut Log, route: &Route, who: &Who, from: f64, dice: &mut Dice) {
    let (mut at, mut wait) = (from, 1.0);
    let number = dice.whole(1, 900);
    for failing in [0.006, 0.5, 0.4, 0.3] {
        let hit = route.hit(at, who, number, dice);
        if !dice.chance(failing) {
            return log.add(if dice.chance(0.004) { hit.failed(dice, 404) } else { hit });
        }
        let status = *dice.pick(&[503, 503, 502, 504, 500, 429]);
        log.add(hit.failed(dice, status));
        at += wait + dice.between(0.0, 0.3);
        wait *= 2.0;
    }
}

/// A call with a token that has expired, a new token, the call again.
fn refresh(log: &mut Log, route: &Route, who: &Who, at: f64, dice: &mut Dice) {
    let number = dice.whole(1, 900);
    log.add(route.hit(at, who, number, dice).failed(dice, 401));
    log.add(TOKEN.hit(at + dice.between(0.05, 0.4), who, 0, dice));
    call(log, route, who, at + dice.between(0.5, 1.2), dice);
}

impl World for Fleet {
    fn fill(&self, dice: &mut Dice, log: &mut Log) {
        self.nights(dice, log);
        // Each service has a job or two; some call far more often than others.
        let shares: Vec<f64> = (0..SERVICES + SERVICES / 2).map(|_| dice.around(1.0, 0.9)).collect();
        let total: f64 = shares.iter().sum();
        for (number, share) in (0..).zip(shares) {
            self.schedule(dice, log, number, REGULAR * share / total);
        }
        while log.room() > 0 {
            self.happening(dice, log);
        }
    }

    fn targets(&self) -> &'static Targets {
        const { &TARGETS }
    }

    fn accounts(&self) -> u64 {
        SERVICES
    }

    fn activity(&self, _: u64, at: f64) -> f64 {
        let by_day = (7.0..21.0).contains(&self.place.clock.hour(at, 1));
        let of_week = if self.place.clock.is_weekend(at, 1) { 0.6 } else { 1.0 };
        of_week * if by_day { 1.0 } else { 0.3 }
    }

    fn who(&self, account: u64, dice: &mut Dice, at: f64) -> Who {
        self.service(account).who(dice, at)
    }

    fn stolen(&self, dice: &mut Dice) -> String {
        const NAMES: &[&str] = &["admin", "api", "backup", "ci", "deploy", "integration", "jenkins", "monitoring", "service", "test"];
        if dice.chance(0.4) {
            return self.who(dice.whole(0, SERVICES - 1), dice, 0.0).user;
        }
        format!("{}-{}", dice.pick(NAMES), dice.whole(1, 40))
    }

    fn outsider(&self, dice: &mut Dice) -> String {
        // A key that was found somewhere, or one of a partner.
        if dice.chance(0.5) { self.who(dice.whole(0, SERVICES - 1), dice, 0.0).user } else { format!("partner-{}", dice.whole(1, 30)) }
    }
}
