//! The queues as a whole: how they are, and what an operator does to them.

use axum::extract::State;
use std::time::Duration;
use stoa_contracts::queues::{
    Queue, QueueDepth, QueueLimits, QueueRate, QueueScope, QueueThroughput, Queues,
};
use stoa_queue::store::{self, QueueFigures};
use stoa_service::{Identity, Json, Path, Problem, responses};

use crate::jobs::Jobs;

/// What "the last minute" is.
const RECENT: Duration = Duration::from_mins(1);

/// List the queues
///
/// An operator sees the jobs of all accounts, everybody else those of the own account.
#[utoipa::path(
    get, path = "/api/v1/queues", operation_id = "list_queues", tag = "queues",
    responses((status = 200, body = Queues, description = "The queues, by name"), responses::Read)
)]
pub(crate) async fn list_queues(
    State(jobs): State<Jobs>,
    identity: Identity,
) -> Result<Json<Queues>, Problem> {
    identity.require_whole_account()?;
    let (scope, account) = if jobs.operators.include(&identity) {
        (QueueScope::Platform, None)
    } else {
        (QueueScope::Account, Some(identity.account))
    };
    let figures = jobs.store.figures(account, RECENT).await?;
    let items = figures.into_iter().map(|(name, found)| queue(name, &found));
    Ok(Json(Queues {
        scope,
        items: items.collect(),
    }))
}

/// Pause a queue
///
/// Nothing more of it is started, for any account; what runs goes on. Takes an operator.
#[utoipa::path(
    post, path = "/api/v1/queues/{queue}/pause", operation_id = "pause_queue", tag = "queues",
    params(("queue" = String, Path, description = "The queue", example = "trainings")),
    responses((status = 200, body = Queue, description = "The queue"), responses::Write)
)]
pub(crate) async fn pause_queue(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
) -> Result<Json<Queue>, Problem> {
    jobs.operators.require(&identity)?;
    find(&jobs, &name).await?;
    jobs.store.pause(&name).await?;
    tracing::info!(queue = name, by = %identity.subject, "a queue is paused");
    find(&jobs, &name).await.map(Json)
}

/// Resume a queue
///
/// Its jobs are started again. Takes an operator.
#[utoipa::path(
    post, path = "/api/v1/queues/{queue}/resume", operation_id = "resume_queue", tag = "queues",
    params(("queue" = String, Path, description = "The queue", example = "trainings")),
    responses((status = 200, body = Queue, description = "The queue"), responses::Write)
)]
pub(crate) async fn resume_queue(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
) -> Result<Json<Queue>, Problem> {
    jobs.operators.require(&identity)?;
    find(&jobs, &name).await?;
    jobs.store.resume(&name).await?;
    tracing::info!(queue = name, by = %identity.subject, "a queue runs again");
    find(&jobs, &name).await.map(Json)
}

/// Set the limits of a queue
///
/// They hold for all accounts and all workers together; what is left out has no limit. Takes an operator.
#[utoipa::path(
    put, path = "/api/v1/queues/{queue}/limits", operation_id = "set_queue_limits", tag = "queues",
    params(("queue" = String, Path, description = "The queue", example = "trainings")),
    request_body = QueueLimits,
    responses((status = 200, body = Queue, description = "The queue"), responses::Write)
)]
pub(crate) async fn set_queue_limits(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(name): Path<String>,
    Json(limits): Json<QueueLimits>,
) -> Result<Json<Queue>, Problem> {
    jobs.operators.require(&identity)?;
    find(&jobs, &name).await?;
    let rate = limits
        .rate
        .map(|rate| (rate.jobs, Duration::from_secs(rate.seconds.into())));
    let limits = store::Limits {
        max_running: limits.max_running,
        rate,
    };
    jobs.store.limit(&name, limits).await?;
    tracing::info!(queue = name, ?limits, by = %identity.subject, "a queue has new limits");
    find(&jobs, &name).await.map(Json)
}

/// A queue that has, or had, jobs or workers; a name that was mistyped is none.
async fn find(jobs: &Jobs, name: &str) -> Result<Queue, Problem> {
    let mut figures = jobs.store.figures(None, RECENT).await?;
    let found = figures.remove(name);
    let found = found.ok_or_else(|| Problem::not_found("queue"))?;
    Ok(queue(name.to_owned(), &found))
}

fn queue(name: String, figures: &QueueFigures) -> Queue {
    use store::State::{Cancelled, Failed, Queued, Running, Scheduled, Sent, Succeeded, Waiting};
    let in_state = |state| figures.counts.get(&state).copied().unwrap_or_default();
    let ended = |state| figures.ended.get(&state).copied().unwrap_or_default();
    Queue {
        name,
        paused_at: figures.paused_at,
        limits: limits(figures.limits),
        jobs: QueueDepth {
            scheduled: in_state(Waiting) + in_state(Scheduled),
            queued: in_state(Queued) + in_state(Sent),
            running: in_state(Running),
            failed: in_state(Failed),
        },
        oldest_waits_since: figures.oldest,
        last_minute: QueueThroughput {
            succeeded: ended(Succeeded),
            failed: ended(Failed),
            cancelled: ended(Cancelled),
        },
    }
}

fn limits(stored: store::Limits) -> QueueLimits {
    let rate = stored.rate.map(|(jobs, period)| QueueRate {
        jobs,
        seconds: u32::try_from(period.as_secs()).unwrap_or(u32::MAX),
    });
    QueueLimits {
        max_running: stored.max_running,
        rate,
    }
}
