//! Tests through the front door, against a real PostgreSQL.

mod notes;
mod process;
mod service;
