//! The HTTP service: routes, authentication, limits and documentation pages.
//!
//! [`Listening::serve`] merges the routers of all mounts and reads from their OpenAPI document which paths exist, what
//! right each needs and under which name it is counted. A request passes `http::guard`, which decides everything that is
//! decided before a body is read, then either the router or, where every microsecond counts, a route's direct handler.
//! A kind is one folder beside `requests`, declared by the list in `bartizan-domains`; its detectors are added to [`Mounts`].

mod config;
mod docs;
mod http;
mod input;
mod metrics;
mod mount;
mod mount_state;
mod mounts;
mod routes;
mod server;

pub use config::{ApiKey, Scope, ServerConfig};
pub use mounts::{Mounts, Outline};
pub use server::{BindError, Listening, Server, TAKEN, is_mount_name};

/// Declares the folder of each kind.
macro_rules! declare {
    ($($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $($(#[$attribute])* mod $module;)*
    };
}

bartizan_domains::for_each_kind!(declare);
