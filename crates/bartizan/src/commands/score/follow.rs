//! What is found in a file that grows, told while it is read.

use super::met::{body, reasons};
use crate::output::{self, clean};
use crate::records::Stop;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Explanation, Judgement};
use std::io::Write as _;

/// Who reads along, and what ends it.
pub(super) struct Following {
    pub(super) json: bool,
    pub(super) stop: Stop,
}

impl Following {
    /// Prints an anomalous event, at once.
    pub(super) fn tell<D: Kind>(
        &self,
        line: u64,
        event: &D::Event,
        judgement: &Judgement,
        why: Option<&Explanation>,
    ) -> std::io::Result<()> {
        if self.json {
            return say(&body::<D>(line, event, judgement, why).to_string());
        }
        let facts = D::facts(event);
        let what = format!("{} {}", facts.action, facts.resource);
        let (client, what, grade) = (clean(&facts.entity, 39), clean(what.trim(), 60), judgement.grade);
        say(&format!("{} {client} {what}: grade {grade:.3}: {}", facts.time, clean(&reasons(why).join("; "), 200)))
    }
}

/// Prints a line, at once.
pub(super) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", output::visible_json(line))?;
    out.flush()
}
