//! The connection to a cluster: the first of its managers that answers.

use anyhow::{Context as _, bail, ensure};
use bollard::Docker;
use futures_util::future::select_ok;
use std::sync::Arc;
use std::time::Duration;

use super::Cluster;

/// How long a manager may take to answer for the first time, over SSH too.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A manager of a cluster.
#[derive(Clone)]
pub(crate) struct Engine {
    /// Its Engine API.
    pub(crate) docker: Docker,
    /// Its address, as the Docker CLI takes it in `DOCKER_HOST`.
    pub(crate) host: String,
    /// The id of the Swarm: another one after the cluster was made anew.
    pub(crate) swarm: String,
    /// Where all managers answer, this one too.
    managers: Arc<[String]>,
}

impl Cluster {
    /// Connects to the first manager that answers.
    pub(crate) async fn connect(&self) -> anyhow::Result<Engine> {
        let mut refusals = Vec::new();
        let managers = Arc::from(self.managers.as_slice());
        for host in &self.managers {
            match try_connect(host, &managers).await {
                Ok(engine) => return Ok(engine),
                Err(error) => refusals.push(format!("  {host}: {error:#}")),
            }
        }
        bail!(
            "no manager of `{}` answers:\n{}",
            self.name,
            refusals.join("\n")
        )
    }
}

impl Engine {
    /// The manager that answers first, after this one did not. All are asked at once: one that is gone is silent.
    pub(crate) async fn another(&self) -> anyhow::Result<Self> {
        let hosts = self.managers.iter();
        let tries = hosts.map(|host| Box::pin(try_connect(host, &self.managers)));
        let (engine, _) = select_ok(tries).await?;
        ensure!(
            engine.swarm == self.swarm,
            "{} is of another Swarm",
            engine.host
        );
        Ok(engine)
    }
}

async fn try_connect(host: &str, managers: &Arc<[String]>) -> anyhow::Result<Engine> {
    let docker = Docker::connect_with_host(host)?.negotiate_version();
    let docker = tokio::time::timeout(TIMEOUT, docker)
        .await
        .context("no answer")??;
    let info = docker.info().await?;
    let swarm = info.swarm.context("the engine is in no Swarm")?;
    if swarm.control_available != Some(true) {
        bail!("the engine is no manager of a Swarm");
    }
    let id = swarm.cluster.and_then(|cluster| cluster.id);
    Ok(Engine {
        docker,
        host: host.to_owned(),
        swarm: id.context("the Swarm has no id")?,
        managers: Arc::clone(managers),
    })
}

/// The manager that tests may write to; they name it, and remove what they made.
#[cfg(test)]
pub(crate) async fn engine_for_tests() -> Engine {
    let host = std::env::var("STOA_TEST_ENGINE").expect("STOA_TEST_ENGINE names a manager");
    let managers = Arc::from([host.clone()]);
    try_connect(&host, &managers)
        .await
        .expect("STOA_TEST_ENGINE answers")
}
