//! The first line of a table: which column holds what.

use super::super::dialects;
use super::super::features::{F, TABLE, WIDTH, name};
use super::super::names::{self, Column, SECONDS};
use super::cells::split;
use crate::records::MAX_COLUMNS;

/// Lines at the beginning of a table among which its header is looked for.
pub(super) const HEADER_LINES: usize = 20;

/// What is done with a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plan {
    /// A number: the feature's position, and what it is multiplied by.
    Number(u8, f64),
    /// A text of the flow.
    Text(Column),
    /// Nothing.
    Pass,
}

/// The columns of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) separator: u8,
    pub(super) plan: Vec<Plan>,
    /// Columns that come twice, whose second is passed over.
    pub(super) twice: Vec<&'static str>,
    /// Name of the column that holds the label, if not one of the usual.
    label_column: Option<String>,
}

impl Header {
    /// Reads a header; none has more than [`MAX_COLUMNS`] columns. Without a single feature in it, it has no use, but it is one.
    pub(super) fn read(text: &[u8], label_column: Option<&str>) -> Option<Self> {
        let separator = separator(text);
        let mut header = Self { separator, plan: Vec::new(), twice: Vec::new(), label_column: label_column.map(str::to_owned) };
        let mut given = 0_u128;
        let cells = split(text, separator, MAX_COLUMNS + 1);
        if cells.len() > MAX_COLUMNS {
            return None;
        }
        let dialect = dialects::of_header(cells.iter().map(AsRef::as_ref));
        for cell in cells {
            let own = dialect.and_then(|dialect| dialect.column(&cell)).or_else(|| names::column(&cell));
            let mut column = match label_column {
                Some(label) if cell.trim_ascii().eq_ignore_ascii_case(label.trim().as_bytes()) => Some(Column::Label),
                Some(_) => own.filter(|column| *column != Column::Label),
                None => own,
            };
            // In the public tables this column comes twice under the same name.
            if let Some(Column::Feature(index, factor)) = column
                && index == F::FwdHeader as usize
                && given >> index & 1 == 1
                && given >> F::FwdHeader1 as usize & 1 == 0
            {
                column = Some(Column::Feature(F::FwdHeader1 as usize, factor));
            }
            header.plan.push(match column {
                Some(Column::Feature(index, _)) if given >> index & 1 == 1 => {
                    header.twice.push(name(index));
                    Plan::Pass
                }
                Some(Column::Feature(index, factor)) => {
                    given |= 1 << index;
                    Plan::Number(index as u8, factor)
                }
                Some(column) => Plan::Text(column),
                None => Plan::Pass,
            });
        }
        Some(header)
    }

    /// Reads a line that may be a header among the rows: at least half of its cells, and two, name features.
    pub(super) fn among_rows(&self, text: &[u8]) -> Option<Self> {
        let header = Self::read(text, self.label_column.as_deref())?;
        let features = header.features();
        (features >= 2 && 2 * features >= header.plan.len()).then_some(header)
    }

    /// Whether it has the label column that was asked for.
    pub(super) fn lacks_label(&self) -> Option<&str> {
        self.label_column.as_deref().filter(|_| !self.plan.contains(&Plan::Text(Column::Label)))
    }

    /// Whether it is of a dialect that has its times in seconds.
    pub(super) fn in_seconds(&self) -> bool {
        self.plan.contains(&Plan::Number(F::FlowDuration as u8, SECONDS))
    }

    /// How many features it names.
    pub(super) fn features(&self) -> usize {
        self.plan.iter().filter(|p| matches!(p, Plan::Number(..))).count()
    }

    /// The features that it does not name. The repeated header length is filled from the first.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let has = |index: usize| self.plan.iter().any(|p| matches!(p, Plan::Number(i, _) if usize::from(*i) == index));
        let filled = |index: usize| index == F::FwdHeader1 as usize && has(F::FwdHeader as usize);
        (0..WIDTH.min(TABLE.len())).filter(|i| !has(*i) && !filled(*i)).map(name).collect()
    }
}

/// What stands between the names: whatever of the usual ones comes most often.
pub(super) fn separator(text: &[u8]) -> u8 {
    let count = |separator: &u8| text.iter().filter(|b| *b == separator).count();
    // Of equally frequent ones the last counts.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}
