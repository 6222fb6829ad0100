//! `bench-queue`: what a job costs in our queue, beside its peers.

use bench_queue::Cli;
use clap::Parser as _;

/// What our services run with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    Cli::parse().run()
}
