//! Jobs that have ended without success start anew.

use axum::extract::State;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::{Evaluate, JobDetail, Payload as _, RetriedJobs, RetryJobs, SkippedJob};
use stoa_contracts::{Coded as _, ErrorCode, Page};
use stoa_postgres::{Cursor, into_page};
use stoa_queue::store::{self, DeadFilter, DeadJob, State as Stage};
use stoa_service::{Identity, Json, Path, Problem, responses};
use uuid::Uuid;

use super::{Jobs, dead, detail, find};

/// The most jobs that one request lets start anew: a training among them costs a call.
const AT_ONCE: u16 = 100;
/// Calls that are made at a time for them.
const CALLS: usize = 8;

/// Retry a job
///
/// One that has failed or was cancelled starts anew, with all its attempts. A training, import or export that it is about begins anew, too, and a webhook is called again.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/retry", operation_id = "retry_job", tag = "jobs",
    params(
        ("id" = Uuid, Path, description = "The job"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts it once", min_length = 1, max_length = 255)
    ),
    responses((status = 200, body = JobDetail, description = "The job"), responses::Write)
)]
pub(crate) async fn retry_job(
    State(jobs): State<Jobs>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetail>, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    let found = find(&jobs, &identity, id).await?;
    if !matches!(found.state, Stage::Failed | Stage::Cancelled) {
        return Err(Problem::new(ErrorCode::Conflict, obstacle(found.state)));
    }
    let job = dead(found);
    jobs.prepare(&job).await?;
    if jobs.replay(&[id]).await? == 0 {
        return Err(Problem::new(ErrorCode::Conflict, TAKEN));
    }
    tracing::info!(job = %id, kind = job.kind, by = %identity.subject, "a job starts anew");
    let found = find(&jobs, &identity, id).await?;
    Ok(Json(detail(&jobs.store, found).await?))
}

/// Retry failed jobs
///
/// Those of the account that have failed for good start anew, a hundred at most in one request, the newest first.
#[utoipa::path(
    post, path = "/api/v1/jobs/retry", operation_id = "retry_jobs", tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key twice starts them once", min_length = 1, max_length = 255)),
    request_body = RetryJobs,
    responses((status = 200, body = RetriedJobs, description = "How many start anew"), responses::Write)
)]
pub(crate) async fn retry_jobs(
    State(jobs): State<Jobs>,
    identity: Identity,
    Json(wanted): Json<RetryJobs>,
) -> Result<Json<RetriedJobs>, Problem> {
    identity.require_whole_account()?;
    identity.require(Role::Editor)?;
    let named = wanted.ids.clone().unwrap_or_default();
    let filter = DeadFilter {
        account: Some(identity.account),
        queue: wanted.queue,
        kind: wanted.kind,
        ids: wanted.ids,
        error: wanted.error,
        before: Cursor::<Uuid>::decode(wanted.cursor.as_deref())?.map(|cursor| cursor.0),
    };
    let dead = jobs.store.dead(&filter, i64::from(AT_ONCE) + 1).await?;
    let Page { items, next_cursor } = into_page(dead, AT_ONCE.into(), |job: &DeadJob| job.id);
    let not_dead = named
        .into_iter()
        .filter(|id| items.iter().all(|job| job.id != *id));
    let not_dead: Vec<Uuid> = not_dead.collect();
    let prepare = |job: DeadJob| {
        let jobs = jobs.clone();
        async move { (job.id, jobs.prepare(&job).await) }
    };
    let prepared = stream::iter(items).map(prepare).buffered(CALLS);
    let (mut ready, mut skipped) = (Vec::new(), Vec::new());
    for (id, prepared) in prepared.collect::<Vec<_>>().await {
        match prepared {
            Ok(()) => ready.push(id),
            Err(problem) => {
                let reason = problem.body().detail.clone();
                skipped.push(SkippedJob { id, reason });
            }
        }
    }
    skipped.extend(jobs.left_out(&identity, not_dead).await?);
    let retried = jobs.replay(&ready).await?;
    if retried < ready.len() as u64 {
        skipped.extend(jobs.taken(ready).await?);
    }
    tracing::info!(retried, skipped = skipped.len(), by = %identity.subject, "failed jobs start anew");
    Ok(Json(RetriedJobs {
        retried,
        skipped,
        next_cursor,
    }))
}

const TAKEN: &str = "The job does not start anew: it does already, another one like it waits or runs, or one that it waited for has not succeeded.";

/// Why a job that has not failed does not start anew.
fn obstacle(state: Stage) -> &'static str {
    match state {
        Stage::Succeeded => "The job has succeeded; there is nothing to retry.",
        Stage::Cancelled => "The job was cancelled; retry it by itself.",
        Stage::Failed => "The job is not one of those that the rest of the request asks for.",
        _ => "The job has not ended yet: wait for its end, or cancel it first.",
    }
}

impl Jobs {
    /// Jobs that were named, and are not among those that may start anew, with the reasons.
    async fn left_out(
        &self,
        identity: &Identity,
        named: Vec<Uuid>,
    ) -> Result<Vec<SkippedJob>, Problem> {
        let look = |id| async move {
            let found = self.store.find(id).await?;
            let own = found.filter(|job| job.account == identity.account);
            let reason = own.map_or("There is no such job.", |job| obstacle(job.state));
            let reason = reason.to_owned();
            Ok(SkippedJob { id, reason })
        };
        stream::iter(named)
            .map(look)
            .buffered(CALLS)
            .try_collect()
            .await
    }

    /// Those of some jobs that were to start anew and have not.
    async fn taken(&self, ids: Vec<Uuid>) -> Result<Vec<SkippedJob>, Problem> {
        let mut left = Vec::new();
        for id in ids {
            let found = self.store.find(id).await?;
            if found.is_none_or(|job| job.state == Stage::Failed) {
                let reason = TAKEN.to_owned();
                left.push(SkippedJob { id, reason });
            }
        }
        Ok(left)
    }

    /// Makes what a job is about ready for another start. Twice is the same as once.
    pub(super) async fn prepare(&self, job: &DeadJob) -> Result<(), Problem> {
        // Records of releases before the present one have no payload.
        if job.payload.is_empty() {
            let detail =
                "This job is too old: what it was to do is not known any more. Start a new one.";
            return Err(Problem::new(ErrorCode::Conflict, detail));
        }
        if job.kind == Evaluate::KIND {
            let detail = "An evaluation that has ended stays as it is. Start a new one.";
            return Err(Problem::new(ErrorCode::Conflict, detail));
        }
        let opened = async {
            self.runs.reopen(job).await?;
            self.transfers.reopen(job).await?;
            self.webhooks.reopen(job).await
        };
        opened.await.map_err(|error| match error.code() {
            ErrorCode::NotFound => {
                let detail = "What it is about is gone, perhaps with its assistant.";
                Problem::new(ErrorCode::Conflict, detail)
            }
            ErrorCode::Conflict => Problem::new(ErrorCode::Conflict, error.problem().detail),
            _ => error.into(),
        })
    }

    /// Puts jobs back into their queues; how many.
    async fn replay(&self, ids: &[Uuid]) -> Result<u64, Problem> {
        if ids.is_empty() {
            return Ok(0);
        }
        let all = store::JobFilter::default();
        Ok(self.store.replay(&all, Some(ids)).await?)
    }
}
