//! What one user usually does: where it comes from, with what, when, how often.
//!
//! Entries come in sessions, so what a user has is counted by the days on which it was seen. How probable it is that a user comes with
//! something new is learned of the user itself: one that had another network on every second day will have another one tomorrow. Where
//! little is known of it, the users' common share is mixed in.

use super::scale::Scale;
use super::windows::{Seen, Status};
use serde::{Deserialize, Serialize};

/// Different networks, agents and endpoints of a user that are kept; of one that has more, nothing is said to be new.
const MOST: [usize; 3] = [32, 32, 128];
/// Days of everybody that are mixed into those of a user.
const COMMON_DAYS: f32 = 2.0;
/// Hours, and days of the week, of everybody that are mixed into those of a user.
const COMMON_TIMES: f32 = 4.0;
pub(super) const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// A thing, and the days on which it was seen.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Thing {
    key: u32,
    days: u16,
}

/// What a user has of one kind: networks, agents or endpoints.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Things {
    things: Vec<Thing>,
    is_full: bool,
    /// How many of them were first seen after the user's first day.
    later: u16,
}

impl Things {
    /// Surprise at one of them, in nats; NaN where that cannot be told. `common` is how many new ones users have on a day.
    pub(super) fn surprise(&self, key: u64, days: u16, common: f32) -> f32 {
        let days = f32::from(days);
        match self.things.iter().find(|thing| thing.key == key as u32) {
            Some(thing) => ((days + 1.0) / f32::from(thing.days)).ln(),
            None if self.is_full => f32::NAN,
            None => -((f32::from(self.later) + COMMON_DAYS * common) / (days - 1.0 + COMMON_DAYS)).min(1.0).ln(),
        }
    }

    /// Whether it is one of them.
    pub(super) fn has(&self, key: u64) -> bool {
        self.things.iter().any(|thing| thing.key == key as u32)
    }
}

/// Which of its times are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    hours: [u16; 24],
    weekdays: [u16; 7],
}

impl Times {
    /// Share of an hour, smoothed over the neighbouring ones, times 24; `common` are those of everybody.
    fn hour(&self, hour: usize, common: f32) -> f32 {
        let at = |h: usize| f32::from(self.hours[h % 24]);
        let near = (at(hour + 23) + 2.0 * at(hour) + at(hour + 1)) / 4.0;
        let all: f32 = self.hours.iter().map(|n| f32::from(*n)).sum();
        (24.0 * near + COMMON_TIMES * common) / (all + COMMON_TIMES)
    }

    fn weekday(&self, day: usize, common: f32) -> f32 {
        let all: f32 = self.weekdays.iter().map(|n| f32::from(*n)).sum();
        (7.0 * f32::from(self.weekdays[day % 7]) + COMMON_TIMES * common) / (all + COMMON_TIMES)
    }

    /// Surprise at a time: of the hour and of the day of the week, in nats.
    pub(super) fn surprise(&self, secs: i64, everybody: &Self) -> [f32; 2] {
        let (hour, day) = (hour_of(secs), weekday_of(secs));
        [-self.hour(hour, everybody.hour(hour, 1.0)).ln(), -self.weekday(day, everybody.weekday(day, 1.0)).ln()]
    }
}

pub(super) fn hour_of(secs: i64) -> usize {
    secs.rem_euclid(DAY).div_euclid(HOUR) as usize
}

/// The day of the week, 0 for Thursday, on which 1970 began.
pub(super) fn weekday_of(secs: i64) -> usize {
    secs.div_euclid(DAY).rem_euclid(7) as usize
}

/// What is learned of a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Habits {
    pub(super) rows: u32,
    pub(super) errors: u32,
    /// Days on which it was seen.
    pub(super) days: u16,
    /// Networks, agents, endpoints.
    pub(super) things: [Things; 3],
    pub(super) times: Times,
    /// Logarithms of entries and of bytes in an hour in which it came, of entries in a day, and of response times.
    pub(super) rate: Scale,
    pub(super) bytes: Scale,
    pub(super) daily: Scale,
    pub(super) time: f32,
}

/// Habits while they are learned, from entries in order of time.
#[derive(Default)]
pub(super) struct Learning {
    habits: Habits,
    /// The last day of each thing.
    latest: [Vec<i64>; 3],
    first_day: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    in_hour: (u32, f32),
    in_day: u32,
    rates: Vec<f32>,
    bytes: Vec<f32>,
    days: Vec<f32>,
    times: (f32, u32),
}

