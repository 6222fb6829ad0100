//! The side of the record where jobs are taken and ended.

use super::enqueue::number;
use super::{State, Store, begin, flow};
use crate::envelope::Message;
use crate::{Envelope, Failure, Outcome, QueueError};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

/// A job that was claimed longer ago runs, or its worker has not heard of it: longer than a claim may take.
const CLAIMING: &str = "20 seconds";

/// A copy of a job that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: Uuid,
    /// Which of its copies.
    pub(crate) sends: i32,
    /// Whether the same copy was handed to a worker before, which died with it.
    pub(crate) is_again: bool,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) id: Uuid,
    pub(crate) attempt: i16,
    state: State,
    outcome: Option<&'static str>,
    error: Option<String>,
    dead_reason: Option<&'static str>,
    pause: f64,
    result: Option<serde_json::Value>,
    trace_id: Option<String>,
}

impl Ending {
    pub(crate) fn new(id: Uuid, attempt: i16, outcome: &Outcome) -> Self {
        let ending = |state, outcome, failure: Option<&Failure>| Self {
            id,
            attempt,
            state,
            outcome,
            error: failure.map(|failure| failure.message.clone()),
            dead_reason: None,
            pause: 0.0,
            result: None,
            trace_id: None,
        };
        match outcome {
            Outcome::Succeeded => ending(State::Succeeded, None, None),
            Outcome::Cancelled => ending(State::Cancelled, Some("cancelled"), None),
            Outcome::Released => ending(State::Queued, Some("released"), None),
            Outcome::Retried { failure, pause } => Self {
                pause: pause.as_secs_f64(),
                ..ending(State::Scheduled, Some("retried"), Some(failure))
            },
            Outcome::Dead { failure, reason } => Self {
                dead_reason: Some(reason.as_str()),
                ..ending(State::Failed, Some("failed"), Some(failure))
            },
        }
    }

    /// With what the job has given.
    pub(crate) fn with_result(self, result: Option<serde_json::Value>) -> Self {
        Self { result, ..self }
    }

    /// With the trace in which it ran.
    pub(crate) fn with_trace(self, trace_id: Option<String>) -> Self {
        Self { trace_id, ..self }
    }
}

