//! Made-up logs of three APIs: people at work, a shop, and machines; labelled attacks among them.
//!
//! Who is there, what they have and when they change it is a function of the time and drawn first; sessions are drawn from it until the
//! wanted number of requests is there. Attacks are whole episodes that are laid over the span.

mod attacks;
mod clock;
mod dice;
mod hits;
mod machines;
mod people;
mod shop;
mod users;

use super::LogEvent;
use crate::kind::Plan;
use bartizan_core::{Record, Seed};
use clock::Clock;
use dice::Dice;
use hits::{Log, Route, Who};

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// An API that people work with, each with habits.
    Users,
    /// A shop with visitors, customers, campaigns and crawlers.
    Shop,
    /// An API that only programs call.
    Machines,
}

impl Traffic {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Users, Self::Shop, Self::Machines];

    /// Its name and what it is.
    #[must_use]
    pub const fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::Users => ("users", "people at work, each with hours, networks and agents of their own"),
            Self::Shop => ("shop", "a shop with visitors, customers, campaigns and crawlers"),
            Self::Machines => ("machines", "programs with schedules, and batch jobs at night"),
        }
    }

    /// By its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|traffic| traffic.said().0 == name)
    }
}

/// The requests of a plan in order of time, each labelled, attacks with their name. The same arguments give the same requests.
#[must_use]
pub fn generate(traffic: Traffic, plan: Plan, seed: Seed) -> Vec<Record<LogEvent>> {
    among(traffic, seed, plan, seed)
}

/// The same among those whom another seed gives: plans of at most four weeks and of one density, one after the other, are about the same
/// people and machines.
#[must_use]
pub fn among(traffic: Traffic, who: Seed, plan: Plan, seed: Seed) -> Vec<Record<LogEvent>> {
    let gap = plan.gap_secs.clamp(1e-6, 86_400.0);
    let mut log = Log::new(plan.rows as f64 * if gap.is_nan() { 1.0 } else { gap });
    let attacks = (plan.rows as f64 * plan.attack_share.clamp(0.0, 1.0)).round() as usize;
    let place = Place { clock: Clock::new(plan.start), span: log.span, gap };
    let dice = &mut Dice::new(who.derive(0));
    let world: Box<dyn World> = match traffic {
        Traffic::Users => Box::new(users::Team::new(place, dice)),
        Traffic::Shop => Box::new(shop::Shop::new(place, dice, who.derive(1))),
        Traffic::Machines => Box::new(machines::Fleet::new(place, dice)),
    };
    log.open(plan.rows.saturating_sub(attacks));
    world.fill(&mut Dice::new(seed.derive(2)), &mut log);
    log.open(attacks);
    attacks::fill(&*world, &mut Dice::new(seed.derive(3)), &mut log);
    log.records(plan.start)
}

/// When traffic takes place, and how dense it is.
#[derive(Clone, Copy)]
struct Place {
    clock: Clock,
    /// Seconds from the first request to the last.
    span: f64,
    /// Mean seconds between requests.
    gap: f64,
}

/// What an attack can aim at.
struct Targets {
    login: Route,
    /// What somebody changes who has taken an account.
    changes: &'static [Route],
    /// What an account shows.
    own: &'static [Route],
    /// Where much can be fetched.
    exports: &'static [Route],
    /// Pages of lists, and what is listed.
    lists: &'static [Route],
    items: &'static [Route],
    /// What is numbered and belongs to somebody.
    numbered: &'static [Route],
    /// What costs the server effort.
    heavy: &'static [Route],
}

/// A service with those who use it.
trait World {
    /// Normal requests until no more are wanted.
    fn fill(&self, dice: &mut Dice, log: &mut Log);

    fn targets(&self) -> &'static Targets;

    /// How many accounts there are.
    fn accounts(&self) -> u64;

    /// How active an account is at a time: 1 in its busiest hours.
    fn activity(&self, account: u64, at: f64) -> f64;

    /// The account with an address and an agent that it has at that time.
    fn who(&self, account: u64, dice: &mut Dice, at: f64) -> Who;

    /// Whoever is there at that time.
    fn anybody(&self, dice: &mut Dice, at: f64) -> Who {
        let mut account = 0;
        for _ in 0..20 {
            account = dice.whole(0, self.accounts() - 1);
            if dice.unit() < self.activity(account, at) {
                break;
            }
        }
        self.who(account, dice, at)
    }

    /// A name on a list of stolen passwords. Most of such names are unknown here.
    fn stolen(&self, dice: &mut Dice) -> String;

    /// The name under which an outsider reads what anybody may read; empty where that needs no account.
    fn outsider(&self, dice: &mut Dice) -> String;
}

#[cfg(test)]
mod tests;
