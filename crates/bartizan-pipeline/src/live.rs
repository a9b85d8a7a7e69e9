//! What a model learns of the traffic while it judges: how often its scores come, which holds the rate of alarms and says how sure an alarm is.
//!
//! Everything is counted by the **tail** of a score: the share of the model's own held-back scores at or above it. Where traffic is as it was
//! when the model was learned, tails of normal events are uniform in (0, 1), and as many alarms come as were asked for. Where it is not:
//!
//! - **The threshold follows.** The tail below which an event is flagged is the one that the share asked for lies below, of the tails met
//!   lately and, as far as these are few, of those held back (decaying quantiles; the long-run rate is held as in adaptive conformal
//!   inference: Gibbs, Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021). It changes by a factor of
//!   [`MOST_AN_HOUR`] in an hour of event time at most, [`SLOWLY_AN_HOUR`] where only alarms have become more, and never lies further than
//!   [`STRICT`] and [`LAXEST`] from the share asked for; where the tails that are not flagged have drifted too, up to [`STRICTEST`]. What is
//!   rarer than that is always flagged, so that attacks, which come on top of ordinary traffic, are not swallowed. Of a client that is
//!   flagged far more often than its share, the alarms beyond that do not count as such, so that a flood hardly makes room for itself.
//! - **Drift is said.** Where even the strictest threshold is passed too often, the traffic is another one than was learned.
//! - **Confidence follows.** Of events in a range of tails, those that are more than a uniform distribution explains are anomalous (the local
//!   false discovery rate: Efron, Large-Scale Inference, 2010, chapter 5; π0 after Storey, A Direct Approach to False Discovery Rates, JRSS B
//!   64, 2002). A tail below the smallest that the held-back scores resolve counts as that.
//!
//! Counting takes five atomic operations; a lock is taken, if it is free, where a stretch of some hundred events may end.

use bartizan_core::{Timestamp, Verdict};
use bartizan_storage::EntityHash;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Ranges of tails: eighths of a nat, up to 16 nats.
const BINS: usize = 128;
const PER_NAT: f64 = 8.0;
/// Places of clients in the current stretch; two that share one are counted as one.
const CLIENTS: usize = 4_096;
/// Alarms that a stretch of traffic is to have: it has as many events as that takes.
const ALARMS: f64 = 20.0;
/// Bounds of the events of a stretch, the events of the first one, and the fewest that end one by time.
const STRETCH: (f64, f64) = (256.0, 16_384.0);
const FIRST: u64 = 64;
const FEWEST: u64 = 32;
/// Seconds of event time after which a stretch ends.
const STRETCH_SECS: i64 = 900;
/// What is left of earlier stretches when one ends.
const KEPT: f64 = 0.75;
/// Most that the threshold's tail changes by in an hour.
const MOST_AN_HOUR: f64 = 4.0;
const SLOWLY_AN_HOUR: f64 = 1.15;
/// The smallest part of the share asked for that the threshold's tail may be, the smallest where all traffic drifts, and the largest.
const STRICT: f64 = 0.667;
const STRICTEST: f64 = 0.125;
const LAXEST: f64 = 2.0;
/// Part of a stretch's alarms that count of one client, and how many times its own share of them if that is more: a gateway's traffic may
/// have changed.
const ONE_CLIENTS_PART: f64 = 0.4;
const ONE_CLIENTS_TIMES: f64 = 3.0;
/// Changes of the logarithm of the threshold's tail that are not followed.
const SMALL: f64 = 0.05;
/// How many times as many events as a uniform distribution has in a range are one tail, perhaps.
const DENSE: f64 = 3.0;
/// How often the strictest threshold may be passed, in times of the share asked for, before that is drift.
const DRIFT: f64 = 2.0;
/// Events that what is believed of attacks beforehand weighs as much as, and the share of attacks that is believed.
const BELIEF: f64 = 256.0;
const BELIEVED: f64 = 0.01;
/// Part of the attacks that lie beyond all held-back scores, as is believed beforehand.
const BEYOND: f64 = 0.8;
/// The share of normal events is read from tails above this.
const PLAIN: f64 = 0.5;

/// Drift of the traffic away from what was learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Since when, in event time.
    pub since: Timestamp,
    /// The share of events that the threshold would have flagged as it was learned.
    pub share: f64,
}

