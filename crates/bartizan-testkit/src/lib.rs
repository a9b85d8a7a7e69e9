//! Conformance suites and fixtures for tests.

mod store;

pub use store::{detection, judged_detection, model, store_conformance};
