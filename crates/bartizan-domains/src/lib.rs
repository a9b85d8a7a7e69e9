//! One folder per kind of telemetry: event, parser, features, generator.
//!
//! A kind implements [`bartizan_core::Domain`]; everything after its features is written once, elsewhere. Nothing here
//! opens a file, knows HTTP, or knows an estimator.

pub mod behavior;
pub mod faults;
pub mod flows;
pub mod raw;
pub mod records;
pub mod requests;
