//! Who gets what: over every documented route, so that no new one is forgotten.

mod accounts;
mod resources;
mod roles;
