//! Whether the broker still has what it was sent.

use super::{Store, begin};
use crate::{Queue, QueueError};
use std::time::Duration;
use uuid::Uuid;

/// How long a job that was sent may be nowhere on a broker that says it has none.
const STRANDED: &str = "10 seconds";
/// How much later than a job another one was sent that has started, for the first to be lost: brokers keep the order,
/// but for what is given back.
const OVERTAKEN: &str = "30 seconds";
/// How long a process that works may say nothing while it runs a job; brokers notice its death earlier.
const SILENT: Duration = Duration::from_mins(1);

impl Store {
    /// If the broker is another than it was, or has lost its data, everything that was sent waits for its turn again.
    /// Whoever works on one of them has lost it: its end does not count, and neither does the attempt, of which it was
    /// not the fault.
    pub(super) async fn notice_loss(&self, queue: &Queue) -> Result<(), QueueError> {
        let known = sqlx::query_scalar!("SELECT mark FROM queue_broker")
            .fetch_optional(&self.pool)
            .await?;
        if let Some(known) = &known
            && queue.backend.has_mark(known).await?
        {
            return Ok(());
        }
        let mark = Uuid::new_v4().to_string();
        queue.backend.set_mark(&mark).await?;
        let mut transaction = begin(&self.pool).await?;
        // Before the first mark nothing was sent; what was taken in by then came from the broker itself.
        let again = sqlx::query!(
            "WITH out AS (
                 SELECT id, state, attempts, worker, started_at FROM queue_jobs
                 WHERE stage = 'out' AND $1 FOR UPDATE),
             lost AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM out WHERE state = 'running'
                 ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET state = 'queued', max_attempts = j.max_attempts + (out.state = 'running')::int
             FROM out WHERE j.id = out.id",
            known.is_some(),
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "INSERT INTO queue_broker (mark) VALUES ($1) ON CONFLICT (is_only) DO UPDATE SET mark = $1",
            mark,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        if known.is_some() {
            let jobs = again.rows_affected();
            tracing::warn!(
                jobs,
                "the broker has lost its data; what was sent is sent again"
            );
        }
        Ok(())
    }

    /// A broker may lose its last second alone: the queues with jobs that were sent a while ago, and which.
    pub(super) async fn suspects(&self) -> Result<Vec<(String, Vec<Uuid>)>, QueueError> {
        let suspects = sqlx::query!(
            r#"SELECT queue, array_agg(id) AS "ids!" FROM queue_jobs
               WHERE stage = 'out' AND state = 'sent' AND sent_at < clock_timestamp() - $1::text::interval
               GROUP BY queue"#,
            STRANDED,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(suspects.into_iter().map(|s| (s.queue, s.ids)).collect())
    }

    /// Suspects of a queue of which the broker says that it holds no job are sent again.
    pub(super) async fn send_again(
        &self,
        queue: &str,
        suspects: &[Uuid],
    ) -> Result<(), QueueError> {
        let again = sqlx::query!(
            "UPDATE queue_jobs SET state = 'queued'
             WHERE id = ANY($1) AND state = 'sent' AND sent_at < clock_timestamp() - $2::text::interval",
            suspects,
            STRANDED,
        )
        .execute(&self.pool)
        .await?;
        tracing::warn!(
            queue,
            jobs = again.rows_affected(),
            "the broker has not what it was sent; it is sent again"
        );
        Ok(())
    }

    /// What was overtaken is sent again, on a broker that always has some.
    pub(super) async fn notice_overtaken(&self) -> Result<(), QueueError> {
        let again = sqlx::query!(
            // Read once, not for every job: the planner does not know how many are out.
            "WITH last AS MATERIALIZED (
                 SELECT queue, max(sent_at) AS sent_at FROM queue_jobs
                 WHERE stage = 'out' AND state = 'running' GROUP BY queue)
             UPDATE queue_jobs j SET state = 'queued' FROM last
             WHERE j.queue = last.queue AND stage = 'out' AND state = 'sent' AND j.sent_at < last.sent_at - $1::text::interval",
            OVERTAKEN,
        )
        .execute(&self.pool)
        .await?;
        if again.rows_affected() > 0 {
            let jobs = again.rows_affected();
            tracing::warn!(
                jobs,
                "jobs were overtaken on the broker; they are sent again"
            );
        }
        Ok(())
    }

    /// What runs on a process that is gone, and which the broker has not handed to another, is sent again. Nobody can
    /// have said anything while the record was away: it must have answered for as long.
    pub(super) async fn notice_silent(&self, answers: Duration) -> Result<(), QueueError> {
        if answers < SILENT {
            return Ok(());
        }
        let again = sqlx::query!(
            "WITH lost AS (
                 SELECT id, attempts, worker, started_at FROM queue_jobs
                 WHERE stage = 'out' AND state = 'running' AND started_at < clock_timestamp() - $1::float8 * interval '1 second'
                   AND NOT EXISTS (SELECT FROM queue_workers WHERE name = worker
                                   AND seen_at > clock_timestamp() - $1::float8 * interval '1 second')
                 FOR UPDATE),
             past AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM lost ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET state = 'queued' FROM lost WHERE j.id = lost.id",
            SILENT.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        if again.rows_affected() > 0 {
            let jobs = again.rows_affected();
            tracing::warn!(jobs, "workers died, and their jobs are sent again");
        }
        Ok(())
    }
}
