//! What services, tasks and nodes say of themselves.

use bollard::models::{
    Node, NodeState, Service, ServiceUpdateStatusStateEnum as Update, Task, TaskSpec, TaskState,
};
use std::cmp::Ordering;

/// Whether a node is gone. One that a new leader has not heard of yet is "unknown", and gone only if it stays away.
pub(super) fn is_lost(node: &Node) -> bool {
    let state = node.status.as_ref().and_then(|status| status.state);
    matches!(state, Some(NodeState::DOWN | NodeState::DISCONNECTED))
}

/// Whether a node answers.
pub(super) fn is_ready(node: &Node) -> bool {
    let state = node.status.as_ref().and_then(|status| status.state);
    state == Some(NodeState::READY)
}

/// Swarm replaces no task for a new placement alone, and says only of services that a container is what runs.
pub(super) fn same_spec(wanted: &TaskSpec, found: &TaskSpec) -> bool {
    let essence = |spec: &TaskSpec| TaskSpec {
        placement: None,
        runtime: None,
        ..spec.clone()
    };
    essence(wanted) == essence(found)
}

pub(super) fn wanted_tasks(service: &Service) -> u64 {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    let replicated = mode.and_then(|mode| mode.replicated.as_ref());
    if let Some(replicas) = replicated.and_then(|replicated| replicated.replicas) {
        return u64::try_from(replicas).unwrap_or_default();
    }
    // Global: as many as Swarm wants, which is none yet in the first moments.
    let status = service.service_status.as_ref();
    let desired = status.and_then(|status| status.desired_tasks);
    desired.unwrap_or_default().max(1)
}

pub(super) fn image_of(service: &Service) -> &str {
    let template = service.spec.as_ref().and_then(|s| s.task_template.as_ref());
    let container = template.and_then(|template| template.container_spec.as_ref());
    container
        .and_then(|c| c.image.as_deref())
        .unwrap_or_default()
}

pub(super) fn update_state(service: &Service) -> Option<Update> {
    service
        .update_status
        .as_ref()
        .and_then(|status| status.state)
}

pub(super) fn is_stopped(service: &Service) -> bool {
    matches!(
        update_state(service),
        Some(
            Update::PAUSED
                | Update::ROLLBACK_STARTED
                | Update::ROLLBACK_PAUSED
                | Update::ROLLBACK_COMPLETED
        )
    )
}

pub(super) fn state_of(task: &Task) -> Option<TaskState> {
    task.status.as_ref().and_then(|status| status.state)
}

pub(super) fn is_running(task: &Task) -> bool {
    state_of(task) == Some(TaskState::RUNNING)
}

/// Whether a task ended as it should not.
pub(super) fn has_failed(task: &Task) -> bool {
    matches!(
        state_of(task),
        Some(TaskState::FAILED | TaskState::REJECTED)
    )
}

/// The order of their making.
pub(super) fn newest_first(a: &Task, b: &Task) -> Ordering {
    b.created_at.cmp(&a.created_at)
}

/// Whether a task that is to run for ever has ended by itself. With exit code 0 that is "complete": so ends a process
/// that obeys when Swarm stops it for its failing health check.
pub(super) fn has_ended(task: &Task) -> bool {
    has_failed(task) || state_of(task) == Some(TaskState::COMPLETE)
}
