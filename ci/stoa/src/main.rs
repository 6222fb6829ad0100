//! `stoa`: the delivery CLI of the platform. `stoa --help` lists what it does.

mod cluster;
mod demo;
mod deploy;
mod dev;
mod gc;
mod lint;
mod logs;
mod release;
mod render;
mod secrets;
mod status;
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
    /// Print what a deploy would submit to a cluster.
    Render(render::RenderOptions),
    /// Print where the secrets of a cluster are.
    Secrets(secrets::SecretsOptions),
    /// Make a cluster run a version, whole, or leave it as it was.
    Deploy(deploy::DeployOptions),
    /// Make a cluster run an earlier release again.
    Rollback(deploy::RollbackOptions),
    /// Run a command while nobody can deploy to a cluster.
    Lock(deploy::LockOptions),
    /// Print what runs on a cluster, and who deploys.
    Status(status::StatusOptions),
    /// Print what the tasks of a service wrote last.
    Logs(logs::LogsOf),
    /// Print what was deployed to a cluster.
    History(release::commands::HistoryOptions),
    /// Print a release of a cluster.
    Show(release::commands::ShowOptions),
    /// Print how two releases, or two clusters, differ.
    Diff(release::commands::DiffOptions),
    /// Remove what no kept release of a cluster needs.
    Gc(gc::GcOptions),
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
        Command::Render(options) => render::run(&options, &root(cli.root)?).await,
        Command::Secrets(options) => secrets::run(&options, &root(cli.root)?),
        Command::Deploy(options) => deploy::run(&options, &root(cli.root)?).await,
        Command::Rollback(options) => deploy::rollback(&options, &root(cli.root)?).await,
        Command::Lock(options) => deploy::run_under_lock(&options, &root(cli.root)?).await,
        Command::Status(options) => status::run(&options, &root(cli.root)?).await,
        Command::Logs(options) => logs::run(&options, &root(cli.root)?).await,
        Command::History(options) => release::commands::history(&options, &root(cli.root)?).await,
        Command::Show(options) => release::commands::show(&options, &root(cli.root)?).await,
        Command::Diff(options) => release::commands::diff(&options, &root(cli.root)?).await,
        Command::Gc(options) => gc::run(&options, &root(cli.root)?).await,
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
