//! How a threshold is chosen: by a budget of false alarms, or by the tail of what was seen.

mod budget;
mod spot;

pub use budget::{BudgetError, Budgeted, FalseAlarmBudget};
pub use spot::{Observation, Spot, SpotError};
