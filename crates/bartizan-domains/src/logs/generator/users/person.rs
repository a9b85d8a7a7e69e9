//! One of the people: where and when they work, and what changes over the weeks.

use super::super::Place;
use super::super::dice::Dice;
use super::super::hits::Who;
use super::super::people::{self, Agent};

const DAY: f64 = 86_400.0;

/// Kinds of work; a person does a few of them.
pub(super) const AREAS: u64 = 6;

/// One user.
pub(super) struct Person {
    name: String,
    /// Hours from UTC.
    zone: i64,
    /// Local hour at which work begins, and hours that it lasts.
    begins: f64,
    hours: f64,
    /// How active at weekends and outside of working hours.
    weekend: f64,
    night: f64,
    /// How much of the traffic is theirs.
    pub(super) weight: f64,
    home: String,
    office: Option<String>,
    /// One or two networks of the phone.
    mobile: [(u64, u64); 2],
    desk: Agent,
    phone: Option<Agent>,
    /// Another phone from that time on.
    next_phone: (f64, Agent),
    /// A script beside the browser.
    script: Option<&'static str>,
    pub(super) areas: [u64; 2],
    /// The first of the numbers of their things, and how many they have.
    first: u64,
    count: u64,
    /// Share of writing requests.
    pub(super) writes: f64,
    /// Chance that a session ends in a large export.
    pub(super) exports: f64,
    /// Whether a page that stays open asks for news each minute.
    pub(super) polls: bool,
    /// Whether they manage the others.
    pub(super) manages: bool,
    /// Chance to mistype a password.
    pub(super) clumsy: f64,
    joined: f64,
    away: (f64, f64),
    trip: (f64, f64),
    abroad: (u64, u64),
    /// Differs between people.
    salt: u64,
}

impl Person {
    pub(super) fn new(number: u64, place: Place, offices: &[(String, i64)], dice: &mut Dice) -> Self {
        // What happens to people takes weeks: in a short log few see it.
        let horizon = place.span.max(28.0 * DAY);
        let (office, zone) = dice.pick(offices).clone();
        let remote = dice.chance(0.3);
        let owl = dice.chance(0.06);
        let span = |dice: &mut Dice, chance: f64, least: f64, most: f64| {
            let from = if dice.chance(chance) { dice.unit() * horizon } else { f64::INFINITY };
            (from, from + dice.between(least, most) * DAY)
        };
        let carrier = people::carrier(dice);
        Self {
            name: format!("u{}", 1_000 + number * 7 + dice.whole(0, 6)),
            zone: if remote && dice.chance(0.5) { zone + dice.whole(0, 4) as i64 - 2 } else { zone },
            begins: if owl { dice.between(18.0, 22.0) } else { dice.between(6.5, 10.5) },
            hours: dice.between(6.0, 10.5),
            weekend: if dice.chance(0.15) { 0.5 } else { 0.03 },
            night: if dice.chance(0.15) { 0.12 } else { 0.01 },
            weight: dice.around(1.0, 0.8).min(8.0),
            home: people::home(dice),
            office: (!remote).then_some(office),
            mobile: [carrier, if dice.chance(0.4) { people::carrier(dice) } else { carrier }],
            desk: Agent::desk(dice),
            phone: dice.chance(0.6).then(|| Agent::phone(dice)),
            next_phone: (dice.unit() * horizon.max(365.0 * DAY), Agent::phone(dice)),
            script: dice.chance(0.12).then(|| *dice.pick(&people::TOOLS[..6])),
            areas: [dice.whole(0, AREAS - 1), dice.whole(0, AREAS - 1)],
            first: 10_000 + number * 90,
            count: dice.whole(8, 120),
            writes: dice.between(0.05, 0.5),
            exports: if dice.chance(0.15) { dice.between(0.05, 0.25) } else { 0.006 },
            polls: dice.chance(0.3),
            manages: dice.chance(0.04),
            clumsy: if dice.chance(0.1) { 0.18 } else { 0.03 },
            joined: if dice.chance(0.08) { dice.unit() * horizon } else { -1.0 },
            away: span(dice, horizon / (150.0 * DAY), 4.0, 14.0),
            trip: span(dice, horizon / (200.0 * DAY), 2.0, 6.0),
            abroad: people::carrier(dice),
            salt: dice.whole(0, u64::MAX >> 1),
        }
    }

    /// One of their things, mostly one of the latest.
    pub(super) fn thing(&self, dice: &mut Dice) -> u64 {
        self.first + self.count - dice.popular(self.count)
    }

    /// How active they are: 1 when at work.
    pub(super) fn activity(&self, place: Place, at: f64) -> f64 {
        if at < self.joined {
            return 0.0;
        }
        let within = |(from, to): (f64, f64)| at >= from && at < to;
        let hour = (place.clock.hour(at, self.zone) - self.begins).rem_euclid(24.0);
        let of_day = if hour < self.hours {
            if (hour - 0.45 * self.hours).abs() < 0.5 { 0.5 } else { 1.0 }
        } else if hour < self.hours + 3.0 || hour > 23.0 {
            self.night + 0.15
        } else {
            self.night
        };
        // A day off now and then.
        let day = place.clock.day(at, self.zone) as u64;
        let off = (day ^ self.salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 & 31 == 0;
        let of_week = if place.clock.is_weekend(at, self.zone) { self.weekend } else { 1.0 };
        of_day * of_week * if off || within(self.away) { 0.04 } else { 1.0 }
    }

    /// Where they sit at that time, and with what; and whether that is a phone.
    pub(super) fn seat(&self, place: Place, dice: &mut Dice, at: f64) -> (Who, bool) {
        let hour = (place.clock.hour(at, self.zone) - self.begins).rem_euclid(24.0);
        let working = hour < self.hours && !place.clock.is_weekend(at, self.zone);
        let phone = if at >= self.next_phone.0 && self.phone.is_some() { Some(self.next_phone.1) } else { self.phone };
        let on_phone = phone.filter(|_| dice.chance(if working { 0.1 } else { 0.45 }));
        let travels = at >= self.trip.0 && at < self.trip.1;
        let ip = match (&self.office, on_phone) {
            _ if travels => people::roaming(dice, self.abroad),
            (_, Some(_)) if dice.chance(0.75) => {
                let network = *dice.pick(&self.mobile);
                people::roaming(dice, network)
            }
            (Some(office), None) if working && dice.chance(0.8) => office.clone(),
            _ => self.home.clone(),
        };
        let script = self.script.filter(|_| on_phone.is_none() && dice.chance(0.15)).map(str::to_owned);
        let agent = script.unwrap_or_else(|| on_phone.unwrap_or(self.desk).name(at));
        (Who { user: self.name.clone(), ip, agent: Some(agent) }, on_phone.is_some())
    }
}
