//! A shop: visitors without an account and customers with one, campaigns, crawlers of search engines.

mod load;

use super::dice::Dice;
use super::hits::{Hit, Log, Route, Who};
use super::people::{self, Agent};
use super::{Place, Targets, World};
use bartizan_core::Seed;
use load::Load;

const PRODUCTS: u64 = 6_000;
const CATEGORIES: u64 = 40;
/// Customers with an account.
const CUSTOMERS: u64 = 1_500;
/// Addresses that a mobile carrier puts thousands of phones behind.
const SHARED: u64 = 6;

const LOGIN: Route = Route::send("POST", "/account/login", 200, 0.22, 560.0);
const PRODUCT: Route = Route::get("/products/*", 0.09, 34_000.0);
const CATEGORY: Route = Route::get("/categories/*", 0.11, 52_000.0);
const SEARCH: Route = Route::get("/search?q=thing*", 0.24, 38_000.0).spread(0.6);
const IMAGE: Route = Route::get("/images/*.jpg", 0.012, 85_000.0).spread(0.8);
const CART: Route = Route::send("POST", "/cart/items", 201, 0.08, 610.0).answering(1_200.0);
const CHECKOUT: Route = Route::send("POST", "/checkout", 201, 0.8, 1_900.0).answering(2_600.0);
const ORDERS: Route = Route::get("/account/orders", 0.12, 8_000.0).spread(0.8);
const ORDER: Route = Route::get("/account/orders/*", 0.08, 4_600.0);
const INVOICE: Route = Route::get("/account/orders/*/invoice.pdf", 0.35, 110_000.0);

const TARGETS: Targets = Targets {
    login: LOGIN,
    changes: &[
        Route::send("POST", "/account/email", 200, 0.11, 520.0),
        Route::send("POST", "/account/password", 200, 0.24, 560.0),
        Route::send("POST", "/account/addresses", 201, 0.1, 740.0),
    ],
    own: &[ORDERS, Route::get("/account", 0.1, 12_000.0), Route::get("/account/payment", 0.12, 5_200.0)],
    exports: &[INVOICE, Route::get("/account/data-export", 1.9, 420_000.0), Route::get("/account/orders", 0.12, 8_000.0)],
    lists: &[
        Route::get("/categories/*", 0.11, 52_000.0),
        Route::get("/products?page=*", 0.13, 58_000.0),
        Route::get("/search?q=thing*", 0.24, 38_000.0),
    ],
    items: &[PRODUCT, Route::get("/api/stock/*", 0.02, 240.0)],
    numbered: &[ORDER, INVOICE, Route::get("/api/coupons/*", 0.03, 280.0)],
    heavy: &[SEARCH, CHECKOUT, Route::send("POST", "/reviews/images", 201, 0.9, 900_000.0)],
};

/// Crawlers: what they call themselves, their network, and how popular they are.
const CRAWLERS: &[(&str, &str)] = &[
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.66"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.79"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "157.55.39"),
    ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "95.108.213"),
];

/// The shop.
pub(super) struct Shop {
    load: Load,
    place: Place,
    /// What a visitor has is drawn from this and the visitor's number.
    seed: Seed,
    /// Visitors that come again.
    regulars: u64,
    shared: Vec<String>,
}

/// What a visit is about.
struct Visit<'a> {
    who: Who,
    /// The account, of somebody who has one and may log in.
    account: Option<String>,
    /// The campaign that they come for.
    campaign: Option<&'a load::Campaign>,
}

impl Shop {
    pub(super) fn new(place: Place, dice: &mut Dice, seed: Seed) -> Self {
        let (first, second) = people::carrier(dice);
        let shared = (0..SHARED).map(|_| format!("{first}.{second}.7.{}", dice.whole(1, 254))).collect();
        // Visits are some ten requests, and a regular comes every few days.
        let regulars = (3.0 * 86_400.0 / (place.gap * 10.0)).clamp(400.0, 60_000.0) as u64;
        Self { load: Load::new(place, dice), place, seed, regulars, shared }
    }

    /// A visitor by number, with address and agent. Customers have a second device.
    fn visitor(&self, number: u64, second: bool, at: f64) -> Who {
        let own = &mut Dice::new(self.seed.derive(number));
        let home = people::home(own);
        let (desk, phone) = (Agent::desk(own), Agent::phone(own));
        let prefers_phone = own.chance(0.55);
        let is_shared = own.chance(0.45);
        let shared = own.pick(&self.shared).clone();
        let on_phone = prefers_phone != second;
        let ip = if on_phone && is_shared { shared } else { home };
        Who { user: String::new(), ip, agent: Some(if on_phone { phone } else { desk }.name(at)) }
    }

    /// The account of a visitor who has one.
    fn account(&self, number: u64) -> String {
        format!("c{}", 10_000 + self.seed.derive(number).0 % 7 + number * 7)
    }

