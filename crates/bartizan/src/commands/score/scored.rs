//! What came of it all: counts, findings, the worst events, and whether the model fits.

use super::finding::Finding;
use super::findings::{Findings, Who};
use super::met::{self, Met, body};
use super::told::{Told, headings};
use crate::output::{self, Cell};
use crate::records::{self, Report};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::Offline;
use serde_json::{Value, json};
use std::sync::Arc;

/// Events beside the worst that may be held before they are dropped.
const SPARE: usize = 4_096;
/// The fewest events, and the share of them, that say that a model does not fit; and how many times the share that was asked of it that is
/// at least.
const FEWEST: u64 = 100;
const MOST_OF_IT: f64 = 0.5;
const FAR_MORE: f64 = 4.0;

/// The results.
pub(super) struct Scored<D: Kind> {
    pub(super) offline: Offline<D>,
    /// The name of the detector.
    pub(super) name: String,
    pub(super) files: Vec<String>,
    /// The share of events that the model was asked to flag.
    pub(super) asked: f64,
    pub(super) judged: u64,
    pub(super) flagged: u64,
    pub(super) anomalous: u64,
    /// Events such as the model has not learned from, which it calls no anomalies.
    pub(super) strange: u64,
    /// What was met in each file.
    pub(super) read: Vec<Report>,
    /// Events of each class, for kinds that tell classes apart.
    pub(super) classes: Vec<u64>,
    pub(super) findings: Findings<D>,
    /// How many of the worst events are kept.
    pub(super) kept: usize,
    /// The worst so far, and some more; in order after [`cut`](Self::cut).
    pub(super) worst: Vec<Arc<Met<D::Event>>>,
}

impl<D: Kind> Scored<D> {
    pub(super) fn meet(&mut self, met: Met<D::Event>) {
        let judgement = met.judgement();
        self.judged += 1;
        self.flagged += u64::from(met.is_flagged());
        self.anomalous += u64::from(judgement.verdict.is_anomalous());
        self.strange += u64::from(!self.offline.covers(&met.event));
        if let Some(class) = judgement.class {
            self.classes[class.index] += 1;
        }
        let met = Arc::new(met);
        self.findings.meet(&met);
        if self.kept > 0 {
            self.worst.push(met);
        }
        if self.worst.len() >= 2 * self.kept + SPARE {
            self.cut();
        }
    }

    /// Leaves the worst of them, flagged ones first: an odd event that is no attack can rank above one.
    pub(super) fn cut(&mut self) {
        self.worst.sort_by(|a, b| b.is_flagged().cmp(&a.is_flagged()).then(b.rank.total_cmp(&a.rank)));
        self.worst.truncate(self.kept);
    }

    /// The file of an event.
    pub(super) fn file(&self, met: &Met<D::Event>) -> Value {
        json!(self.files.get(met.file))
    }

