//! What keeps a service from answering.

use super::super::hits::{Hit, Who};
use super::super::people;
use super::{Scene, Slot};

/// Requests that hold connections: bodies that arrive slowly or are huge, questions that are dear to answer.
pub(super) fn slow_attack(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let pace = scene.scaled(loud, 25.0, 0.4);
    let Slot { from, count, pace } = scene.slot(15, 140, pace);
    let lasts = scene.scaled(loud, 8.0, 200.0);
    let huge = scene.dice.chance(0.35).then(|| scene.scaled(loud, 2e6, 8e7));
    let Scene { world, dice, log, .. } = scene;
    let user = if dice.chance(0.5) { world.outsider(dice) } else { String::new() };
    let addresses: Vec<String> = (0..dice.whole(1, 15)).map(|_| people::attacker(dice)).collect();
    let agent = people::disguise(dice, 0.6, from);
    let route = dice.pick(world.targets().heavy);
    let answered = dice.between(0.1, 0.7);
    let mut at = from;
    for _ in 0..count {
        let who = Who { user: user.clone(), ip: dice.pick(&addresses).clone(), agent: agent.clone() };
        let number = dice.whole(1, 900);
        let hit = route.hit(at, &who, number, dice);
        let status = *dice.pick(&[408, 408, 504, 503, 413]);
        let hit = if dice.chance(answered) { hit } else { hit.failed(dice, status) };
        let sent = huge.map_or(hit.sent, |bytes| dice.around(bytes, 0.3));
        log.add(Hit { took: dice.around(lasts, 0.3), sent, ..hit });
        at += dice.around(pace, 0.5);
    }
}

/// One part of the service fails for some minutes, whoever asks.
pub(super) fn error_storm(scene: &mut Scene<'_>) {
    let loud = scene.loudness();
    let lasts = scene.dice.between(60.0, 900.0);
    let wanted = scene.scaled(loud, 15.0, 300.0);
    let Slot { from, count, pace } = scene.slot(wanted as u64, wanted as u64, lasts / wanted);
    let Scene { world, dice, log, .. } = scene;
    let targets = world.targets();
    let list = *dice.pick(&[targets.items, targets.lists, targets.own, targets.heavy]);
    let route = dice.pick(list);
    let usual = *dice.pick(&[500, 502, 503, 504]);
    let mut at = from;
    for _ in 0..count {
        let who = world.anybody(dice, at);
        let number = dice.whole(1, 3_000);
        let status = if dice.chance(0.8) { usual } else { *dice.pick(&[500, 502, 504]) };
        log.add(route.hit(at, &who, number, dice).failed(dice, status));
        // Some try again at once.
        at += if dice.chance(0.3) { dice.around(pace * 0.3, 0.4) } else { dice.around(pace * 1.2, 0.5) };
    }
}