    fn visit<'a>(&'a self, dice: &mut Dice, at: f64) -> Visit<'a> {
        let campaign = self.load.campaign(at).filter(|_| dice.chance(0.75));
        let fresh = dice.chance(if campaign.is_some() { 0.8 } else { 0.45 });
        // Numbers from 2^32 on come once.
        let number = if fresh { (1 << 32) + dice.whole(0, 1 << 40) } else { dice.popular(self.regulars) };
        let second = dice.chance(0.2);
        let mut who = self.visitor(number, second, at);
        let away = dice.chance(0.04);
        if away {
            who.ip = people::home(dice);
        }
        let new = fresh && dice.chance(0.06);
        let account = (number < CUSTOMERS).then(|| self.account(number)).or_else(|| new.then(|| format!("c{}", 40_000 + number % 50_000)));
        Visit { who, account, campaign }
    }

    /// Adds a request as it goes at that time: slower under load, failing while servers restart.
    fn add(&self, log: &mut Log, dice: &mut Dice, hit: Hit) {
        let slow = self.load.slowness(hit.at);
        let hit = Hit { took: (hit.took * slow).min(59.0), ..hit };
        if self.load.restarts(hit.at) && dice.chance(0.5) {
            let status = if dice.chance(0.5) { 502 } else { 503 };
            return log.add(hit.failed(dice, status));
        }
        log.add(match dice.unit() {
            ..0.0006 => hit.failed(dice, 500),
            ..0.0009 => hit.failed(dice, 504),
            _ => hit,
        });
    }

    fn session(&self, dice: &mut Dice, log: &mut Log) {
        let mut at = dice.unit() * self.place.span;
        for _ in 0..40 {
            if dice.unit() * Load::MOST < self.load.share(at) {
                break;
            }
            at = dice.unit() * self.place.span;
        }
        let mut visit = self.visit(dice, at);
        let who = &visit.who;
        let landing = match visit.campaign {
            Some(campaign) => Route::get("/campaigns/*?utm_source=newsletter", 0.1, 61_000.0).hit(at, who, campaign.number, dice),
            None if dice.chance(0.5) => Route::get("/", 0.08, 64_000.0).hit(at, who, 0, dice),
            None => PRODUCT.hit(at, who, 1 + dice.popular(PRODUCTS), dice),
        };
        self.add(log, dice, landing);
        if let Some(account) = visit.account.take()
            && dice.chance(0.45)
        {
            at = self.login(log, &mut visit.who, account, at + dice.around(15.0, 0.7), dice);
        }
        let pause = dice.around(14.0, 0.6);
        for _ in 0..dice.several(5.0) {
            at += dice.around(pause, 0.9);
            self.look(dice, log, &visit.who, at);
        }
        self.buy(dice, log, &visit.who, at, if visit.who.user.is_empty() { 0.05 } else { 0.3 });
    }

    /// Logs in, sometimes not at once, sometimes not at all; says when.
    fn login(&self, log: &mut Log, who: &mut Who, account: String, from: f64, dice: &mut Dice) -> f64 {
        let named = Who { user: account, ..who.clone() };
        let mut at = from;
        let mut chance = 0.08;
        for _ in 0..5 {
            if !dice.chance(chance) {
                let hit = LOGIN.hit(at, &named, 0, dice);
                self.add(log, dice, hit);
                *who = named;
                break;
            }
            let hit = LOGIN.hit(at, &named, 0, dice).failed(dice, 401);
            self.add(log, dice, hit);
            at += dice.around(8.0, 0.6);
            chance = 0.4;
        }
        if who.user.is_empty() || dice.chance(0.5) { at } else { self.at_home(log, who, at, dice) }
    }

    /// What customers do in their account; says when it is done.
    fn at_home(&self, log: &mut Log, who: &Who, from: f64, dice: &mut Dice) -> f64 {
        let mut at = from;
        for _ in 0..dice.several(2.0) {
            at += dice.around(8.0, 0.8);
            let route = match dice.unit() {
                ..0.4 => &ORDERS,
                ..0.6 => &ORDER,
                ..0.7 => &INVOICE,
                ..0.95 => dice.pick(TARGETS.own),
                ..0.98 => dice.pick(TARGETS.changes),
                ..0.985 => &TARGETS.exports[1],
                _ => &TARGETS.heavy[2],
            };
            let hit = route.hit(at, who, dice.whole(100_000, 180_000), dice);
            self.add(log, dice, hit);
        }
        at
    }

    /// One page with what it loads.
    fn look(&self, dice: &mut Dice, log: &mut Log, who: &Who, at: f64) {
        let product = 1 + dice.popular(PRODUCTS);
        let page = match dice.whole(0, 9) {
            0..5 => PRODUCT.hit(at, who, product, dice),
            5..8 => CATEGORY.hit(at, who, 1 + dice.popular(CATEGORIES), dice),
            8 => TARGETS.lists[1].hit(at, who, 1 + dice.popular(60), dice),
            _ => SEARCH.hit(at, who, dice.popular(900), dice),
        };
        let page = if dice.chance(0.012) { page.failed(dice, 404) } else { page };
        // Browsers look for icons that are not there; pages ask what is in stock.
        if dice.chance(0.004) {
            let icon = Route::get("/apple-touch-icon.png", 0.01, 300.0).hit(at + 0.4, who, 0, dice).failed(dice, 404);
            self.add(log, dice, icon);
        }
        let shown = page.status == 200;
        if shown && dice.chance(0.25) {
            let stock = TARGETS.items[1].hit(at + 0.2, who, product, dice);
            self.add(log, dice, stock);
        }
        self.add(log, dice, page);
        let mut at = at;
        for _ in 0..if shown { dice.whole(0, 3) } else { 0 } {
            at += dice.between(0.05, 0.6);
            let image = IMAGE.hit(at, who, 1 + dice.popular(PRODUCTS), dice);
            let image = if dice.chance(0.25) { image.failed(dice, 304) } else { image };
            self.add(log, dice, image);
        }
    }

    /// Into the cart, and sometimes to the till.
    fn buy(&self, dice: &mut Dice, log: &mut Log, who: &Who, from: f64, chance: f64) {
        if !dice.chance(2.0 * chance) {
            return;
        }
        let mut at = from + dice.around(9.0, 0.6);
        let hit = CART.hit(at, who, 0, dice);
        self.add(log, dice, hit);
        if dice.chance(0.5) {
            if dice.chance(0.2) {
                let coupon = TARGETS.numbered[2].hit(at + 9.0, who, dice.whole(1, 4_000), dice);
                let coupon = if dice.chance(0.4) { coupon.failed(dice, 404) } else { coupon };
                self.add(log, dice, coupon);
            }
            for page in [Route::get("/cart", 0.07, 14_000.0), Route::get("/checkout", 0.1, 21_000.0)] {
                at += dice.around(20.0, 0.7);
                let hit = page.hit(at, who, 0, dice);
                self.add(log, dice, hit);
            }
            at += dice.around(60.0, 0.6);
            let till = CHECKOUT.hit(at, who, 0, dice);
            let till = if dice.chance(0.03) { till.failed(dice, 402) } else { till };
            self.add(log, dice, till);
        }
    }

    /// A crawler reads some pages, at any hour and one after the other.
    fn crawl(&self, dice: &mut Dice, log: &mut Log) {
        let mut at = dice.unit() * self.place.span;
        let (agent, network) = dice.pick(CRAWLERS);
        let who = Who { user: String::new(), ip: format!("{network}.{}", dice.whole(1, 24)), agent: Some((*agent).to_owned()) };
        let pause = dice.between(2.0, 20.0);
        for _ in 0..dice.several(25.0) {
            let page = match dice.whole(0, 9) {
                0..7 => PRODUCT.hit(at, &who, dice.whole(1, PRODUCTS), dice),
                7..9 => CATEGORY.hit(at, &who, dice.whole(1, CATEGORIES), dice),
                _ if dice.chance(0.2) => Route::get("/robots.txt", 0.005, 700.0).hit(at, &who, 0, dice),
                _ => Route::get("/sitemap-*.xml", 0.2, 240_000.0).hit(at, &who, dice.whole(1, 12), dice),
            };
            let page = match dice.unit() {
                ..0.05 => page.failed(dice, 404),
                ..0.2 => page.failed(dice, 304),
                _ => page,
            };
            self.add(log, dice, page);
            at += pause * dice.between(0.8, 1.3);
        }
    }
}

