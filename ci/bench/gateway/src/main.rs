//! `bench-gateway`: what a request costs in our gateway, beside its peers.

use bench_gateway::Cli;
use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    Cli::parse().run()
}
