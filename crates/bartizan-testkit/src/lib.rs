//! Fixtures, clocks and servers for tests, and the conformance suites.

#[expect(clippy::unwrap_used, reason = "a conformance case is a test: it panics where a promise is broken")]
mod store;

pub use store::{detection, judged_detection, model, store_conformance};