impl World for Shop {
    fn fill(&self, dice: &mut Dice, log: &mut Log) {
        while log.room() > 0 {
            // A crawl is more requests than a visit.
            if dice.chance(0.05) {
                self.crawl(dice, log);
            } else {
                self.session(dice, log);
            }
        }
    }

    fn targets(&self) -> &'static Targets {
        const { &TARGETS }
    }

    fn accounts(&self) -> u64 {
        CUSTOMERS.min(self.regulars)
    }

    fn activity(&self, _: u64, at: f64) -> f64 {
        self.load.share(at)
    }

    fn who(&self, account: u64, dice: &mut Dice, at: f64) -> Who {
        Who { user: self.account(account), ..self.visitor(account, dice.chance(0.2), at) }
    }

    fn anybody(&self, dice: &mut Dice, at: f64) -> Who {
        let visit = self.visit(dice, at);
        let user = visit.account.filter(|_| dice.chance(0.4)).unwrap_or_default();
        Who { user, ..visit.who }
    }

    fn stolen(&self, dice: &mut Dice) -> String {
        if dice.chance(0.3) {
            return self.account(dice.whole(0, self.accounts() - 1));
        }
        format!("c{}", dice.whole(2_000, 99_999))
    }

    fn outsider(&self, _: &mut Dice) -> String {
        String::new()
    }
}
