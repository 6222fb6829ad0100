//! Watches services until all of them run as they should, or one cannot.

use anyhow::Context as _;
use bollard::models::Task;
use bollard::query_parameters::{ListNodesOptions, ListServicesOptions, ListTasksOptions};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

use super::cause::{Cause, CauseKind};
use super::facts;
use super::judge::{self, Baseline, Verdict, View};
use super::progress::ServiceState;
use super::site::Site;
use crate::cluster::Engine;
use crate::release::StackRecord;

/// How often the cluster is asked.
const POLL: Duration = Duration::from_secs(1);
/// A manager that takes longer for a listing is not there.
const ANSWER: Duration = Duration::from_secs(10);
/// How long everything must have run before it is believed: a process that dies at its first work dies within it.
pub(super) const HOLD: Duration = Duration::from_secs(5);

impl Baseline {
    /// How it is before anything is touched.
    pub(super) async fn take(site: &Site) -> anyhow::Result<Self> {
        let view = View::of(&site.engine()).await?;
        let ready = view.nodes.iter().filter(|node| facts::is_ready(node));
        let named = ready.filter_map(|node| {
            let description = node.description.as_ref();
            let name = description.and_then(|description| description.hostname.clone());
            Some((node.id.clone()?, name.unwrap_or_default()))
        });
        let tasks = view.tasks.values().flatten();
        let failed = tasks.filter(|task| facts::has_ended(task));
        Ok(Self {
            ready: named.collect(),
            failed: failed.filter_map(|task| task.id.clone()).collect(),
            ..Self::default()
        })
    }

    /// For putting a release back: neither a lost node nor a failed task is a reason to stop before the deadline.
    pub(super) fn patient() -> Self {
        Self {
            patient: true,
            ..Self::default()
        }
    }
}

impl View {
    /// Asks a manager.
    pub(super) async fn of(engine: &Engine) -> anyhow::Result<Self> {
        timeout(ANSWER, Self::ask(engine))
            .await
            .context("the manager does not answer")?
    }

    async fn ask(engine: &Engine) -> anyhow::Result<Self> {
        let docker = &engine.docker;
        let with_status = ListServicesOptions {
            status: Some(true),
            ..ListServicesOptions::default()
        };
        // Tasks last: what a service says of a failed task is then seen of the task as well.
        let (services, nodes) = tokio::try_join!(
            docker.list_services(Some(with_status)),
            docker.list_nodes(None::<ListNodesOptions>),
        )?;
        let tasks = docker.list_tasks(None::<ListTasksOptions>).await?;
        let mut view = Self {
            nodes,
            ..Self::default()
        };
        for service in services {
            let name = service.spec.as_ref().and_then(|spec| spec.name.clone());
            view.services.insert(name.unwrap_or_default(), service);
        }
        for task in tasks {
            let service = task.service_id.clone().unwrap_or_default();
            view.tasks.entry(service).or_default().push(task);
        }
        Ok(view)
    }

    /// The tasks of the service `name`.
    pub(super) fn tasks_of(&self, name: &str) -> &[Task] {
        let id = self.services.get(name).and_then(|s| s.id.as_deref());
        let tasks = id.and_then(|id| self.tasks.get(id));
        tasks.map(Vec::as_slice).unwrap_or_default()
    }
}

/// The services of `stacks` that are to go on running, by their names on the cluster: the image of each.
pub(super) fn wanted(stacks: &[StackRecord]) -> BTreeMap<String, String> {
    let mut wanted = BTreeMap::new();
    for stack in stacks {
        let services = stack.document["services"].as_object();
        for (name, entry) in services.into_iter().flatten() {
            if !super::jobs::is_job(entry) {
                let image = entry["image"].as_str().unwrap_or_default();
                wanted.insert(format!("{}_{name}", stack.name), image.to_owned());
            }
        }
    }
    wanted
}

/// Waits until the services `wanted` have run as they should for as long as `hold`.
pub(super) async fn settle(
    site: &Site,
    baseline: &mut Baseline,
    wanted: &BTreeMap<String, String>,
    hold: Duration,
    deadline: Instant,
) -> Result<(), Cause> {
    let mut settled_since = None;
    let mut last: Option<(View, Vec<ServiceState>)> = None;
    let mut silence;
    let mut poll = tokio::time::interval(POLL);
    loop {
        poll.tick().await;
        match View::of(&site.engine()).await {
            Ok(view) => {
                silence = None;
                let (states, verdict) = judge::judge(&view, baseline, wanted);
                site.progress.services(&states);
                last = Some((view, states));
                match verdict {
                    Verdict::Failed(cause) => return Err(cause),
                    Verdict::Waiting => settled_since = None,
                    Verdict::Settled => {
                        let since = *settled_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= hold {
                            return Ok(());
                        }
                    }
                }
            }
            Err(error) => {
                settled_since = None;
                silence = Some(error);
                // Another one may answer; if none does, the deadline ends it.
                drop(site.reconnect().await);
            }
        }
        if Instant::now() >= deadline {
            return Err(overdue(last, silence));
        }
    }
}

fn overdue(last: Option<(View, Vec<ServiceState>)>, silence: Option<anyhow::Error>) -> Cause {
    if let Some(error) = silence {
        return Cause::new(CauseKind::Deadline, format!("{error:#}"));
    }
    let Some((view, states)) = last else {
        return Cause::new(CauseKind::Deadline, "the cluster never answered");
    };
    let open: Vec<_> = states.iter().filter(|state| !state.settled).collect();
    let lines = open.iter().map(|state| {
        let ServiceState {
            name,
            running,
            wanted,
            note,
            ..
        } = state;
        format!("{name} {running}/{wanted} {note}")
    });
    let detail: Vec<_> = lines.collect();
    let mut cause = Cause::new(CauseKind::Deadline, detail.join("; "));
    cause.task = open
        .iter()
        .find_map(|state| judge::stuck(&view, &state.name));
    cause
}
