//! People who work with an API: sessions in their own hours, from their own networks, on their own things.

mod person;

use super::dice::Dice;
use super::hits::{Hit, Log, Route, Who};
use super::{Place, Targets, World};
use person::{AREAS, Person};

/// How many people there are, unless the traffic is too dense for so few.
const PEOPLE: f64 = 150.0;
/// One of them asks at most this often in the mean, in seconds.
const BUSIEST: f64 = 20.0;

const LOGIN: Route = Route::send("POST", "/api/v1/auth/login", 200, 0.18, 520.0);
const ME: Route = Route::get("/api/v1/me", 0.02, 900.0);
const NEWS: Route = Route::get("/api/v1/notifications", 0.015, 320.0).spread(0.6);
const EXPORT: Route = Route::get("/api/v1/exports/*/download", 2.2, 900_000.0).spread(1.1);

/// What each kind of work asks for: a list, a thing, a change to it, and something else.
const WORK: [[Route; 4]; AREAS as usize] = [
    [
        Route::get("/api/v1/projects?page=*", 0.06, 14_000.0),
        Route::get("/api/v1/projects/*", 0.04, 3_200.0).spread(0.6),
        Route::send("PUT", "/api/v1/projects/*", 200, 0.09, 1_900.0).answering(3_000.0),
        Route::get("/api/v1/projects/*/members", 0.03, 2_400.0),
    ],
    [
        Route::get("/api/v1/tasks?page=*", 0.05, 18_000.0),
        Route::get("/api/v1/tasks/*", 0.03, 1_800.0).spread(0.5),
        Route::send("PATCH", "/api/v1/tasks/*", 200, 0.07, 640.0).answering(1_800.0),
        Route::send("POST", "/api/v1/tasks/*/comments", 201, 0.08, 700.0),
    ],
    [
        Route::get("/api/v1/documents?page=*", 0.07, 11_000.0),
        Route::get("/api/v1/documents/*", 0.12, 180_000.0).spread(1.3),
        Route::send("POST", "/api/v1/documents", 201, 0.6, 240_000.0).spread(1.3),
        Route::get("/api/v1/documents/*/versions", 0.04, 2_600.0),
    ],
    [
        Route::get("/api/v1/customers?page=*", 0.08, 26_000.0),
        Route::get("/api/v1/customers/*", 0.05, 4_100.0),
        Route::send("PUT", "/api/v1/customers/*", 200, 0.1, 1_400.0).answering(4_000.0),
        Route::get("/api/v1/customers/*/orders", 0.09, 9_000.0).spread(0.8),
    ],
    [
        Route::get("/api/v1/invoices?page=*", 0.09, 21_000.0),
        Route::get("/api/v1/invoices/*", 0.05, 2_900.0),
        Route::send("POST", "/api/v1/invoices", 201, 0.15, 2_300.0),
        Route::get("/api/v1/invoices/*/pdf", 0.4, 120_000.0).spread(0.5),
    ],
    [
        Route::get("/api/v1/reports?page=*", 0.06, 6_000.0),
        Route::get("/api/v1/reports/*", 0.9, 60_000.0).spread(1.0),
        Route::send("POST", "/api/v1/reports", 202, 0.2, 900.0),
        Route::get("/api/v1/search?q=term*", 0.22, 8_000.0).spread(0.8),
    ],
];

/// What those ask for who manage the others.
const MANAGING: [Route; 3] = [
    Route::get("/api/admin/users", 0.09, 16_000.0),
    Route::get("/admin/users", 0.05, 21_000.0),
    Route::send("PUT", "/api/admin/users/*", 200, 0.08, 760.0),
];