/// How the rate of alarms is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// The share of events that was asked for.
    pub asked: f64,
    /// The tail below which events are flagged now; `asked` when the model was learned.
    pub tail: f64,
    /// The share of the latest events that would be flagged at the threshold as it was learned.
    pub share: f64,
    /// Share of attacks in the latest traffic, about.
    pub attacks: f64,
    /// Set while the traffic is another one than was learned.
    pub drift: Option<Drift>,
}

/// Live counts of one model.
pub(crate) struct Live {
    asked: f64,
    /// Whether the threshold follows the traffic; that of a detector with one of its own does not.
    follows: bool,
    /// The smallest tail that is told apart.
    finest: f64,
    /// Events of a stretch.
    stretch: u64,
    /// Bits of the tail below which events are flagged.
    tail: AtomicU64,
    /// Of this stretch: all events, and those of clients that do not flood.
    all: [AtomicU32; BINS],
    steady: [AtomicU32; BINS],
    met: AtomicU64,
    next: AtomicU64,
    newest: AtomicI64,
    /// Events in the lower half of the word, alarms in the upper.
    clients: Box<[AtomicU32]>,
    /// Bits of the probability of an anomaly, by range.
    anomalous: [AtomicU32; BINS],
    past: Mutex<Past>,
}

/// What is known of the stretches before.
#[derive(Clone, Serialize, Deserialize)]
struct Past {
    all: Vec<f32>,
    steady: Vec<f32>,
    tail: f64,
    /// Event time up to which the threshold has followed.
    followed: Option<i64>,
    /// Share of attacks believed before this model.
    believed: f64,
    drift: Option<i64>,
}

/// The state of a model's live counts as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedLive {
    version: String,
    /// The tail below which events are flagged.
    tail: f64,
    past: Past,
}

fn bin(tail: f64) -> usize {
    ((-tail.max(f64::MIN_POSITIVE).ln() * PER_NAT) as usize).min(BINS - 1)
}

/// The tails of a range: its largest.
fn top(bin: usize) -> f64 {
    (-(bin as f64) / PER_NAT).exp()
}

/// How much of a uniform distribution lies in a range.
fn width(bin: usize) -> f64 {
    if bin + 1 == BINS { top(bin) } else { top(bin) - top(bin + 1) }
}

impl Live {
    /// For a model of which this share of events is to be flagged, with a threshold set on so many held-back scores.
    pub(crate) fn new(asked: f64, held_back: f64) -> Self {
        let asked = asked.clamp(1e-9, 0.5);
        let past = Past { all: vec![0.0; BINS], steady: vec![0.0; BINS], tail: asked, followed: None, believed: BELIEVED, drift: None };
        let live = Self {
            asked,
            follows: true,
            finest: 1.0 / (held_back.max(1.0) + 1.0),
            stretch: (ALARMS / asked).clamp(STRETCH.0, STRETCH.1) as u64,
            tail: AtomicU64::new(asked.to_bits()),
            all: [const { AtomicU32::new(0) }; BINS],
            steady: [const { AtomicU32::new(0) }; BINS],
            met: AtomicU64::new(0),
            next: AtomicU64::new(FIRST),
            newest: AtomicI64::new(i64::MIN),
            clients: (0..CLIENTS).map(|_| AtomicU32::new(0)).collect(),
            anomalous: [const { AtomicU32::new(0) }; BINS],
            past: Mutex::new(past.clone()),
        };
        live.learn_confidence(&past);
        live
    }

    /// The same with a threshold that follows the traffic, or one that stays.
    pub(crate) fn following(self, follows: bool) -> Self {
        Self { follows, ..self }
    }

    /// The share of events that was asked for.
    pub(crate) fn asked(&self) -> f64 {
        self.asked
    }

    /// The tail below which events are flagged.
    pub(crate) fn tail(&self) -> f64 {
        f64::from_bits(self.tail.load(Relaxed))
    }

    /// The probability that an event with this tail is anomalous.
    pub(crate) fn anomalous(&self, tail: f64) -> f64 {
        f64::from(f32::from_bits(self.anomalous[bin(tail.max(self.finest))].load(Relaxed)))
    }

