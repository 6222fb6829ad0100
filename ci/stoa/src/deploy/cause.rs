//! Why an attempt failed: a name, a sentence, the task that shows it, and what to do.

use bollard::models::{Task, TaskState};
use std::fmt::{self, Display};

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) kind: CauseKind,
    /// What was seen, and where.
    pub(crate) detail: String,
    /// The task whose log tells more.
    pub(crate) task: Option<FailedTask>,
}

/// A task whose log tells more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedTask {
    pub(crate) id: String,
    /// Service and slot.
    pub(crate) name: String,
}

/// The causes that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseKind {
    Crash,
    Unhealthy,
    NotPulled,
    Paused,
    WrongDigest,
    NodeLost,
    NotServed,
    Deadline,
    Migration,
    Refused,
    Interrupted,
    LockLost,
    Unexpected,
}

impl CauseKind {
    /// Its name in output and records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash loop",
            Self::Unhealthy => "failing health check",
            Self::NotPulled => "image not pulled",
            Self::Paused => "update paused",
            Self::WrongDigest => "wrong digest",
            Self::NodeLost => "node lost",
            Self::NotServed => "clients not served",
            Self::Deadline => "deadline passed",
            Self::Migration => "failing migration",
            Self::Refused => "refused by the cluster",
            Self::Interrupted => "interrupted",
            Self::LockLost => "lock lost",
            Self::Unexpected => "unexpected error",
        }
    }

    /// What to do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Crash => {
                "read the lines above: the new version does not start with this cluster's settings; fix it and deploy the fix"
            }
            Self::Unhealthy => {
                "the new version starts but is never ready: look for what its readiness waits for, and at `start_period`"
            }
            Self::NotPulled => {
                "a node could not pull the image: is the registry up, does the login still hold (`docker login`), is its disk full?"
            }
            Self::Paused => "`stoa status` shows the tasks that Swarm stopped at",
            Self::WrongDigest => {
                "somebody changed the service by hand during the deploy; keep hands off and deploy again"
            }
            Self::NotServed => {
                "every task is healthy, and yet the way to them is broken: where a certificate is named, by that of the edge, or for want of `authority` in the cluster's file; else `stoa logs` of the edge and of the gateway"
            }
            Self::NodeLost => "bring the node back (`docker node ls`), then deploy again",
            Self::Deadline => {
                "see what the services wait for: too few resources, a node that is full or drained, or a deadline too short (--deadline)"
            }
            Self::Migration => {
                "no service was touched; fix the migration and deploy the fix (what it did before it failed is the database's to say)"
            }
            Self::Refused => {
                "the stack's document does not fit the cluster: `stoa render` prints it"
            }
            Self::Interrupted => "deploy again when you are ready",
            Self::LockLost => "another deployer has taken over; see `stoa history`",
            Self::Unexpected => "see `stoa status`; deploy again once the cluster answers",
        }
    }
}

impl Cause {
    pub(crate) fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            task: None,
        }
    }

    /// What a failed task of `service` says.
    pub(crate) fn of_task(service: &str, task: &Task) -> Self {
        let state = task.status.as_ref().and_then(|status| status.state);
        let stopped = state == Some(TaskState::COMPLETE);
        let message = if stopped {
            "ended with exit code 0: stopped because its health check failed, or by itself".into()
        } else {
            error_of(task)
        };
        let kind = if is_pull_error(task) {
            CauseKind::NotPulled
        } else if stopped || message.contains("unhealthy") {
            CauseKind::Unhealthy
        } else {
            CauseKind::Crash
        };
        Self {
            kind,
            detail: format!("{service}: {message}"),
            task: failed_task(service, task),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl From<anyhow::Error> for Cause {
    fn from(error: anyhow::Error) -> Self {
        Self::new(CauseKind::Unexpected, format!("{error:#}"))
    }
}

/// Names a task for its log.
pub(crate) fn failed_task(service: &str, task: &Task) -> Option<FailedTask> {
    let slot = task.slot.map_or(String::new(), |slot| format!(".{slot}"));
    Some(FailedTask {
        id: task.id.clone()?,
        name: format!("{service}{slot}"),
    })
}

/// What the engine says of a task that failed.
pub(crate) fn error_of(task: &Task) -> String {
    let status = task.status.as_ref();
    let error = status.and_then(|status| status.err.clone());
    let error = error.filter(|error| !error.is_empty());
    let message = error.or_else(|| status.and_then(|status| status.message.clone()));
    message.unwrap_or_else(|| "no reason given".into())
}

/// Whether a task failed because its node could not get the image.
pub(crate) fn is_pull_error(task: &Task) -> bool {
    let state = task.status.as_ref().and_then(|status| status.state);
    let error = error_of(task).to_lowercase();
    state == Some(TaskState::REJECTED)
        && ["no such image", "pull", "manifest", "registry"]
            .iter()
            .any(|sign| error.contains(sign))
}
