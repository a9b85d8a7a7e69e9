//! What agents are, each looked at once: few come again and again, and each has a hundred bytes.

use super::windows::mixed;
use crate::web::agent_key;
use crate::web::text::agent_risk;
use std::cell::RefCell;

/// Agents that each thread remembers.
const REMEMBERED: usize = 64;

/// What is known of an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Agent {
    /// Of its kind: without version numbers.
    pub(super) key: u64,
    /// 0 for browsers, 1 for tools, 2 or 3 for scanners and attack tools.
    pub(super) risk: f32,
}

thread_local! {
    static SEEN: RefCell<Vec<(String, Agent)>> = RefCell::new(vec![(String::new(), look_at("")); REMEMBERED]);
}

/// What is known of an agent.
pub(super) fn agent(agent: &str) -> Agent {
    SEEN.with_borrow_mut(|seen| {
        let place = &mut seen[place_of(agent.as_bytes())];
        if place.0 != agent {
            place.0.clear();
            place.0.push_str(agent);
            place.1 = look_at(agent);
        }
        place.1
    })
}

fn look_at(agent: &str) -> Agent {
    Agent { key: mixed(agent_key(agent)), risk: agent_risk(agent) as f32 }
}

/// A place by a few of its bytes: where two agents share one, both are looked at each time.
fn place_of(agent: &[u8]) -> usize {
    let at = |part: usize| u64::from(agent.get(agent.len() * part / 16).copied().unwrap_or(0));
    let sum = (1..16).map(at).fold(agent.len() as u64, |sum, byte| (sum ^ byte).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (sum >> 58) as usize % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::{agent, look_at};

    #[test]
    fn what_is_remembered_is_what_would_be_found() {
        for round in 0..3 {
            for i in 0..500 {
                let name = format!("Mozilla/5.{i} (X11; {}) sqlmap", "x".repeat(i));
                assert_eq!(agent(&name), look_at(&name), "{round} {i}");
            }
        }
        assert_eq!((agent("").risk, agent("sqlmap").risk), (0.0, 3.0));
    }
}
