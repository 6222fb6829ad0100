//! `stoa`: the delivery CLI of the platform. `stoa --help` lists what it does.

mod cluster;
mod demo;
mod dev;
mod lint;
mod release;
mod render;
mod yaml;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "stoa", about = "The delivery CLI of Stoa", version)]
struct Cli {
    /// The workspace; found from the working directory upwards if not given.
    #[arg(long, global = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Import, train and try the demo assistant on a running platform.
    Demo(demo::DemoOptions),
    /// Run the platform as plain processes, without Docker.
    Dev(dev::DevOptions),
    /// Check a rule of the house.
    #[command(subcommand)]
    Lint(lint::Lint),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stoa: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    // Of two providers in the tree the one that the services use.
    drop(rustls::crypto::ring::default_provider().install_default());
    match cli.command {
        Command::Demo(options) => demo::run(&options).await,
        Command::Dev(options) => dev::run(&options, &root(cli.root)?).await,
        Command::Lint(lint) => lint::run(lint, &root(cli.root)?),
    }
}

/// The folder that holds `services/`.
fn root(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = given.or_else(|| {
        let is_root = |path: &&std::path::Path| path.join("services").is_dir();
        here.ancestors().find(is_root).map(PathBuf::from)
    });
    match found {
        Some(root) => Ok(root.canonicalize()?),
        None => anyhow::bail!("run this inside the workspace, or name it with --root"),
    }
}
