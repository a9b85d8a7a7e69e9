//! How a threshold is chosen: by a budget of false alarms.

mod budget;

pub use budget::{BudgetError, Budgeted, FalseAlarmBudget};
