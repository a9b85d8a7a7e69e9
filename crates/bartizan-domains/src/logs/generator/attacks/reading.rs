//! Attacks that read what they should not, or more than they should.

use super::super::hits::{Hit, Route, Who};
use super::super::people;
use super::{Scene, Slot};

/// Walks lists and what they list, steadily or in bursts.
pub(super) fn scraping(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let bursts = scene.dice.chance(0.4);
    let pace = scene.scaled(loud, 8.0, 0.3);
    let Slot { from, count, pace } = scene.slot(50, 600, pace);
    let Scene { world, dice, log, .. } = scene;
    let targets = world.targets();
    let user = world.outsider(dice);
    let addresses: Vec<String> = (0..dice.whole(1, 4)).map(|_| people::attacker(dice)).collect();
    let agent = people::disguise(dice, 0.6, from);
    let (list, item) = (dice.pick(targets.lists), dice.pick(targets.items));
    let mut page = dice.whole(1, 30);
    let mut next = dice.whole(1, 3_000);
    let every = dice.whole(6, 30) as usize;
    let burst = dice.whole(20, 80) as usize;
    let mut at = from;
    for number in 0..count {
        let who = Who { user: user.clone(), ip: dice.pick(&addresses).clone(), agent: agent.clone() };
        let hit = if number % every == 0 {
            page += 1;
            list.hit(at, &who, page, dice)
        } else {
            next += dice.whole(1, 4);
            item.hit(at, &who, next, dice)
        };
        log.add(if dice.chance(0.03) { hit.failed(dice, 404) } else { hit });
        at += match (bursts, number % burst) {
            (true, 0) => dice.between(0.2, 0.6) * pace * burst as f64,
            (true, _) => dice.around(0.3 * pace, 0.4),
            _ => pace * dice.between(0.6, 1.4),
        };
    }
}

/// A known account fetches far more than its like: one huge answer, or many large ones.
pub(super) fn exfiltration(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let one = scene.dice.chance(0.25);
    let pace = scene.scaled(loud, 90.0, 5.0);
    let (least, most) = if one { (1, 2) } else { (8, 60) };
    let Slot { from, count, pace } = scene.slot(least, most, pace);
    let factor = if one { scene.scaled(loud, 60.0, 900.0) } else { scene.scaled(loud, 4.0, 60.0) };
    let Scene { world, dice, log, .. } = scene;
    let account = dice.whole(0, world.accounts() - 1);
    let mut who = world.who(account, dice, from);
    if dice.chance(0.3) {
        who.ip = people::attacker(dice);
    }
    let route = dice.pick(world.targets().exports);
    let mut at = from;
    for number in 0..count {
        let hit = route.hit(at, &who, number as u64 + 1, dice);
        let got = (hit.got * factor).min(2e9);
        let took = (hit.took + got / dice.between(4e6, 4e7)).min(900.0);
        log.add(Hit { got, took, ..hit });
        at += dice.around(pace, 0.4);
    }
}

/// Asks for one number after the other, most of which are not there or not for them.
pub(super) fn id_enumeration(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 12.0, 0.15);
    let Slot { from, count, pace } = scene.slot(40, 400, pace);
    let Scene { world, dice, log, .. } = scene;
    let (user, ip, agent) = (world.outsider(dice), people::attacker(dice), people::disguise(dice, 0.5, from));
    let who = Who { user, ip, agent };
    let route = dice.pick(world.targets().numbered);
    let (missing, denied) = (dice.between(0.2, 0.75), dice.between(0.1, 0.6));
    let (mut number, stride) = (dice.whole(1, 30_000), dice.whole(1, 3));
    let mut at = from;
    for _ in 0..count {
        let hit = route.hit(at, &who, number, dice);
        log.add(if dice.chance(missing) {
            hit.failed(dice, 404)
        } else if dice.chance(denied) {
            hit.failed(dice, 403)
        } else {
            hit
        });
        number += dice.whole(1, stride);
        at += dice.around(pace, 0.35);
    }
}

/// Paths that exist on other servers.
const PATHS: &[&str] = &[
    "/.env",
    "/.env.bak",
    "/.git/HEAD",
    "/.git/config",
    "/.svn/entries",
    "/.aws/credentials",
    "/.ssh/id_rsa",
    "/.DS_Store",
    "/admin",
    "/admin/login",
    "/administrator/",
    "/admin/users",
    "/api/admin/users",
    "/api/internal/config",
    "/api/debug",
    "/api/v2/users",
    "/actuator",
    "/actuator/heapdump",
    "/backup.zip",
    "/backup.tar.gz",
    "/backups/db.sql",
    "/db.sql",
    "/dump.sql.gz",
    "/site.old.zip",
    "/config.json",
    "/config.yml",
    "/config.php.bak",
    "/console",
    "/debug/pprof/",
    "/docker-compose.yml",
    "/graphql",
    "/jenkins/",
    "/manager/html",
    "/metrics",
    "/phpinfo.php",
    "/phpmyadmin/",
    "/private/",
    "/server-status",
    "/solr/admin/",
    "/swagger.json",
    "/test/",
    "/tmp/",
    "/uploads/",
    "/users.csv",
    "/web.config",
    "/wp-admin/",
    "/wp-login.php",
    "/xmlrpc.php",
];

/// Looks for what nobody links to.
pub(super) fn forced_browsing(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 15.0, 0.08);
    let Slot { from, count, pace } = scene.slot(15, 160, pace);
    let Scene { world, dice, log, .. } = scene;
    let user = if dice.chance(0.25) { world.outsider(dice) } else { String::new() };
    let (ip, agent) = (people::attacker(dice), people::disguise(dice, 0.5, from));
    let who = Who { user, ip, agent };
    let (denied, open) = (dice.between(0.05, 0.4), dice.between(0.0, 0.06));
    // Neither page belongs to the service.
    let nothing = Route::get("/", 0.02, 1_500.0);
    let mut at = from;
    for number in 0..count {
        let path = *dice.pick(PATHS);
        let endpoint = if number % 9 == 8 { format!("{path}~{}", dice.whole(1, 9)) } else { path.to_owned() };
        let hit = Hit { endpoint, ..nothing.hit(at, &who, 0, dice) };
        log.add(match dice.unit() {
            part if part < open => hit,
            part if part < open + denied => {
                let status = *dice.pick(&[403, 403, 401, 405]);
                hit.failed(dice, status)
            }
            _ => hit.failed(dice, 404),
        });
        at += dice.around(pace, 0.4);
    }
}