    /// Counts an event that was judged.
    pub(crate) fn count(&self, tail: f64, verdict: Verdict, client: EntityHash, time: Timestamp) {
        let bin = bin(tail.max(self.finest));
        self.all[bin].fetch_add(1, Relaxed);
        // An alarm too many of one client counts as an event, and as no alarm.
        let steady = if self.floods(client, verdict) { 0 } else { bin };
        self.steady[steady].fetch_add(1, Relaxed);
        let newest = self.newest.fetch_max(time.secs(), Relaxed).max(time.secs());
        let met = self.met.fetch_add(1, Relaxed) + 1;
        if met >= self.next.load(Relaxed) || (met.is_multiple_of(FEWEST) && self.is_over(newest)) {
            self.end_stretch(newest);
        }
    }

    /// Counts an event of a client; whether it is an alarm beyond what one client may have.
    fn floods(&self, client: EntityHash, verdict: Verdict) -> bool {
        let Some(hash) = client.bits() else { return false };
        let one = if verdict.is_anomalous() { 0x1_0001 } else { 1 };
        let place = &self.clients[(hash % CLIENTS as u64) as usize];
        let counts = place.load(Relaxed);
        let (events, alarms) = (counts & 0xffff, counts >> 16);
        if events < 0xffff {
            place.fetch_add(one, Relaxed);
        }
        let most = (ONE_CLIENTS_PART * ALARMS).max(ONE_CLIENTS_TIMES * self.asked * f64::from(events));
        verdict.is_anomalous() && f64::from(alarms) > most
    }

    fn is_over(&self, newest: i64) -> bool {
        let past = self.past.try_lock();
        past.is_ok_and(|past| past.followed.is_some_and(|followed| newest.saturating_sub(followed) >= STRETCH_SECS))
    }

    /// Takes in what was counted, and follows it; who finds another at it goes on.
    fn end_stretch(&self, newest: i64) {
        let Ok(mut past) = self.past.try_lock() else { return };
        let met = self.met.swap(0, Relaxed);
        let next = self.next.load(Relaxed);
        self.next.store((2 * next.min(met.max(FIRST))).min(self.stretch), Relaxed);
        let kept = if f64::from(past.all.iter().sum::<f32>()) > self.stretch as f64 { KEPT } else { 1.0 };
        take_in(&mut past.all, &self.all, kept);
        take_in(&mut past.steady, &self.steady, kept);
        self.clients.iter().for_each(|client| client.store(0, Relaxed));
        if self.follows {
            self.follow(&mut past, newest);
        } else {
            past.followed = Some(newest);
        }
        self.learn_confidence(&past);
    }

    /// Moves the threshold to where the share asked for is kept.
    fn follow(&self, past: &mut Past, newest: i64) {
        let before = past.followed.replace(newest);
        let hours = before.map_or(0.0, |before| newest.saturating_sub(before).max(0) as f64 / 3600.0).min(1.0);
        let drifted = self.drifted(&past.steady).max(STRICTEST * self.asked);
        let strictest = drifted.min(STRICT * self.asked);
        let wanted = self.wanted(&past.steady).clamp(strictest, LAXEST * self.asked);
        // Fast towards what all of the traffic bears out, slowly towards what alarms alone do.
        let (fast, slow) = (MOST_AN_HOUR.powf(hours), SLOWLY_AN_HOUR.powf(hours));
        let least = (past.tail / fast).max(drifted).min(past.tail / slow);
        past.tail = wanted.clamp(least, (past.tail * fast).max(least));
        // Small steps are not taken: the same event then has the same margin for as long as nothing happens.
        let moved = (past.tail / self.tail()).ln().abs() > SMALL;
        if moved {
            self.tail.store(past.tail.to_bits(), Relaxed);
        }
        let passed = share_below(&past.steady, strictest);
        let drifts = f64::from(past.steady.iter().sum::<f32>()) >= ALARMS / self.asked && passed > DRIFT * self.asked;
        past.drift = if drifts { past.drift.or(Some(newest)) } else { None };
    }

    /// How many events the held-back scores weigh as much as, beside so many that were met: none where these are as many as are remembered.
    fn believed(&self, steady: &[f32]) -> f64 {
        let remembered = self.stretch as f64 / (1.0 - KEPT);
        let few = 1.0 - f64::from(steady.iter().sum::<f32>()) / remembered;
        (1.0 / self.finest).min(self.stretch as f64) * few.max(0.0)
    }

