//! Sessions, each judged as a whole: what kind of attack it is, and how dangerous.

mod baselines;
pub mod body;
mod event;
mod evidence;
mod features;
pub mod generator;
mod kind;
mod logins;
pub mod records;
mod risk;
mod sessions;

pub use baselines::{BehaviorBaselines, Usual};
pub use event::{AttackType, SessionEvent};
pub use features::{NAMES, RANGES};
pub use logins::{Logins, Service};
pub use risk::{Assessment, risk_score};

use bartizan_core::{Arrival, Arrived, Domain, Evidence, Facts, FeatureSchema, NoRecency, Tracking, TrustedProxies, head};
use std::borrow::Cow;

/// Most bytes that are stored of the sender's name for a session.
const MAX_ID: usize = 256;

/// The kind `behavior`.
pub struct Behavior;

/// The classes that a session can be of, in order; the first is normal.
const CLASSES: [&str; 5] = [
    AttackType::Normal.name(),
    AttackType::BruteForce.name(),
    AttackType::Injection.name(),
    AttackType::DataExfil.name(),
    AttackType::Recon.name(),
];

impl Domain for Behavior {
    type Event = SessionEvent;
    type Recent = ();
    type Recency = NoRecency<SessionEvent>;
    type Baselines = BehaviorBaselines;

    const NAME: &'static str = "behavior";
    const CLASSES: &'static [&'static str] = &CLASSES;

    fn schema() -> FeatureSchema {
        FeatureSchema::new(features::TABLE.to_vec())
    }

    fn recency(_tracking: &Tracking) -> NoRecency<SessionEvent> {
        NoRecency::default()
    }

    fn fit_baselines<'a>(events: impl Iterator<Item = &'a SessionEvent>, _feature_set: &str) -> BehaviorBaselines {
        BehaviorBaselines::fit(events)
    }

    fn class(event: &SessionEvent) -> Option<usize> {
        event.attack.map(AttackType::index)
    }

    /// What a log tells of logins, next to the six counters that the forest looks at.
    fn evidence(event: &SessionEvent) -> Option<Evidence> {
        let found = evidence::finding(event)?;
        Some(Evidence { class: found.attack.index(), probability: found.probability, feature: found.feature() })
    }

    fn evidence_reason(event: &SessionEvent) -> Option<String> {
        evidence::sentence(event)
    }

    fn facts(event: &SessionEvent) -> Facts<'_> {
        Facts {
            event_id: Cow::Borrowed(&event.event_id),
            time: event.time,
            entity: Cow::Borrowed(&event.client),
            resource: Cow::Borrowed("session"),
            action: Cow::Borrowed(""),
        }
    }

    fn arrive(event: &mut SessionEvent, arrival: &Arrival<'_>) -> Arrived {
        let client = arrival.proxies.client(&event.client);
        if client != event.client {
            event.client = client.into_owned();
        }
        event.event_id.truncate(head(&event.event_id, MAX_ID).len());
        arrival.bound(&mut event.time)
    }

    fn entity<'t>(text: &'t str, proxies: &TrustedProxies) -> Cow<'t, str> {
        proxies.client(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{AttackType, Behavior, CLASSES, SessionEvent};
    use bartizan_core::{Domain, Recency, Timestamp, Tracking};

    #[test]
    fn classes_are_the_attack_types() {
        let mut event = SessionEvent::from_values(Timestamp::from_secs(0), [0, 1, 0, 0, 0, 10]);
        assert_eq!(Behavior::class(&event), None);
        for (attack, name) in AttackType::ALL.into_iter().zip(CLASSES) {
            event.attack = Some(attack);
            assert_eq!(Behavior::class(&event).map(|position| CLASSES[position]), Some(name));
        }
    }

    #[test]
    fn the_kind_says_what_it_is() {
        assert_eq!(Behavior::schema().names().collect::<Vec<_>>(), super::NAMES);
        let mut event = SessionEvent::from_values(Timestamp::from_secs(9), [0, 1, 0, 0, 0, 10]);
        (event.event_id, event.client) = ("s1".to_owned(), "192.0.2.1".to_owned());
        let facts = Behavior::facts(&event);
        assert_eq!((&*facts.event_id, &*facts.entity, &*facts.resource, &*facts.action), ("s1", "192.0.2.1", "session", ""));
        let recency = Behavior::recency(&Tracking::by_address(10));
        recency.observe(&event);
        assert_eq!((recency.entities(), recency.evicted(), recency.horizon_secs()), (0, 0, 0));
    }
}
