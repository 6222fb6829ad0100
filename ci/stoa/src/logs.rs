//! `stoa logs`: what the tasks of a service wrote last, wherever they run.

use anyhow::bail;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error as EngineError;
use bollard::query_parameters::{ListServicesOptions, LogsOptions};
use futures_util::{Stream, StreamExt as _};
use std::path::Path;
use std::time::Duration;

use crate::cluster::{Cluster, Engine};

/// A node that has not sent its next line by then has no more, or does not answer: an engine waits for ever for
/// the lines of a node that is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// Whose lines, and how many.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogsOf {
    /// One of `stacks/clusters/`.
    #[arg(long)]
    pub(crate) cluster: String,
    /// The service: `platform_api`, or `api` where only one stack has it.
    pub(crate) service: String,
    /// How many lines of each task.
    #[arg(long, default_value_t = 100)]
    pub(crate) tail: u32,
}

/// Prints the lines.
#[expect(
    clippy::print_stdout,
    reason = "the lines are what standard output is for"
)]
pub(crate) async fn run(options: &LogsOf, root: &Path) -> anyhow::Result<()> {
    let engine = Cluster::load(root, &options.cluster)?.connect().await?;
    let name = find(&engine, &options.service).await?;
    let log = engine.docker.service_logs(&name, Some(tail(options.tail)));
    for line in collect(log).await? {
        println!("{line}");
    }
    Ok(())
}

/// The last lines of a task.
pub(crate) async fn of_task(
    docker: &Docker,
    task: &str,
    lines: u32,
) -> anyhow::Result<Vec<String>> {
    let mut found = collect(docker.task_logs(task, Some(tail(lines)))).await?;
    let spare = found.len().saturating_sub(lines as usize);
    found.drain(..spare);
    Ok(found)
}

fn tail(lines: u32) -> LogsOptions {
    LogsOptions {
        stdout: true,
        stderr: true,
        tail: lines.to_string(),
        ..LogsOptions::default()
    }
}

async fn collect(
    log: impl Stream<Item = Result<LogOutput, EngineError>>,
) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    let mut log = std::pin::pin!(log);
    while let Ok(Some(output)) = tokio::time::timeout(SILENCE, log.next()).await {
        text.push_str(&String::from_utf8_lossy(&output?.into_bytes()));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// The full name of a service.
async fn find(engine: &Engine, name: &str) -> anyhow::Result<String> {
    let services = engine
        .docker
        .list_services(None::<ListServicesOptions>)
        .await?;
    let names = services
        .into_iter()
        .filter_map(|service| service.spec?.name);
    let names: Vec<String> = names.collect();
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let ending = format!("_{name}");
    let mut matching = names.iter().filter(|known| known.ends_with(&ending));
    match (matching.next(), matching.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(one), Some(other)) => bail!("`{name}` is {one} or {other}: give the full name"),
        (None, _) if names.is_empty() => bail!("nothing runs on this cluster"),
        (None, _) => bail!("there is no service `{name}`, only {}", names.join(", ")),
    }
}
