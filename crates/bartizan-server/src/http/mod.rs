//! Everything around the routes: limits, authentication, origins, timing, panics.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod coding;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod cors;
pub(crate) mod guard;
pub(crate) mod host;
pub(crate) mod refusal;
pub(crate) mod request_body;
pub(crate) mod request_id;
pub(crate) mod table;
