//! The workspace of a trial: stacks and services in the form of this repository's own, only smaller.

use anyhow::{Context as _, Result, ensure};
use std::fmt::Write as _;
use std::path::Path;
use tempfile::TempDir;

const NETWORKS: &str = "internal: {internal: true}\n";

/// What every service of the trials is extended from.
const EXTENDED: &str = "
services:
  service:
    networks: [internal]
    tmpfs: [/tmp]
  migrate:
    extends: {service: service}
    command: [migrate]
";

const PLATFORM: &str = "
x-service:
  read_only: true
  cap_drop: [ALL]
  stop_grace_period: 5s
  healthcheck: {interval: 1s, timeout: 2s, retries: 3, start_period: 5s, start_interval: 500ms}
  deploy:
    replicas: 1
    endpoint_mode: dnsrr
    update_config: {parallelism: 1, order: start-first, failure_action: pause, monitor: 5s}
    restart_policy: {condition: any, delay: 1s}
    resources:
      limits: {cpus: '1', memory: 64M}
x-migration:
  read_only: true
  healthcheck: {disable: true}
  deploy:
    mode: replicated-job
    endpoint_mode: dnsrr
    restart_policy: {condition: none}
services: {}
";

/// A stack of one service that sleeps; `more` are further lines of the service.
fn sleeper(name: &str, more: &str, end: &str) -> String {
    format!(
        "
services:
  {name}:
    image: sleeper:1
    networks: [internal]
    tmpfs: [/tmp]
    stop_grace_period: 5s
{more}    deploy:
      endpoint_mode: dnsrr
      update_config: {{parallelism: 1, order: start-first, failure_action: pause, monitor: 2s}}
      restart_policy: {{condition: any, delay: 1s}}
{end}"
    )
}

pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub(crate) fn make(cluster: &str, services: &[&str]) -> Result<Self> {
        let workspace = Self {
            folder: tempfile::tempdir()?,
        };
        workspace.write("stacks/networks.yml", NETWORKS)?;
        workspace.write("stacks/platform/stack.yml", PLATFORM)?;
        workspace.write("stacks/data/stack.yml", &sleeper("store", "", ""))?;
        let config = "    configs: [{source: edge, target: /edge.conf}]\n";
        let file = "configs:\n  edge: {file: edge.conf}\nx-probes: [/]\n";
        workspace.write("stacks/edge/stack.yml", &sleeper("edge", config, file))?;
        workspace.write("stacks/edge/edge.conf", "first\n")?;
        workspace.write("stacks/monitoring/stack.yml", &sleeper("monitor", "", ""))?;
        workspace.write(
            &format!("stacks/clusters/{cluster}.yml"),
            &cluster_file(cluster)?,
        )?;
        workspace.write("secrets/api_key", "first")?;
        workspace.write("ci/compose/service.yml", EXTENDED)?;
        for service in services {
            workspace.write(
                &format!("services/{service}/compose.yml"),
                &compose_file(service),
            )?;
        }
        Ok(workspace)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> Result<()> {
        let path = self.folder.path().join(path);
        let folder = path.parent().context("no folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, content).with_context(|| path.display().to_string())
    }
}

/// Replaces a text of a file; it must stand there once.
pub(crate) fn replace_once(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let count = text.matches(from).count();
    ensure!(count == 1, "{}: `{from}` {count} times", path.display());
    Ok(std::fs::write(path, text.replacen(from, to, 1))?)
}

fn cluster_file(cluster: &str) -> Result<String> {
    let nodes = if cluster == "production" { 3 } else { 1 };
    let mut file = String::from("managers:\n");
    for node in 1..=nodes {
        writeln!(file, "  - unix:///run/stoa/{cluster}-{node}.sock")?;
    }
    file.push_str("registry: registry.stoa.test:5000/trial\nsecrets: secrets\n");
    if nodes > 1 {
        file.push_str("overlay:\n  platform: {services: {api: {deploy: {replicas: 3}}}}\n");
    }
    Ok(file)
}

/// `api` has a migration and a secret, the others nothing.
fn compose_file(service: &str) -> String {
    let extends =
        |what: &str| format!("extends: {{file: ci/compose/service.yml, service: {what}}}");
    let (plain, job) = (extends("service"), extends("migrate"));
    if service == "api" {
        return format!(
            "
services:
  api:
    {plain}
    image: stoa/api
    environment: {{LEVEL: info}}
    secrets: [api_key]
  api-migrate:
    {job}
    image: stoa/api
"
        );
    }
    format!("services:\n  {service}:\n    {plain}\n    image: stoa/{service}\n")
}
