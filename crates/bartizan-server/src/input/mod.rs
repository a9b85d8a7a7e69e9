//! What clients send: bodies and queries, read leniently in one direction, all faults listed.

pub(crate) mod content;
pub(crate) mod described;
pub(crate) mod fault;
pub(crate) mod fields;
pub(crate) mod params;
pub(crate) mod path;
pub(crate) mod query;
