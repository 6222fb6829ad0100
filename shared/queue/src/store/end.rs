//! The side of the record where attempts end.

use super::{Fence, State, Store, at_places, begin, flow};
use crate::ends::{Effect, End};
use crate::{Failure, Outcome, QueueError};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use uuid::Uuid;

/// A job, and which of its attempts. Ends of two may be written together: one was lost, and waited for the record.
type AttemptId = (Uuid, Fence);

/// What PostgreSQL says in a transaction in which something went wrong.
const ABORTED: &str = "25P02";

/// The end of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) id: Uuid,
    pub(crate) fence: Fence,
    state: State,
    outcome: Option<&'static str>,
    error: Option<String>,
    dead_reason: Option<&'static str>,
    pause: f64,
    result: Option<serde_json::Value>,
    trace_id: Option<String>,
}

impl Ending {
    pub(crate) fn new(id: Uuid, fence: Fence, outcome: &Outcome) -> Self {
        let ending = |state, outcome, failure: Option<&Failure>| Self {
            id,
            fence,
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
    pub(crate) fn with_result(self, mut result: Option<serde_json::Value>) -> Self {
        result.iter_mut().for_each(without_nul);
        Self { result, ..self }
    }

    /// With the trace in which it ran.
    pub(crate) fn with_trace(self, trace_id: Option<String>) -> Self {
        Self { trace_id, ..self }
    }
}

/// PostgreSQL takes none, in names either, and an end must not fail for what it gives.
fn without_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = text.replace('\0', "\u{fffd}"),
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_nul),
        serde_json::Value::Object(entries) => {
            let all = std::mem::take(entries)
                .into_iter()
                .map(|(name, mut value)| {
                    without_nul(&mut value);
                    (name.replace('\0', "\u{fffd}"), value)
                });
            *entries = all.collect();
        }
        _ => {}
    }
}

