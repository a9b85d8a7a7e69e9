//! One session, as six counters.

use super::Logins;
use bartizan_core::Timestamp;
use serde::{Deserialize, Serialize};

/// What a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttackType {
    /// Nothing of the below.
    Normal,
    /// Passwords tried one after the other.
    BruteForce,
    /// Code sent where data belongs.
    Injection,
    /// Data looked for and carried away.
    DataExfil,
    /// Looking around, fast.
    Recon,
}

impl AttackType {
    /// All of them, in the order of the classes.
    pub const ALL: [Self; 5] = [Self::Normal, Self::BruteForce, Self::Injection, Self::DataExfil, Self::Recon];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::BruteForce => "BruteForce",
            Self::Injection => "Injection",
            Self::DataExfil => "DataExfil",
            Self::Recon => "Recon",
        }
    }

    /// The type of this name, in any case and with blanks around it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attack| attack.name().eq_ignore_ascii_case(name.trim()))
    }

    /// False for [`AttackType::Normal`].
    #[must_use]
    pub fn is_attack(self) -> bool {
        self != Self::Normal
    }

    /// Its position in [`AttackType::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for AttackType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One session of one client. The numbers are within [`super::RANGES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEvent {
    /// When it began.
    pub time: Timestamp,
    /// The sender's name for it (`session_id`); empty when it has none.
    pub event_id: String,
    /// Who: an address, as a rule; empty when unknown.
    pub client: String,
    /// Logins that failed.
    pub failed_logins: u16,
    /// Most requests in one second.
    pub request_rate: u16,
    /// Commands, or requests that change something.
    pub commands_count: u8,
    /// Whether an injection was seen in what it sent.
    pub sql_payload: bool,
    /// Whether it touched something that exists only to be touched by intruders.
    pub honeytoken_access: bool,
    /// Seconds from its beginning to its end.
    pub session_time: u16,
    /// What a person, a file or the generator said it is.
    pub attack: Option<AttackType>,
    /// What the log that it was made from tells of logins; `None` where six counters are all there is. Since format 4 of stored events.
    pub logins: Option<Logins>,
}

impl SessionEvent {
    /// The six numbers in the order of the features.
    #[must_use]
    pub fn values(&self) -> [u16; 6] {
        [
            self.failed_logins,
            self.request_rate,
            u16::from(self.commands_count),
            u16::from(self.sql_payload),
            u16::from(self.honeytoken_access),
            self.session_time,
        ]
    }

    /// A session of these six numbers, each brought into its range; everything else is empty.
    #[must_use]
    pub fn from_values(time: Timestamp, values: [u16; 6]) -> Self {
        let within = |index: usize| values[index].clamp(super::RANGES[index].0, super::RANGES[index].1);
        Self {
            time,
            event_id: String::new(),
            client: String::new(),
            failed_logins: within(0),
            request_rate: within(1),
            commands_count: within(2) as u8,
            sql_payload: values[3] > 0,
            honeytoken_access: values[4] > 0,
            session_time: within(5),
            attack: None,
            logins: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AttackType, SessionEvent};
    use bartizan_core::Timestamp;

    #[test]
    fn names_go_there_and_back() {
        for (position, attack) in AttackType::ALL.into_iter().enumerate() {
            assert_eq!((attack.index(), attack.to_string()), (position, attack.name().to_owned()));
            assert_eq!(AttackType::from_name(&attack.name().to_uppercase()), Some(attack));
            assert_eq!(attack.is_attack(), position > 0);
        }
        assert_eq!(AttackType::from_name(" bruteforce "), Some(AttackType::BruteForce));
        for unknown in ["", "0", "benign", "Brute Force"] {
            assert_eq!(AttackType::from_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_session_is_stored_and_read_back() {
        let mut event = SessionEvent::from_values(Timestamp::from_secs(7), [120, 200, 3, 1, 0, 600]);
        event.attack = Some(AttackType::Recon);
        let bytes = postcard::to_allocvec(&event).unwrap();
        assert_eq!(postcard::from_bytes::<SessionEvent>(&bytes).unwrap(), event);
    }

    #[test]
    fn numbers_are_brought_into_their_ranges() {
        let event = SessionEvent::from_values(Timestamp::from_secs(0), [999, 0, 999, 9, 9, 0]);
        assert_eq!(event.values(), [150, 1, 20, 1, 1, 10]);
    }
}
