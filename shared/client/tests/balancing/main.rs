//! Which address gets a request, and which requests get none: over real sockets, and where it is
//! about time only, with a clock that the test turns.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod deadline;
mod ejection;
mod latency;
mod metrics;
mod probes;
mod replica;
mod shedding;
