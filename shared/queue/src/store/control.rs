//! What an operator, or an account, looks at and does.

use super::job::{Attempt, State, StoredJob};
use super::{Store, begin, flow};
use crate::QueueError;
use time::OffsetDateTime;
use uuid::Uuid;

/// Jobs that one statement of a replay moves.
const REPLAYED_AT_ONCE: u16 = 1000;

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

/// The stages in which jobs of these states are, of the rows' `stage`; all if there is none.
fn stages(states: &[State]) -> Vec<String> {
    let stage = |state: &State| match state {
        State::Sent | State::Running => "out",
        State::Succeeded | State::Cancelled => "ended",
        state => state.as_str(),
    };
    let wanted = if states.is_empty() {
        &State::ALL
    } else {
        states
    };
    wanted.iter().map(|state| stage(state).to_owned()).collect()
}

/// A query for rows of jobs; says which, of what order and how many.
macro_rules! select_jobs {
    ($which:literal, $($value:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT id, queue, kind, account_id, state, priority, payload, progress, attempts, max_attempts,
                    cancel_requested, error, result, trace_id, flow_id, schedule, not_before, enqueued_at, started_at,
                    finished_at
             FROM queue_jobs " + $which,
            $($value),+
        )
    };
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

impl Store {
    /// A job, if there is one.
    pub async fn find(&self, id: Uuid) -> Result<Option<StoredJob>, QueueError> {
        let row = select_jobs!("WHERE id = $1", id)
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
        // The record is mostly of what went well: among it, the others are found by the indexes of their stages alone.
        let among = stages(&filter.states);
        let rows = select_jobs!(
            "WHERE ($1::uuid IS NULL OR account_id = $1)
               AND (cardinality($2::text[]) = 0 OR state = ANY($2))
               AND ($3::text IS NULL OR queue = $3)
               AND ($4::text IS NULL OR kind = $4)
               AND ($5::uuid IS NULL OR flow_id = $5)
               AND ($6::uuid IS NULL OR id < $6)
               AND ($8::bool IS NULL OR (attempts > 0) = $8)
               AND ('ended' = ANY($9::text[])
                    OR ('waiting' = ANY($9) AND stage = 'waiting') OR ('scheduled' = ANY($9) AND stage = 'scheduled')
                    OR ('queued' = ANY($9) AND stage = 'queued') OR ('out' = ANY($9) AND stage = 'out')
                    OR ('failed' = ANY($9) AND stage = 'failed'))
             ORDER BY id DESC LIMIT $7",
            filter.account,
            &states,
            filter.queue,
            filter.kind,
            filter.flow,
            filter.before,
            limit,
            filter.is_retried,
            &among,
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
        let mut transaction = begin(&self.pool).await?;
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
    /// narrows it. What was cancelled because it waited for one of them waits again; it does not start by itself, and
    /// neither does one whose unique key is taken by now: of several with one key, the oldest starts.
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
        // What fails again meanwhile has had its turn.
        let since = self.now().await?;
        let mut replayed = 0;
        loop {
            let mut transaction = begin(&self.pool).await?;
            let moved = sqlx::query_scalar!(
                "WITH ended AS (
                     SELECT id, queue, unique_key FROM queue_jobs j
                     WHERE state = ANY($1) AND finished_at <= $7
                       AND ($2::uuid IS NULL OR account_id = $2)
                       AND ($3::text IS NULL OR queue = $3)
                       AND ($4::text IS NULL OR kind = $4)
                       AND ($5::uuid[] IS NULL OR id = ANY($5))
                       AND (unique_key IS NULL OR NOT EXISTS (
                           SELECT FROM queue_jobs o WHERE o.queue = j.queue AND o.unique_key = j.unique_key
                              AND o.stage NOT IN ('failed', 'ended')))
                       AND NOT EXISTS (SELECT FROM queue_edges JOIN queue_jobs b ON b.id = before_id
                                       WHERE after_id = j.id AND b.state <> 'succeeded')
                     ORDER BY id LIMIT $6 FOR UPDATE SKIP LOCKED),
                 again AS (
                     SELECT DISTINCT ON (queue, coalesce(unique_key, id::text)) id FROM ended
                     ORDER BY queue, coalesce(unique_key, id::text), id),
                 forgotten AS (DELETE FROM queue_attempts USING again WHERE job_id = again.id)
                 UPDATE queue_jobs SET state = 'queued', attempts = 0, waits_for = 0, cancel_requested = false,
                     progress = 0, error = NULL, dead_reason = NULL, finished_at = NULL, not_before = clock_timestamp()
                 FROM again WHERE queue_jobs.id = again.id
                 RETURNING queue_jobs.id",
                &states,
                filter.account,
                filter.queue,
                filter.kind,
                ids as _,
                i64::from(REPLAYED_AT_ONCE),
                since,
            )
            .fetch_all(&mut *transaction)
            .await?;
            flow::revive_after(&mut transaction, &moved).await?;
            transaction.commit().await?;
            replayed += moved.len() as u64;
            if moved.is_empty() {
                break;
            }
        }
        self.wake.notify_one();
        Ok(replayed)
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
