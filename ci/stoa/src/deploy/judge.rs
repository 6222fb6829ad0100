//! Whether services run as they should, from what the cluster says of them at one moment. Asks no engine.

use bollard::models::{Node, Service, ServiceUpdateStatusStateEnum as Update, Task, TaskState};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::cause::{Cause, CauseKind, error_of, failed_task, is_pull_error};
use super::facts::{
    has_ended, image_of, is_lost, is_running, is_stopped, newest_first, same_spec, state_of,
    update_state, wanted_tasks,
};
use super::progress::ServiceState;

/// One failure may be chance; the same task failing twice is a crash loop.
const FAILURES: usize = 2;

/// What the cluster says at one moment.
#[derive(Default)]
pub(super) struct View {
    /// By name.
    pub(super) services: BTreeMap<String, Service>,
    /// By the id of their service.
    pub(super) tasks: HashMap<String, Vec<Task>>,
    pub(super) nodes: Vec<Node>,
}

/// How it was before anything was touched.
#[derive(Clone, Default)]
pub(crate) struct Baseline {
    /// The nodes that were ready: id and name.
    pub(super) ready: BTreeMap<String, String>,
    /// The tasks that had failed already.
    pub(super) failed: HashSet<String>,
    /// Failures since then, by service: Swarm forgets tasks.
    pub(super) seen: BTreeMap<String, BTreeSet<String>>,
    /// Whether a lost node, or a failed task, is no reason to give up: so when a release is put back.
    pub(super) patient: bool,
}

/// What is to be done about a view.
pub(super) enum Verdict {
    Settled,
    Waiting,
    Failed(Cause),
}

/// Judges the services `wanted`: name and image.
pub(super) fn judge(
    view: &View,
    baseline: &mut Baseline,
    wanted: &BTreeMap<String, String>,
) -> (Vec<ServiceState>, Verdict) {
    let mut failure = lost_node(view, baseline);
    let mut states = Vec::new();
    for (name, image) in wanted {
        let Some(service) = view.services.get(name) else {
            states.push(waiting(name, "is not there yet"));
            continue;
        };
        let tasks = Tasks::of(service, view);
        let failed = failed(name, service, image, &tasks, baseline);
        failure = failure.or(failed);
        states.push(state(name, service, &tasks, view, baseline));
    }
    let settled = states.iter().all(|state| state.settled);
    let verdict = match (failure, settled) {
        (Some(cause), _) => Verdict::Failed(cause),
        (None, true) => Verdict::Settled,
        (None, false) => Verdict::Waiting,
    };
    (states, verdict)
}

/// The tasks of a service that count.
struct Tasks<'v> {
    /// Of the service's specification of now, the newest first.
    new: Vec<&'v Task>,
    /// Of an earlier one, still running on a node that answers.
    old_running: usize,
    /// Of the new ones, those that run and are to run, on a node that answers.
    running: usize,
}

impl<'v> Tasks<'v> {
    fn of(service: &Service, view: &'v View) -> Self {
        let template = service.spec.as_ref().and_then(|s| s.task_template.as_ref());
        let id = service.id.as_deref().unwrap_or_default();
        let all = view.tasks.get(id).map(Vec::as_slice).unwrap_or_default();
        let is_new = |task: &&Task| match (template, task.spec.as_ref()) {
            (Some(wanted), Some(found)) => same_spec(wanted, found),
            _ => false,
        };
        let (mut new, old): (Vec<_>, Vec<_>) = all.iter().partition(is_new);
        new.sort_by(|a, b| newest_first(a, b));
        let runs = |task: &&&Task| {
            state_of(task) == Some(TaskState::RUNNING) && !view.is_down(task.node_id.as_deref())
        };
        let stays = |task: &&&Task| task.desired_state == Some(TaskState::RUNNING);
        Self {
            old_running: old.iter().filter(runs).count(),
            running: new.iter().filter(runs).filter(stays).count(),
            new,
        }
    }
}

impl View {
    fn is_down(&self, node: Option<&str>) -> bool {
        let node = self.nodes.iter().find(|known| known.id.as_deref() == node);
        node.is_some_and(is_lost)
    }
}

