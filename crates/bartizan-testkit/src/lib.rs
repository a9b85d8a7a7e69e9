//! Fixtures, clocks and servers for tests, and the conformance suites.

mod store;

pub use store::{detection, judged_detection, model, store_conformance};
