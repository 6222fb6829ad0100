//! What a job costs in our queue, beside its peers: one broker, one job, one run.
//!
//! The driver starts a producer and a worker of every system as processes of their own, gives the
//! producers orders over stdin, and reads from the kernel what they and the broker have used. Two of
//! the systems are in this crate, the bare client and our queue; the others are in `peers/`.

mod bench;
mod cli;
mod crash;
mod drain;
mod goals;
mod job;
mod latency;
mod orders;
mod ours;
mod peer;
mod proc;
mod raw;
mod report;
mod robust;
mod system;
mod throughput;

pub use cli::Cli;
