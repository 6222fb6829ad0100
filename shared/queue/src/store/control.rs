//! What an operator, or an account, looks at and does.

use super::job::{Attempt, State, StoredJob};
use super::{Store, flow};
use crate::QueueError;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Jobs that one statement of a replay moves.
const REPLAYED_AT_ONCE: i64 = 1000;

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this account.
    pub account: Option<Uuid>,
    /// In these states; in any if there is none.
    pub states: Vec<State>,
    /// Started before, or not.
    pub is_retried: Option<bool>,
    /// In this queue.
    pub queue: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this flow.
    pub flow: Option<Uuid>,
    /// Enqueued before this one.
    pub before: Option<Uuid>,
}

/// What became of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It will not start.
    Cancelled,
    /// It runs, and is told to end.
    Requested,
    /// It has ended already.
    Ended(State),
}

/// What holds for a queue as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most jobs that run at a time, on all workers together.
    pub max_running: Option<u16>,
    /// The most that are started in a time.
    pub rate: Option<(u16, Duration)>,
}

/// How a queue is.
#[derive(Clone, Debug)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// When it was paused, if it is.
    pub paused_at: Option<OffsetDateTime>,
    /// What holds for it.
    pub limits: Limits,
    /// Jobs in each state, but for those that succeeded or were cancelled.
    pub counts: Vec<(State, u64)>,
    /// When the oldest was enqueued that waits for its turn.
    pub oldest: Option<OffsetDateTime>,
}