    /// The worst findings with their reasons, and how many there are in all.
    pub(super) fn told(&self, top: usize) -> (Vec<Told<'_, D>>, usize) {
        let (worst, all) = self.findings.worst(top);
        (worst.into_iter().map(|(who, finding): (Who<'_>, &Finding<D>)| Told::new(&self.offline, who, finding)).collect(), all)
    }

    fn share(&self) -> f64 {
        self.flagged as f64 / self.judged.max(1) as f64
    }

    /// What to do where the model flags most of what it is given, in lines. That attacks are found in all of a honeypot's sessions says
    /// nothing of it.
    fn warning(&self) -> Option<[String; 4]> {
        let share = self.anomalous as f64 / self.judged.max(1) as f64;
        does_not_fit(self.judged, share, self.asked).then(|| {
            let (share, asked, events) = (output::percent(share), output::percent(self.asked), D::EVENTS);
            let (name, kind) = (&self.name, D::NAME);
            [
                format!("{share} of the {events} are called unusual; about {asked} were expected."),
                "Unless all of them are attacks, the model does not fit this source.".to_owned(),
                format!("Train on ordinary ones from there: `bartizan train {name} FILE`,"),
                format!("or add a detector for them: [detectors.NAME] with kind = \"{kind}\"."),
            ]
        })
    }

    pub(super) fn document(&self, (told, all): (&[Told<'_, D>], usize)) -> Value {
        let worst = self.worst.iter().map(|met| {
            let explanation = self.offline.explain(&met.event, &met.verdict);
            let mut body = body::<D>(met, explanation.as_ref());
            body["file"] = self.file(met);
            body
        });
        let further = self.findings.further();
        let rejected: u64 = self.read.iter().map(|file| file.summary.rejected).sum();
        let mut document = json!({
            "scored": self.judged, "anomalous": self.anomalous, "rejected": rejected, "files": records::documents(&self.read), "flagged": self.flagged, "share": self.share(),
            "warning": self.warning().map(|warning| warning.join(" ")), "findings_in_all": all,
            "further": {"clients": further.clients, "flagged": further.flagged},
        });
        if self.strange > 0 {
            document["unlike_all_learned"] = json!(self.strange);
        }
        if !D::CLASSES.is_empty() {
            document["classes"] =
                D::CLASSES.iter().zip(&self.classes).map(|(class, events)| ((*class).to_owned(), json!(events))).collect();
        }
        document["findings"] = told.iter().map(|told| told.document(|met| self.file(met))).collect();
        document["worst"] = worst.collect();
        document
    }

    pub(super) fn text(&self, told: (&[Told<'_, D>], usize), with_events: bool) -> String {
        let mut parts = vec![self.findings_text(told)];
        if with_events {
            let rows = self.worst.iter().map(|met| {
                let file = if self.files.len() > 1 { format!("{}:", met.file + 1) } else { String::new() };
                let explanation = self.offline.explain(&met.event, &met.verdict);
                met.row::<D>(format!("{file}{}", met.line), explanation.as_ref())
            });
            parts.push(output::table(&met::head::<D>(), rows));
        }
        parts.push(self.summary());
        let cells = |warning: [String; 4]| vec![Cell::Line("warning".to_owned()), Cell::Lines(warning.into())];
        parts.extend(self.warning().map(|warning| output::table(&[], [cells(warning)])));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn findings_text(&self, (told, all): (&[Told<'_, D>], usize)) -> String {
        if self.flagged == 0 {
            return "Nothing was flagged.".to_owned();
        }
        let width = usize::from(output::width());
        let on = self.findings.resources_differ();
        let mut rows = Vec::new();
        for (number, (told, heading)) in (1..).zip(told.iter().zip(headings(told, width))) {
            if number > 1 {
                rows.push(vec![Cell::Line(String::new()), Cell::Line(String::new())]);
            }
            let place = told.worst().map(|(met, _)| self.place(met)).unwrap_or_default();
            rows.extend(told.rows(heading, number, &place, (width, on)));
        }
        let mut parts = vec![if rows.is_empty() { String::new() } else { output::table(&[], rows) }];
        let shown = told.len();
        if shown < all {
            parts.push(format!("{shown} of {all} findings are listed; `--top {all}` lists them all."));
        }
        let further = self.findings.further();
        if further.clients > 0 {
            let (clients, flagged) = (further.clients, further.flagged);
            let events = output::of_them(flagged, D::EVENTS);
            parts.push(format!("{clients} further clients, with {flagged} flagged {events} in all, were too many to be told apart."));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    /// Where an event stands.
    fn place(&self, met: &Met<D::Event>) -> String {
        match self.files.get(met.file) {
            Some(file) if self.files.len() > 1 => format!("{}:{}", output::visible(file), met.line),
            _ => format!("line {}", met.line),
        }
    }

    /// How many, and what they are. An attack may be an ordinary event among attacks, and an odd one none.
    fn summary(&self) -> String {
        let flagged = format!("{} flagged ({})", self.flagged, output::percent(self.share()));
        let met = D::CLASSES.iter().zip(&self.classes).filter(|(_, events)| **events > 0);
        let classes: Vec<String> = met.map(|(class, events)| format!("{events} {class}")).collect();
        if classes.is_empty() {
            return format!("{} {} scored, {flagged}.", self.judged, output::of_them(self.judged, "events"));
        }
        let (judged, events, odd) = (self.judged, output::of_them(self.judged, D::EVENTS), self.anomalous);
        let share = output::percent(odd as f64 / judged.max(1) as f64);
        let are = if odd == 1 { "is" } else { "are" };
        let odd = match self.strange {
            strange if strange > 0 && strange == judged => "It has learned from none like them".to_owned(),
            strange if strange > 0 => {
                format!("{odd} ({share}) {are} unlike those learned from. It has learned from none like {strange} of them")
            }
            _ => format!("{odd} ({share}) {are} unlike those learned from"),
        };
        let advice = format!(": `bartizan train {} FILE` with ordinary ones lets it say which are unusual", self.name);
        let advice = if self.strange > 0 { advice.as_str() } else { "" };
        format!("{judged} {events} scored: {}. {flagged}. {odd}{advice}.", classes.join(", "))
    }
}

/// Whether so many events are flagged that the model does not fit, and not that so many were asked for.
fn does_not_fit(judged: u64, share: f64, asked: f64) -> bool {
    judged >= FEWEST && share > MOST_OF_IT && share >= FAR_MORE * asked
}

#[cfg(test)]
mod tests {
    use super::does_not_fit;

    #[test]
    fn a_model_that_flags_most_of_a_file_does_not_fit() {
        for (name, judged, share, asked, expected) in [
            ("all of another site", 5_000, 1.0, 0.01, true),
            ("more than half", 100, 0.51, 0.1, true),
            ("half", 100, 0.5, 0.1, false),
            ("too few to tell", 99, 1.0, 0.1, false),
            ("about what was asked for", 1_000, 0.6, 0.5, false),
            ("nothing", 0, 0.0, 0.0, false),
        ] {
            assert_eq!(does_not_fit(judged, share, asked), expected, "{name}");
        }
    }
}
