//! Log entries of APIs, judged against each user's and each endpoint's own past.

mod event;
pub mod generator;

pub use event::LogEvent;