impl Learning {
    pub(super) fn add(&mut self, seen: &Seen, place: u64, bytes: f32) {
        let (day, hour) = (seen.secs.div_euclid(DAY), seen.secs.div_euclid(HOUR));
        self.first_day.get_or_insert(day);
        self.habits.rows += 1;
        self.habits.errors += u32::from(seen.status.is_error());
        for (kind, key) in [seen.network, seen.agent, place].into_iter().enumerate() {
            self.thing(kind, key, day);
        }
        if self.hour != Some(hour) {
            self.end_hour();
            self.hour = Some(hour);
            let times = &mut self.habits.times;
            times.hours[hour_of(seen.secs)] = times.hours[hour_of(seen.secs)].saturating_add(1);
        }
        if self.day != Some(day) {
            self.end_day();
            self.day = Some(day);
            self.habits.days = self.habits.days.saturating_add(1);
            let times = &mut self.habits.times;
            times.weekdays[weekday_of(seen.secs)] = times.weekdays[weekday_of(seen.secs)].saturating_add(1);
        }
        self.in_day += 1;
        self.in_hour = (self.in_hour.0 + 1, self.in_hour.1 + bytes);
        if !seen.time.is_nan() && seen.status != Status::Unknown {
            self.times = (self.times.0 + seen.time, self.times.1 + 1);
        }
    }

    fn thing(&mut self, kind: usize, key: u64, day: i64) {
        let is_first = self.first_day == Some(day);
        let (things, latest) = (&mut self.habits.things[kind], &mut self.latest[kind]);
        match things.things.iter().position(|thing| thing.key == key as u32) {
            Some(at) if latest[at] != day => {
                latest[at] = day;
                things.things[at].days = things.things[at].days.saturating_add(1);
            }
            Some(_) => {}
            None if things.things.len() < MOST[kind] => {
                things.things.push(Thing { key: key as u32, days: 1 });
                things.later = things.later.saturating_add(u16::from(!is_first));
                latest.push(day);
            }
            None => things.is_full = true,
        }
    }

    fn end_hour(&mut self) {
        let (entries, bytes) = std::mem::take(&mut self.in_hour);
        if entries > 0 {
            self.rates.push((1.0 + entries as f32).ln());
            self.bytes.push((1.0 + bytes).ln());
        }
    }

    fn end_day(&mut self) {
        let entries = std::mem::take(&mut self.in_day);
        if entries > 0 {
            self.days.push((1.0 + entries as f32).ln());
        }
    }

    /// Hands on hours and days, for the scales of everybody.
    pub(super) fn close(&mut self, rates: &mut Vec<f32>, bytes: &mut Vec<f32>, days: &mut Vec<f32>) {
        self.end_hour();
        self.end_day();
        rates.extend(&self.rates);
        bytes.extend(&self.bytes);
        days.extend(&self.days);
    }

    /// What was learned, beside the scales of everybody: of entries and bytes in an hour, and of entries in a day.
    pub(super) fn finish(mut self, [rate, bytes, daily]: [Scale; 3], time: f32) -> Habits {
        let (sum, count) = self.times;
        Habits {
            rate: Scale::fit(&mut self.rates, rate),
            bytes: Scale::fit(&mut self.bytes, bytes),
            daily: Scale::fit(&mut self.days, daily),
            time: (sum + COMMON_TIMES * time) / (count as f32 + COMMON_TIMES),
            ..self.habits
        }
    }
}

/// What is common to users.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Common {
    /// New networks, agents and endpoints of a user on each of its days but the first.
    pub(super) new: [f32; 3],
    pub(super) times: Times,
}

impl Common {
    pub(super) fn of<'h>(all: impl Iterator<Item = &'h Learning>) -> Self {
        let (mut later, mut days, mut common) = ([0_usize; 3], 0_usize, Self::default());
        for Learning { habits, .. } in all {
            days += usize::from(habits.days.saturating_sub(1));
            later.iter_mut().zip(&habits.things).for_each(|(sum, things)| *sum += usize::from(things.later));
            let add = |sum: &mut u16, one: &u16| *sum = sum.saturating_add(*one);
            common.times.hours.iter_mut().zip(&habits.times.hours).for_each(|(sum, one)| add(sum, one));
            common.times.weekdays.iter_mut().zip(&habits.times.weekdays).for_each(|(sum, one)| add(sum, one));
        }
        // Where nobody came on a second day, one in ten is taken to have something new on it.
        common.new = later.map(|later| (later as f32 + 0.1) / (days as f32 + 1.0));
        common
    }
}