fn lost_node(view: &View, baseline: &Baseline) -> Option<Cause> {
    if baseline.patient {
        return None;
    }
    let lost = |id: &str| view.is_down(Some(id)) || !view.has(id);
    let (_, name) = baseline.ready.iter().find(|(id, _)| lost(id))?;
    let detail = format!("{name} was ready when the deploy began and does not answer any more");
    Some(Cause::new(CauseKind::NodeLost, detail))
}

impl View {
    fn has(&self, node: &str) -> bool {
        let mut ids = self.nodes.iter().filter_map(|node| node.id.as_deref());
        ids.any(|id| id == node)
    }
}

fn failed(
    name: &str,
    service: &Service,
    image: &str,
    tasks: &Tasks<'_>,
    baseline: &mut Baseline,
) -> Option<Cause> {
    let found = image_of(service);
    if found != image {
        let detail = format!("{name} is to run {image}, and its specification says {found}");
        return Some(Cause::new(CauseKind::WrongDigest, detail));
    }
    if baseline.patient {
        return None;
    }
    let failures: Vec<&Task> = tasks
        .new
        .iter()
        .filter(|task| has_ended(task))
        .filter(|task| is_unknown(task, &baseline.failed))
        .copied()
        .collect();
    let seen = baseline.seen.entry(name.to_owned()).or_default();
    seen.extend(failures.iter().filter_map(|task| task.id.clone()));
    let newest = failures.first();
    if let Some(task) = newest
        && (seen.len() >= FAILURES || is_pull_error(task) || is_stopped(service))
    {
        return Some(Cause::of_task(name, task));
    }
    is_stopped(service).then(|| {
        let status = service.update_status.as_ref();
        let message = status.and_then(|status| status.message.clone());
        let message = message.unwrap_or_else(|| "Swarm says no reason".into());
        Cause::new(CauseKind::Paused, format!("{name}: {message}"))
    })
}

fn state(
    name: &str,
    service: &Service,
    tasks: &Tasks<'_>,
    view: &View,
    baseline: &Baseline,
) -> ServiceState {
    let wanted = wanted_tasks(service);
    let running = tasks.running as u64;
    let updating = update_state(service) == Some(Update::UPDATING);
    let settled = running == wanted && tasks.old_running == 0 && !updating && !is_stopped(service);
    let unplaced = baseline.patient && is_unplaceable(tasks, view);
    let note = match tasks.new.iter().find(|task| !is_running(task)) {
        _ if settled => String::new(),
        _ if unplaced => "waits for a lost node".into(),
        Some(task) if running < wanted => pending_note(task),
        _ if tasks.old_running > 0 => format!("{} of the old version still run", tasks.old_running),
        _ => "is being updated".into(),
    };
    ServiceState {
        name: name.to_owned(),
        running,
        wanted,
        settled: settled || unplaced,
        note,
    }
}

/// Nowhere to go while a node is away, and nothing else wrong.
fn is_unplaceable(tasks: &Tasks<'_>, view: &View) -> bool {
    let away = view.nodes.iter().any(is_lost);
    let homeless = |task: &&Task| error_of(task).contains("no suitable node");
    let waits = tasks
        .new
        .iter()
        .filter(|task| state_of(task) == Some(TaskState::PENDING));
    away && tasks.old_running == 0 && waits.copied().any(|task| homeless(&task))
}

fn pending_note(task: &Task) -> String {
    let state = state_of(task).map_or_else(String::new, |state| state.to_string());
    match task
        .status
        .as_ref()
        .and_then(|status| status.err.as_deref())
    {
        Some(error) if !error.is_empty() => format!("{state}: {error}"),
        _ => state,
    }
}

/// The newest task of a service that does not run, for its log.
pub(super) fn stuck(view: &View, name: &str) -> Option<super::cause::FailedTask> {
    let service = view.services.get(name)?;
    let tasks = Tasks::of(service, view);
    let task = tasks.new.iter().find(|task| !is_running(task))?;
    failed_task(name, task)
}

fn is_unknown(task: &Task, known: &HashSet<String>) -> bool {
    task.id.as_ref().is_some_and(|id| !known.contains(id))
}

fn waiting(name: &str, note: &str) -> ServiceState {
    ServiceState {
        name: name.to_owned(),
        running: 0,
        wanted: 1,
        settled: false,
        note: note.into(),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
