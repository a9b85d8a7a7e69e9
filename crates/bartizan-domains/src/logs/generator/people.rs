//! Addresses and agents, as providers and programs hand them out.

use super::dice::Dice;

/// What a client calls itself before and after the number of its version, its first version, and days from one version to the next.
const BROWSERS: &[(&str, u64, &str, f64)] = &[
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", 141, ".0.0.0 Safari/537.36", 28.0),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", 141, ".0.0.0 Safari/537.36", 28.0),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/", 144, ".0", 28.0),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/", 144, ".0", 28.0),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.", 1, " Safari/605.1.15", 55.0),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/",
        141,
        ".0.0.0",
        28.0,
    ),
];
const PHONES: &[(&str, u64, &str, f64)] = &[
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.",
        1,
        " Mobile/15E148",
        55.0,
    ),
    ("Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", 141, ".0.0.0 Mobile Safari/537.36", 28.0),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", 141, ".0.0.0 Mobile Safari/537.36", 28.0),
    ("OurApp/7.", 3, " (iOS 26.1; iPhone15,3)", 14.0),
    ("OurApp/7.", 3, " (Android 15; Pixel 9)", 14.0),
    ("OurApp/7.", 3, " (Android 14; SM-A546B)", 14.0),
];

/// Programs and libraries.
pub(super) const TOOLS: &[&str] = &[
    "python-requests/2.32.3",
    "curl/8.7.1",
    "Go-http-client/2.0",
    "axios/1.7.9",
    "PostmanRuntime/7.43.0",
    "okhttp/4.12.0",
    "python-httpx/0.27.2",
    "Apache-HttpClient/5.3 (Java/21)",
];

/// First two numbers of the networks of homes, of phones, and of data centres.
const HOMES: &[(u64, u64)] =
    &[(81, 56), (84, 130), (90, 24), (93, 192), (109, 88), (151, 37), (176, 12), (188, 103), (212, 51), (71, 190), (14, 98)];
const MOBILE: &[(u64, u64)] = &[(92, 40), (37, 161), (95, 91), (80, 187), (107, 77), (49, 36)];
const HOSTED: &[(u64, u64)] = &[(45, 77), (185, 220), (5, 188), (193, 32), (167, 99), (139, 59), (91, 240), (51, 15)];

/// A client with versions that follow each other.
#[derive(Clone, Copy)]
pub(super) struct Agent {
    family: &'static (&'static str, u64, &'static str, f64),
    /// How far it was into its version at the beginning, as a share.
    into: f64,
}

impl Agent {
    pub(super) fn desk(dice: &mut Dice) -> Self {
        // The first is what half of the world has.
        let family = if dice.chance(0.4) { &BROWSERS[0] } else { dice.pick(BROWSERS) };
        Self { family, into: dice.unit() }
    }

    pub(super) fn phone(dice: &mut Dice) -> Self {
        Self { family: dice.pick(PHONES), into: dice.unit() }
    }

    /// Its name at that time.
    pub(super) fn name(&self, at: f64) -> String {
        let (before, version, after, days) = self.family;
        format!("{before}{}{after}", version + (at / 86_400.0 / days + self.into) as u64)
    }
}

fn within(dice: &mut Dice, network: (u64, u64)) -> String {
    format!("{}.{}.{}.{}", network.0, network.1, dice.whole(0, 255), dice.whole(1, 254))
}

/// An address of a home.
pub(super) fn home(dice: &mut Dice) -> String {
    let (first, second) = *dice.pick(HOMES);
    let second = (second + dice.whole(0, 7)).min(255);
    within(dice, (first, second))
}

/// A network that phones get their addresses of.
pub(super) fn carrier(dice: &mut Dice) -> (u64, u64) {
    let (first, second) = *dice.pick(MOBILE);
    (first, second + dice.whole(0, 3))
}

/// An address that a phone has for a while.
pub(super) fn roaming(dice: &mut Dice, network: (u64, u64)) -> String {
    within(dice, network)
}

/// An address that an attacker uses: of a data centre, or of somebody's home.
pub(super) fn attacker(dice: &mut Dice) -> String {
    if dice.chance(0.5) {
        let network = *dice.pick(HOSTED);
        within(dice, network)
    } else {
        home(dice)
    }
}

/// What an attacker's program calls itself: itself, or a browser.
pub(super) fn disguise(dice: &mut Dice, as_browser: f64, at: f64) -> Option<String> {
    if dice.chance(as_browser) {
        return Some(if dice.chance(0.8) { Agent::desk(dice) } else { Agent::phone(dice) }.name(at));
    }
    dice.chance(0.93).then(|| (*dice.pick(TOOLS)).to_owned())
}
