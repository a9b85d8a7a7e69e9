//! A finding as it is told: with the reasons of its worst events, and what these have in common.

use super::finding::Finding;
use super::findings::Who;
use super::met::{Met, body, reasons, shown_reasons};
use crate::output::{self, Cell, clean};
use bartizan_core::Timestamp;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Explanation, Offline};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Features that are named of one finding, and resources.
const FEATURES: usize = 4;
const SHOWN_RESOURCES: usize = 3;
const LISTED_RESOURCES: usize = 10;
/// Most characters of a client's name.
const NAME: usize = 39;
/// Columns that labels take in the text, and the least that is left for what an event was.
const LABELS: usize = 12;
const LEAST_WHAT: usize = 30;

/// A finding and its explanations.
pub(super) struct Told<'a, D: Kind> {
    pub(super) who: Who<'a>,
    pub(super) finding: &'a Finding<D>,
    explanations: Vec<Option<Explanation>>,
}

impl<'a, D: Kind> Told<'a, D> {
    pub(super) fn new(offline: &Offline<D>, who: Who<'a>, finding: &'a Finding<D>) -> Self {
        let explanations = finding.worst.iter().map(|met| offline.explain(&met.event, &met.verdict)).collect();
        Self { who, finding, explanations }
    }

    /// The worst event and why.
    pub(super) fn worst(&self) -> Option<(&Met<D::Event>, Option<&Explanation>)> {
        Some((self.finding.worst.first()?, self.explanations.first()?.as_ref()))
    }

    /// Kinds of attack, and how many events were of each, the most frequent first.
    pub(super) fn kinds(&self) -> Vec<(&'static str, u64)> {
        let names = D::CLASSES.iter().copied().chain(D::SIGNS.iter().map(|sign| sign.name));
        let mut kinds: Vec<(&str, u64)> = names.zip(self.finding.kinds.iter().copied()).filter(|(_, events)| *events > 0).collect();
        kinds.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
        kinds
    }

    /// The features that most of its worst events stand out by; of as many events, those that weigh most first.
    pub(super) fn features(&self) -> Vec<&str> {
        let mut counted: HashMap<&str, (usize, usize)> = HashMap::new();
        for (place, reason) in self.explanations.iter().flatten().flat_map(|e| e.reasons.iter().enumerate()) {
            let (events, best) = counted.entry(reason.feature.as_str()).or_insert((0, place));
            *events += 1;
            *best = place.min(*best);
        }
        let mut features: Vec<(&str, (usize, usize))> = counted.into_iter().collect();
        features.sort_by_key(|(name, (events, best))| (std::cmp::Reverse(*events), *best, *name));
        features.into_iter().take(FEATURES).map(|(name, _)| name).collect()
    }

    /// First and last flagged event, as RFC 3339.
    pub(super) fn span(&self) -> Option<[String; 2]> {
        self.finding.span.map(|(first, last)| [first.to_string(), last.to_string()])
    }

    /// Client and resource; one of them is none.
    pub(super) fn names(&self) -> (Option<&str>, Option<&str>) {
        match self.who {
            Who::Client(name) => (Some(name), None),
            Who::Resource(name) => (None, Some(name)),
        }
    }

    pub(super) fn document(&self, file: impl Fn(&Met<D::Event>) -> Value) -> Value {
        let ((client, resource), span) = (self.names(), self.span());
        let kinds: Map<String, Value> = self.kinds().into_iter().map(|(name, events)| (name.to_owned(), json!(events))).collect();
        let (resources, others) = self.finding.resources.most();
        let listed = resources.iter().take(LISTED_RESOURCES).map(|(name, events)| json!({"resource": name, "flagged": events}));
        let worst = self.finding.worst.iter().zip(&self.explanations).map(|(met, explanation)| {
            let mut body = body::<D>(met, explanation.as_ref());
            body["file"] = file(met);
            body
        });
        json!({
            "client": client, "resource": resource, "events": self.finding.events, "flagged": self.finding.flagged,
            "from": span.as_ref().map(|[first, _]| first), "to": span.as_ref().map(|[_, last]| last),
            "kinds": kinds, "features": self.features(), "resources": listed.collect::<Vec<_>>(),
            "resources_exact": !others && resources.len() <= LISTED_RESOURCES, "worst": worst.collect::<Vec<_>>(),
        })
    }

    /// Its lines: whom it is about, what, on what, and the worst example. `place` is where that stands.
    pub(super) fn rows(&self, heading: Vec<String>, number: usize, place: &str, (width, on): (usize, bool)) -> Vec<Vec<Cell>> {
        let row = |label: &str, lines: Vec<String>| vec![Cell::Line(label.to_owned()), Cell::Lines(lines)];
        let mut rows = vec![row(&number.to_string(), heading)];
        let what = self.what();
        if !what.is_empty() {
            rows.push(row("what", vec![what]));
        }
        // It says nothing where all were on the same, and nothing new where it is the name of the finding.
        if on && matches!(self.who, Who::Client(_)) {
            rows.push(row("on", vec![self.on()]));
        }
        if let Some((met, explanation)) = self.worst() {
            let begin = format!("{place}, {}", met.bad::<D>());
            let what = met.what::<D>(width.saturating_sub(LABELS + begin.chars().count()).max(LEAST_WHAT));
            let first = if what.is_empty() { begin } else { format!("{begin}: {what}") };
            rows.push(row("worst", std::iter::once(first).chain(shown_reasons(explanation)).collect()));
        }
        rows
    }

