//! The side of the record where attempts end.

use super::{State, Store, begin, flow};
use crate::ends::End;
use crate::{Failure, Outcome, QueueError};
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

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
            // PostgreSQL takes no NUL, and an end must not fail for what it says.
            error: failure.map(|failure| failure.message.replace('\0', "\u{fffd}")),
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
    /// Writes the ends of attempts, and makes the effects that go with them; which were ours. Those that are not ours any
    /// more are left as they are.
    pub(crate) async fn end(&self, ends: &[End]) -> Result<HashSet<Uuid>, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let endings: Vec<_> = ends.iter().map(|end| &end.ending).collect();
        let ours = end_in(&mut transaction, &endings).await?;
        for end in ends.iter().filter(|end| ours.contains(&end.ending.id)) {
            if let Some(effect) = &end.effect {
                let made = effect(&mut transaction).await;
                made.map_err(QueueError::Effect)?;
            }
        }
        transaction.commit().await?;
        if endings.iter().any(|end| end.state != State::Succeeded) {
            self.wake.notify_one();
        }
        Ok(ours)
    }

    /// Writes the end of an attempt within a transaction, or fails if the job is not ours.
    pub(crate) async fn end_in(
        &self,
        transaction: &mut PgConnection,
        ending: &Ending,
    ) -> Result<(), QueueError> {
        let ours = end_in(transaction, &[ending]).await?;
        if ours.is_empty() {
            return Err(QueueError::NotOurs);
        }
        Ok(())
    }
}

/// Writes the ends of attempts within a transaction; which of them were ours.
async fn end_in(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<HashSet<Uuid>, QueueError> {
    let (succeeded, others): (Vec<&Ending>, Vec<&Ending>) = endings
        .iter()
        .partition(|ending| ending.state == State::Succeeded);
    let mut ours = HashSet::with_capacity(endings.len());
    if !succeeded.is_empty() {
        ours.extend(succeed(transaction, &succeeded).await?);
    }
    if !others.is_empty() {
        ours.extend(give_up(transaction, &others).await?);
    }
    Ok(ours)
}

/// As almost all end.
async fn succeed(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<Vec<Uuid>, QueueError> {
    let ids: Vec<_> = endings.iter().map(|ending| ending.id).collect();
    let attempts: Vec<_> = endings.iter().map(|ending| ending.attempt).collect();
    let results: Vec<_> = endings.iter().map(|ending| ending.result.clone()).collect();
    let traces: Vec<_> = endings
        .iter()
        .map(|ending| ending.trace_id.clone())
        .collect();
    let rows = sqlx::query!(
        "UPDATE queue_jobs j SET state = 'succeeded', error = NULL, dead_reason = NULL, progress = 1,
             result = e.result, trace_id = coalesce(e.trace_id, j.trace_id), finished_at = clock_timestamp()
         FROM unnest($1::uuid[], $2::int2[], $3::jsonb[], $4::text[]) AS e (id, attempt, result, trace_id)
         WHERE j.id = e.id AND attempts = attempt AND state = 'running'
         RETURNING j.id, flow_id",
        &ids,
        &attempts,
        &results as _,
        &traces as _,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let in_flows = rows.iter().filter(|row| row.flow_id.is_some());
    let in_flows: Vec<_> = in_flows.map(|row| row.id).collect();
    if !in_flows.is_empty() {
        flow::release_after(transaction, &in_flows).await?;
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Without success: they stand in the history of their jobs. One that was cancelled in the meantime has no pause: it is
/// claimed once more, and ends.
async fn give_up(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<Vec<Uuid>, QueueError> {
    let ids: Vec<_> = endings.iter().map(|ending| ending.id).collect();
    let attempts: Vec<_> = endings.iter().map(|ending| ending.attempt).collect();
    let text = |text: &'static str| text.to_owned();
    let states: Vec<_> = endings.iter().map(|e| text(e.state.as_str())).collect();
    let outcomes: Vec<_> = endings.iter().map(|e| e.outcome.map(text)).collect();
    let errors: Vec<_> = endings.iter().map(|ending| ending.error.clone()).collect();
    let reasons: Vec<_> = endings.iter().map(|e| e.dead_reason.map(text)).collect();
    let pauses: Vec<_> = endings.iter().map(|ending| ending.pause).collect();
    let traces: Vec<_> = endings
        .iter()
        .map(|ending| ending.trace_id.clone())
        .collect();
    let rows = sqlx::query!(
        "WITH ending AS (
             SELECT * FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[],
                                  $8::text[])
                 AS e (id, attempt, state, outcome, error, dead_reason, pause, trace_id)),
         held AS (
             SELECT j.id, j.worker, j.started_at FROM queue_jobs j
             JOIN ending e ON j.id = e.id AND j.attempts = e.attempt AND j.state = 'running'
             FOR UPDATE OF j),
         past AS (
             INSERT INTO queue_attempts (job_id, attempt, outcome, error, worker, started_at)
             SELECT id, attempt, outcome, error, worker, started_at FROM held JOIN ending USING (id)
             ON CONFLICT DO NOTHING)
         UPDATE queue_jobs j SET
             state = e.state,
             error = e.error,
             dead_reason = e.dead_reason,
             result = NULL,
             trace_id = coalesce(e.trace_id, j.trace_id),
             max_attempts = j.max_attempts + CASE WHEN e.outcome = 'released' THEN 1 ELSE 0 END,
             not_before = CASE WHEN e.pause > 0 AND NOT j.cancel_requested
                               THEN clock_timestamp() + e.pause * interval '1 second' ELSE j.not_before END,
             finished_at = CASE WHEN e.state IN ('failed', 'cancelled') THEN clock_timestamp() END
         FROM held JOIN ending e USING (id) WHERE j.id = held.id
         RETURNING j.id, j.flow_id IS NOT NULL AND j.finished_at IS NOT NULL AS \"ends_flow!\"",
        &ids,
        &attempts,
        &states,
        &outcomes as _,
        &errors as _,
        &reasons as _,
        &pauses,
        &traces as _,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let in_flows = rows.iter().filter(|row| row.ends_flow);
    let in_flows: Vec<_> = in_flows.map(|row| row.id).collect();
    if !in_flows.is_empty() {
        flow::cancel_after(transaction, &in_flows).await?;
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}
