//! Trials of the delivery CLI: a small platform of its own, deployed to the real local clusters (`make clusters`)
//! by the `stoa` binary, as an operator would. Each trial begins with an empty cluster.
//!
//! They are not part of a plain `cargo nextest run`, which needs no clusters: see `.config/nextest.toml`.

mod authority;
mod checkout;
mod guide;
mod https;
mod images;
mod platform;
mod run;
mod ssh;
mod steps;
mod swarm;
mod workspace;

pub use authority::Pair;
pub use checkout::Checkout;
pub use guide::Guide;
pub use https::Https;
pub use images::{Mode, in_registry};
pub use platform::Platform;
pub use run::{Deployer, Run};
pub use ssh::SshDoor;
pub use steps::Step;
pub use swarm::Task;

use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use swarm::Swarm;
use workspace::Workspace;

/// A cluster with nothing on it, and a platform to deploy to it.
pub struct Trial {
    workspace: Workspace,
    swarm: Swarm,
    cluster: String,
    services: Vec<String>,
}

impl Trial {
    /// A platform of two services, `api` and `web`, for a cluster that is emptied.
    pub fn on(cluster: &str) -> Result<Self> {
        Self::with_services(cluster, &["api", "web"])
    }

    /// A platform of these services; `api` is one of them.
    pub fn with_services(cluster: &str, services: &[&str]) -> Result<Self> {
        let swarm = Swarm::of(cluster);
        swarm.empty()?;
        let workspace = Workspace::make(cluster, services)?;
        images::push_sleeper()?;
        Ok(Self {
            workspace,
            swarm,
            cluster: cluster.to_owned(),
            services: services.iter().map(ToString::to_string).collect(),
        })
    }

    /// Builds and pushes a version in which every service is well.
    pub fn push(&self, version: &str) -> Result<()> {
        self.push_with(version, &[])
    }

    /// Builds and pushes a version in which some services are not well.
    pub fn push_with(&self, version: &str, modes: &[(&str, Mode)]) -> Result<()> {
        for service in &self.services {
            let mode = modes.iter().find(|(name, _)| name == service);
            let mode = mode.map_or(Mode::Good, |(_, mode)| *mode);
            images::push(service, version, mode)?;
        }
        Ok(())
    }

    /// Writes a file of the workspace.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        self.workspace.write(path, content)
    }

    /// Replaces a text of the cluster's file; it must stand there once.
    pub fn change_cluster(&self, from: &str, to: &str) -> Result<()> {
        let file = format!("stacks/clusters/{}.yml", self.cluster);
        workspace::replace_once(&self.workspace.path().join(file), from, to)
    }

    /// Changes a secret.
    pub fn write_secret(&self, name: &str, content: &str) -> Result<()> {
        self.workspace.write(&format!("secrets/{name}"), content)
    }

    /// Removes a file of the workspace.
    pub fn remove(&self, path: &str) -> Result<()> {
        let path = self.workspace.path().join(path);
        std::fs::remove_file(&path).with_context(|| path.display().to_string())
    }

    /// Deploys a version and waits for the end.
    pub fn deploy(&self, version: &str) -> Result<Run> {
        self.start(&["deploy", "--version", version])?.wait()
    }

    /// Runs a command of the CLI on the cluster and waits for the end.
    pub fn stoa(&self, arguments: &[&str]) -> Result<Run> {
        self.start(arguments)?.wait()
    }

    /// Starts a command of the CLI on the cluster.
    pub fn start(&self, arguments: &[&str]) -> Result<Deployer> {
        Deployer::start(self.workspace.path(), Some(&self.cluster), arguments)
    }

    /// Version and digest that each service is to run, by its full name.
    pub fn images(&self) -> Result<BTreeMap<String, String>> {
        self.swarm.images()
    }

    /// Whether each service runs as many healthy tasks of its specification as it should.
    pub fn is_whole(&self) -> Result<bool> {
        self.swarm.is_whole()
    }

    /// The ids of all running tasks.
    pub fn running_tasks(&self) -> Result<Vec<String>> {
        self.swarm.running_tasks()
    }

    /// Sets the image of a service by hand.
    pub fn meddle(&self, service: &str, image: &str) -> Result<()> {
        self.swarm.docker(&[
            "service",
            "update",
            "--detach",
            "--no-resolve-image",
            "--image",
            image,
            service,
        ])?;
        Ok(())
    }

    /// Waits until the CLI's output holds `text`.
    pub fn wait_for(&self, deployer: &Deployer, text: &str, within: Duration) -> Result<()> {
        wait_until(within, || Ok(deployer.output().contains(text)))
            .with_context(|| format!("`{text}` was not said; only:\n{}", deployer.output()))
    }
}

/// What runs on the cluster by hand afterwards must not meet the services of a trial.
impl Drop for Trial {
    fn drop(&mut self) {
        if let Err(error) = self.swarm.empty() {
            eprintln!("{} is not emptied: {error:#}", self.cluster);
        }
    }
}

/// Waits until a condition holds.
pub fn wait_until(within: Duration, condition: impl Fn() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !condition()? {
        ensure!(started.elapsed() < within, "not within {within:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Whether every service of a cluster's platform runs as many healthy tasks as it should.
pub fn is_whole(cluster: &str) -> Result<bool> {
    Swarm::of(cluster).is_whole()
}

/// A node of the local clusters that is stopped until this is dropped.
pub struct LostNode {
    cluster: String,
    container: String,
}

impl LostNode {
    /// Takes a node's power away: `production-3`.
    pub fn kill(name: &str) -> Result<Self> {
        let (cluster, _) = name
            .rsplit_once('-')
            .context("a node is called cluster-1")?;
        let container = format!("stoa-{name}");
        swarm::docker_here(&["kill", &container])?;
        Ok(Self {
            cluster: cluster.to_owned(),
            container,
        })
    }

    /// A node that somebody else stops, to be started when this is dropped.
    pub fn expected(cluster: &str, number: u32) -> Self {
        Self {
            cluster: cluster.to_owned(),
            container: format!("stoa-{cluster}-{number}"),
        }
    }

    /// Brings it back and waits until the cluster sees it.
    pub fn bring_back(self) -> Result<()> {
        let swarm = Swarm::of(&self.cluster);
        drop(self);
        // The engine that is asked may be the one that comes back.
        wait_until(Duration::from_mins(2), || {
            Ok(swarm.all_nodes_ready().unwrap_or(false))
        })
    }
}

impl Drop for LostNode {
    fn drop(&mut self) {
        if let Err(error) = swarm::docker_here(&["start", &self.container]) {
            eprintln!("{} does not come back: {error:#}", self.container);
        }
    }
}

/// The document of a stack of this repository, as a deploy of it would be submitted.
pub fn render_repository(cluster: &str, stack: &str) -> Result<String> {
    let arguments = [
        "render",
        "--offline",
        "--version",
        "trial",
        "--stack",
        stack,
    ];
    let run = Deployer::start(&repository(), Some(cluster), &arguments)?.wait()?;
    ensure!(run.code == 0, "{}", run.output);
    Ok(run.output)
}

/// What Docker reads in a document.
pub fn stack_config(document: &str) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(document.as_bytes())?;
    swarm::docker_here(&["stack", "config", "-c", &file.path().to_string_lossy()])
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let given = std::env::var_os("STOA_REPOSITORY").map(PathBuf::from);
    given.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")))
}

/// What `make clusters` has left: secrets, and the login to the local registry.
fn clusters() -> PathBuf {
    repository().join(".stoa/clusters")
}
