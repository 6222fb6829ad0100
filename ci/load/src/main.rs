//! `load`: open-loop load on a running platform from the command line.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use anyhow::{Context as _, ensure};
use clap::Parser;
use load::{Load, Options};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Open-loop load on a running platform", version)]
struct Cli {
    /// Where it answers; given again, the next one where this refuses.
    #[arg(long = "address", required = true)]
    addresses: Vec<SocketAddr>,
    /// Who signed the certificate that it shows for stoa.test, a file (PEM): clients come by HTTPS then.
    #[arg(long)]
    authority: Option<PathBuf>,
    #[arg(long)]
    email: String,
    #[arg(long)]
    password_file: PathBuf,
    /// Requests per second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// People who talk over a WebSocket.
    #[arg(long, default_value_t = 5)]
    conversations: u32,
    /// Jobs that are in the queue or worked on, all the time.
    #[arg(long, default_value_t = 1)]
    jobs: u32,
    /// How long.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let password = std::fs::read_to_string(&cli.password_file)
        .with_context(|| cli.password_file.display().to_string())?;
    let authority = cli.authority.as_ref().map(std::fs::read_to_string);
    let load = Load::start(&Options {
        addresses: cli.addresses,
        authority: authority.transpose().context("--authority")?,
        email: cli.email,
        password: password.trim().to_owned(),
        rate: cli.rate,
        conversations: cli.conversations,
        jobs: cli.jobs,
    })
    .await?;
    load.phase("load");
    tokio::time::sleep(Duration::from_secs(cli.seconds)).await;
    let report = load.stop().await?;
    println!("{report}");
    ensure!(report.failures() == 0, "{} failures", report.failures());
    Ok(())
}