const TARGETS: Targets = Targets {
    login: LOGIN,
    changes: &[
        Route::send("PUT", "/api/v1/me/email", 200, 0.09, 480.0),
        Route::send("PUT", "/api/v1/me/password", 204, 0.21, 520.0),
        Route::send("DELETE", "/api/v1/me/sessions", 204, 0.05, 430.0),
        Route::send("POST", "/api/v1/me/tokens", 201, 0.08, 470.0),
    ],
    own: &[ME, Route::get("/api/v1/projects?page=*", 0.06, 14_000.0), Route::get("/api/v1/customers?page=*", 0.08, 26_000.0)],
    exports: &[
        EXPORT,
        Route::get("/api/v1/documents/*", 0.12, 180_000.0).spread(1.0),
        Route::get("/api/v1/customers?page=*", 0.08, 26_000.0),
        Route::get("/api/v1/reports/*", 0.9, 60_000.0),
    ],
    lists: &[Route::get("/api/v1/customers?page=*", 0.08, 26_000.0), Route::get("/api/v1/documents?page=*", 0.07, 11_000.0)],
    items: &[Route::get("/api/v1/customers/*", 0.05, 4_100.0), Route::get("/api/v1/documents/*", 0.12, 180_000.0).spread(1.0)],
    numbered: &[
        Route::get("/api/v1/invoices/*", 0.05, 2_900.0),
        Route::get("/api/v1/customers/*", 0.05, 4_100.0),
        Route::get("/api/v1/documents/*/versions", 0.04, 2_600.0),
    ],
    heavy: &[
        Route::get("/api/v1/search?q=term*", 0.22, 8_000.0),
        Route::send("POST", "/api/v1/reports", 202, 0.2, 900.0),
        Route::send("POST", "/api/v1/documents", 201, 0.6, 240_000.0),
    ],
};

/// The people.
pub(super) struct Team {
    people: Vec<Person>,
    heaviest: f64,
    place: Place,
}

impl Team {
    pub(super) fn new(place: Place, dice: &mut Dice) -> Self {
        let count = (BUSIEST / place.gap).clamp(PEOPLE, 20.0 * PEOPLE) as u64;
        // Two of three offices are in Europe, the others elsewhere.
        let zones = [0, 1, 1, 1, 2, 2, -8, -5, 8, 5, 1, 0];
        let offices: Vec<(String, i64)> =
            zones.iter().map(|zone| (format!("62.{}.{}.{}", dice.whole(90, 98), dice.whole(0, 255), dice.whole(2, 250)), *zone)).collect();
        let people: Vec<Person> = (0..count).map(|number| Person::new(number, place, &offices, dice)).collect();
        let heaviest = people.iter().map(|person| person.weight).fold(0.0, f64::max);
        Self { people, heaviest, place }
    }

    fn person(&self, number: u64) -> &Person {
        &self.people[number as usize % self.people.len()]
    }

    /// Somebody at some time, the likelier the more active.
    fn somebody(&self, dice: &mut Dice) -> (&Person, f64) {
        let mut drawn = (self.person(0), 0.0);
        for _ in 0..60 {
            drawn = (self.person(dice.whole(0, self.people.len() as u64 - 1)), dice.unit() * self.place.span);
            let (person, at) = drawn;
            if dice.unit() * self.heaviest < person.weight * person.activity(self.place, at) {
                break;
            }
        }
        drawn
    }

    /// From the login to the last request.
    fn session(&self, dice: &mut Dice, log: &mut Log) {
        let (person, mut at) = self.somebody(dice);
        let (mut who, on_phone) = person.seat(self.place, dice, at);
        if dice.chance(0.35) {
            at = login(person, log, &who, at, dice);
        }
        log.add(ME.hit(at, &who, 0, dice));
        let pause = dice.around(9.0, 0.6);
        for _ in 0..dice.several(if on_phone { 4.0 } else { 9.0 }) {
            if on_phone && dice.chance(0.03) {
                who.ip = person.seat(self.place, dice, at).0.ip;
            }
            at = step(person, log, &who, at + dice.around(pause, 0.9), dice);
        }
        if dice.chance(person.exports) {
            at += dice.around(pause, 0.9);
            let size = if dice.chance(0.08) { dice.between(3.0, 25.0) } else { 1.0 };
            let hit = EXPORT.hit(at, &who, person.thing(dice), dice);
            log.add(Hit { got: hit.got * size, took: (hit.took * (0.5 + 0.5 * size)).min(110.0), ..hit });
        }
        if person.polls && dice.chance(0.4) {
            let every = 60.0;
            for _ in 0..dice.several(14.0) {
                at += every + dice.between(-0.4, 1.5);
                log.add(often_unchanged(NEWS.hit(at, &who, 0, dice), dice, 0.6));
            }
        }
    }
}

