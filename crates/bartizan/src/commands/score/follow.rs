//! What is found in a file that grows, told while it is read.

use super::met::{Met, body, reasons};
use crate::output::{self, clean};
use crate::records::Stop;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::Explanation;
use std::io::Write as _;

/// Who reads along, and what ends it.
pub(super) struct Following {
    pub(super) json: bool,
    pub(super) stop: Stop,
    /// So many lines are only the past of those that follow.
    pub(super) past: u64,
}

impl Following {
    /// Whether what a line says is told. A record that comes from no line alone, such as a session that has ended, is.
    pub(super) fn is_told(&self, line: u64) -> bool {
        line == 0 || line > self.past
    }

    /// Prints a flagged event, at once.
    pub(super) fn tell<D: Kind>(&self, met: &Met<D::Event>, why: Option<&Explanation>) -> std::io::Result<()> {
        if self.json {
            return say(&body::<D>(met, why).to_string());
        }
        let facts = D::facts(&met.event);
        let (client, what, bad) = (clean(&facts.entity, 39), met.what::<D>(60), met.bad::<D>());
        say(&format!("{} {client} {what}: {bad}: {}", facts.time, clean(&reasons(why).join("; "), 200)))
    }
}

/// Prints a line, at once.
pub(super) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", output::visible_json(line))?;
    out.flush()
}
