//! Live traffic of all kinds for the demo: generated, with attacks in it.

use crate::kinds::{self, Plan, Telemetry};
use bartizan_core::{Seed, Timestamp};
use bartizan_domains::behavior::{Behavior, SessionEvent};
use bartizan_domains::flows::Flows;
use bartizan_domains::records::Record;
use bartizan_domains::requests::Requests;

/// After so many requests comes one flow.
const REQUESTS_A_FLOW: usize = 2;
/// After so many requests comes one session.
const REQUESTS_A_SESSION: usize = 4;

/// Something to post.
pub(crate) struct Live {
    /// Where to.
    pub(crate) path: &'static str,
    /// The body.
    pub(crate) body: String,
    /// Who.
    pub(crate) client: String,
    /// What they do.
    pub(crate) what: String,
    /// Whether it is an attack.
    pub(crate) is_attack: bool,
    /// When.
    pub(crate) time: Timestamp,
}

/// A batch of traffic: `plan` is of the requests, flows and sessions come between them.
pub(crate) fn batch(plan: Plan, seed: Seed) -> Vec<Live> {
    let part = |rows: usize| Plan { rows: rows + 1, ..plan };
    let mut flows = live::<Flows>("/flows/predict?explain=true", Flows::generate(part(plan.rows / REQUESTS_A_FLOW), seed.derive(1)));
    let mut sessions = live::<Behavior>("/behavior/predict?explain=true", sessions(part(plan.rows / REQUESTS_A_SESSION), seed.derive(2)));
    let mut all = Vec::with_capacity(2 * plan.rows);
    for (position, request) in live::<Requests>("/requests/analyze?explain=true", Requests::generate(plan, seed)).enumerate() {
        all.push(request);
        if position % REQUESTS_A_FLOW == 1 {
            all.extend(flows.next());
        }
        if position % REQUESTS_A_SESSION == 3 {
            all.extend(sessions.next());
        }
    }
    all
}

/// Sessions as many attacks among them as among the rest: the generator alone makes every other one an attack.
fn sessions(plan: Plan, seed: Seed) -> Vec<Record<SessionEvent>> {
    let drawn = Behavior::generate(Plan { rows: 4 * plan.rows, ..plan }, seed);
    let (attacks, normal): (Vec<_>, Vec<_>) = drawn.into_iter().partition(kinds::is_attack);
    let (mut attacks, mut normal) = (attacks.into_iter(), normal.into_iter());
    let is_attack = |at: usize| (seed.derive(at as u64).0 as f64 / u64::MAX as f64) < plan.attack_share;
    (0..plan.rows).filter_map(|at| if is_attack(at) { attacks.next() } else { normal.next() }).collect()
}

fn live<D: Telemetry>(path: &'static str, records: Vec<Record<D::Event>>) -> impl Iterator<Item = Live> {
    records.into_iter().map(move |record| {
        let facts = D::facts(&record.event);
        Live {
            path,
            body: D::body(&record).to_string(),
            client: facts.entity.to_string(),
            what: format!("{} {} {}", D::NAME, facts.action, facts.resource),
            is_attack: kinds::is_attack(&record),
            time: facts.time,
        }
    })
}