    /// The tail that the share asked for lies below if all of the traffic has drifted, and not only that above the threshold: tails are then
    /// distributed as `t^b`, with `b` read (by its likelihood) from those that are not flagged.
    fn drifted(&self, steady: &[f32]) -> f64 {
        let plain = |bin: &usize| top(*bin + 1) >= self.asked;
        let believed = self.believed(steady);
        let ranges = || (0..BINS - 1).take_while(plain);
        let (mut count, mut logs) = (0.0, 0.0);
        for bin in ranges() {
            let here = f64::from(steady[bin]) + believed * width(bin);
            count += here;
            logs -= here * (bin as f64 + 0.5) / PER_NAT;
        }
        let cut = ranges().last().map_or(0.0, |bin| -((bin + 1) as f64) / PER_NAT);
        // The derivative of the log-likelihood of b within the tails above e^cut: it falls.
        let rises = |b: f64| count / b + logs + count * cut * (b * cut).exp() / (1.0 - (b * cut).exp()) > 0.0;
        let (mut low, mut high) = (0.05, 1.0);
        for _ in 0..20 {
            let middle = f64::midpoint(low, high);
            if rises(middle) { low = middle } else { high = middle }
        }
        self.asked.powf(1.0 / high)
    }

    /// The tail that the share asked for lies below, of the tails met and of uniform ones as far as these are few.
    fn wanted(&self, steady: &[f32]) -> f64 {
        let met = f64::from(steady.iter().sum::<f32>());
        let believed = self.believed(steady);
        let mut room = self.asked * (met + believed);
        for bin in (0..BINS).rev() {
            let here = f64::from(steady[bin]) + believed * width(bin);
            if here > room {
                let lower = if bin + 1 == BINS { 0.0 } else { top(bin + 1) };
                // Many events in one range may all have the same tail: then all of it would be flagged.
                let dense = f64::from(steady[bin]) > DENSE * met * width(bin) + 1.0;
                return if dense { lower } else { lower + room / here * (top(bin) - lower) };
            }
            room -= here;
        }
        1.0
    }

    /// The probability of an anomaly in each range: what of the density of tails, which rises towards 0, is not normal.
    fn learn_confidence(&self, past: &Past) {
        let met = f64::from(past.all.iter().sum::<f32>());
        let normal = ((1.0 - share_below(&past.all, PLAIN)) / (1.0 - PLAIN)).min(1.0);
        let normal = (met * normal + BELIEF * (1.0 - past.believed)) / (met + BELIEF);
        let last = bin(self.finest);
        let flagged = bin(self.asked).min(last);
        let believed = |bin: usize| match bin {
            _ if bin == last => past.believed * BEYOND,
            _ if bin >= flagged => past.believed * (1.0 - BEYOND) / (last - flagged) as f64,
            _ => 0.0,
        };
        let range = |bin: usize| {
            let width = if bin == last { top(bin) } else { width(bin) };
            let count = f64::from(past.all[bin]) + BELIEF * ((1.0 - past.believed) * width + believed(bin));
            (count / (met + BELIEF), width)
        };
        // From the largest tails to the smallest.
        let densities = rising((0..=last).map(range));
        for (bin, place) in self.anomalous.iter().enumerate() {
            let anomalous = 1.0 - (normal / densities[bin.min(last)]).min(1.0);
            place.store((anomalous as f32).to_bits(), Relaxed);
        }
    }

    /// How the rate is held.
    pub(crate) fn held(&self) -> Held {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let drift = past.drift.map(|since| Drift { since: Timestamp::from_secs(since), share: share_below(&past.steady, self.asked) });
        Held { asked: self.asked, tail: self.tail(), share: share_below(&past.steady, self.asked), attacks: attacks(&past), drift }
    }

    /// Takes over what the model before knew of attacks.
    pub(crate) fn inherit(&self, before: &Self) {
        let share = attacks(&before.past.lock().unwrap_or_else(PoisonError::into_inner));
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.believed = share.max(BELIEVED);
        self.learn_confidence(&past);
    }

    /// What is to be stored.
    pub(crate) fn save(&self, version: &str) -> SavedLive {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SavedLive { version: version.to_owned(), tail: self.tail(), past }
    }

