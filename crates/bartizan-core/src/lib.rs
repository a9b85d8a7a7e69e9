//! The words of the product as types, and the traits that join its crates.
//!
//! Nothing here opens a file, reads a clock or knows JSON. Every other crate speaks in these types; see the table of
//! words in `ARCHITECTURE.md`.

mod arrival;
mod bounded;
mod domain;
mod estimator;
mod identity;
mod parse;
mod reservoir;
mod sample;
mod schema;
mod score;
mod seed;
mod stop;
mod text;
mod time;

pub use arrival::{Arrival, Arrived, MAX_CLIENT, ProxyError, TrustedProxies};
pub use bounded::bounded;
pub use domain::{Domain, Evidence, Extract, Facts, Label, NoRecency, Recency};
pub use estimator::{Attribution, Detector, Estimator, Explain, FitError, ScoreError};
pub use identity::{Identity, IdentityError, Place, Tracking};
pub use parse::{AUTO, Chosen, Fault, Format, How, Parse, ParseError, Record, Rejected, Sink, Summary};
pub use reservoir::Reservoir;
pub use sample::{Samples, ShapeError};
pub use schema::{Direction, Feature, FeatureSchema};
pub use score::{AnomalyScore, Confidence, Contamination, Grade, RangeError, Threshold, Verdict};
pub use seed::Seed;
pub use stop::Stop;
pub use text::{head, tail};
pub use time::{TimeError, Timestamp};