impl Store {
    /// Writes the ends of attempts, and makes the effects that go with them; of each, whether it was ours. Those that are
    /// not ours any more are left as they are, and so is a second end of an attempt.
    ///
    /// `again`: they were tried before, and nobody knows whether that was committed.
    pub(crate) async fn end(&self, ends: &[End], again: bool) -> Result<Vec<bool>, QueueError> {
        let mut transaction = begin(&self.pool).await?;
        let endings: Vec<_> = ends.iter().map(|end| &end.ending).collect();
        let mut written = end_in(&mut transaction, &endings).await?;
        let mut committed = HashSet::new();
        if again {
            // Afterwards: a commit that was still under way has been waited for.
            committed = succeeded(&mut transaction, &endings).await?;
            committed.retain(|attempt| !written.contains(attempt));
        }
        let mut ours = Vec::with_capacity(ends.len());
        let mut has_effects = false;
        for End { ending, effect } in ends {
            let attempt = (ending.id, ending.fence);
            let is_ours = written.remove(&attempt);
            if let (true, Some(effect)) = (is_ours, effect) {
                make(effect, &mut transaction).await?;
                has_effects = true;
            }
            ours.push(is_ours || committed.remove(&attempt));
        }
        if has_effects {
            still_good(&mut transaction).await?;
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

/// Makes an effect. It is the job's own code, and must not take down what writes the ends of all jobs.
async fn make(effect: &Effect, transaction: &mut PgConnection) -> Result<(), QueueError> {
    let making = AssertUnwindSafe(async { effect(transaction).await }).catch_unwind();
    let made = making
        .await
        .unwrap_or_else(|_panic| Err("it panicked".into()));
    made.map_err(QueueError::Effect)
}

/// Whether the transaction can be committed. An effect may have swallowed an error, and then the server takes everything
/// back at the commit without a word.
async fn still_good(transaction: &mut PgConnection) -> Result<(), QueueError> {
    let asked = sqlx::query("SELECT").execute(transaction).await;
    asked.map_err(|error| match &error {
        sqlx::Error::Database(said) if said.code().as_deref() == Some(ABORTED) => {
            QueueError::Effect("it went on after an error of the database".into())
        }
        _ => error.into(),
    })?;
    Ok(())
}

/// Those whose success stands in the record.
async fn succeeded(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<HashSet<AttemptId>, QueueError> {
    let ids: Vec<_> = endings.iter().map(|ending| ending.id).collect();
    let rows = sqlx::query!(
        "SELECT id, sends, attempts FROM queue_jobs WHERE id = ANY($1) AND state = 'succeeded'",
        &ids,
    )
    .fetch_all(transaction)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| attempt_id(row.id, row.sends, row.attempts))
        .collect())
}

const fn attempt_id(id: Uuid, sends: i32, attempt: i16) -> AttemptId {
    (id, Fence { sends, attempt })
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
    let sends: Vec<_> = endings.iter().map(|ending| ending.fence.sends).collect();
    let attempts: Vec<_> = endings.iter().map(|ending| ending.fence.attempt).collect();
    let results: Vec<_> = endings.iter().map(|ending| &ending.result).collect();
    let traces: Vec<_> = endings.iter().map(|e| e.trace_id.as_deref()).collect();
    // In one row: where many end, to read a row for each would cost as much again.
    let ended = sqlx::query!(
        r#"WITH ended AS (
               UPDATE queue_jobs j SET state = 'succeeded', error = NULL, dead_reason = NULL, progress = 1,
                   result = e.result, trace_id = coalesce(e.trace_id, j.trace_id), finished_at = clock_timestamp()
               FROM unnest($1::uuid[], $2::int4[], $3::int2[], $4::jsonb[], $5::text[]) WITH ORDINALITY
                   AS e (id, sends, attempt, result, trace_id, place)
               WHERE j.id = e.id AND j.sends = e.sends AND attempts = attempt AND state = 'running'
               RETURNING place, CASE WHEN flow_id IS NOT NULL THEN j.id END AS in_flow)
           SELECT coalesce(array_agg(place), '{}') AS "places!",
                  coalesce(array_agg(in_flow) FILTER (WHERE in_flow IS NOT NULL), '{}') AS "in_flows!"
           FROM ended"#,
        &ids,
        &sends,
        &attempts,
        &results as _,
        &traces as _,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !ended.in_flows.is_empty() {
        flow::release_after(transaction, &ended.in_flows).await?;
    }
    let ours = at_places(endings, &ended.places);
    Ok(ours.map(|end| (end.id, end.fence)).collect())
}

/// Without success: they stand in the history of their jobs. One that was cancelled in the meantime has no pause: it is
/// claimed once more, and ends.
async fn give_up(
    transaction: &mut PgConnection,
    endings: &[&Ending],
) -> Result<Vec<AttemptId>, QueueError> {
    let ids: Vec<_> = endings.iter().map(|ending| ending.id).collect();
    let sends: Vec<_> = endings.iter().map(|ending| ending.fence.sends).collect();
    let attempts: Vec<_> = endings.iter().map(|ending| ending.fence.attempt).collect();
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
                                  $8::text[], $9::int4[])
                 AS e (id, attempt, state, outcome, error, dead_reason, pause, trace_id, sends)),
         held AS (
             SELECT j.id, j.sends, attempt, j.worker, j.started_at FROM queue_jobs j
             JOIN ending e ON j.id = e.id AND j.sends = e.sends AND j.attempts = e.attempt AND j.state = 'running'
             FOR UPDATE OF j),
         past AS (
             INSERT INTO queue_attempts (job_id, attempt, outcome, error, worker, started_at)
             SELECT id, attempt, outcome, error, worker, started_at FROM held JOIN ending USING (id, sends, attempt)
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
         FROM held JOIN ending e USING (id, sends, attempt) WHERE j.id = held.id
         RETURNING j.id, j.sends, j.attempts, j.flow_id IS NOT NULL AND j.finished_at IS NOT NULL AS \"ends_flow!\"",
        &ids,
        &attempts,
        &states,
        &outcomes as _,
        &errors as _,
        &reasons as _,
        &pauses,
        &traces as _,
        &sends,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let in_flows = rows.iter().filter(|row| row.ends_flow);
    let in_flows: Vec<_> = in_flows.map(|row| row.id).collect();
    if !in_flows.is_empty() {
        flow::cancel_after(transaction, &in_flows).await?;
    }
    let ours = rows.into_iter();
    Ok(ours
        .map(|row| attempt_id(row.id, row.sends, row.attempts))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::BoxError;
    use crate::store::{Claim, MIGRATIONS};
    use futures_util::future::BoxFuture;
    use stoa_testing::postgres;

    const fn fence(attempt: i16) -> Fence {
        Fence { sends: 1, attempt }
    }

    /// An end with a row for its effect.
    fn end(id: Uuid, attempt: i16, outcome: &Outcome) -> End {
        end_with(id, attempt, outcome, move |transaction| {
            Box::pin(async move {
                let insert = sqlx::query("INSERT INTO effects VALUES ($1, $2)");
                let insert = insert.bind(id).bind(attempt);
                insert.execute(transaction).await?;
                Ok(())
            })
        })
    }

    fn end_with(
        id: Uuid,
        attempt: i16,
        outcome: &Outcome,
        effect: impl Fn(&mut PgConnection) -> BoxFuture<'_, Result<(), BoxError>>
        + Send
        + Sync
        + 'static,
    ) -> End {
        End {
            ending: Ending::new(id, fence(attempt), outcome),
            effect: Some(Box::new(effect)),
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
                was_tried: false,
            }]
        };
        for attempt in 1..=2 {
            let claimed = store.claim(&claim(attempt > 1), "worker").await.unwrap();
            assert_eq!(claimed[&(id, 1)].fence(), fence(attempt));
        }
        id
    }

