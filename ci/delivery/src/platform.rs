//! This repository's own platform on a local cluster: changed in a copy of the checkout, deployed, and driven by a load.

use anyhow::{Context as _, Result};
use load::{Load, Options};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

use crate::run::{Deployer, Run, output};
use crate::swarm::{Swarm, Task, docker_here};
use crate::workspace::replace_once;
use crate::{clusters, repository, wait_until};

const STACK: &str = "stacks/platform/stack.yml";
const EDGE: &str = "stacks/edge/edge.conf";
/// Every service is extended from what follows.
const EVERY_SERVICE: &str = "x-service: &service\n";
/// How long a cluster may take to be whole again.
const HEAL: Duration = Duration::from_mins(3);

/// The platform on a cluster, and a copy of the checkout that it is deployed from.
pub struct Platform {
    copy: TempDir,
    cluster: String,
    swarm: Swarm,
    version: String,
    /// Where clients come in without TLS.
    pub(crate) addresses: Vec<SocketAddr>,
    changes: u32,
}

impl Platform {
    /// The platform that runs on `cluster`: `make deploy` has brought it there.
    pub fn on(cluster: &str) -> Result<Self> {
        let copy = tempfile::tempdir()?;
        let target = copy.path().join("stoa");
        std::fs::create_dir_all(target.join(".stoa"))?;
        std::os::unix::fs::symlink(clusters().canonicalize()?, target.join(".stoa/clusters"))?;
        // Links are followed: they lead into kits, which are not needed otherwise.
        let script = "tar -C \"$0\" --dereference --exclude node_modules -cf - stacks services ci/compose monitoring |
            tar -C \"$1\" -xf -";
        output(
            Command::new("sh")
                .args(["-c", script])
                .arg(repository())
                .arg(&target),
        )?;
        Ok(Self {
            addresses: addresses(&cluster_file(&target, cluster))?,
            copy,
            cluster: cluster.to_owned(),
            swarm: Swarm::of(cluster),
            version: version()?,
            changes: 0,
        })
    }

    /// Imports and trains the demo assistant, which the load talks to.
    pub fn import_demo(&self) -> Result<()> {
        let address = self.addresses.first().context("no address")?;
        let url = format!("http://{address}");
        let password = self.secret("demo_password");
        let memory = self.copy.path().join("demo.env");
        let arguments = [
            "demo",
            "--url",
            &url,
            "--password-file",
            &password.to_string_lossy(),
            "--env-file",
            &memory.to_string_lossy(),
        ];
        Deployer::start(&self.root(), None, &arguments)?
            .wait()?
            .exits(0);
        Ok(())
    }

    /// A load on all addresses of the cluster.
    pub async fn load(&self, rate: u32, conversations: u32, jobs: u32) -> Result<Load> {
        let options = self.options(rate, conversations, jobs)?;
        Load::start(&options).await
    }

    /// What such a load is told.
    pub(crate) fn options(&self, rate: u32, conversations: u32, jobs: u32) -> Result<Options> {
        let password = std::fs::read_to_string(self.secret("demo_password"))?;
        Ok(Options {
            addresses: self.addresses.clone(),
            authority: None,
            email: "demo@stoa.localhost".into(),
            password: password.trim().to_owned(),
            rate,
            conversations,
            jobs,
        })
    }

    /// Deploys a change that replaces every task of every service, the edge's too.
    pub fn deploy(&mut self) -> Result<Run> {
        self.changes += 1;
        let mark = |change| match change {
            0 => EVERY_SERVICE.to_owned(),
            _ => format!("{EVERY_SERVICE}  labels: {{dev.stoa.change: \"{change}\"}}\n"),
        };
        self.change(STACK, &mark(self.changes - 1), &mark(self.changes))?;
        let change = format!("# {}\n", self.changes);
        let edge = std::fs::read_to_string(self.root().join(EDGE))?;
        std::fs::write(self.root().join(EDGE), edge + &change)?;
        self.submit()
    }

    /// Deploys a change with which a service does not start.
    pub fn deploy_broken(&mut self) -> Result<Run> {
        let service = "services:\n";
        let broken = "services:\n  conversation:\n    environment: {DATABASE_URL_FILE: /nowhere}\n";
        self.change(STACK, service, broken)?;
        let run = self.submit();
        self.change(STACK, broken, service)?;
        run
    }

    /// Deploys other numbers of tasks.
    pub fn scale(&mut self, service: &str, from: u32, to: u32) -> Result<Run> {
        let line = |replicas| format!("{service}: {{deploy: {{replicas: {replicas}}}}}");
        self.change_cluster(&line(from), &line(to))?;
        self.submit()
    }

    /// Rolls back to a release.
    pub fn rollback(&self, to: u64) -> Result<Run> {
        self.stoa(&["rollback", "--to", &to.to_string()])
    }

    /// The release that succeeded before the one that runs.
    pub fn before(&self) -> Result<u64> {
        let history = self.history()?;
        let live = live(&history)?;
        let releases = history["releases"].as_array().context("no releases")?;
        let succeeded = releases
            .iter()
            .filter(|release| release["result"] == "succeeded");
        let mut numbers = succeeded.filter_map(|release| release["number"].as_u64());
        let before = numbers.find(|number| *number < live);
        before.context("there is only one release")
    }

