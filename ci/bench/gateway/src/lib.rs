//! What a request costs in our gateway, beside its peers: the same upstreams, one core each, one run.
//!
//! The driver starts every proxy as a process of its own on one core, is itself the client on another core,
//! where the upstreams are too, and reads from the kernel what the proxies have used. All proxies stay up for the
//! whole run and are asked in turn for a second each, so that a busy moment of the machine meets all of them.

mod bench;
mod cli;
mod client;
mod closed;
mod cores;
mod cost;
mod entrant;
mod goals;
mod idle;
mod latency;
mod open;
mod poller;
mod proc;
mod process;
mod proxies;
mod report;
mod restarts;
mod statistics;
mod tokens;
mod upstream;

pub use cli::Cli;