    /// Takes in what was stored, if it is of the same model and sound.
    pub(crate) fn restore(&self, SavedLive { version, tail, past }: SavedLive, of: &str) {
        let counts = past.all.len() == BINS && past.steady.len() == BINS;
        let sound = past.all.iter().chain(&past.steady).all(|count| (0.0..1e9).contains(count));
        let bounds = STRICTEST * self.asked..=LAXEST * self.asked;
        let within = bounds.contains(&tail) && bounds.contains(&past.tail) && (0.0..=1.0).contains(&past.believed);
        if version == of && counts && sound && within {
            self.tail.store(tail.to_bits(), Relaxed);
            self.learn_confidence(&past);
            *self.past.lock().unwrap_or_else(PoisonError::into_inner) = past;
        }
    }
}

/// Densities of (mass, width) that never fall, nearest to theirs: neighbours that fall are pooled (Grenander: On the Theory of Mortality
/// Measurement, Skandinavisk Aktuarietidskrift 39, 1956).
fn rising(ranges: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut pooled: Vec<(f64, f64, usize)> = Vec::new();
    for (mass, width) in ranges {
        let mut last = (mass, width, 1);
        while let Some(before) = pooled.pop_if(|before| before.0 * last.1 > last.0 * before.1) {
            last = (last.0 + before.0, last.1 + before.1, last.2 + before.2);
        }
        pooled.push(last);
    }
    pooled.into_iter().flat_map(|(mass, width, ranges)| std::iter::repeat_n(mass / width.max(f64::MIN_POSITIVE), ranges)).collect()
}

/// Adds what was counted to what is left of before.
fn take_in(past: &mut [f32], counted: &[AtomicU32; BINS], kept: f64) {
    for (past, counted) in past.iter_mut().zip(counted) {
        *past = *past * kept as f32 + counted.swap(0, Relaxed) as f32;
    }
}

/// Share of the events with a tail below, in whole ranges.
fn share_below(counts: &[f32], tail: f64) -> f64 {
    let sum = counts.iter().sum::<f32>();
    let below: f32 = counts.iter().enumerate().filter(|(bin, _)| top(*bin) <= tail * (1.0 + 1e-9)).map(|(_, count)| count).sum();
    if sum > 0.0 { f64::from(below / sum) } else { 0.0 }
}

