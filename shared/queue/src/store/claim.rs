//! The side of the record where workers take jobs, and say that they have them.

use super::enqueue::number;
use super::{Store, at_places};
use crate::envelope::Message;
use crate::worker::Worker;
use crate::{Envelope, QueueError};
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

/// A job that was claimed longer ago runs, or its worker has not heard of it: longer than a claim may take.
const CLAIMING: &str = "20 seconds";

/// A job, and which of its copies. The same may arrive twice.
pub(crate) type CopyId = (Uuid, i32);

/// A copy of a job that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: Uuid,
    /// Which of its copies.
    pub(crate) sends: i32,
    /// Whether the same copy was handed to a worker before, which has not ended it.
    pub(crate) is_again: bool,
    /// Whether that one has worked on it, or died with it, which counts.
    pub(crate) was_tried: bool,
}

/// The proof that a job is ours: no two attempts of it have the same. Attempts are counted anew when it is replayed,
/// copies never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fence {
    pub(crate) sends: i32,
    pub(crate) attempt: i16,
}

/// A job that is ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    id: Uuid,
    sends: i32,
    attempt: i16,
    /// How many attempts it may have.
    pub(crate) max_attempts: i16,
    /// Whether it was cancelled while it ran, and came back before its worker heard of it.
    pub(crate) is_cancelled: bool,
}

impl Claimed {
    fn by_copy(self) -> (CopyId, Self) {
        ((self.id, self.sends), self)
    }

    pub(crate) fn fence(self) -> Fence {
        Fence {
            sends: self.sends,
            attempt: self.attempt,
        }
    }
}

impl Store {
    /// Takes in what was put to the broker past the record, so that it is in it from here on. If its queue is paused, it
    /// waits for its turn like all others. Says of which it can hold no record, and why.
    pub(crate) async fn adopt(
        &self,
        queue: &str,
        jobs: &[(Envelope, &Message)],
    ) -> Result<HashMap<Uuid, QueueError>, QueueError> {
        let mut refused = HashMap::new();
        for (job, message) in jobs {
            let adopted = sqlx::query!(
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
            .await;
            let Err(error) = adopted.map_err(QueueError::from) else {
                continue;
            };
            if !error.is_about_the_data() {
                return Err(error);
            }
            refused.insert(job.id, error);
        }
        Ok(refused)
    }

    /// Which of the copies that have arrived are to be worked on; the others are stale, doubled or cancelled.
    pub(crate) async fn claim(
        &self,
        claims: &[Claim],
        worker: &str,
    ) -> Result<HashMap<CopyId, Claimed>, QueueError> {
        let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
        let sends: Vec<_> = claims.iter().map(|claim| claim.sends).collect();
        // In one row, as the ends are.
        let rows = sqlx::query!(
            r#"WITH claimed AS (
                   UPDATE queue_jobs j SET state = 'running', attempts = attempts + 1, worker = $3,
                                           started_at = clock_timestamp()
                   FROM unnest($1::uuid[], $2::int4[]) WITH ORDINALITY AS c (id, sends, place)
                   WHERE j.id = c.id AND j.sends = c.sends AND state = 'sent'
                   RETURNING place, attempts, max_attempts, cancel_requested)
               SELECT coalesce(array_agg(place), '{}') AS "places!", coalesce(array_agg(attempts), '{}') AS "attempts!",
                      coalesce(array_agg(max_attempts), '{}') AS "limits!",
                      coalesce(array_agg(cancel_requested), '{}') AS "cancelled!"
               FROM claimed"#,
            &ids,
            &sends,
            worker,
        )
        .fetch_one(&self.pool)
        .await?;
        let copies = at_places(claims, &rows.places);
        let told = rows.attempts.iter().zip(rows.limits).zip(rows.cancelled);
        let rows = copies
            .zip(told)
            .map(|(copy, ((attempt, limit), is_cancelled))| Claimed {
                id: copy.id,
                sends: copy.sends,
                attempt: *attempt,
                max_attempts: limit,
                is_cancelled,
            });
        let mut claimed: HashMap<_, _> = rows.map(Claimed::by_copy).collect();
        let again = claims.iter().filter(|claim| claim.is_again);
        let again: Vec<_> = again
            .filter(|claim| !claimed.contains_key(&(claim.id, claim.sends)))
            .collect();
        if !again.is_empty() {
            claimed.extend(self.claim_again(&again, worker).await?);
        }
        Ok(claimed)
    }