impl Store {
    /// Takes in what was put to the broker past the record, so that it is in it from here on. If its queue is paused, it
    /// waits for its turn like all others.
    pub(crate) async fn adopt(
        &self,
        queue: &str,
        jobs: &[(Envelope, &Message)],
    ) -> Result<(), QueueError> {
        for (job, message) in jobs {
            sqlx::query!(
                "INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before,
                                         attempts, max_attempts, enqueued_at, sent_at)
                 VALUES ($1, $2, $3, $4, $5, 1,
                         CASE WHEN EXISTS (SELECT FROM queue_settings WHERE queue = $2 AND paused_at IS NOT NULL)
                              THEN 'queued' ELSE 'sent' END,
                         $6, $7, $8, $9, $10, $8, clock_timestamp())
                 ON CONFLICT DO NOTHING",
                job.id,
                queue,
                job.kind,
                number(job.version),
                job.account.unwrap_or_default(),
                message.body,
                Json(&job.trace) as _,
                job.enqueued_at,
                number(job.attempt).saturating_sub(1),
                number(job.max_attempts),
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }

    /// Which of the copies that have arrived are to be worked on, each with its attempt, which is the proof that it is
    /// ours; the others are stale, doubled or cancelled.
    pub(crate) async fn claim(
        &self,
        claims: &[Claim],
        worker: &str,
    ) -> Result<HashMap<Uuid, i16>, QueueError> {
        let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
        let sends: Vec<_> = claims.iter().map(|claim| claim.sends).collect();
        let again: Vec<_> = claims.iter().map(|claim| claim.is_again).collect();
        let rows = sqlx::query!(
            "WITH held AS (
                 SELECT j.id, j.state, j.attempts, j.worker, j.started_at
                 FROM queue_jobs j
                 JOIN unnest($1::uuid[], $2::int4[], $3::bool[]) AS c (id, sends, is_again)
                   ON j.id = c.id AND j.sends = c.sends AND (j.state = 'sent' OR j.state = 'running' AND c.is_again)
                 FOR UPDATE OF j),
             lost AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM held WHERE state = 'running'
                 ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET state = 'running', attempts = held.attempts + 1, worker = $4,
                                     started_at = clock_timestamp()
             FROM held WHERE j.id = held.id
             RETURNING j.id, j.attempts",
            &ids,
            &sends,
            &again,
            worker,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.attempts)).collect())
    }

    /// Writes the ends of attempts. Those that are not ours any more are left as they are.
    pub(crate) async fn end(&self, endings: &[Ending]) -> Result<(), QueueError> {
        let mut transaction = begin(&self.pool).await?;
        end_in(&mut transaction, endings).await?;
        transaction.commit().await?;
        if endings
            .iter()
            .any(|ending| ending.state != State::Succeeded)
        {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Writes the end of an attempt within a transaction, or fails if the job is not ours.
    pub(crate) async fn end_in(
        &self,
        transaction: &mut PgConnection,
        endings: &[Ending],
    ) -> Result<(), QueueError> {
        let ended = end_in(transaction, endings).await?;
        if ended.len() == endings.len() {
            return Ok(());
        }
        Err(QueueError::NotOurs)
    }

    /// Says that a worker lives, writes how far its jobs are, and returns which of them it is to end: cancelled ones, and
    /// ones that it has lost. One that has ended itself ([`complete_in`](crate::JobContext::complete_in)) may go on.
    pub(crate) async fn beat(
        &self,
        worker: &str,
        queues: &[String],
        running: &[(Uuid, i16, f64)],
    ) -> Result<Vec<(Uuid, bool)>, QueueError> {
        sqlx::query!(
            "INSERT INTO queue_workers (name, queues) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp()",
            worker,
            queues,
        )
        .execute(&self.pool)
        .await?;
        if running.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = running.iter().map(|job| job.0).collect();
        let attempts: Vec<_> = running.iter().map(|job| job.1).collect();
        let progress: Vec<_> = running.iter().map(|job| job.2).collect();
        sqlx::query!(
            "UPDATE queue_jobs j SET progress = r.progress
             FROM unnest($1::uuid[], $2::int2[], $3::float8[]) AS r (id, attempt, progress)
             WHERE j.id = r.id AND state = 'running' AND attempts = r.attempt AND j.progress <> r.progress",
            &ids,
            &attempts,
            &progress,
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            r#"SELECT j.id, cancel_requested AND state = 'running' AND attempts = r.attempt AS "is_cancelled!"
               FROM queue_jobs j JOIN unnest($1::uuid[], $2::int2[]) AS r (id, attempt) ON j.id = r.id
               WHERE attempts <> r.attempt OR state NOT IN ('running', 'succeeded')
                  OR cancel_requested AND state = 'running'"#,
            &ids,
            &attempts,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.id, row.is_cancelled))
            .collect())
    }

    /// What a worker has in the record and does not run is sent again: its claim may have been answered when nobody
    /// listened any more, or the broker has forgotten that it was handed out.
    pub(crate) async fn drop_unheld(&self, worker: &str, held: &[Uuid]) -> Result<(), QueueError> {
        let again = sqlx::query!(
            "WITH lost AS (
                 SELECT id, attempts, worker, started_at FROM queue_jobs
                 WHERE state = 'running' AND worker = $1 AND id <> ALL($2)
                   AND started_at < clock_timestamp() - $3::text::interval
                 FOR UPDATE SKIP LOCKED),
             past AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM lost ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET state = 'queued' FROM lost WHERE j.id = lost.id",
            worker,
            held,
            CLAIMING,
        )
        .execute(&self.pool)
        .await?;
        if again.rows_affected() > 0 {
            let jobs = again.rows_affected();
            tracing::warn!(
                jobs,
                "jobs were claimed and not started; they are sent again"
            );
            self.wake.notify_one();
        }
        Ok(())
    }

    /// A worker has ended well and need not be waited for.
    pub(crate) async fn leave(&self, worker: &str) -> Result<(), QueueError> {
        sqlx::query!("DELETE FROM queue_workers WHERE name = $1", worker)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Writes the ends of attempts within a transaction; which of them were ours.
async fn end_in(
    transaction: &mut PgConnection,
    endings: &[Ending],
) -> Result<Vec<Uuid>, QueueError> {
    let ids: Vec<_> = endings.iter().map(|ending| ending.id).collect();
    let attempts: Vec<_> = endings.iter().map(|ending| ending.attempt).collect();
    let states: Vec<_> = endings
        .iter()
        .map(|e| e.state.as_str().to_owned())
        .collect();
    let outcomes: Vec<_> = endings
        .iter()
        .map(|e| e.outcome.map(str::to_owned))
        .collect();
    let errors: Vec<_> = endings.iter().map(|ending| ending.error.clone()).collect();
    let reasons: Vec<_> = endings
        .iter()
        .map(|e| e.dead_reason.map(str::to_owned))
        .collect();
    let pauses: Vec<_> = endings.iter().map(|ending| ending.pause).collect();
    let results: Vec<_> = endings.iter().map(|ending| ending.result.clone()).collect();
    let traces: Vec<_> = endings
        .iter()
        .map(|ending| ending.trace_id.clone())
        .collect();
    let rows = sqlx::query!(
        "WITH ending AS (
             SELECT * FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[],
                                  $8::jsonb[], $9::text[])
                 AS e (id, attempt, state, outcome, error, dead_reason, pause, result, trace_id)),
         held AS (
             SELECT j.id, j.worker, j.started_at FROM queue_jobs j
             JOIN ending e ON j.id = e.id AND j.attempts = e.attempt AND j.state = 'running'
             FOR UPDATE OF j),
         past AS (
             INSERT INTO queue_attempts (job_id, attempt, outcome, error, worker, started_at)
             SELECT id, attempt, outcome, error, worker, started_at FROM held JOIN ending USING (id)
             WHERE outcome IS NOT NULL ON CONFLICT DO NOTHING)
         UPDATE queue_jobs j SET
             state = e.state,
             error = e.error,
             dead_reason = e.dead_reason,
             result = e.result,
             trace_id = coalesce(e.trace_id, j.trace_id),
             progress = CASE WHEN e.state = 'succeeded' THEN 1 ELSE j.progress END,
             max_attempts = j.max_attempts + CASE WHEN e.outcome = 'released' THEN 1 ELSE 0 END,
             not_before = CASE WHEN e.pause > 0 THEN clock_timestamp() + e.pause * interval '1 second'
                               ELSE j.not_before END,
             finished_at = CASE WHEN e.state IN ('succeeded', 'failed', 'cancelled') THEN clock_timestamp() END
         FROM held JOIN ending e USING (id) WHERE j.id = held.id
         RETURNING j.id, j.state, j.flow_id",
        &ids,
        &attempts,
        &states,
        &outcomes as _,
        &errors as _,
        &reasons as _,
        &pauses,
        &results as _,
        &traces as _,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let of_flows = |is_success: bool| -> Vec<Uuid> {
        let ended = rows.iter().filter(|row| row.flow_id.is_some());
        let ended = ended.filter(|row| match State::from_stored(&row.state) {
            State::Succeeded => is_success,
            State::Failed | State::Cancelled => !is_success,
            _ => false,
        });
        ended.map(|row| row.id).collect()
    };
    let (succeeded, ended) = (of_flows(true), of_flows(false));
    if !succeeded.is_empty() {
        flow::release_after(transaction, &succeeded).await?;
    }
    if !ended.is_empty() {
        flow::cancel_after(transaction, &ended).await?;
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}
