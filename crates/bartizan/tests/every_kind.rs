//! Every kind from generated events to verdicts over HTTP, under its own name and under another.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

macro_rules! every_kind {
    ($($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $($(#[$attribute])* #[test] fn $module() { common::life::of_kind::<bartizan_domains::$module::$Kind>(); })*
    };
}

bartizan_domains::for_each_kind!(every_kind);
