//! Attacks on accounts.

use super::super::hits::Who;
use super::super::people;
use super::{Scene, Slot};

/// One or a few addresses try many names one after the other.
pub(super) fn credential_stuffing(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 6.0, 0.15);
    let Slot { from, count, pace } = scene.slot(25, 400, pace);
    let Scene { world, dice, log, .. } = scene;
    let addresses: Vec<String> = (0..dice.whole(1, 5)).map(|_| people::attacker(dice)).collect();
    let disguised = dice.unit();
    let mut agent = people::disguise(dice, disguised, from);
    let rotates = dice.chance(0.3);
    let (hits, limit) = (dice.between(0.004, 0.03), if dice.chance(0.3) { 0.35 } else { 0.0 });
    let mut at = from;
    for tried in 0..count {
        if rotates && dice.chance(0.2) {
            agent = people::disguise(dice, 0.9, at);
        }
        let who = Who { user: world.stolen(dice), ip: dice.pick(&addresses).clone(), agent: agent.clone() };
        let hit = world.targets().login.hit(at, &who, 0, dice);
        let found = dice.chance(hits);
        let status = if tried > 20 && dice.chance(limit) { 429 } else { 401 };
        log.add(if found { hit } else { hit.failed(dice, status) });
        if found && dice.chance(0.5) {
            log.add(dice.pick(world.targets().own).hit(at + 0.3, &who, 1, dice));
        }
        at += dice.around(pace, 0.3);
    }
}

/// Many addresses, each with a try or two, minutes apart.
pub(super) fn slow_stuffing(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 500.0, 50.0);
    let Slot { from, count, pace } = scene.slot(12, 70, pace);
    let Scene { world, dice, log, .. } = scene;
    let addresses: Vec<String> = (0..1 + count * 7 / 10).map(|_| people::attacker(dice)).collect();
    let hits = dice.between(0.0, 0.03);
    let disguised = dice.between(0.6, 1.0);
    let mut at = from;
    for _ in 0..count {
        let who = Who { user: world.stolen(dice), ip: dice.pick(&addresses).clone(), agent: people::disguise(dice, disguised, at) };
        let hit = world.targets().login.hit(at, &who, 0, dice);
        log.add(if dice.chance(hits) { hit } else { hit.failed(dice, 401) });
        at += dice.wait(pace);
    }
}

/// Somebody else in a known account: from another network, with another agent, while its owner sleeps; changes it, takes what it has.
pub(super) fn account_takeover(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 40.0, 4.0);
    let Slot { count, pace, .. } = scene.slot(6, 22, pace);
    let Scene { world, dice, log, .. } = scene;
    let account = dice.whole(0, world.accounts() - 1);
    // The most unusual of some times; not all attackers care.
    let last = (log.span - pace * count as f64).max(0.0);
    let times: Vec<f64> = (0..dice.whole(2, 16)).map(|_| dice.unit() * last).collect();
    let from = times
        .iter()
        .copied()
        .fold(times[0], |best, at| if world.activity(account, at) < world.activity(account, best) { at } else { best });
    let user = world.who(account, dice, from).user;
    let agent = people::disguise(dice, 0.75, from);
    let who = Who { user, ip: people::attacker(dice), agent };
    let targets = world.targets();
    let mut at = from;
    for _ in 0..dice.whole(0, 3).min(count as u64 / 3) {
        log.add(targets.login.hit(at, &who, 0, dice).failed(dice, 401));
        at += dice.around(pace, 0.5);
    }
    let changes = dice.whole(1, 2) as usize;
    let size = dice.between(1.0, 6.0);
    for step in 0..count {
        let mut hit = match step {
            0 => targets.login.hit(at, &who, 0, dice),
            1 => targets.own[0].hit(at, &who, 0, dice),
            _ if (3..3 + changes).contains(&step) => dice.pick(targets.changes).hit(at, &who, 1, dice),
            _ if dice.chance(0.4) => {
                let number = dice.whole(1, 40);
                let mut hit = dice.pick(targets.exports).hit(at, &who, number, dice);
                hit.got *= size;
                hit
            }
            _ => {
                let number = dice.whole(1, 9);
                dice.pick(targets.own).hit(at, &who, number, dice)
            }
        };
        if step > 1 && dice.chance(0.05) {
            hit = hit.failed(dice, 403);
        }
        log.add(hit);
        at += dice.around(pace, 0.7);
    }
}