/// Share of events that a uniform distribution does not explain.
fn attacks(past: &Past) -> f64 {
    let met = f64::from(past.all.iter().sum::<f32>());
    if met < BELIEF {
        return past.believed;
    }
    let plain = (1.0 - share_below(&past.all, PLAIN)) / (1.0 - PLAIN);
    let more = |bin: usize| (f64::from(past.all[bin]) - width(bin) * met * plain.min(1.0)).max(0.0);
    ((0..BINS).filter(|bin| top(*bin) <= 0.1).map(more).sum::<f64>() / met).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::{Live, STRICTEST};
    use bartizan_core::{Timestamp, Verdict};
    use bartizan_storage::EntityHash;

    const ASKED: f64 = 0.1;

    /// Events at a second each, whose tails and clients are told by their number.
    struct Traffic {
        live: Live,
        second: i64,
    }

    impl Traffic {
        fn new() -> Self {
            Self { live: Live::new(ASKED, 2_000.0), second: 0 }
        }

        /// The share of them that is flagged.
        fn send(&mut self, events: i64, tail: impl Fn(i64) -> f64, client: impl Fn(i64) -> String) -> f64 {
            let mut flagged = 0;
            for i in 0..events {
                let tail = tail(i);
                let verdict = if tail < self.live.tail() { Verdict::Anomalous } else { Verdict::Normal };
                flagged += i64::from(verdict.is_anomalous());
                self.second += 1;
                self.live.count(tail, verdict, EntityHash::of(&client(self.second)), Timestamp::from_secs(self.second));
            }
            flagged as f64 / events as f64
        }
    }

    /// Evenly in (0, 1), in no order.
    fn uniform(i: i64) -> f64 {
        ((i * 387 + 17) % 1009) as f64 / 1009.0 + 0.0005
    }

    fn many(i: i64) -> String {
        (i % 397).to_string()
    }

    #[test]
    fn traffic_as_it_was_learned_leaves_the_threshold_where_it_is() {
        let mut traffic = Traffic::new();
        let share = traffic.send(20_000, uniform, many);
        assert!((0.09..0.11).contains(&share), "{share}");
        assert!((traffic.live.tail() / ASKED).ln().abs() < 0.1, "{}", traffic.live.tail());
        assert_eq!(traffic.live.held().drift, None);
    }

    #[test]
    fn a_threshold_that_is_the_detectors_own_does_not_follow() {
        let mut traffic = Traffic::new();
        traffic.live = traffic.live.following(false);
        assert!(traffic.send(20_000, |i| uniform(i).powi(2), many) > 0.25);
        let held = traffic.live.held();
        assert_eq!((held.tail, held.drift), (ASKED, None));
    }

    #[test]
    fn a_drift_of_all_traffic_is_followed_within_an_hour_and_its_bounds() {
        let mut traffic = Traffic::new();
        let drifted = |i: i64| uniform(i).powi(2);
        let at_once = traffic.send(200, drifted, many);
        assert!(at_once > 0.25, "{at_once}");
        let hourly: Vec<f64> = (0..8).map(|_| traffic.send(3_600, drifted, many)).collect();
        assert!((0.07..0.15).contains(&hourly[7]), "{hourly:?}");
        let mut far = Traffic::new();
        far.send(36_000, |i| uniform(i).powi(9), many);
        assert!(far.live.tail() >= STRICTEST * ASKED * 0.999, "{}", far.live.tail());
        let drift = far.live.held().drift.expect("it is another traffic");
        assert!(drift.share > 0.5, "{drift:?}");
    }

    #[test]
    fn attacks_on_top_of_ordinary_traffic_are_not_swallowed() {
        let attack = |i: i64| if i % 2 == 0 { 1e-4 } else { uniform(i) };
        let mut from_many = Traffic::new();
        from_many.send(36_000, attack, many);
        assert!(from_many.live.tail() > 0.6 * ASKED, "{}", from_many.live.tail());
        let mut from_one = Traffic::new();
        // One event in ten.
        let flood = |i: i64| if i % 10 == 0 { 1e-4 } else { uniform(i) };
        from_one.send(36_000, flood, |i| if i % 10 == 1 { "flood".to_owned() } else { many(i) });
        assert!(from_one.live.tail() > 0.72 * ASKED, "{}", from_one.live.tail());
    }

    #[test]
    fn confidence_is_the_share_that_normal_traffic_does_not_explain() {
        let mut none = Traffic::new();
        none.send(20_000, uniform, many);
        assert!(none.live.anomalous(0.05) < 0.2, "{}", none.live.anomalous(0.05));
        for (one_in, least) in [(100, 0.9), (10, 0.99), (2, 0.995)] {
            let mut some = Traffic::new();
            some.send(20_000, |i| if i % one_in == 0 { 1e-5 } else { uniform(i) }, many);
            let sure = some.live.anomalous(1e-5);
            assert!(sure > least && sure < 1.0, "one in {one_in}: {sure}");
            assert!(some.live.anomalous(0.9) < 0.05 && some.live.anomalous(1e-9) >= sure, "the rarer, the surer");
        }
    }

    #[test]
    fn many_events_with_one_tail_are_not_flagged_for_being_many() {
        let mut traffic = Traffic::new();
        // Nine in ten have the tail 0.97, the others tails below 0.07.
        let share = traffic.send(36_000, |i| if i % 10 > 0 { 0.97 } else { 0.07 * uniform(i) }, many);
        assert!((0.05..0.11).contains(&share), "{share}");
    }

    #[test]
    fn what_was_learned_comes_back_and_only_to_the_same_model() {
        let mut traffic = Traffic::new();
        traffic.send(36_000, |i| uniform(i).powi(2), many);
        let (same, other) = (Live::new(ASKED, 2_000.0), Live::new(ASKED, 2_000.0));
        same.restore(traffic.live.save("v1"), "v1");
        assert_eq!((same.tail(), same.held()), (traffic.live.tail(), traffic.live.held()));
        assert_eq!(same.anomalous(1e-5), traffic.live.anomalous(1e-5));
        other.restore(traffic.live.save("v1"), "v2");
        assert_eq!(other.tail(), ASKED);
        let mut damaged = traffic.live.save("v1");
        damaged.past.all.pop();
        other.restore(damaged, "v1");
        assert_eq!(other.tail(), ASKED);
    }
}
