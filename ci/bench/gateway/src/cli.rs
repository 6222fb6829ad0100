//! The command line: the measurement, and the upstream that is part of this binary.

use crate::bench::{Bench, Options};
use crate::{report, upstream};
use clap::{Parser, Subcommand};
use std::net::SocketAddr;

/// What a request costs in our gateway, beside its peers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures every proxy and prints tables.
    Measure(Box<Options>),
    /// Is an upstream: answers every request with 200 bytes of JSON.
    Upstream {
        /// Where it listens.
        listen: SocketAddr,
        /// Answers with 204 and nothing, as one that only says yes.
        #[arg(long)]
        empty: bool,
    },
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Measure(options) => report::run(&mut Bench::start(*options)?),
            Command::Upstream { listen, empty } => upstream::serve(listen, empty),
        }
    }
}
