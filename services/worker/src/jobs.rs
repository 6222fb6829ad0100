//! The record of jobs, as their account reads it and acts on it.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use std::sync::Arc;
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::{Job, JobAttempt, JobDetail, JobStatus};
use stoa_contracts::text::check_storable;
use stoa_contracts::{ErrorCode, Page};
use stoa_postgres::{Cursor, into_page};
use stoa_queue::store::{self, CancelOutcome, DeadJob, Store, StoredJob};
use stoa_service::{Clock, Identity, Json, Operators, Path, Problem, Query, responses};
use tokio::sync::Mutex;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::retrain::Retrainings;
use crate::runs::Runs;
use crate::schedules::show::own_name;
use crate::transfers::Transfers;
use crate::webhooks::Webhooks;

pub mod retry;

/// The record, and who is asked and told of what happens to it.
#[derive(Clone)]
pub(crate) struct Jobs {
    pub(crate) store: Store,
    pub(crate) runs: Runs,
    pub(crate) transfers: Transfers,
    pub(crate) webhooks: Webhooks,
    pub(crate) retrainings: Retrainings,
    pub(crate) operators: Operators,
    pub(crate) clock: Clock,
    /// Held by who makes a schedule.
    pub(crate) scheduling: Arc<Mutex<()>>,
}

/// Which jobs, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct JobFilter {
    /// Only jobs that are so far.
    #[garde(skip)]
    pub status: Option<JobStatus>,
    /// Only this kind of work.
    #[garde(length(chars, min = 1, max = 50), inner(custom(check_storable)))]
    #[param(min_length = 1, max_length = 50, example = "train")]
    pub kind: Option<String>,
    /// Only of this queue.
    #[garde(length(chars, min = 1, max = 50), inner(custom(check_storable)))]
    #[param(min_length = 1, max_length = 50, example = "trainings")]
    pub queue: Option<String>,
    /// The jobs of the platform instead of the account's: those that belong to no account, such as what nobody could
    /// read. Takes an operator.
    #[garde(skip)]
    #[param(default = false)]
    pub platform: bool,
    /// The most items of the page.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: u16,
    /// `next_cursor` of the page before; absent for the first one.
    #[garde(length(max = 500))]
    #[param(max_length = 500)]
    pub cursor: Option<String>,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            status: None,
            kind: None,
            queue: None,
            platform: false,
            limit: 20,
            cursor: None,
        }
    }
}

/// List the jobs of the account, newest first
#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "list_jobs", tag = "jobs",
    params(JobFilter),
    responses((status = 200, body = Page<Job>, description = "A page of jobs"), responses::Read)
)]
pub(crate) async fn list_jobs(
    State(jobs): State<Jobs>,
    identity: Identity,
    Query(filter): Query<JobFilter>,
) -> Result<Json<Page<Job>>, Problem> {
    identity.require_whole_account()?;
    if filter.platform {
        jobs.operators.require(&identity)?;
    }
    let account = if filter.platform {
        Uuid::nil()
    } else {
        identity.account
    };
    let wanted = store::JobFilter {
        account: Some(account),
        states: filter.status.map(states).unwrap_or_default(),
        is_retried: filter.status.and_then(is_retried),
        queue: filter.queue,
        kind: filter.kind,
        flow: None,
        before: Cursor::<Uuid>::decode(filter.cursor.as_deref())?.map(|cursor| cursor.0),
    };
    let found = jobs
        .store
        .list(&wanted, i64::from(filter.limit) + 1)
        .await?;
    let found = found.into_iter().map(job).collect();
    Ok(Json(into_page(found, filter.limit.into(), |job: &Job| {
        job.id
    })))
}

/// Get a job with what its attempts came to
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = JobDetail, description = "The job"), responses::Read)
)]
pub(crate) async fn get_job(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetail>, Problem> {
    identity.require_whole_account()?;
    let found = find(&jobs, &identity, id).await?;
    Ok(Json(detail(&jobs.store, found).await?))
}

/// Cancel a job
///
/// One that waits is cancelled at once. One that runs is told to end: `cancel_requested` is true until it has.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, body = JobDetail, description = "The job"), responses::Write)
)]
pub(crate) async fn cancel_job(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetail>, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    let found = find(&jobs, &identity, id).await?;
    match jobs.store.cancel(id).await? {
        Some(CancelOutcome::Ended(state)) => {
            // `api` may have been away the first time.
            if state == store::State::Cancelled {
                jobs.tell_cancelled(found).await?;
            }
            let detail = format!("The job has ended already: {}.", state.as_str());
            return Err(Problem::new(ErrorCode::Conflict, detail));
        }
        Some(CancelOutcome::Cancelled) => jobs.tell_cancelled(found).await?,
        // One that runs tells of its end itself.
        Some(CancelOutcome::Requested) | None => {}
    }
    let found = find(&jobs, &identity, id).await?;
    Ok(Json(detail(&jobs.store, found).await?))
}

