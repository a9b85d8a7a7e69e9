//! What the texts of a request look like: decoding, marks of injection, and how unlike the learned ones they are.

mod decode;
mod json;
mod marks;
mod surprise;

pub(crate) use decode::{Decoded, decode};
pub(crate) use json::{Shape, field_hash, leaves, open_value, shape};
pub(crate) use marks::{AttackKind, Marks, agent_risk, path_risk};
pub(crate) use surprise::{Surprise, SurpriseBuilder};

#[cfg(test)]
thread_local! {
    /// Bytes hashed so far: a measure of work that does not depend on the machine.
    pub(crate) static HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// FNV-1a: stable between versions and machines, since hashes are stored in models.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    hash_on(0xcbf2_9ce4_8422_2325, bytes)
}

/// The hash of `bytes` after what `start` is the hash of.
pub(crate) fn hash_on(start: u64, bytes: &[u8]) -> u64 {
    #[cfg(test)]
    HASHED.with(|hashed| hashed.set(hashed.get() + bytes.len()));
    bytes.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
