//! The side of the record where attempts end.

use super::{State, Store, begin, flow};
use crate::ends::End;
use crate::{Failure, Outcome, QueueError};
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// A job, and which of its attempts. Ends of two may be written together: one was lost, and waited for the record.
type AttemptId = (Uuid, i16);

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
    /// Writes the ends of attempts, and makes the effects that go with them; of each, whether it was ours. Those that are
    /// not ours any more are left as they are, and so is a second end of an attempt.
    pub(crate) async fn end(&self, ends: &[End]) -> Result<Vec<bool>, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let endings: Vec<_> = ends.iter().map(|end| &end.ending).collect();
        let mut written = end_in(&mut transaction, &endings).await?;
        let mut ours = Vec::with_capacity(ends.len());
        for End { ending, effect } in ends {
            let is_ours = written.remove(&(ending.id, ending.attempt));
            if let (true, Some(effect)) = (is_ours, effect) {
                let made = effect(&mut transaction).await;
                made.map_err(QueueError::Effect)?;
            }
            ours.push(is_ours);
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
) -> Result<HashSet<AttemptId>, QueueError> {
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
) -> Result<Vec<AttemptId>, QueueError> {
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
         RETURNING j.id, attempts, flow_id",
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
    Ok(rows.into_iter().map(|row| (row.id, row.attempts)).collect())
}

/// Without success: they stand in the history of their jobs. One that was cancelled in the meantime has no pause: it is
/// claimed once more, and ends.
async fn give_up(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<Vec<AttemptId>, QueueError> {
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
             SELECT j.id, attempt, j.worker, j.started_at FROM queue_jobs j
             JOIN ending e ON j.id = e.id AND j.attempts = e.attempt AND j.state = 'running'
             FOR UPDATE OF j),
         past AS (
             INSERT INTO queue_attempts (job_id, attempt, outcome, error, worker, started_at)
             SELECT id, attempt, outcome, error, worker, started_at FROM held JOIN ending USING (id, attempt)
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
         FROM held JOIN ending e USING (id, attempt) WHERE j.id = held.id
         RETURNING j.id, j.attempts, j.flow_id IS NOT NULL AND j.finished_at IS NOT NULL AS \"ends_flow!\"",
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
    Ok(rows.into_iter().map(|row| (row.id, row.attempts)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::Effect;
    use crate::store::{Claim, MIGRATIONS};
    use stoa_testing::postgres;

    /// An end with a row for its effect.
    fn end(id: Uuid, attempt: i16, outcome: &Outcome) -> End {
        let effect: Effect = Box::new(move |transaction| {
            Box::pin(async move {
                let insert = sqlx::query("INSERT INTO effects VALUES ($1, $2)");
                let insert = insert.bind(id).bind(attempt);
                insert.execute(transaction).await?;
                Ok(())
            })
        });
        End {
            ending: Ending::new(id, attempt, outcome),
            effect: Some(effect),
        }
    }

    /// A job that runs for the second time: its worker was lost once.
    async fn running_again(store: &Store) -> Uuid {
        MIGRATIONS.run(&store.pool).await.unwrap();
        let id = Uuid::now_v7();
        let made = "CREATE TABLE effects (job uuid, attempt smallint)";
        sqlx::raw_sql(made).execute(&store.pool).await.unwrap();
        let sent = "INSERT INTO queue_jobs (id, queue, kind, version, account_id, priority, state, payload, trace, not_before,
                                            max_attempts, enqueued_at, sends)
                    VALUES ($1, 'notes', 'note', 1, $1, 1, 'sent', '', '{}', now(), 3, now(), 1)";
        let sent = sqlx::query(sent).bind(id);
        sent.execute(&store.pool).await.unwrap();
        let claim = |is_again| {
            [Claim {
                id,
                sends: 1,
                is_again,
            }]
        };
        for attempt in 1..=2 {
            let claimed = store.claim(&claim(attempt > 1), "worker").await.unwrap();
            assert_eq!(claimed[&(id, 1)].attempt, attempt);
        }
        id
    }

    async fn effects(store: &Store) -> Vec<i16> {
        let effects = sqlx::query_scalar("SELECT attempt FROM effects ORDER BY 1");
        effects.fetch_all(&store.pool).await.unwrap()
    }

    /// While the record is away an attempt may be lost and the next one end, on the same worker.
    #[tokio::test]
    async fn of_two_attempts_that_end_together_one_has_its_effect() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let ends = [1, 2, 2].map(|attempt| end(id, attempt, &Outcome::Succeeded));
        assert_eq!(store.end(&ends).await.unwrap(), [false, true, false]);
        assert_eq!(effects(&store).await, [2]);
    }

    #[tokio::test]
    async fn what_a_lost_attempt_has_failed_of_says_nothing_of_the_next() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let dead = Outcome::Dead {
            reason: crate::DeadReason::Failed,
            failure: "lost".to_owned().into(),
        };
        let ends = [end(id, 1, &dead), end(id, 2, &Outcome::Released)];
        assert_eq!(store.end(&ends).await.unwrap(), [false, true]);
        let job = store.find(id).await.unwrap().unwrap();
        assert_eq!((job.state, job.error), (State::Queued, None));
        let attempts = store.attempts(id).await.unwrap();
        let outcomes = [0, 1].map(|at| attempts[at].outcome.as_str());
        assert_eq!(outcomes, ["lost", "released"]);
    }
}
