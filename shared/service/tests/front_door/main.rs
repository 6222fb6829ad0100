//! The service kit through the front door: real listeners, real requests.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod body;
mod drain;
mod guard;
mod identity;
mod observe;
mod routes;
