//! The command line: the measurement, and the two peers that are part of this binary.

use crate::bench::{Bench, Options};
use crate::{ours, raw, report};
use clap::{Parser, Subcommand, ValueEnum};
use stoa_telemetry::{LogFormat, Telemetry, TelemetrySettings};

/// What a job costs in our queue, beside its peers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures every system and prints tables.
    Measure(Box<Options>),
    /// Is the bare client, as a producer or a worker.
    Raw {
        /// Which side.
        role: Role,
    },
    /// Is our queue, as a producer or a worker.
    Ours {
        /// Which side.
        role: Role,
    },
}

/// A side of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Makes jobs, as ordered on stdin.
    Producer,
    /// Does them.
    Worker,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Worker => "worker",
        }
    }
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        let telemetry = match &self.command {
            Command::Ours { .. } => Some(telemetry()?),
            _ => None,
        };
        // One thread: a task in the stacks may use one processor, and the kit starts as many threads as that.
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let ended = threads.block_on(async {
            match self.command {
                Command::Measure(options) => report::run(Bench::connect(*options).await?).await,
                // On the runtime's thread, as the handlers of a service.
                Command::Raw { role } => tokio::spawn(raw::run(role)).await?,
                Command::Ours { role } => tokio::spawn(ours::run(role)).await?,
            }
        });
        drop(threads);
        if let Some(telemetry) = telemetry {
            telemetry.shutdown();
        }
        ended
    }
}

/// What a service of ours has: metrics, trace ids, JSON log lines. At `LOG=warn`, as quiet as the peers.
fn telemetry() -> anyhow::Result<Telemetry> {
    let settings = TelemetrySettings {
        log: std::env::var("LOG").unwrap_or_else(|_| "warn".into()),
        format: LogFormat::Json,
        otlp_endpoint: None,
        sample_ratio: 1.0,
    };
    Ok(Telemetry::init("bench", &settings)?)
}