    fn what(&self) -> String {
        let kinds: Vec<String> = self.kinds().into_iter().map(|(name, events)| format!("{name} ({events})")).collect();
        let is_sign = |name: &&str| D::SIGNS.iter().zip(&self.finding.kinds).any(|(sign, events)| sign.feature == *name && *events > 0);
        let features = self.features().into_iter().filter(|name| !is_sign(name)).map(|name| clean(&words(name), 40));
        let features: Vec<String> = features.collect();
        [kinds.join(", "), features.join(", ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// The resources that came most often. What is left of many that came about once each is no more frequent than the others.
    fn on(&self) -> String {
        let (resources, others) = self.finding.resources.most();
        let frequent = resources.iter().take_while(|(_, events)| !others || *events > 1).count();
        let (shown, least) = (frequent.min(SHOWN_RESOURCES), if others { "at least " } else { "" });
        let counted = resources.iter().take(shown).map(|(name, events)| format!("{} ({least}{events})", clean(name, 60)));
        let rest = match shown {
            0 => Some("many different ones".to_owned()),
            _ => (others || shown < resources.len()).then(|| "and others".to_owned()),
        };
        counted.chain(rest).collect::<Vec<_>>().join(", ")
    }

    /// The reasons of the worst event, for a field of a table.
    pub(super) fn joined_reasons(&self) -> String {
        reasons(self.worst().and_then(|(_, explanation)| explanation)).join("; ")
    }
}

/// The first lines of findings: whom they are about, how much was flagged, and when; in columns where these fit.
pub(super) fn headings<D: Kind>(told: &[Told<'_, D>], width: usize) -> Vec<Vec<String>> {
    let parts: Vec<[String; 3]> = told
        .iter()
        .map(|told| {
            let (flagged, events, kind) = (told.finding.flagged, told.finding.events, D::EVENTS);
            let when = told.finding.span.map(|(first, last)| when(first, last)).unwrap_or_default();
            [name(told.who), format!("{flagged} of {events} {} flagged", output::of_them(events, kind)), when]
        })
        .collect();
    let longest = |part: usize| parts.iter().map(|parts| parts[part].chars().count()).max().unwrap_or(0);
    let (first, second) = (longest(0), longest(1));
    let fits = LABELS + first + second + longest(2) + 4 <= width;
    let heading = |[who, flagged, when]: &[String; 3]| {
        let lines = match fits {
            true => vec![format!("{who:<first$}  {flagged:>second$}  {when}")],
            false => vec![format!("{who}  {flagged}"), when.clone()],
        };
        lines.into_iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    parts.iter().map(heading).collect()
}

fn name(who: Who<'_>) -> String {
    match who {
        Who::Client(name) => clean(name, NAME),
        Who::Resource("") => "no client named".to_owned(),
        Who::Resource(name) => format!("no client named, on {}", clean(name, NAME)),
    }
}

/// From when to when, in UTC; a day that is the same is said once.
fn when(first: Timestamp, last: Timestamp) -> String {
    let text = |time: Timestamp| {
        let text = time.to_string();
        text.get(..19).map_or(text.clone(), |seconds| seconds.replace('T', " "))
    };
    let (from, to) = (text(first), text(last));
    match (from == to, from.get(..10) == to.get(..10), to.get(11..)) {
        (true, ..) => format!("{from} UTC"),
        (false, true, Some(clock)) => format!("{from} to {clock} UTC"),
        _ => format!("{from} to {to} UTC"),
    }
}

/// The name of a feature in plain words: `risky_requests_1h` is `risky requests in 1 h`.
fn words(feature: &str) -> String {
    let span = feature.rsplit_once('_').and_then(|(what, span)| {
        let unit = span.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = span.strip_suffix(unit).filter(|number| !number.is_empty())?;
        matches!(unit, "s" | "h" | "d").then(|| format!("{} in {number} {unit}", what.replace('_', " ")))
    });
    span.unwrap_or_else(|| feature.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::{when, words};
    use bartizan_core::Timestamp;

    #[test]
    fn features_are_named_in_words() {
        for (name, expected) in [
            ("risky_requests_1h", "risky requests in 1 h"),
            ("requests_12s", "requests in 12 s"),
            ("sql_injection", "sql injection"),
            ("Flow Packets/s", "Flow Packets/s"),
            ("x_1", "x 1"),
            ("x_h", "x h"),
            ("12s", "12s"),
            ("", ""),
        ] {
            assert_eq!(words(name), expected, "{name:?}");
        }
    }

    #[test]
    fn times_are_said_once() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let noon = at("2026-03-01T12:00:00.25Z");
        for (last, expected) in [
            ("2026-03-01T12:00:00.5Z", "2026-03-01 12:00:00 UTC"),
            ("2026-03-01T13:00:01Z", "2026-03-01 12:00:00 to 13:00:01 UTC"),
            ("2026-03-02T00:00:00Z", "2026-03-01 12:00:00 to 2026-03-02 00:00:00 UTC"),
        ] {
            assert_eq!(when(noon, at(last)), expected);
        }
    }
}
