//! Tests through the front door, against a real PostgreSQL and Redis.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod notes;
mod process;
mod service;
mod tally;