    async fn effects(store: &Store) -> Vec<i16> {
        let effects = sqlx::query_scalar("SELECT attempt FROM effects ORDER BY 1");
        effects.fetch_all(&store.pool).await.unwrap()
    }

    #[tokio::test]
    async fn an_attempt_that_nobody_heard_of_does_not_count_and_one_that_was_tried_does() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let limit = async || store.find(id).await.unwrap().unwrap().max_attempts;
        assert_eq!(limit().await, 4, "3, and the one that was claimed in vain");
        let tried = [Claim {
            id,
            sends: 1,
            is_again: true,
            was_tried: true,
        }];
        let claimed = store.claim(&tried, "worker").await.unwrap();
        assert_eq!(claimed[&(id, 1)].max_attempts, 4);
        assert_eq!(limit().await, 4);
    }

    #[test]
    fn what_a_job_gives_holds_nothing_that_the_record_does_not_take() {
        let given = serde_json::json!({"a\0": ["b\0", 1]});
        let ending = Ending::new(Uuid::nil(), fence(1), &Outcome::Succeeded);
        let ending = ending.with_result(Some(given));
        let kept = serde_json::json!({"a\u{fffd}": ["b\u{fffd}", 1]});
        assert_eq!(ending.result, Some(kept));
    }

    /// While the record is away an attempt may be lost and the next one end, on the same worker.
    #[tokio::test]
    async fn of_two_attempts_that_end_together_one_has_its_effect() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let ends = [1, 2, 2].map(|attempt| end(id, attempt, &Outcome::Succeeded));
        assert_eq!(store.end(&ends, false).await.unwrap(), [false, true, false]);
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
        assert_eq!(store.end(&ends, false).await.unwrap(), [false, true]);
        let job = store.find(id).await.unwrap().unwrap();
        assert_eq!((job.state, job.error), (State::Queued, None));
        let attempts = store.attempts(id).await.unwrap();
        let outcomes = [0, 1].map(|at| attempts[at].outcome.as_str());
        assert_eq!(outcomes, ["lost", "released"]);
    }

    #[tokio::test]
    async fn an_effect_that_panics_or_swallows_an_error_fails_alone() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let panics = end_with(id, 2, &Outcome::Succeeded, |_| panic!("it is broken"));
        let swallows = end_with(id, 2, &Outcome::Succeeded, |transaction| {
            Box::pin(async move {
                let _ = sqlx::query("SELECT nothing").execute(transaction).await;
                Ok(())
            })
        });
        for one in [panics, swallows] {
            let ended = store.end(&[one], false).await;
            assert!(matches!(ended, Err(QueueError::Effect(_))), "{ended:?}");
            assert_eq!(store.find(id).await.unwrap().unwrap().state, State::Running);
        }
    }

    /// The connection was cut between the commit and its answer.
    #[tokio::test]
    async fn what_was_committed_before_is_ours_and_has_no_second_effect() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let ends = [end(id, 2, &Outcome::Succeeded)];
        assert_eq!(store.end(&ends, false).await.unwrap(), [true]);
        assert_eq!(store.end(&ends, true).await.unwrap(), [true]);
        assert_eq!(store.end(&ends, false).await.unwrap(), [false]);
        assert_eq!(effects(&store).await, [2]);
    }

    /// Attempts are counted anew then, and an end may come late.
    #[tokio::test]
    async fn an_end_from_before_a_replay_is_not_that_of_the_attempt_after_it() {
        let database = postgres::database().await;
        let store = Store::new(sqlx::PgPool::connect(&database.url).await.unwrap());
        let id = running_again(&store).await;
        let replayed = "UPDATE queue_jobs SET attempts = 2, sends = 2";
        sqlx::raw_sql(replayed).execute(&store.pool).await.unwrap();
        let late = [end(id, 2, &Outcome::Succeeded)];
        assert_eq!(store.end(&late, false).await.unwrap(), [false]);
    }
}
