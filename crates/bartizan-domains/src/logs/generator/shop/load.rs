//! How busy the shop is: hours, days, campaigns; and when new versions go live.

use super::super::Place;
use super::super::dice::Dice;

const DAY: f64 = 86_400.0;
/// Most campaigns and deployments of a log.
const MOST: usize = 4_000;

/// A time when more people come than usual.
pub(super) struct Campaign {
    pub(super) number: u64,
    from: f64,
    to: f64,
    /// So many times as many as usual.
    factor: f64,
}

/// What the shop's load depends on.
pub(super) struct Load {
    place: Place,
    /// In order, apart from each other.
    campaigns: Vec<Campaign>,
    /// When the servers are restarted, in order.
    deployments: Vec<f64>,
}

impl Load {
    pub(super) fn new(place: Place, dice: &mut Dice) -> Self {
        let (mut campaigns, mut deployments) = (Vec::new(), Vec::new());
        let mut at = dice.wait(2.0 * DAY);
        while at < place.span && campaigns.len() < MOST {
            let to = at + dice.between(2_400.0, 7_200.0);
            campaigns.push(Campaign { number: campaigns.len() as u64 + 1, from: at, to, factor: dice.between(2.2, 4.0) });
            at = to + dice.wait(4.0 * DAY);
        }
        at = dice.wait(1.5 * DAY);
        while at < place.span && deployments.len() < MOST {
            deployments.push(at);
            at += dice.wait(3.0 * DAY) + 600.0;
        }
        Self { place, campaigns, deployments }
    }

    /// Above any [`share`](Self::share).
    pub(super) const MOST: f64 = 5.6;

    /// How many come, 1 on an average day's afternoon.
    pub(super) fn share(&self, at: f64) -> f64 {
        // Hour by hour in the time zone of the shop, with evenings the busiest.
        const HOURS: [f64; 25] = [
            0.32, 0.18, 0.11, 0.08, 0.08, 0.11, 0.2, 0.38, 0.55, 0.7, 0.82, 0.9, 0.95, 0.93, 0.9, 0.92, 0.98, 1.05, 1.1, 1.15, 1.2, 1.1,
            0.85, 0.55, 0.32,
        ];
        let hour = self.place.clock.hour(at, 1);
        let (before, part) = (hour as usize % 24, hour - (hour as u64) as f64);
        let of_day = HOURS[before] * (1.0 - part) + HOURS[before + 1] * part;
        let of_week = if self.place.clock.is_weekend(at, 1) { 1.15 } else { 0.95 };
        of_day * of_week * self.campaign(at).map_or(1.0, |campaign| campaign.factor)
    }

    pub(super) fn campaign(&self, at: f64) -> Option<&Campaign> {
        let next = self.campaigns.partition_point(|campaign| campaign.from <= at);
        self.campaigns[..next].last().filter(|campaign| at < campaign.to)
    }

    /// How much longer answers take than at night.
    pub(super) fn slowness(&self, at: f64) -> f64 {
        let share = self.share(at);
        0.8 + 0.25 * share + 0.08 * share * share
    }

    /// Whether the servers are just being restarted.
    pub(super) fn restarts(&self, at: f64) -> bool {
        let next = self.deployments.partition_point(|from| *from <= at);
        self.deployments[..next].last().is_some_and(|from| at - from < 50.0)
    }
}
