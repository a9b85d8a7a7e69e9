//! One program with an account: where it runs and what it calls itself, as versions and places change.

use super::super::dice::Dice;
use super::super::hits::Who;

const DAY: f64 = 86_400.0;
const NAMES: &[&str] =
    &["billing", "orders", "stock", "search", "mail", "reports", "backup", "pricing", "ledger", "parcels", "gateway", "crm"];
const AGENTS: &[&str] =
    &["Go-http-client/2.0", "okhttp/4.12.0", "python-requests/2.32.3", "Apache-HttpClient/5.3 (Java/21)", "axios/1.7.9", "curl/8.7.1"];

/// A service account.
pub(super) struct Service {
    name: String,
    /// The first three numbers of its network, and whether its address changes with each version.
    network: String,
    moves: bool,
    host: u64,
    /// Copies that run at once.
    copies: u64,
    /// A library by name, or else its own name with a version; none sends no agent.
    agent: Option<&'static str>,
    named: bool,
    /// Days from one version to the next, and how far it was into one at the beginning.
    days: f64,
    /// Seconds by which its hours are later than others'.
    pub(super) into: f64,
    /// Whether its token has to be fetched again each hour.
    pub(super) refreshes: bool,
    /// The hour of its nightly batch, in UTC.
    pub(super) batch: Option<f64>,
    /// Whether its batch fetches; others send.
    pub(super) fetches: bool,
    /// When it gets another key.
    rotation: f64,
}

impl Service {
    pub(super) fn new(number: u64, span: f64, dice: &mut Dice) -> Self {
        let name = NAMES[number as usize % NAMES.len()];
        Self {
            name: if number < NAMES.len() as u64 {
                format!("svc-{name}")
            } else {
                format!("svc-{name}-{}", number / NAMES.len() as u64 + 1)
            },
            network: if dice.chance(0.8) {
                format!("10.{}.{}", 20 + number % 4, number)
            } else {
                format!("194.{}.{}", 60 + number, dice.whole(0, 255))
            },
            moves: dice.chance(0.5),
            host: dice.whole(2, 200),
            copies: if dice.chance(0.6) { 1 } else { dice.whole(2, 4) },
            agent: dice.chance(0.95).then(|| *dice.pick(AGENTS)),
            named: dice.chance(0.6),
            days: dice.between(5.0, 40.0),
            into: dice.unit() * 3_600.0,
            refreshes: dice.chance(0.35),
            batch: number.is_multiple_of(6).then(|| 1.0 + dice.whole(0, 9) as f64 / 3.0),
            fetches: dice.chance(0.5),
            rotation: dice.unit() * span.max(60.0 * DAY),
        }
    }

    /// How often it has been installed anew.
    fn version(&self, at: f64) -> u64 {
        (at / (self.days * DAY) + self.into / 3_600.0) as u64
    }

    pub(super) fn who(&self, dice: &mut Dice, at: f64) -> Who {
        let version = self.version(at);
        let moved = if self.moves { version * 37 } else { 0 };
        let host = 1 + (self.host + moved + dice.whole(0, self.copies - 1)) % 250;
        let agent = self
            .agent
            .map(|library| if self.named { format!("{}/2.{version}.0", self.name.trim_start_matches("svc-")) } else { library.to_owned() });
        Who { user: self.name.clone(), ip: format!("{}.{host}", self.network), agent }
    }

    /// Whether its key has just been replaced.
    pub(super) fn rotates(&self, at: f64) -> bool {
        (0.0..120.0).contains(&(at - self.rotation))
    }
}