    /// Takes jobs over whose worker has died with the same copy, or has given it back. If it has not even heard that the job
    /// was claimed, the attempt does not count.
    async fn claim_again(
        &self,
        claims: &[&Claim],
        worker: &str,
    ) -> Result<HashMap<CopyId, Claimed>, QueueError> {
        let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
        let sends: Vec<_> = claims.iter().map(|claim| claim.sends).collect();
        let tried: Vec<_> = claims.iter().map(|claim| claim.was_tried).collect();
        let rows = sqlx::query_as!(
            Claimed,
            "WITH held AS (
                 SELECT j.id, j.attempts, j.worker, j.started_at, c.tried
                 FROM queue_jobs j JOIN unnest($1::uuid[], $2::int4[], $4::bool[]) AS c (id, sends, tried)
                   ON j.id = c.id AND j.sends = c.sends AND j.state = 'running'
                 FOR UPDATE OF j),
             lost AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM held ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET attempts = held.attempts + 1, worker = $3, started_at = clock_timestamp(),
                                     max_attempts = j.max_attempts + (NOT held.tried)::int
             FROM held WHERE j.id = held.id
             RETURNING j.id, j.sends, j.attempts AS attempt, j.max_attempts, j.cancel_requested AS is_cancelled",
            &ids,
            &sends,
            worker,
            &tried,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Claimed::by_copy).collect())
    }

    /// Says that a worker lives, writes how far its jobs are, and returns which of them it is to end: cancelled ones, and
    /// ones that it has lost. One that has ended itself ([`complete_in`](crate::JobContext::complete_in)) may go on.
    pub(crate) async fn beat(
        &self,
        worker: &Worker,
        running: &[(Uuid, Fence, f64)],
    ) -> Result<Vec<(Uuid, bool)>, QueueError> {
        sqlx::query!(
            "INSERT INTO queue_workers (name, queues, concurrency) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp()",
            worker.name,
            &worker.queues,
            worker.concurrency,
        )
        .execute(&self.pool)
        .await?;
        if running.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = running.iter().map(|job| job.0).collect();
        let sends: Vec<_> = running.iter().map(|job| job.1.sends).collect();
        let attempts: Vec<_> = running.iter().map(|job| job.1.attempt).collect();
        let progress: Vec<_> = running.iter().map(|job| job.2).collect();
        sqlx::query!(
            "UPDATE queue_jobs j SET progress = r.progress
             FROM unnest($1::uuid[], $2::int4[], $3::int2[], $4::float8[]) AS r (id, sends, attempt, progress)
             WHERE j.id = r.id AND state = 'running' AND j.sends = r.sends AND attempts = r.attempt
               AND j.progress <> r.progress",
            &ids,
            &sends,
            &attempts,
            &progress,
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            r#"SELECT j.id, cancel_requested AND state = 'running' AND (j.sends, attempts) = (r.sends, r.attempt)
                   AS "is_cancelled!"
               FROM queue_jobs j JOIN unnest($1::uuid[], $2::int4[], $3::int2[]) AS r (id, sends, attempt) ON j.id = r.id
               WHERE (j.sends, attempts) <> (r.sends, r.attempt) OR state NOT IN ('running', 'succeeded')
                  OR cancel_requested AND state = 'running'"#,
            &ids,
            &sends,
            &attempts,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.id, row.is_cancelled))
            .collect())
    }

    /// Whether an attempt is the one that runs.
    pub(crate) async fn is_running(&self, id: Uuid, fence: Fence) -> Result<bool, QueueError> {
        let is_running = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM queue_jobs WHERE id = $1 AND sends = $2 AND attempts = $3 AND state = 'running')
               AS "is_running!""#,
            id,
            fence.sends,
            fence.attempt,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(is_running)
    }

    /// What a worker has in the record and does not run is sent again: its claim may have been answered when nobody
    /// listened any more, or the broker has forgotten that it was handed out. The attempt does not count: most of these
    /// never began.
    pub(crate) async fn drop_unheld(&self, worker: &str, held: &[Uuid]) -> Result<(), QueueError> {
        let again = sqlx::query!(
            "WITH lost AS (
                 SELECT id, attempts, worker, started_at FROM queue_jobs
                 WHERE stage = 'out' AND state = 'running' AND worker = $1 AND id <> ALL($2)
                   AND started_at < clock_timestamp() - $3::text::interval
                 FOR UPDATE SKIP LOCKED),
             past AS (
                 INSERT INTO queue_attempts (job_id, attempt, outcome, worker, started_at)
                 SELECT id, attempts, 'lost', worker, started_at FROM lost ON CONFLICT DO NOTHING)
             UPDATE queue_jobs j SET state = 'queued', max_attempts = j.max_attempts + 1 FROM lost WHERE j.id = lost.id",
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
