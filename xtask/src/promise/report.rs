//! The table, and a line for each promise.

use super::tally::Tally;
use std::fmt::Write;

/// Of the figures of a promise that need not be within its goal, as long as they are within the looser one: one in ten.
const TOLERATED: usize = 10;
/// Alarms that must be expected before their number says anything about a rate.
pub(super) const ENOUGH: f64 = 10.0;

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Kept,
    /// Not within the goal, but within what one figure in ten may be.
    Near,
    Missed,
    /// Has no goal.
    Reported,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) promise: &'static str,
    pub(super) stream: String,
    pub(super) phase: String,
    pub(super) asked: Option<f64>,
    /// The share that came, of alarms unless the phase says of what.
    pub(super) got: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) events: usize,
    pub(super) goal: String,
    pub(super) standing: Standing,
}

impl Row {
    /// A line without figures and without a goal.
    pub(super) fn new(promise: &'static str, stream: impl Into<String>, phase: impl Into<String>) -> Self {
        let (stream, phase, goal) = (stream.into(), phase.into(), String::new());
        Self { promise, stream, phase, asked: None, got: None, recall: None, events: 0, goal, standing: Standing::Reported }
    }

    pub(super) fn asked(self, asked: f64) -> Self {
        Self { asked: Some(asked), ..self }
    }

    pub(super) fn got(self, got: Option<f64>, events: usize) -> Self {
        Self { got, events, ..self }
    }

    /// Alarm rate, recall and number of events.
    pub(super) fn tally(self, tally: &Tally) -> Self {
        Self { got: tally.rate(), recall: tally.recall(), events: tally.events(), ..self }
    }

    pub(super) fn goal(self, goal: impl Into<String>, standing: Standing) -> Self {
        Self { goal: goal.into(), standing, ..self }
    }

    /// A goal that is met or not.
    pub(super) fn met(self, goal: impl Into<String>, met: bool) -> Self {
        self.goal(goal, if met { Standing::Kept } else { Standing::Missed })
    }

    /// The alarm rate is from half to one and a half times what was asked for, or at most twice in one case of ten. Where fewer than
    /// [`ENOUGH`] alarms are expected their number says too little, and there is no goal.
    pub(super) fn within_half(self, tally: &Tally) -> Self {
        let (Some(asked), Some(got)) = (self.asked, tally.rate()) else {
            return self.met("verdicts", false);
        };
        if asked * (tally.benign as f64) < ENOUGH {
            return self.goal(format!("fewer than {ENOUGH} expected"), Standing::Reported);
        }
        let standing = match got / asked {
            times if (0.5..=1.5).contains(&times) => Standing::Kept,
            times if times <= 2.0 => Standing::Near,
            _ => Standing::Missed,
        };
        self.goal("0.5 to 1.5 ×", standing)
    }

    fn cells(&self) -> [String; 10] {
        let share = |share: Option<f64>| share.map_or(String::new(), significant);
        let times = self.asked.zip(self.got).map_or(String::new(), |(asked, got)| format!("{:.2}", got / asked));
        let met = match self.standing {
            Standing::Kept => "yes",
            Standing::Near => "nearly",
            Standing::Missed => "**no**",
            Standing::Reported => "",
        };
        [
            self.promise.to_owned(),
            self.stream.clone(),
            self.phase.replace('|', "/"),
            share(self.asked),
            share(self.got),
            times,
            share(self.recall),
            self.events.to_string(),
            self.goal.clone(),
            met.to_owned(),
        ]
    }

    /// One line while it runs.
    pub(super) fn progress(&self) -> String {
        self.cells().into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// A share with enough digits to tell small ones apart.
fn significant(share: f64) -> String {
    if share == 0.0 || share >= 0.01 { format!("{share:.3}") } else { format!("{share:.5}") }
}

/// The lines of one promise.
struct Summary<'a> {
    promise: &'a str,
    kept: usize,
    near: usize,
    missed: usize,
}

impl Summary<'_> {
    fn judged(&self) -> usize {
        self.kept + self.near + self.missed
    }

    fn holds(&self) -> bool {
        self.judged() > 0 && self.missed == 0 && self.near * TOLERATED <= self.judged()
    }

    fn line(&self) -> String {
        let word = if self.holds() { "held" } else { "**not held**" };
        let near = if self.near == 0 { String::new() } else { format!(", {} nearly", self.near) };
        format!("{}: {word}; {} of {} goals met{near}, {} missed", self.promise, self.kept, self.judged(), self.missed)
    }
}

fn summaries(rows: &[Row]) -> Vec<Summary<'_>> {
    let mut all: Vec<Summary<'_>> = Vec::new();
    for row in rows {
        if all.last().is_none_or(|last| last.promise != row.promise) {
            all.push(Summary { promise: row.promise, kept: 0, near: 0, missed: 0 });
        }
        let Some(summary) = all.last_mut() else { continue };
        match row.standing {
            Standing::Kept => summary.kept += 1,
            Standing::Near => summary.near += 1,
            Standing::Missed => summary.missed += 1,
            Standing::Reported => {}
        }
    }
    all
}

/// Whether every promise holds.
pub(super) fn all_hold(rows: &[Row]) -> bool {
    summaries(rows).iter().all(Summary::holds)
}

/// The table in Markdown, and a line for each promise. Lines of one promise stand together.
pub(super) fn document(rows: &[Row]) -> String {
    format!("{}\n{}", table(rows, false), summary(rows))
}

/// A line for each promise.
pub(super) fn summary(rows: &[Row]) -> String {
    summaries(rows).iter().map(|summary| format!("- {}\n", summary.line())).collect()
}

/// The table in Markdown: all lines, or those that have a goal.
pub(super) fn table(rows: &[Row], with_goal: bool) -> String {
    let mut text = "| id | stream | phase | asked | got | got / asked | recall | events | goal | met |\n".to_owned();
    text += "|---|---|---|---|---|---|---|---|---|---|\n";
    for row in rows.iter().filter(|row| !with_goal || row.standing != Standing::Reported) {
        // Writing to a text does not fail.
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Row, Standing, Tally, all_hold, document};

    fn row(flagged: usize, asked: f64) -> Row {
        let tally = Tally { benign: 1_000, flagged, ..Tally::default() };
        Row::new("U1", "a", "warm").asked(asked).tally(&tally).within_half(&tally)
    }

    #[test]
    fn a_rate_is_near_what_was_asked_for() {
        for (flagged, asked, expected) in [
            (49, 0.1, Standing::Near),
            (50, 0.1, Standing::Kept),
            (150, 0.1, Standing::Kept),
            (151, 0.1, Standing::Near),
            (201, 0.1, Standing::Missed),
            (1, 0.001, Standing::Reported),
        ] {
            assert_eq!(row(flagged, asked).standing, expected, "{flagged} of 1,000, asked {asked}");
        }
        let none = Row::new("U1", "a", "warm").asked(0.1).within_half(&Tally::default());
        assert_eq!(none.standing, Standing::Missed);
    }

    #[test]
    fn one_in_ten_may_be_near() {
        let (kept, near, missed) = (row(100, 0.1), row(180, 0.1), row(300, 0.1));
        let of = |near: &[&Row]| near.iter().copied().chain([&kept; 9]).cloned().collect::<Vec<_>>();
        assert!(all_hold(&of(&[&near])));
        assert!(!all_hold(&of(&[&near, &near])));
        assert!(!all_hold(&of(&[&missed])));
        assert!(document(&of(&[&near])).contains("U1: held; 9 of 10 goals met, 1 nearly, 0 missed"));
    }
}
