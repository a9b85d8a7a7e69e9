//! One judged event, as it is listed, written and printed.

use crate::kinds::found;
use crate::output::{Cell, clean};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Explanation, Judgement, OfflineVerdict};
use serde_json::{Value, json};

/// Most reasons that are printed of one event; JSON has all.
const SHOWN_REASONS: usize = 3;

/// An event that was judged.
pub(super) struct Met<E> {
    /// Which of the files it is from.
    pub(super) file: usize,
    pub(super) line: u64,
    pub(super) event: E,
    pub(super) verdict: OfflineVerdict,
    /// The worst highest.
    pub(super) rank: f64,
}

impl<E> Met<E> {
    /// What is said of it.
    pub(super) fn judgement(&self) -> &Judgement {
        &self.verdict.judgement
    }

    /// Whether it is to be looked at: it is unusual, or of a class that is an attack.
    pub(super) fn is_flagged(&self) -> bool {
        self.judgement().verdict.is_anomalous() || self.attack().is_some()
    }

    /// The class and its probability, where that is an attack.
    pub(super) fn attack(&self) -> Option<(usize, f64)> {
        self.judgement().class.filter(|class| class.index != 0).map(|class| (class.index, class.probability))
    }

    /// How bad it is, 0 to 1, on a scale that is the same for all algorithms.
    pub(super) fn severity<D: Kind<Event = E>>(&self) -> f64 {
        let judgement = self.judgement();
        D::risk(&found(judgement)).map_or((2.0 * judgement.grade - 1.0).clamp(0.0, 1.0), |risk| f64::from(risk) / 10.0)
    }

    /// How sure it is that it is rightly flagged, 0 to 1.
    pub(super) fn sureness(&self) -> f64 {
        self.attack().map_or(self.judgement().confidence, |(_, probability)| probability).clamp(0.0, 1.0)
    }

    /// How bad it is and how sure that is, for a person. Of a class it is said [with the class](Self::what) how sure it is.
    pub(super) fn bad<D: Kind<Event = E>>(&self) -> String {
        let judgement = self.judgement();
        match D::risk(&found(judgement)) {
            Some(risk) => format!("risk {risk} of 10, grade {:.3}", judgement.grade),
            None => format!("grade {:.3}, sure {:.0} %", judgement.grade, judgement.confidence * 100.0),
        }
    }

    /// What it was, in at most `width` characters.
    pub(super) fn what<D: Kind<Event = E>>(&self, width: usize) -> String {
        let facts = D::facts(&self.event);
        match self.judgement().class {
            Some(class) => format!("{} ({:.0} %)", class.name, class.probability * 100.0),
            None => clean(format!("{} {}", facts.action, facts.resource).trim(), width),
        }
    }

    /// Its row in the table of events; `place` is its line.
    pub(super) fn row<D: Kind<Event = E>>(&self, place: String, explanation: Option<&Explanation>) -> Vec<Cell> {
        let judgement = self.judgement();
        let grade = format!("{:.3}", judgement.grade);
        let [first, second] = match D::risk(&found(judgement)) {
            Some(risk) => [risk.to_string(), grade],
            None => [grade, format!("{:.0} %", judgement.confidence * 100.0)],
        };
        let client = clean(&D::facts(&self.event).entity, 39);
        let mut row: Vec<Cell> = [place, first, second, client, self.what::<D>(60)].map(Cell::Line).into();
        row.push(Cell::Lines(shown_reasons(explanation)));
        row
    }
}

/// The head of the table of events.
pub(super) fn head<D: Kind>() -> [&'static str; 6] {
    if D::CLASSES.is_empty() {
        ["line", "grade", "sure", "client", "what", "why"]
    } else {
        ["line", "risk", "grade", "client", "class", "why"]
    }
}

/// The sentences of an explanation.
pub(super) fn reasons(explanation: Option<&Explanation>) -> Vec<&str> {
    explanation.map(|e| e.reasons.iter().map(|reason| reason.text.as_str()).collect()).unwrap_or_default()
}

/// Those of them that are printed.
pub(super) fn shown_reasons(explanation: Option<&Explanation>) -> Vec<String> {
    reasons(explanation).into_iter().take(SHOWN_REASONS).map(|text| clean(text, 100)).collect()
}

/// An event as JSON.
pub(super) fn body<D: Kind>(met: &Met<D::Event>, explanation: Option<&Explanation>) -> Value {
    let (facts, judgement) = (D::facts(&met.event), met.judgement());
    let class = judgement.class;
    json!({
        "line": met.line, "event_id": facts.event_id, "time": facts.time.to_string(), "client": facts.entity,
        "action": facts.action, "resource": facts.resource, "score": judgement.score, "grade": judgement.grade,
        "is_anomaly": judgement.verdict.is_anomalous(), "flagged": met.is_flagged(), "confidence": judgement.confidence,
        "class": class.map(|class| class.name), "class_probability": class.map(|class| class.probability),
        "risk": D::risk(&found(judgement)), "model_version": judgement.model_version.as_ref(),
        "reasons": explanation.map(|e| e.reasons.as_slice()).unwrap_or_default(),
    })
}
