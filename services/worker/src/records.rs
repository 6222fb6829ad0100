//! The record of every job, in the service's own database.

use sqlx::PgPool;
use sqlx::postgres::PgQueryResult;
use std::time::Duration;
use stoa_contracts::jobs::{Job, JobStatus};
use stoa_postgres::{DatabaseError, traced};
use stoa_queue::{DeadReason, Envelope, Outcome};
use stoa_service::Clock;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::jobs::JobFilter;

/// Records that one statement removes, so that none holds many locks.
const REMOVED_AT_ONCE: i64 = 1000;

/// Writes and reads records. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Records {
    pool: PgPool,
    clock: Clock,
}

/// A record as the table has it.
struct Row {
    id: Uuid,
    kind: String,
    status: String,
    progress: f64,
    attempts: i32,
    error: Option<String>,
    trace_id: Option<String>,
    enqueued_at: OffsetDateTime,
    started_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl Records {
    pub(crate) fn new(pool: PgPool, clock: Clock) -> Self {
        Self { pool, clock }
    }

    /// An attempt starts. Progress stands: the next attempt goes on where the work is kept.
    pub(crate) async fn started(&self, job: &Envelope) -> Result<(), DatabaseError> {
        self.write(job, JobStatus::Running, None).await
    }

    /// An attempt has ended, or a job was parked without one.
    pub(crate) async fn ended(
        &self,
        job: &Envelope,
        outcome: &Outcome,
    ) -> Result<(), DatabaseError> {
        let (status, error) = match outcome {
            Outcome::Succeeded => (JobStatus::Succeeded, None),
            Outcome::Retried { failure, .. } => {
                (JobStatus::Retrying, Some(failure.message.clone()))
            }
            Outcome::Released => (JobStatus::Retrying, None),
            Outcome::Dead { .. } => (JobStatus::Failed, final_failure(job, outcome)),
        };
        self.write(job, status, error).await
    }

    async fn write(
        &self,
        job: &Envelope,
        status: JobStatus,
        error: Option<String>,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        let finished = matches!(status, JobStatus::Succeeded | JobStatus::Failed).then_some(now);
        let query = sqlx::query!(
            "INSERT INTO jobs (id, account_id, kind, status, progress, attempts, error, trace_id,
                               enqueued_at, started_at, finished_at)
             VALUES ($1, $2, $3, $4, CASE WHEN $4 = 'succeeded' THEN 1 ELSE 0 END, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE SET
                 status = $4,
                 progress = CASE WHEN $4 = 'succeeded' THEN 1 ELSE jobs.progress END,
                 attempts = $5,
                 error = $6,
                 trace_id = coalesce($7, jobs.trace_id),
                 started_at = CASE WHEN $4 = 'running' THEN $9 ELSE jobs.started_at END,
                 finished_at = $10",
            job.id,
            job.account,
            job.kind,
            status.as_str(),
            i32::from(job.attempt.min(job.max_attempts)),
            error,
            stoa_telemetry::trace_id(),
            job.enqueued_at,
            now,
            finished,
        );
        traced("job.record", query.execute(&self.pool)).await?;
        Ok(())
    }

    /// A running job has got further.
    pub(crate) async fn progressed(&self, id: Uuid, progress: f64) -> Result<(), DatabaseError> {
        let progress = progress.clamp(0.0, 1.0);
        let query = sqlx::query!(
            "UPDATE jobs SET progress = $2 WHERE id = $1 AND status = 'running'",
            id,
            progress,
        );
        traced("job.progress", query.execute(&self.pool)).await?;
        Ok(())
    }

    pub(crate) async fn find(&self, account: Uuid, id: Uuid) -> Result<Option<Job>, DatabaseError> {
        let query = sqlx::query_as!(
            Row,
            "SELECT id, kind, status, progress, attempts, error, trace_id,
                    enqueued_at, started_at, finished_at
             FROM jobs WHERE id = $1 AND account_id = $2",
            id,
            account,
        );
        let row = traced("job.select", query.fetch_optional(&self.pool)).await?;
        Ok(row.map(Job::from))
    }

    /// The jobs of an account, newest first, and one more than the filter's limit.
    pub(crate) async fn list(
        &self,
        account: Uuid,
        filter: &JobFilter,
        before: Option<Uuid>,
    ) -> Result<Vec<Job>, DatabaseError> {
        let query = sqlx::query_as!(
            Row,
            "SELECT id, kind, status, progress, attempts, error, trace_id,
                    enqueued_at, started_at, finished_at
             FROM jobs
             WHERE account_id = $1
               AND ($2::uuid IS NULL OR id < $2)
               AND ($3::text IS NULL OR status = $3)
               AND ($4::text IS NULL OR kind = $4)
             ORDER BY id DESC
             LIMIT $5",
            account,
            before,
            filter.status.map(JobStatus::as_str),
            filter.kind.as_deref(),
            i64::from(filter.limit) + 1,
        );
        let rows = traced("job.list", query.fetch_all(&self.pool)).await?;
        Ok(rows.into_iter().map(Job::from).collect())
    }

    /// Removes a batch of the records that ended longer than `retention` ago; how many.
    pub(crate) async fn remove_old(&self, retention: Duration) -> Result<u64, DatabaseError> {
        let query = sqlx::query!(
            "DELETE FROM jobs WHERE id IN
                 (SELECT id FROM jobs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            self.clock.now() - retention,
            REMOVED_AT_ONCE,
        );
        let removed = traced("job.remove_old", query.execute(&self.pool)).await;
        removed.map(|done: PgQueryResult| done.rows_affected())
    }
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        let all = [
            JobStatus::Running,
            JobStatus::Retrying,
            JobStatus::Succeeded,
        ];
        let known = all.into_iter().find(|status| status.as_str() == row.status);
        Self {
            id: row.id,
            kind: row.kind,
            // The table's check allows these three and `failed`.
            status: known.unwrap_or(JobStatus::Failed),
            progress: row.progress,
            attempts: row.attempts,
            error: row.error,
            trace_id: row.trace_id,
            enqueued_at: row.enqueued_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// Why a job ended without success, in words for its account.
pub(crate) fn final_failure(job: &Envelope, outcome: &Outcome) -> Option<String> {
    let Outcome::Dead { reason, failure } = outcome else {
        return None;
    };
    Some(match reason {
        DeadReason::Failed => failure.message.clone(),
        DeadReason::Exhausted => {
            format!(
                "Given up after {} attempts: {}",
                job.max_attempts, failure.message
            )
        }
        _ => format!("The job cannot be run here: {}", failure.message),
    })
}
