//! The side of the record where attempts end.

use super::{State, Store, begin, flow};
use crate::{Failure, Outcome, QueueError};
use sqlx::PgConnection;
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
