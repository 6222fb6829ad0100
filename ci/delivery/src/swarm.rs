//! The local clusters, as the Docker CLI sees them.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::run::output;

/// The stacks of a platform.
const STACKS: [&str; 4] = ["data", "platform", "edge", "monitoring"];

/// A cluster that trials may empty.
pub(crate) struct Swarm {
    host: String,
}

impl Swarm {
    pub(crate) fn of(cluster: &str) -> Self {
        Self {
            host: format!("unix:///run/stoa/{cluster}-1.sock"),
        }
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["--host", &self.host];
        all.extend(arguments);
        docker_here(&all)
    }

    /// Removes the platform's services, its records and its lock; nothing that is not the platform's.
    pub(crate) fn empty(&self) -> Result<()> {
        for stack in STACKS {
            self.remove(
                "service",
                &format!("label=com.docker.stack.namespace={stack}"),
            )?;
        }
        crate::wait_until(Duration::from_mins(1), || {
            let containers = self.tasks()?;
            Ok(containers.is_empty())
        })?;
        self.remove("config", "label=dev.stoa.kind")?;
        self.remove("config", "name=stoa-lock")?;
        self.remove("config", "label=dev.stoa.source")?;
        self.remove("secret", "label=dev.stoa.source")
    }

    fn remove(&self, kind: &str, filter: &str) -> Result<()> {
        let ids = self.docker(&[kind, "ls", "--quiet", "--filter", filter])?;
        let ids: Vec<_> = ids.split_whitespace().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut arguments = vec![kind, "rm"];
        arguments.extend(ids);
        self.docker(&arguments).map(drop)
    }

    /// The platform's services, as the engine describes them.
    fn services(&self) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for stack in STACKS {
            let filter = format!("label=com.docker.stack.namespace={stack}");
            let ids = self.docker(&["service", "ls", "--quiet", "--filter", &filter])?;
            let ids: Vec<_> = ids.split_whitespace().collect();
            if ids.is_empty() {
                continue;
            }
            let mut arguments = vec!["service", "inspect"];
            arguments.extend(ids);
            let services: Vec<Value> = serde_json::from_str(&self.docker(&arguments)?)?;
            found.extend(services);
        }
        Ok(found)
    }

    pub(crate) fn images(&self) -> Result<BTreeMap<String, String>> {
        let services = self.services()?.into_iter();
        let image = |service: Value| {
            let name = service["Spec"]["Name"].as_str().context("no name")?;
            let image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].as_str();
            let image = image.context("no image")?.rsplit('/').next();
            Ok((name.to_owned(), image.unwrap_or_default().to_owned()))
        };
        services.map(image).collect()
    }

    pub(crate) fn is_whole(&self) -> Result<bool> {
        let listed = self.docker(&["service", "ls", "--format", "{{.Name}} {{.Replicas}}"])?;
        let whole = |line: &str| {
            let mut words = line.split_whitespace();
            let stack = words.next()?.split('_').next()?;
            let (running, wanted) = words.next()?.split_once('/')?;
            Some(!STACKS.contains(&stack) || running == wanted)
        };
        Ok(listed.lines().all(|line| whole(line).unwrap_or_default()))
    }

    /// The containers of the platform's tasks, on the first node.
    fn tasks(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for stack in STACKS {
            let filter = format!("label=com.docker.stack.namespace={stack}");
            let listed = self.docker(&["ps", "--quiet", "--filter", &filter])?;
            found.extend(listed.split_whitespace().map(str::to_owned));
        }
        Ok(found)
    }

    pub(crate) fn running_tasks(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for service in self.services()? {
            let id = service["ID"].as_str().context("no id")?;
            let filter = "desired-state=running";
            let listed = self.docker(&["service", "ps", "--quiet", "--filter", filter, id])?;
            found.extend(listed.split_whitespace().map(str::to_owned));
        }
        found.sort();
        Ok(found)
    }

    /// The tasks of a service that are to run, the oldest first.
    pub(crate) fn tasks_of(&self, service: &str) -> Result<Vec<Task>> {
        let filter = "desired-state=running";
        let listed = self.docker(&["service", "ps", "--quiet", "--filter", filter, service])?;
        let mut arguments = vec!["inspect", "--type", "task"];
        arguments.extend(listed.split_whitespace());
        let tasks: Vec<Value> = serde_json::from_str(&self.docker(&arguments)?)?;
        let mut tasks = tasks.iter().map(Task::read).collect::<Result<Vec<_>>>()?;
        tasks.sort_by_key(|task| task.made);
        Ok(tasks)
    }

    /// How many tasks run on a node, those that are to end among them.
    pub(crate) fn tasks_on(&self, node: &str) -> Result<usize> {
        let states = self.docker(&["node", "ps", node, "--format", "{{.CurrentState}}"])?;
        let running = states.lines().filter(|state| state.starts_with("Running"));
        Ok(running.count())
    }

    pub(crate) fn all_nodes_ready(&self) -> Result<bool> {
        let states = self.docker(&["node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}"])?;
        let ready = |line: &str| line.starts_with("Ready") && !line.contains("Unreachable");
        Ok(states.lines().all(ready))
    }
}

/// A task that is to run.
#[derive(Debug)]
pub struct Task {
    /// All of its id.
    pub id: String,
    /// When the cluster made it.
    pub made: OffsetDateTime,
    /// When it got into the state in which it is: when it ran, if it does.
    pub since: OffsetDateTime,
}

impl Task {
    fn read(task: &Value) -> Result<Self> {
        let id = task["ID"].as_str().context("a task without an id")?;
        Ok(Self {
            id: id.to_owned(),
            made: time(&task["CreatedAt"])?,
            since: time(&task["Status"]["Timestamp"])?,
        })
    }
}

fn time(value: &Value) -> Result<OffsetDateTime> {
    let text = value.as_str().context("no time")?;
    Ok(OffsetDateTime::parse(text, &Rfc3339)?)
}

/// Runs the Docker CLI and returns what it prints.
pub(crate) fn docker_here(arguments: &[&str]) -> Result<String> {
    let mut docker = Command::new("docker");
    let login = crate::clusters().join("registry");
    let docker = docker.args(arguments).env("DOCKER_CONFIG", login);
    output(docker.env_remove("DOCKER_HOST"))
}