impl Jobs {
    /// Tells `api` of a job that was cancelled before it ran.
    async fn tell_cancelled(&self, job: StoredJob) -> Result<(), Problem> {
        self.runs.tell_cancelled(&job).await;
        self.transfers.tell_cancelled(&job).await;
        self.webhooks.tell_cancelled(&job).await;
        let found = self.store.find(job.id).await?;
        if found.is_none_or(|found| found.state.is_end()) {
            return Ok(());
        }
        // A retry has overtaken the news: what the job is about has ended by them, and begins anew after all.
        self.prepare(&dead(job)).await
    }
}

/// A job that is to start anew.
fn dead(job: StoredJob) -> DeadJob {
    DeadJob {
        id: job.id,
        kind: job.kind,
        payload: job.payload,
    }
}

/// A job of the asker's account; for an operator those of the platform, too.
async fn find(jobs: &Jobs, identity: &Identity, id: Uuid) -> Result<StoredJob, Problem> {
    let found = jobs.store.find(id).await?;
    let found = found.filter(|job| {
        job.account == identity.account || job.account.is_nil() && jobs.operators.include(identity)
    });
    found.ok_or_else(|| Problem::not_found("job"))
}

async fn detail(store: &Store, found: StoredJob) -> Result<JobDetail, Problem> {
    let history = store.attempts(found.id).await?.into_iter();
    let history = history.map(|past| JobAttempt {
        number: past.number.into(),
        outcome: past.outcome,
        error: past.error,
        started_at: past.started_at,
        ended_at: past.ended_at,
    });
    Ok(JobDetail {
        history: history.collect(),
        job: job(found),
    })
}

fn job(stored: StoredJob) -> Job {
    Job {
        status: status(&stored),
        id: stored.id,
        queue: stored.queue,
        kind: stored.kind,
        progress: stored.progress,
        attempts: stored.attempts.into(),
        max_attempts: stored.max_attempts.into(),
        cancel_requested: stored.cancel_requested && !stored.state.is_end(),
        error: stored.error,
        result: stored.result,
        trace_id: stored.trace_id,
        schedule: stored.schedule.map(|key| own_name(&key).to_owned()),
        enqueued_at: stored.enqueued_at,
        started_at: stored.started_at,
        finished_at: stored.finished_at,
    }
}

/// What the states of the record are for those who wait for a job.
fn status(job: &StoredJob) -> JobStatus {
    match job.state {
        store::State::Scheduled | store::State::Queued | store::State::Sent if job.attempts > 0 => {
            JobStatus::Retrying
        }
        store::State::Waiting | store::State::Scheduled => JobStatus::Scheduled,
        store::State::Queued | store::State::Sent => JobStatus::Queued,
        store::State::Running => JobStatus::Running,
        store::State::Succeeded => JobStatus::Succeeded,
        store::State::Failed => JobStatus::Failed,
        store::State::Cancelled => JobStatus::Cancelled,
    }
}

fn states(status: JobStatus) -> Vec<store::State> {
    match status {
        JobStatus::Scheduled => vec![store::State::Waiting, store::State::Scheduled],
        JobStatus::Queued => vec![store::State::Queued, store::State::Sent],
        JobStatus::Retrying => vec![
            store::State::Scheduled,
            store::State::Queued,
            store::State::Sent,
        ],
        JobStatus::Running => vec![store::State::Running],
        JobStatus::Succeeded => vec![store::State::Succeeded],
        JobStatus::Failed => vec![store::State::Failed],
        JobStatus::Cancelled => vec![store::State::Cancelled],
    }
}

/// Whether a job of this status was started before; `None` where that does not matter.
fn is_retried(status: JobStatus) -> Option<bool> {
    match status {
        JobStatus::Scheduled | JobStatus::Queued => Some(false),
        JobStatus::Retrying => Some(true),
        _ => None,
    }
}