    /// The release that runs.
    pub fn live(&self) -> Result<u64> {
        live(&self.history()?)
    }

    /// All that was tried.
    pub fn history(&self) -> Result<Value> {
        let run = self.stoa(&["history", "--json", "--limit", "1000"])?;
        Ok(serde_json::from_str(&run.exits(0).output)?)
    }

    /// The ids of all running tasks.
    pub fn running_tasks(&self) -> Result<Vec<String>> {
        self.swarm.running_tasks()
    }

    /// Those of one service, the oldest first.
    pub fn tasks_of(&self, service: &str) -> Result<Vec<Task>> {
        self.swarm.tasks_of(service)
    }

    /// Takes every task from a node.
    pub fn drain(&self, node: &str) -> Result<()> {
        self.availability(node, "drain")?;
        wait_until(HEAL, || Ok(self.swarm.tasks_on(node)? == 0))
    }

    /// Lets a node have tasks again.
    pub fn activate(&self, node: &str) -> Result<()> {
        self.availability(node, "active")?;
        self.heals()
    }

    fn availability(&self, node: &str, to: &str) -> Result<()> {
        let arguments = ["node", "update", "--availability", to, node];
        self.swarm.docker(&arguments).map(drop)
    }

    /// A node that does not have the only task of a service: `data_postgres`.
    pub fn node_without(&self, services: &[&str]) -> Result<String> {
        let mut taken = Vec::new();
        for service in services {
            let format = ["--format", "{{.Node}}", "--filter", "desired-state=running"];
            let mut arguments = vec!["service", "ps", service];
            arguments.extend(format);
            taken.extend(self.swarm.docker(&arguments)?.lines().map(str::to_owned));
        }
        let nodes = self
            .swarm
            .docker(&["node", "ls", "--format", "{{.Hostname}}"])?;
        let mut free = nodes
            .lines()
            .rev()
            .filter(|node| !taken.iter().any(|name| name == node));
        Ok(free
            .next()
            .context("every node has one of them")?
            .to_owned())
    }

    /// Waits until every task runs that should, on nodes that are all there.
    pub fn heals(&self) -> Result<()> {
        wait_until(HEAL, || {
            Ok(self.swarm.all_nodes_ready()? && self.swarm.is_whole()?)
        })
    }

    /// Memory of each manager's engine, in MiB.
    pub fn managers_memory(&self) -> Result<Vec<u64>> {
        let nodes = self
            .swarm
            .docker(&["node", "ls", "--format", "{{.Hostname}}"])?;
        let memory = |node: &str| {
            let container = format!("stoa-{node}");
            let script = "grep VmRSS: /proc/$(pidof dockerd)/status";
            let line = docker_here(&["exec", &container, "sh", "-c", script])?;
            let kib: u64 = line
                .split_whitespace()
                .nth(1)
                .context("no VmRSS")?
                .parse()?;
            Ok(kib / 1024)
        };
        nodes.lines().map(memory).collect()
    }

    /// Deploys the commit with what was changed.
    pub(crate) fn submit(&self) -> Result<Run> {
        self.stoa(&["deploy", "--version", &self.version])
    }

    fn stoa(&self, arguments: &[&str]) -> Result<Run> {
        Deployer::start(&self.root(), Some(&self.cluster), arguments)?.wait()
    }

    /// Replaces a text of the cluster's file; it must stand there once.
    pub(crate) fn change_cluster(&self, from: &str, to: &str) -> Result<()> {
        replace_once(&self.cluster_file(), from, to)
    }

    pub(crate) fn cluster_file(&self) -> PathBuf {
        cluster_file(&self.root(), &self.cluster)
    }

    fn change(&self, file: &str, from: &str, to: &str) -> Result<()> {
        replace_once(&self.root().join(file), from, to)
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.root().join(self.secrets()).join(name)
    }

    /// What the cluster's file calls the folder of its secrets.
    pub(crate) fn secrets(&self) -> String {
        format!(".stoa/clusters/{}/secrets", self.cluster)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.copy.path().join("stoa")
    }
}

fn cluster_file(root: &Path, cluster: &str) -> PathBuf {
    root.join(format!("stacks/clusters/{cluster}.yml"))
}

/// As the cluster's file says: a list that is JSON as well.
fn addresses(file: &Path) -> Result<Vec<SocketAddr>> {
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let list = lines.find_map(|line| line.strip_prefix("addresses: "));
    Ok(serde_json::from_str(
        list.context("the cluster has no addresses")?,
    )?)
}

fn live(history: &Value) -> Result<u64> {
    history["live"]
        .as_u64()
        .context("nothing runs: make deploy")
}

/// The commit whose images the registry has.
fn version() -> Result<String> {
    let mut git = Command::new("git");
    let head = output(git.arg("-C").arg(repository()).args(["rev-parse", "HEAD"]))?;
    Ok(head.trim().to_owned())
}