/// Logs in, sometimes not at once; says when that is done.
fn login(person: &Person, log: &mut Log, who: &Who, from: f64, dice: &mut Dice) -> f64 {
    let mut at = from;
    let mut tries = 0;
    while tries < 6 && dice.chance(if tries == 0 { person.clumsy } else { 0.3 }) {
        log.add(LOGIN.hit(at, who, 0, dice).failed(dice, 401));
        at += dice.around(7.0, 0.6);
        tries += 1;
    }
    if tries > 3 {
        log.add(Route::send("POST", "/api/v1/auth/reset", 202, 0.3, 440.0).hit(at, who, 0, dice));
        at += dice.around(90.0, 0.6);
        log.add(TARGETS.changes[1].hit(at, who, 0, dice));
        at += dice.around(6.0, 0.5);
    }
    log.add(LOGIN.hit(at, who, 0, dice));
    at + dice.around(0.4, 0.5)
}

/// One thing that they do: a page of one to three requests. Says when it is done.
fn step(person: &Person, log: &mut Log, who: &Who, from: f64, dice: &mut Dice) -> f64 {
    let work = &WORK[*dice.pick(&person.areas) as usize];
    let thing = person.thing(dice);
    let mut at = from;
    if dice.chance(person.writes) {
        log.add(sometimes_wrong(work[2].hit(at, who, thing, dice), dice));
        return at;
    }
    match dice.whole(0, 9) {
        0..3 => {
            log.add(often_unchanged(work[0].hit(at, who, 1 + page(thing), dice), dice, 0.15));
            for _ in 0..thing % 3 {
                at += dice.between(0.02, 0.3);
                log.add(often_unchanged(work[1].hit(at, who, person.thing(dice), dice), dice, 0.2));
            }
        }
        3..8 => log.add(sometimes_wrong(often_unchanged(work[1].hit(at, who, thing, dice), dice, 0.1), dice)),
        8 => log.add(sometimes_wrong(work[3].hit(at, who, thing, dice), dice)),
        _ if person.manages => log.add(sometimes_wrong(dice.pick(&MANAGING).hit(at, who, thing, dice), dice)),
        _ if dice.chance(0.06) => log.add(sometimes_wrong(dice.pick(TARGETS.changes).hit(at, who, 1, dice), dice)),
        // Something that they seldom do.
        _ => {
            let other = dice.pick(&WORK);
            log.add(sometimes_wrong(other[dice.whole(0, 3) as usize].hit(at, who, thing, dice), dice));
        }
    }
    at
}

/// The page of a list that a thing is on: mostly the first.
fn page(thing: u64) -> u64 {
    if thing.is_multiple_of(4) { thing % 7 } else { 0 }
}

/// The client may have it already.
fn often_unchanged(hit: Hit, dice: &mut Dice, share: f64) -> Hit {
    if hit.status == 200 && dice.chance(share) { hit.failed(dice, 304) } else { hit }
}

/// Things are gone, closed, mistyped, or broken.
fn sometimes_wrong(hit: Hit, dice: &mut Dice) -> Hit {
    let status = match dice.unit() {
        ..0.010 => 404,
        ..0.014 => 403,
        ..0.022 if hit.sent > 500.0 => 422,
        ..0.024 => 409,
        ..0.0255 => 500,
        ..0.0263 => 503,
        ..0.0266 => 504,
        _ => return hit,
    };
    hit.failed(dice, status)
}

impl World for Team {
    fn fill(&self, dice: &mut Dice, log: &mut Log) {
        while log.room() > 0 {
            self.session(dice, log);
        }
    }

    fn targets(&self) -> &'static Targets {
        const { &TARGETS }
    }

    fn accounts(&self) -> u64 {
        self.people.len() as u64
    }

    fn activity(&self, account: u64, at: f64) -> f64 {
        self.person(account).activity(self.place, at)
    }

    fn who(&self, account: u64, dice: &mut Dice, at: f64) -> Who {
        self.person(account).seat(self.place, dice, at).0
    }

    fn stolen(&self, dice: &mut Dice) -> String {
        // Names are guessed well here: they are numbers.
        if dice.chance(0.5) {
            let known = dice.whole(0, self.accounts() - 1);
            return self.who(known, dice, 0.0).user;
        }
        format!("u{}", dice.whole(900, 9_999))
    }

    fn outsider(&self, dice: &mut Dice) -> String {
        // An account of somebody else, or one made for it.
        if dice.chance(0.6) { self.stolen(dice) } else { format!("u{}", dice.whole(20_000, 29_999)) }
    }
}
