//! One folder per kind of telemetry: event, parser, features, generator.
//!
//! A kind implements [`bartizan_core::Domain`], [`bartizan_core::Parse`] and [`kind::Kind`]; everything after its features is written
//! once, elsewhere. Nothing here opens a file, knows HTTP, or knows an estimator. The list below is the only one of the kinds: modules
//! of the server, names of the command line, sections of the configuration and mounts are made from it.

mod access;
pub mod faults;
pub mod kind;
pub mod raw;
pub mod records;
pub mod scalar;
mod web;

/// Checks a format of access logs in the words of nginx's `log_format` or Apache's `LogFormat`.
///
/// # Errors
/// What is wrong with it.
pub fn check_log_format(words: &str) -> Result<(), String> {
    access::check(words)
}

/// Declares the module of each kind, and a macro that hands the list to other crates. The first token is a `$`, for that macro.
macro_rules! kinds {
    ($dollar:tt $($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $($(#[$attribute])* pub mod $module;)*

        /// Hands the list of kinds, `module: Kind;` for each with its attributes, to the macro that is named, after whatever else
        /// is given.
        #[macro_export]
        macro_rules! for_each_kind {
            ($dollar callback:ident $dollar ($dollar given:tt)*) => {
                $dollar callback! { $dollar ($dollar given)* $($(#[$attribute])* $module: $Kind;)* }
            };
        }
    };
}

kinds! { $
    requests: Requests;
    logs: Logs;
    flows: Flows;
    behavior: Behavior;
    #[cfg(feature = "sixth-kind")] pulses: Pulses;
}