impl Store {
    /// A job, if there is one.
    pub async fn find(&self, id: Uuid) -> Result<Option<StoredJob>, QueueError> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, queue, kind, account_id, state, priority, payload, progress, attempts, max_attempts,
                    cancel_requested, error, result, trace_id, flow_id, schedule, not_before, enqueued_at, started_at,
                    finished_at
             FROM queue_jobs WHERE id = $1",
            id,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(StoredJob::from))
    }

    /// Jobs, the newest first, at most `limit`.
    pub async fn list(&self, filter: &JobFilter, limit: i64) -> Result<Vec<StoredJob>, QueueError> {
        let states: Vec<_> = filter
            .states
            .iter()
            .map(|s| s.as_str().to_owned())
            .collect();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, queue, kind, account_id, state, priority, payload, progress, attempts, max_attempts,
                    cancel_requested, error, result, trace_id, flow_id, schedule, not_before, enqueued_at, started_at,
                    finished_at
             FROM queue_jobs
             WHERE ($1::uuid IS NULL OR account_id = $1)
               AND (cardinality($2::text[]) = 0 OR state = ANY($2))
               AND ($3::text IS NULL OR queue = $3)
               AND ($4::text IS NULL OR kind = $4)
               AND ($5::uuid IS NULL OR flow_id = $5)
               AND ($6::uuid IS NULL OR id < $6)
               AND ($8::bool IS NULL OR (attempts > 0) = $8)
             ORDER BY id DESC LIMIT $7",
            filter.account,
            &states,
            filter.queue,
            filter.kind,
            filter.flow,
            filter.before,
            limit,
            filter.is_retried,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(StoredJob::from).collect())
    }

    /// The attempts of a job that did not succeed, in their order.
    pub async fn attempts(&self, id: Uuid) -> Result<Vec<Attempt>, QueueError> {
        let rows = sqlx::query_as!(
            Attempt,
            "SELECT attempt AS number, outcome, error, worker, started_at, ended_at
             FROM queue_attempts WHERE job_id = $1 ORDER BY attempt",
            id,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Cancels a job: one that has not started never does; one that runs is told. `None` if there is no such job.
    pub async fn cancel(&self, id: Uuid) -> Result<Option<CancelOutcome>, QueueError> {
        let mut transaction = self.pool.begin().await?;
        let state =
            sqlx::query_scalar!("SELECT state FROM queue_jobs WHERE id = $1 FOR UPDATE", id)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(state) = state.as_deref().map(State::from_stored) else {
            return Ok(None);
        };
        if state.is_end() {
            return Ok(Some(CancelOutcome::Ended(state)));
        }
        let runs = state == State::Running;
        sqlx::query!(
            "UPDATE queue_jobs SET cancel_requested = true,
                 state = CASE WHEN $2 THEN state ELSE 'cancelled' END,
                 finished_at = CASE WHEN $2 THEN NULL ELSE clock_timestamp() END
             WHERE id = $1",
            id,
            runs,
        )
        .execute(&mut *transaction)
        .await?;
        if !runs {
            flow::cancel_after(&mut transaction, &[id]).await?;
        }
        transaction.commit().await?;
        Ok(Some(if runs {
            CancelOutcome::Requested
        } else {
            CancelOutcome::Cancelled
        }))
    }

    /// Lets jobs start anew that have failed or were cancelled, as if they had just been enqueued; how many. `ids`
    /// narrows it; jobs whose unique key is taken by now stay as they are.
    pub async fn replay(
        &self,
        filter: &JobFilter,
        ids: Option<&[Uuid]>,
    ) -> Result<u64, QueueError> {
        let states: Vec<_> = [State::Failed, State::Cancelled]
            .into_iter()
            .filter(|state| filter.states.is_empty() || filter.states.contains(state))
            .map(|state| state.as_str().to_owned())
            .collect();
        let mut replayed = 0;
        loop {
            let moved = sqlx::query!(
                "WITH again AS (
                     SELECT id FROM queue_jobs j
                     WHERE state = ANY($1)
                       AND ($2::uuid IS NULL OR account_id = $2)
                       AND ($3::text IS NULL OR queue = $3)
                       AND ($4::text IS NULL OR kind = $4)
                       AND ($5::uuid[] IS NULL OR id = ANY($5))
                       AND (unique_key IS NULL OR NOT EXISTS (
                           SELECT FROM queue_jobs o WHERE o.queue = j.queue AND o.unique_key = j.unique_key
                              AND o.state NOT IN ('succeeded', 'failed', 'cancelled')))
                     ORDER BY id LIMIT $6 FOR UPDATE SKIP LOCKED),
                 forgotten AS (DELETE FROM queue_attempts USING again WHERE job_id = again.id)
                 UPDATE queue_jobs SET state = 'queued', attempts = 0, waits_for = 0, cancel_requested = false,
                     progress = 0, error = NULL, dead_reason = NULL, finished_at = NULL
                 FROM again WHERE queue_jobs.id = again.id",
                &states,
                filter.account,
                filter.queue,
                filter.kind,
                ids as _,
                REPLAYED_AT_ONCE,
            )
            .execute(&self.pool)
            .await?
            .rows_affected();
            replayed += moved;
            if moved < REPLAYED_AT_ONCE as u64 {
                break;
            }
        }
        self.wake.notify_one();
        Ok(replayed)
    }

    /// Starts no more jobs of a queue; those that run go on. What the broker has waits for its turn again.
    pub async fn pause(&self, queue: &str) -> Result<(), QueueError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "INSERT INTO queue_settings (queue, paused_at) VALUES ($1, clock_timestamp())
             ON CONFLICT (queue) DO UPDATE SET paused_at = coalesce(queue_settings.paused_at, excluded.paused_at)",
            queue,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE queue_jobs SET state = 'queued' WHERE queue = $1 AND state = 'sent'",
            queue,
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Starts jobs of a queue again.
    pub async fn resume(&self, queue: &str) -> Result<(), QueueError> {
        sqlx::query!(
            "UPDATE queue_settings SET paused_at = NULL WHERE queue = $1",
            queue
        )
        .execute(&self.pool)
        .await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Sets what holds for a queue.
    pub async fn limit(&self, queue: &str, limits: Limits) -> Result<(), QueueError> {
        let period = limits.rate.map(|(_, period)| PgInterval {
            months: 0,
            days: 0,
            microseconds: i64::try_from(period.as_micros()).unwrap_or(i64::MAX),
        });
        sqlx::query!(
            "INSERT INTO queue_settings (queue, max_running, rate_jobs, rate_period) VALUES ($1, $2, $3, $4)
             ON CONFLICT (queue) DO UPDATE SET max_running = $2, rate_jobs = $3, rate_period = $4, rate_next = NULL",
            queue,
            limits.max_running.map(i32::from),
            limits.rate.map(|(jobs, _)| i32::from(jobs)),
            period,
        )
        .execute(&self.pool)
        .await?;
        self.wake.notify_one();
        Ok(())
    }

    /// How the queues are that have jobs or settings.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>, QueueError> {
        let rows = sqlx::query!(
            r#"SELECT queue AS "queue!", state AS "state?", count AS "count?", oldest AS "oldest?", paused_at AS "paused_at?",
                      max_running AS "max_running?", rate_jobs AS "rate_jobs?", rate_period AS "rate_period?"
               FROM (SELECT queue, state, count(*), min(enqueued_at) FILTER (WHERE state = 'queued') AS oldest
                     FROM queue_jobs WHERE state NOT IN ('succeeded', 'cancelled') GROUP BY queue, state) AS counted
               FULL JOIN queue_settings USING (queue)
               ORDER BY queue"#
        )
        .fetch_all(&self.pool)
        .await?;
        let mut queues: Vec<QueueStatus> = Vec::new();
        for row in rows {
            if queues.last().is_none_or(|last| last.name != row.queue) {
                let rate = row.rate_jobs.zip(row.rate_period.as_ref());
                queues.push(QueueStatus {
                    name: row.queue,
                    paused_at: row.paused_at,
                    limits: Limits {
                        max_running: row.max_running.and_then(|most| most.try_into().ok()),
                        rate: rate.and_then(|(jobs, period)| {
                            Some((jobs.try_into().ok()?, super::pick::duration(period)))
                        }),
                    },
                    counts: Vec::new(),
                    oldest: None,
                });
            }
            let (Some(status), Some(state)) = (queues.last_mut(), row.state) else {
                continue;
            };
            let count = row.count.and_then(|count| u64::try_from(count).ok());
            let count = count.unwrap_or_default();
            status.counts.push((State::from_stored(&state), count));
            status.oldest = status.oldest.or(row.oldest);
        }
        Ok(queues)
    }
}

/// A row as the table has it.
struct Row {
    id: Uuid,
    queue: String,
    kind: String,
    account_id: Uuid,
    state: String,
    priority: i16,
    payload: Vec<u8>,
    progress: f64,
    attempts: i16,
    max_attempts: i16,
    cancel_requested: bool,
    error: Option<String>,
    result: Option<serde_json::Value>,
    trace_id: Option<String>,
    flow_id: Option<Uuid>,
    schedule: Option<String>,
    not_before: OffsetDateTime,
    enqueued_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
}

impl From<Row> for StoredJob {
    fn from(row: Row) -> Self {
        Self {
            state: State::from_stored(&row.state),
            id: row.id,
            queue: row.queue,
            kind: row.kind,
            account: row.account_id,
            priority: row.priority,
            payload: row.payload,
            progress: row.progress,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            cancel_requested: row.cancel_requested,
            error: row.error,
            result: row.result,
            trace_id: row.trace_id,
            flow: row.flow_id,
            schedule: row.schedule,
            not_before: row.not_before,
            enqueued_at: row.enqueued_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}
