//! Repository traits and entities of the store, without an engine.
