//! Fuzzing of every parser of outside bytes, on the stable toolchain: seeds, mutations, and what an input may cost.
//!
//! A target reads bytes as the product does: a body, a file, a model, a stored event. Its seeds are what the product's generators write
//! and what hostile clients send; a campaign mutates them, the same inputs for the same seed. An input fails when the target panics, or
//! when reading it takes more memory, at once or in all, than the target's [`Bounds`] allow for its length. Processor time is bounded
//! too, where a campaign asks for it: `cargo xtask fuzz` does, tests do not.

mod campaign;
mod meter;
mod mutate;
mod random;
mod seeds;
pub mod targets;

pub use campaign::{Campaign, Failure, Fault, Report};
pub use targets::{Bounds, Target};

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;
